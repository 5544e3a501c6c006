"""Models that are a chain of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hotloop import layers as layer_classes
from hotloop.core.custom_objects import CustomObjectScope
from hotloop.core.errors import bad_type
from hotloop.core.serialization import serialize
from hotloop.feed.arrays import Floats
from hotloop.models.chain import Chain, Item
from hotloop.models.functional import MODELS, Model, model_name
from hotloop.ops.layer import Layer, as_shape

if TYPE_CHECKING:
    from hotloop.callbacks import Callback


@MODELS.register
class Sequential(Model):
    """A chain of layers, each of which reads what the one before it makes.

    The input's shape comes from the first layer's ``input_shape=``, from a leading :func:`hotloop.Input`,
    from ``build``, or from the first data that ``fit`` sees. A model in the chain is replayed with its own
    weights.

    Parameters
    ----------
    layers : list of Layer, Model or SymbolicTensor, optional
    name : str, optional

    Examples
    --------
    >>> import hotloop as hl
    >>> model = hl.Sequential([hl.Input((4,)), hl.layers.Dense(8, "relu"), hl.layers.Dense(3, "softmax")])
    >>> model.output_shape
    (None, 3)
    """

    _network: Chain

    def __init__(self, layers: Sequence[Any] | None = None, name: str | None = None) -> None:
        self._compute(Chain(model_name(name, "sequential")))
        if layers is not None and not isinstance(layers, list | tuple):
            raise bad_type("Sequential: layers", "a list of layers", layers)
        for layer in layers or ():
            self.add(layer)

    if TYPE_CHECKING:  # a chain has one output

        def predict(
            self,
            x: Any,
            batch_size: int | None = None,
            verbose: str | int = "auto",
            steps: int | None = None,
            callbacks: Sequence[Callback] | None = None,
        ) -> Floats: ...

        def predict_on_batch(self, x: Any) -> Floats: ...

    def add(self, layer: Any) -> None:
        """Append a layer, or a model; an Input or InputLayer may only come first.

        Raises
        ------
        TypeError, ValueError
            When it is no layer, is there already, or does not fit behind the last one; nothing changes then.
        """
        self._network.add(layer)
        self._trainer.forget()

    def pop(self) -> Item:
        """Remove the last layer and return it.

        Raises
        ------
        ValueError
            When there is none.
        """
        item = self._network.pop()
        self._trainer.forget()
        return item

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of this shape.

        Parameters
        ----------
        input_shape : tuple of int
            With the batch axis in front, as in Keras: ``(None, 784)``.
        """
        if not isinstance(input_shape, tuple | list) or not input_shape:
            raise bad_type(
                "build: input_shape", "a tuple that begins with the batch axis: (None, 784)", input_shape
            )
        self._network.begin_with(as_shape("build: input_shape", tuple(input_shape)[1:]))

    @property
    def layers(self) -> list[Layer]:
        """The layers of the chain, without its input; those of a model in the chain stand in its place."""
        return self._network.layers

    def get_config(self) -> dict[str, Any]:
        items = [serialize(item) for item in self._network.items]
        if self._network.input_layer is not None:
            items.insert(0, serialize(self._network.input_layer))
        return {"name": self.name, "layers": items}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Sequential:
        items = config.get("layers")
        if not isinstance(items, list):
            raise bad_type("Sequential config: layers", "a list", items)
        with CustomObjectScope(custom_objects):
            made = [_item_from_config(item) for item in items]
        return cls(made, name=config.get("name"))


def _item_from_config(config: Any) -> Item:
    nested = MODELS.find(config.get("class_name")) if isinstance(config, dict) else None
    if nested is not None and isinstance(config.get("config"), dict):
        return nested.from_config(config["config"])
    return layer_classes.deserialize(config)
