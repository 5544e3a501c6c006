"""Sums, means, the largest and the smallest over axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hotloop.core.errors import bad_value
from hotloop.ops.lower import as_float, as_int, reduce
from hotloop.ops.operands import operand, spec
from hotloop.ops.operation import Arguments, Call, Primitive, primitive, record
from hotloop.ops.shapes import one_axis, reduced, shape_text, some_axes
from hotloop.ops.types import Spec

if TYPE_CHECKING:
    from hotloop.ir.graph import Graph, Value


@primitive
class Reduce(Primitive):
    """A reduction over some axes; over the batch it gives one array for all rows."""

    name = "reduce"
    rounds = True

    def label(self, arguments: Arguments) -> str:
        return str(arguments.get("kind", self.name))

    def spec(self, operands: Sequence[Spec | float], arguments: Arguments) -> Spec:
        (x,) = operands
        assert isinstance(x, Spec)
        kind, axes = arguments["kind"], arguments["axes"]
        if kind == "argmax":
            dtype = "int32"
        elif kind == "mean":
            dtype = "float32"
        else:
            dtype = "int32" if kind == "sum" and x.dtype == "bool" else x.dtype
        mixes_rows = x.mixes_rows or (x.batched and 0 in axes)
        return Spec(reduced(x.shape, axes, arguments["keepdims"]), dtype, mixes_rows)

    def lower(
        self, graph: Graph, values: Sequence[Value | float], operands: Sequence[Spec | float], made: Call
    ) -> Value:
        (value,), (x,) = values, operands
        assert isinstance(x, Spec)
        assert not isinstance(value, int | float)
        kind, axes = made.arguments["kind"], made.arguments["axes"]
        sample = [axis - x.batched for axis in axes if axis >= x.batched]
        over_rows = x.batched and 0 in axes
        result = reduce(graph, kind, as_float(graph, value), sample, over_rows, made.spec.sample_shape)
        return as_int(graph, result) if made.spec.dtype == "int32" and kind != "argmax" else result


def axes_of(what: str, x: Any, axis: Any) -> tuple[int, ...]:
    """Return the axes of a tensor that None (all), an integer or a tuple names; refuse others."""
    one = spec(operand(what, x))
    assert isinstance(one, Spec)
    return some_axes(what, axis, len(one.shape))


def apply(kind: str, x: Any, axis: Any, keepdims: bool, what: str = "") -> Any:
    """Record a reduction of a tensor over None (all), one or several axes."""
    x = operand(what or kind, x)
    axes = axes_of(what or kind, x, axis)
    return record("reduce", [x], kind=kind, axes=list(axes), keepdims=bool(keepdims)) if axes else x


def first_largest(what: str, x: Any, axis: Any, keepdims: bool) -> Any:
    """Record the place of the largest number along one axis, or in the whole array."""
    x = operand(what, x)
    one = spec(x)
    assert isinstance(one, Spec)
    rank = len(one.shape)
    if axis is None and one.batched and rank > 1:
        raise bad_value(f"{what}: axis", f"an axis of {shape_text(one.shape)}", None, "-1 is the last one")
    axes = list(range(rank)) if axis is None else [one_axis(what, axis, rank)]
    return record("reduce", [x], kind="argmax", axes=axes, keepdims=bool(keepdims))
