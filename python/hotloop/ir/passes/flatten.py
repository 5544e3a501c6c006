"""Samples become rows of numbers where shapes tell an op nothing: later passes meet no reshapes there."""

from __future__ import annotations

from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.op import RESHAPE
from hotloop.ir.ops import record_of


def flatten(graph: Graph) -> Graph:
    """Return a graph that does the same to samples of one axis; other ops keep reshapes around them.

    What has no batch axis keeps its shape: its axes are lined up with those of samples.
    """
    made = Graph()
    rows = {value: made.add_input((value.features,), value.dtype, value.name) for value in graph.inputs}
    for op in graph:
        made.layer = op.layer
        if op.kind == RESHAPE and op.input.batched:
            rows[op.output] = rows[op.input]
        elif _is_flat(op):
            outputs = [Value((value.features,), value.dtype) for value in op.outputs]
            _append(made, op, [rows[value] for value in op.inputs], outputs)
            rows.update(zip(op.outputs, outputs, strict=True))
        else:
            outputs = [Value(value.shape, value.dtype, batched=value.batched) for value in op.outputs]
            _append(made, op, [_shaped(made, rows[value], value.shape) for value in op.inputs], outputs)
            for value, output in zip(op.outputs, outputs, strict=True):
                rows[value] = _shaped(made, output, (value.features,)) if value.batched else output
    made.outputs = [rows[value] for value in graph.outputs]
    return made


def _is_flat(op: Op) -> bool:
    return record_of(op).is_flat(op) and all(value.batched for value in (*op.inputs, *op.outputs))


def _append(graph: Graph, op: Op, inputs: list[Value], outputs: list[Value]) -> None:
    graph.insert(Op(op.kind, inputs, outputs, op.attributes, op.weights, op.constants, op.layer))


def _shaped(graph: Graph, value: Value, shape: tuple[int, ...]) -> Value:
    return value if value.shape == shape else graph.add(RESHAPE, [value], shape=shape)
