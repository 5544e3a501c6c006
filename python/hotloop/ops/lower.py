"""What primitives append to a graph: the native ops of arithmetic, reductions, layout and products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.ir.elementwise import Builder, Operand, encode
from hotloop.ir.graph import Graph, Value
from hotloop.ir.op import ELEMENTWISE, RESHAPE

Shape = Sequence[int]


# -- values that are the same for all rows


def add_constant(graph: Graph, array: npt.NDArray[Any]) -> Value:
    """An array, truth values as 0 and 1 in float32."""
    numbers = np.ascontiguousarray(array, np.int32 if array.dtype == np.int32 else np.float32)
    return graph.add(
        "constant",
        [],
        {"shape": array.shape},
        constants={"value": numbers},
        shape=array.shape,
        dtype=str(numbers.dtype),
        batched=False,
    )


# -- number by number


def elementwise(
    graph: Graph, kind: str, operands: Sequence[Value | float], shape: Shape, like: Sequence[Value] = ()
) -> Value:
    """One instruction on values and constants, which broadcast, and beside them to the shape of ``like``."""
    inputs = list(dict.fromkeys([*(o for o in operands if isinstance(o, Value)), *like]))
    build = Builder(len(inputs))
    made = build(kind, *(inputs.index(o) if isinstance(o, Value) else float(o) for o in operands))
    return _program(graph, build, made, inputs, shape)


def _program(graph: Graph, build: Builder, made: Operand, inputs: Sequence[Value], shape: Shape) -> Value:
    if isinstance(made, int) and made < len(inputs):
        same = inputs[made]
        batched = any(value.batched for value in inputs)
        if same.dtype == "float32" and same.shape == tuple(shape) and same.batched == batched:
            return same
    arrays = dict(zip(("code", "constants"), encode(build.code([made])), strict=True))
    return graph.add(ELEMENTWISE, inputs, constants=arrays, shape=shape, dtype="float32")


def broadcast(graph: Graph, value: Value, shape: Shape, like: Value | None = None) -> Value:
    """Numbers repeated along axes of 1 and new ones in front, and along the batch of another value."""
    if value.shape == tuple(shape) and (like is None or value.batched):
        return value
    others = [] if like is None else [like]
    if math.prod(shape) > max(o.features for o in [value, *others]):
        # No operand has the whole shape: zeros of it stand for one.
        others.append(add_constant(graph, np.zeros(shape, np.float32)))
    result = elementwise(graph, "copy", [as_float(graph, value)], shape, others)
    return as_int(graph, result) if value.dtype == "int32" else result


# -- types


def as_float(graph: Graph, value: Value) -> Value:
    """A value in float32."""
    return value if value.dtype == "float32" else elementwise(graph, "copy", [value], value.shape)


def as_int(graph: Graph, value: Value) -> Value:
    """A value in int32, towards zero."""
    return value if value.dtype == "int32" else graph.add("cast", [value], {"dtype": "int32"}, dtype="int32")


def cast(graph: Graph, value: Value, have: str, want: str) -> Value:
    """A value of one of hotloop.ops' types in another; truth values are float32, 0 and 1."""
    if want == "int32":
        return as_int(graph, value)
    if want == "bool" and have != "bool":
        return elementwise(graph, "not_equal", [value, 0.0], value.shape)
    return as_float(graph, value)


# -- reductions


def reduce(
    graph: Graph, kind: str, value: Value, axes: Sequence[int], over_rows: bool, shape: Shape
) -> Value:
    """A reduction over some axes of a sample, and over the batch; one op for each run of neighbours."""
    runs: list[list[int]] = []
    for axis in axes:
        if runs and axis == runs[-1][-1] + 1:
            runs[-1].append(axis)
        else:
            runs.append([axis])
    if over_rows and (not runs or runs[0][0] != 0):
        runs.insert(0, [])
    # The last axes first, so that of equals the first in memory is found.
    for run in reversed(runs):
        value = _reduce(graph, kind, value, run, over_rows and run is runs[0])
    return reshape(graph, value, shape)


def _reduce(graph: Graph, kind: str, value: Value, axes: Sequence[int], over_rows: bool) -> Value:
    return graph.add(
        "reduce",
        [value],
        {"kind": kind, "axes": tuple(axes), "over_rows": int(over_rows), "keepdims": 1},
        shape=[1 if axis in axes else size for axis, size in enumerate(value.shape)],
        dtype="int32" if kind == "argmax" else "float32",
        batched=value.batched and not over_rows,
    )


# -- layout


def reshape(graph: Graph, value: Value, shape: Shape) -> Value:
    """The same numbers in another shape; costs nothing."""
    shape = tuple(shape)
    return value if value.shape == shape else graph.add(RESHAPE, [value], shape=shape)


def drop_leading_ones(graph: Graph, value: Value, rank: int) -> Value:
    """An array without the axes of 1 that stand where others have their batch."""
    more = len(value.shape) - rank
    return reshape(graph, value, value.shape[more:]) if more > 0 else value


def transpose(graph: Graph, value: Value, axes: Shape) -> Value:
    """A sample's axes in another order."""
    return graph.add("transpose", [value], {"axes": tuple(axes)}, shape=[value.shape[axis] for axis in axes])


def take_slice(graph: Graph, value: Value, starts: Shape, sizes: Shape, steps: Shape) -> Value:
    """Part of a sample along each axis."""
    attributes = {"begin": tuple(starts), "size": tuple(sizes), "step": tuple(steps)}
    return graph.add("slice", [value], attributes, shape=sizes)


def concatenate(graph: Graph, values: Sequence[Value], axis: int, shape: Shape) -> Value:
    """Samples one behind the other along an axis."""
    positions = math.prod(shape[:axis])
    flat = [reshape(graph, value, (positions, value.features // positions)) for value in values]
    made = graph.add("concat", flat, {"positions": positions}, shape=(positions, math.prod(shape[axis:])))
    return reshape(graph, made, shape)


# -- products


def matmul(graph: Graph, a: Value, b: Value, shape: Shape) -> Value:
    """NumPy's matmul, whose shape is that of a sample."""
    if a.batched and b.batched:  # samples of as many axes
        rank = max(len(a.shape), len(b.shape))
        a, b = (reshape(graph, one, (*[1] * (rank - len(one.shape)), *one.shape)) for one in (a, b))
    return graph.add("matmul", [a, b], shape=shape)
