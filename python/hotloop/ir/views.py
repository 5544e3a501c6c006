"""Values that are the same numbers: what reshapes make of a value lies where the value does."""

from __future__ import annotations

from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.op import RESHAPE


def source(graph: Graph, value: Value) -> Value:
    """What a value is a view of, through any number of reshapes; itself where it is none."""
    maker = graph.producer(value)
    while maker is not None and maker.kind == RESHAPE:
        value = maker.input
        maker = graph.producer(value)
    return value


def views(graph: Graph, value: Value) -> list[Value]:
    """A value and all its views."""
    found = [value]
    for each in found:
        found += [op.output for op in graph.readers(each) if op.kind == RESHAPE]
    return found


def users(graph: Graph, value: Value) -> list[Op]:
    """The ops that read the numbers of a value, as they are or through reshapes."""
    return [op for view in views(graph, value) for op in graph.readers(view) if op.kind != RESHAPE]


def is_wanted(graph: Graph, value: Value) -> bool:
    """Whether the numbers of a value are among the graph's outputs, as they are or through reshapes."""
    return any(graph.is_output(view) for view in views(graph, value))
