"""What a model is made of: its layers, the shapes in it, and its weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import numpy.typing as npt

from hotloop.core.derived import Derived
from hotloop.core.errors import bad_value, unknown_name
from hotloop.graph.network import Network
from hotloop.graph.parameters import Parameter, ParameterStore
from hotloop.graph.symbolic import FunctionalGraph, SymbolicTensor
from hotloop.models.summary import summary_lines, unbuilt_lines
from hotloop.ops.layer import Layer

if TYPE_CHECKING:
    from hotloop.training.trainer import Trainer


class Structure(Derived):
    """A model's view of its network.

    Attributes
    ----------
    _network : Network
        A graph with its weights on a device.
    _trainer : Trainer
        What it learns with.
    """

    _kind = "model"
    _is_itself_alone = True
    _made_at_first: ClassVar[dict[str, type]] = {
        "_network": object,
        "_predictor": object,
        "_trainer": object,
        "allow_nonfinite": object,
    }
    _network: Network
    _trainer: Trainer

    @property
    def name(self) -> str:
        """Its name; errors tell it, files keep it, and its random numbers depend on it."""
        return self._network.name

    @name.setter
    def name(self, name: str) -> None:
        self._network.name = name

    @property
    def built(self) -> bool:
        """Whether the shapes are known, and so the weights are there."""
        return self._network.built

    @property
    def graph(self) -> FunctionalGraph:
        """The calls of its layers, from inputs to outputs."""
        return self._network.graph

    @property
    def store(self) -> ParameterStore:
        """The arena of its weights; another object after it was merged with another model's."""
        return self._network.store

    @property
    def layers(self) -> list[Layer]:
        """All layers, each once, in the order of the weights."""
        return cast("list[Layer]", list(self.graph.layers))

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic tensors that it begins with."""
        return list(self.graph.inputs)

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The symbolic tensors that it makes."""
        return list(self.graph.outputs)

    @property
    def input_names(self) -> list[str]:
        """Keys for a dict of inputs: the names of the input layers."""
        return self._network.input_names

    @property
    def output_names(self) -> list[str]:
        """Keys for a dict of labels and prefixes in the logs: the outputs' own, or their layers' names."""
        return self._network.output_names

    @property
    def input_shape(self) -> Any:
        """Shape with None for the batch; a list for several inputs."""
        shapes = [tensor.shape for tensor in self.graph.inputs]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def output_shape(self) -> Any:
        """Shape with None for the batch; a list for several outputs."""
        shapes = [tensor.shape for tensor in self.graph.outputs]
        return shapes[0] if len(shapes) == 1 else shapes

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by its name or number.

        Raises
        ------
        ValueError
            When there is none; the nearest name is given.
        """
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise bad_value("get_layer: index", f"below {len(self.layers)}", index)
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise unknown_name("layer", name, [layer.name for layer in self.graph.layers])

    @property
    def trainable(self) -> bool:
        """Whether any layer's weights learn; setting it sets all layers."""
        return any(layer.trainable for layer in self.layers)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self.layers:
            layer.trainable = bool(value)

    # -- weights

    @property
    def weights(self) -> list[Parameter]:
        """All weights, layer by layer, in Keras's order."""
        return self._network.weights

    @property
    def trainable_weights(self) -> list[Parameter]:
        """The weights that ``fit`` changes by their gradients."""
        return self._network.trainable_weights

    @property
    def non_trainable_weights(self) -> list[Parameter]:
        """The others: moving averages, and those of layers that are not trainable."""
        learning = set(self.trainable_weights)
        return [parameter for parameter in self.weights if parameter not in learning]

    def get_weights(self) -> list[npt.NDArray[np.float32]]:
        """Return copies of all weights, in Keras's order and shapes."""
        return self.store.turns.between_steps(lambda: [parameter.numpy() for parameter in self.weights])

    def set_weights(self, weights: Sequence[npt.ArrayLike]) -> None:
        """Overwrite all weights; nothing changes when one of them does not fit.

        What an interrupted ``fit`` had come to is forgotten: it can't go on with other weights.

        Raises
        ------
        ValueError
            When the number of arrays or a shape differs from what ``get_weights`` returns.
        """
        self._network.set_weights(weights)
        self._trainer.state.weights_were_set()

    def count_params(self) -> int:
        """Return how many numbers its weights have."""
        return sum(parameter.size for parameter in self.weights)

    def summary(
        self, line_length: int | None = None, *, print_fn: Callable[[str], object] | None = None
    ) -> None:
        """Print a table of the layers, their output shapes and their numbers of weights.

        Parameters
        ----------
        line_length : int, optional
            80 columns by default.
        print_fn : callable, optional
            Called with every line instead of ``print``.
        """
        if self.built:
            lines = summary_lines(self._network, line_length or 80)
        else:
            lines = unbuilt_lines(self.name, self.layers)
        for line in lines:
            (print_fn or print)(line)
