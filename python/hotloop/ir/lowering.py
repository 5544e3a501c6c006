"""From layers to the native program: the values and nodes that a functional graph becomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy.typing as npt

from hotloop import _native
from hotloop.graph.layer import GraphLayer
from hotloop.graph.parameters import Parameter
from hotloop.graph.symbolic import FunctionalGraph, SymbolicTensor

Attributes = dict[str, Any]


class Lowering:
    """What a layer's ``lower`` writes into.

    A value is one matrix a batch (rows x features), known by its number. Layers that only change the shape of
    a sample return the number they got.

    Attributes
    ----------
    graph : Graph of the native half
    training : bool
        Whether dropout and batch statistics are wanted.
    mixed : bool
        Whether products may be computed in bfloat16.
    tf32 : bool
        Whether products may be computed in TF32.
    values : dict of SymbolicTensor to int
        What has been lowered so far.
    outputs : list of int
        The value of each output of the model, once :meth:`run` is through.
    layer_name : str
        Whose call is being lowered.
    sources : list of (str, str)
        By node: the layer it comes from, and what it computes.
    """

    def __init__(
        self,
        training: bool = False,
        is_trainable: Callable[[GraphLayer], bool] | None = None,
        separate: Sequence[SymbolicTensor] = (),
        mixed: bool = False,
        tf32: bool = False,
        native: Any = _native,
    ) -> None:
        self.graph = native.Graph()
        self.training = training
        self.mixed = mixed
        self.tf32 = tf32
        self.values: dict[SymbolicTensor, int] = {}
        self.outputs: list[int] = []
        self.layer_name = ""
        self.sources: list[tuple[str, str]] = []
        self._is_trainable = is_trainable
        self._separate = frozenset(separate)
        self._inputs: set[int] = set()
        self._producers: dict[int, tuple[str, Attributes, Sequence[int]]] = {}
        self._readers: Counter[int] = Counter()

    def run(self, graph: FunctionalGraph) -> None:
        """Lower all nodes of a graph."""
        for tensor in graph.inputs:
            self.add_input(tensor)
        for node in graph.nodes:
            if node.output not in self.values:
                self.layer_name = node.layer.name
                inputs = [self.values[tensor] for tensor in node.inputs]
                self.values[node.output] = node.layer.lower(self, inputs, node)
        for tensor in graph.outputs:
            self.add_output(tensor)

    def add_input(self, tensor: SymbolicTensor) -> None:
        """Make an input of the program."""
        value = self.graph.input(tensor.features)
        self.values[tensor] = value
        self._inputs.add(value)

    def add(
        self,
        op: str,
        inputs: Sequence[int],
        attributes: Mapping[str, Any],
        parameters: Mapping[str, Parameter | None] | None = None,
        arrays: Mapping[str, npt.NDArray[Any]] | None = None,
    ) -> int:
        """Append a node and return its value; a parameter that is None is left out."""
        attributes = dict(attributes)
        offsets = {name: p.offset for name, p in (parameters or {}).items() if p is not None}
        value = int(
            self.graph.add(
                op, list(inputs), attributes=attributes, parameters=offsets, arrays=dict(arrays or {})
            )
        )
        self.sources.append((self.layer_name, op_label(op, attributes)))
        self._producers[value] = (op, attributes, list(inputs))
        self._readers.update(inputs)
        return value

    def is_trainable(self, layer: GraphLayer) -> bool:
        """Whether the layer's weights learn, as ``compile`` saw it."""
        return layer.trainable if self._is_trainable is None else self._is_trainable(layer)

    def may_fuse_activation(self, tensor: SymbolicTensor) -> bool:
        """False where the loss wants to see the activation as a node of its own."""
        return tensor not in self._separate

    def final_activation(self, value: int) -> tuple[str, int]:
        """Return (kind, size of the last axis) of the activation that ends in an output, or ("", 0).

        It counts only where a loss may leave it out of the training step: nothing else reads what the
        activation takes or makes.
        """
        op, attributes, inputs = self._producers.get(value, ("", {}, ()))
        if (
            op != "activation"
            or self._readers[value]
            or self._readers[inputs[0]] > 1
            or inputs[0] in self.outputs
        ):
            return "", 0
        return str(attributes["kind"]), int(attributes["last_axis"])

    def activated(self, value: int) -> int:
        """Return what the activation that makes a value is applied to."""
        return self._producers[value][2][0]

    def add_output(self, tensor: SymbolicTensor) -> None:
        """Make an output; one that is an input or another output too gets a value of its own."""
        value = self.values[tensor]
        if value in self._inputs or value in self.outputs:
            value = self.add("rescale", [value], {"scale": 1.0, "offset": 0.0})
        self.outputs.append(value)


def op_label(op: str, attributes: Mapping[str, Any]) -> str:
    """What a node computes, for people: its op, and the activation in it.

    Examples
    --------
    >>> op_label("dense", {"units": 3, "activation": "relu"})
    'dense relu'
    """
    if op == "activation":
        return str(attributes["kind"])
    activation = str(attributes.get("activation", "linear"))
    return op if activation == "linear" else f"{op} {activation}"


def lower(
    graph: FunctionalGraph,
    *,
    training: bool = False,
    is_trainable: Callable[[GraphLayer], bool] | None = None,
    separate: Sequence[SymbolicTensor] = (),
    mixed: bool = False,
    tf32: bool = False,
    native: Any = _native,
) -> Lowering:
    """Lower all nodes of a graph.

    Parameters
    ----------
    graph : FunctionalGraph
        Its layers' parameters lie in one store.
    training : bool
        False leaves dropout out.
    is_trainable : callable, optional
        Asked for each layer; by default its ``trainable`` attribute.
    separate : sequence of SymbolicTensor
        Outputs whose activation must stay a node of its own, for the loss to fuse with.
    mixed, tf32 : bool
        Whether products may be computed in bfloat16, in TF32.
    native : module
        The half that makes the graph: the CPU's, or the GPU's.
    """
    lowering = Lowering(training, is_trainable, separate, mixed, tf32, native)
    lowering.run(graph)
    return lowering
