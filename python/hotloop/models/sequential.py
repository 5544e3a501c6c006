"""Models that are a chain of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hotloop import layers as layer_classes
from hotloop.core.errors import bad_type, bad_value
from hotloop.feed.arrays import Floats, as_array
from hotloop.graph.parameters import Shape
from hotloop.graph.symbolic import FunctionalGraph, SymbolicTensor
from hotloop.layers.base import Layer, as_shape
from hotloop.layers.input import Input, InputLayer
from hotloop.models.functional import MODELS, Model, make_names_unique, model_name
from hotloop.training.trainer import Trainer

if TYPE_CHECKING:
    from hotloop.callbacks import Callback

Item = Layer | Model


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

    def __init__(self, layers: Sequence[Any] | None = None, name: str | None = None) -> None:
        Trainer.__init__(self)
        self.name = model_name(name, "sequential")
        self._graph: FunctionalGraph | None = None
        self._items: list[Item] = []
        self._names: set[str] = set()  # those of its layers, and perhaps some that were
        self._tensors: list[SymbolicTensor] = []  # the input, then the output of each item
        self._waiting: list[Item] = []  # items that were built when the shape became known
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
        if isinstance(layer, SymbolicTensor) and isinstance(layer.layer, InputLayer):
            layer = layer.layer
        if isinstance(layer, InputLayer):
            if self._items or self._tensors:
                raise ValueError(
                    f"Sequential.add: an input must come first, got {layer.name!r} behind other layers"
                )
            self._tensors = [layer()]
            self._changed()
            return
        if not isinstance(layer, Layer | Model):
            raise bad_type("Sequential.add", "a layer or a model", layer)
        self._keep_names_apart(layer)
        shape = None if self._tensors or self._items else _declared_shape(layer)
        tensors = self._tensors if shape is None else [Input(shape)]
        if tensors:
            tensors.append(self._call(layer, tensors[-1]))
        self._tensors = tensors
        self._items.append(layer)
        self._changed()

    def _keep_names_apart(self, layer: Item) -> None:
        """Rename what may be renamed. All layers are looked at only where a name may be taken: long chains
        would take time by the square of their length."""
        new = _flat(layer)
        names = {each.name for each in new}
        called = isinstance(layer, Model) or bool(layer.nodes)
        if called or len(names) < len(new) or not names.isdisjoint(self._names):
            if any(item is layer for item in self._items):
                raise ValueError(
                    f"Sequential.add: {layer!r} is in the chain already; share layers by a Model"
                )
            make_names_unique([*self.layers, *new])
            names = {each.name for each in [*self.layers, *new]}
        self._names |= names

    def pop(self) -> Item:
        """Remove the last layer and return it.

        Raises
        ------
        ValueError
            When there is none.
        """
        if not self._items:
            raise ValueError(f"model {self.name!r}: pop from a chain without layers")
        item = self._items.pop()
        if self._tensors:
            tensor = self._tensors.pop()
            if isinstance(item, Layer):
                item.nodes.remove(tensor.node)
        self._changed()
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
        self._begin_with(as_shape("build: input_shape", tuple(input_shape)[1:]))

    def _begin_with(self, shape: Shape) -> None:
        if self._tensors:
            if self._tensors[0].sample_shape != shape:
                raise bad_value(
                    f"model {self.name!r}: input", f"shape {self._tensors[0].sample_shape}", f"{shape}"
                )
            return
        tensors = [Input(shape)]
        self._waiting = [item for item in self._items if not item.built]
        try:
            for item in self._items:
                tensors.append(self._call(item, tensors[-1]))
        except BaseException:
            self._tensors = tensors
            self._unbuild()
            raise
        self._tensors = tensors
        self._changed()

    def _unbuild(self) -> None:
        for item, tensor in zip(self._items, self._tensors[1:], strict=False):
            if isinstance(item, Layer):
                item.nodes.remove(tensor.node)
        for item in self._waiting:
            item._unbuild()
        self._tensors = []
        self._changed()

    def _call(self, item: Item, tensor: SymbolicTensor) -> SymbolicTensor:
        output = item(tensor)
        if not isinstance(output, SymbolicTensor):
            got = "a dict" if isinstance(output, dict) else f"{len(output)}"
            raise bad_value(f"Sequential: model {item.name!r}", "one output", got)
        return output

    def _build_for(self, x: Any) -> None:
        if self._tensors:
            return
        if isinstance(x, Mapping | SymbolicTensor):
            raise ValueError(f"model {self.name!r} has no input shape yet; give its first layer input_shape=")
        shape = as_array("x", x).shape
        self._begin_with(shape[1:] if len(shape) > 1 else (1,))

    def _changed(self) -> None:
        self._graph = None
        self._forget_programs()

    def _replay(self, tensors: list[SymbolicTensor]) -> list[SymbolicTensor]:
        if len(tensors) == 1:
            self._begin_with(tensors[0].sample_shape)
        return super()._replay(tensors)

    @property
    def built(self) -> bool:
        """Whether the shapes are known, and so the weights are there."""
        return len(self._tensors) > 1 or bool(self._tensors and not self._items)

    @property
    def graph(self) -> FunctionalGraph:
        """The calls of its layers, from input to output."""
        if self._graph is None:
            if not self._items:
                raise ValueError(f"model {self.name!r} has no layers; add some")
            if self._tensors:
                self._set_graph(FunctionalGraph(self._tensors[:1], self._tensors[-1:]))
        return super().graph

    @property
    def layers(self) -> list[Layer]:
        """The layers of the chain, without its input; those of a model in the chain stand in its place."""
        return [layer for item in self._items for layer in _flat(item)]

    def file_parts(self) -> list[Any]:
        return [self, *self._items, *super().file_parts()]

    def get_config(self) -> dict[str, Any]:
        items = [
            layer_classes.serialize(item)
            if isinstance(item, Layer)
            else {"class_name": type(item).__name__, "config": item.get_config()}
            for item in self._items
        ]
        if self._tensors:
            items.insert(0, layer_classes.serialize(self._tensors[0].layer))
        return {"name": self.name, "layers": items}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Sequential:
        items = config.get("layers")
        if not isinstance(items, list):
            raise bad_type("Sequential config: layers", "a list", items)
        return cls([_item_from_config(item) for item in items], name=config.get("name"))


def _item_from_config(config: Any) -> Item:
    nested: dict[Any, type[Model]] = {"Sequential": Sequential, "Model": Model}
    if (
        isinstance(config, dict)
        and config.get("class_name") in nested
        and isinstance(config.get("config"), dict)
    ):
        return nested[config["class_name"]].from_config(config["config"])
    return layer_classes.deserialize(config)


def _flat(item: Item) -> list[Layer]:
    if isinstance(item, Layer):
        return [item]
    return [layer for layer in item.layers if not isinstance(layer, InputLayer)]


def _declared_shape(item: Item) -> Shape | None:
    if isinstance(item, Layer):
        return item.declared_shape
    if item.built and len(item.inputs) == 1:
        return item.inputs[0].sample_shape
    return None
