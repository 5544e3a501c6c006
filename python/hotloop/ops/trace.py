"""Functions called once with symbolic tensors: what they did becomes a graph of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from hotloop.core.errors import bad_type
from hotloop.graph.layer import GraphLayer
from hotloop.graph.parameters import Parameter
from hotloop.graph.symbolic import Node, SymbolicTensor, nodes_in_order
from hotloop.graph.tracing import known_weights, tracing
from hotloop.ops.types import Spec

if TYPE_CHECKING:
    from hotloop.ir.graph import Graph, Value


class Source:
    """What stands for a layer behind an argument of a traced function, or behind a weight.

    Attributes
    ----------
    name : str
    parameter : Parameter or None
    nodes : list of Node
    """

    def __init__(self, name: str, parameter: Parameter | None = None) -> None:
        self.name = name
        self.parameter = parameter
        self.nodes: list[Node] = []

    def tensor(self, spec: Spec) -> SymbolicTensor:
        """Return a tensor that nothing makes."""
        node = spec.node(cast(GraphLayer, self))
        self.nodes.append(node)
        return node.output


@dataclass
class Subgraph:
    """What a function did with symbolic tensors.

    Attributes
    ----------
    inputs : list of SymbolicTensor
        One an argument, in order; those that nothing reads too.
    outputs : list of SymbolicTensor
    nodes : list of Node
        The calls that the outputs depend on, every one after those it reads; weights among them.
    """

    inputs: list[SymbolicTensor]
    outputs: list[SymbolicTensor]
    nodes: list[Node]

    @property
    def parameters(self) -> list[Parameter]:
        """The weights that are read, each once."""
        found: dict[Parameter, None] = {}
        for node in self.nodes:
            layer = node.layer
            own = [layer.parameter] if isinstance(layer, Source) else layer.parameters
            found |= dict.fromkeys(parameter for parameter in own if parameter is not None)
        return list(found)

    def lower(self, graph: Graph, values: Sequence[Value]) -> list[Value]:
        """Append its ops to a graph.

        Parameters
        ----------
        graph : Graph
        values : sequence of Value
            What stands for the inputs, in their order.

        Returns
        -------
        list of Value
            What stands for the outputs.
        """
        made: dict[SymbolicTensor, Value] = dict(zip(self.inputs, values, strict=True))
        outer = graph.layer
        for node in self.nodes:
            layer = node.layer
            if isinstance(layer, Source):
                assert layer.parameter is not None
                made[node.output] = _add_weight(graph, layer.parameter)
                continue
            # Operations belong to the layer that calls them, parts of a layer are layers of their own.
            graph.layer = layer.path if layer.parameters else outer
            made[node.output] = layer.lower(graph, [made[tensor] for tensor in node.inputs], node)
            graph.layer = outer
        return [made[tensor] for tensor in self.outputs]


def _add_weight(graph: Graph, parameter: Parameter) -> Value:
    """A weight, which an op may learn."""
    return graph.add(
        "weight",
        [],
        {"shape": parameter.shape},
        {"value": parameter},
        shape=parameter.shape,
        dtype="float32",
        batched=False,
    )


def weight(parameter: Parameter) -> SymbolicTensor:
    """Return the tensor of a weight in the function that is being traced."""
    known = known_weights()
    if parameter not in known:
        known[parameter] = Source(parameter.path, parameter).tensor(Spec(parameter.shape))
    found: SymbolicTensor = known[parameter]
    return found


def arguments(specs: Sequence[Spec]) -> list[SymbolicTensor]:
    """Return tensors to call a function with."""
    return [Source(f"argument {i}").tensor(spec) for i, spec in enumerate(specs)]


def trace(
    function: Callable[..., Any],
    specs: Sequence[Spec],
    what: str,
    *,
    several: bool = False,
    telling: bool = True,
) -> Subgraph:
    """Call a function with symbolic tensors and return what it did.

    Parameters
    ----------
    function : callable
        Takes one tensor an item of ``specs``, and returns one (or a list of them where there may be
        ``several``).
    specs : sequence of Spec
    what : str
        How messages call the function.
    telling : bool
        Whether errors that the function raises say so, in front of what they say.

    Raises
    ------
    TypeError
        When it returns no symbolic tensor.
    ValueError
        When it returns what another call of it made.
    """
    inputs = arguments(specs)
    with tracing() as weights:
        try:
            result = function(*inputs)
        except Exception as error:
            if telling:
                _tell(error, what)
            raise
    outputs = list(result) if several and isinstance(result, list | tuple) else [result]
    for output in outputs:
        if not isinstance(output, SymbolicTensor):
            mend = "compute it of the arguments by hotloop.ops"
            raise bad_type(f"{what}: result", "a symbolic tensor", output, mend)
    return between(inputs, outputs, set(weights.values()), what)


def _tell(error: Exception, what: str) -> None:
    """Let an error, which stays the user's own, say where it comes from."""
    message = error.args[0] if error.args else None
    if isinstance(message, str) and what.removeprefix("call of ") not in message:
        error.args = (f"{what}: {message}", *error.args[1:])


def between(
    inputs: Sequence[SymbolicTensor],
    outputs: Sequence[SymbolicTensor],
    weights: Collection[SymbolicTensor] = (),
    what: str = "function",
) -> Subgraph:
    """Return what was done to come from inputs, and weights, to outputs.

    Raises
    ------
    ValueError
        When an output depends on something else.
    """

    def look_at(node: Node) -> None:
        if not node.inputs and node.output not in weights:
            raise ValueError(
                f"{what}: expected a result of its arguments, got one that depends on "
                f"{node.layer.name!r} of another call; a function must keep no tensors from call to call"
            )

    order = nodes_in_order(outputs, [tensor.node for tensor in inputs], look_at)
    return Subgraph(list(inputs), list(outputs), order)
