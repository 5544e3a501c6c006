"""Gives small programs the programs of their gradients."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from hotloop.ir.elementwise import decode, fits, node_arrays, reduced_node_arrays, with_slope
from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.op import ELEMENTWISE
from hotloop.ir.split import split


def differentiate(graph: Graph) -> None:
    """Add to every elementwise op the gradients of those inputs that something learns before.

    Comes last of all passes: behind the one that marks what is trainable, and those that make one program of
    several. A program whose gradient does not fit the native half's limits is cut into pieces first. One
    whose results are summed over each sample makes its derivative beside them: what comes back is one number
    a sample, so that nothing has to be computed again.

    Raises
    ------
    ValueError
        When a single instruction has more inputs than its gradient may.
    """
    learning: set[Value] = set()
    for op in graph.ops:
        found = _learned(op, learning)
        if op.kind == ELEMENTWISE and found:
            _differentiate(graph, op, found, learning)
        elif found or (op.weights and op.attributes.get("trainable")):
            learning.update(value for value in op.outputs if value.dtype == "float32")


def _learned(op: Op, learning: Collection[Value]) -> list[int]:
    """Which inputs something learns before."""
    return [number for number, value in enumerate(op.inputs) if value in learning]


def _differentiate(graph: Graph, op: Op, found: Sequence[int], learning: set[Value]) -> None:
    code = decode(op.constants)
    if "reduce" in op.attributes and len(found) == 1 and fits(with_slope(code, found[0])[0]):
        learning.add(_keep_derivative(graph, op, found[0]))
        return
    try:
        op.constants = node_arrays(code, found)
        learning.update(op.outputs)
    except ValueError:  # too large: to look beforehand would make every gradient twice
        if len(code.steps) == 1:
            raise
        for part in split(graph, op, learning):
            if learned := _learned(part, learning):
                _differentiate(graph, part, learned, learning)


def _keep_derivative(graph: Graph, op: Op, which: int) -> Value:
    """Let an op whose results are summed make the derivative by one input too; return its sums."""
    sums = op.output
    sample = np.broadcast_shapes(*(value.shape for value in op.inputs))
    twin = Value(sums.shape, sums.dtype, sums.name, sums.batched)
    derivative = Value(sample, "float32", batched=sums.batched)
    arrays = reduced_node_arrays(decode(op.constants), which)
    graph.insert(Op(ELEMENTWISE, op.inputs, [twin, derivative], op.attributes, {}, arrays, op.layer), op)
    graph.replace(sums, twin)
    graph.remove(op)
    return twin
