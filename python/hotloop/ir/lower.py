"""From what a user wrote to the graph of ops: each layer's call appends its own."""

from __future__ import annotations

from hotloop.core.errors import bad_type
from hotloop.graph.symbolic import FunctionalGraph, SymbolicTensor
from hotloop.ir.graph import Graph, Value
from hotloop.ir.ops import record_of


def lower(graph: FunctionalGraph) -> Graph:
    """Lower all calls of a graph of layers, whose parameters are live in the result.

    Raises
    ------
    ValueError, TypeError
        When a layer makes a value of another shape than it said, or no value.
    """
    made = Graph()
    values: dict[SymbolicTensor, Value] = {
        tensor: made.add_input(tensor.sample_shape, name=tensor.layer.name) for tensor in graph.inputs
    }
    for node in graph.nodes:
        if node.output in values:
            continue
        made.layer = node.layer.name
        value = node.layer.lower(made, [values[tensor] for tensor in node.inputs], node)
        if not isinstance(value, Value):
            raise bad_type(
                f"layer {node.layer.name!r}: lower", "the value that graph.add returned", value, "return it"
            )
        if value.shape != node.output.sample_shape:
            raise ValueError(
                f"layer {node.layer.name!r}: expected lower to make shape {node.output.sample_shape}, "
                f"got {value!r}; say shape= when adding the op"
            )
        values[node.output] = value
    made.outputs = [values[tensor] for tensor in graph.outputs]
    for op in made:
        record_of(op).write_down(op)
    return made
