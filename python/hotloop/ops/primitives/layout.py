"""Operations that only move numbers: reshape, transpose, slice, concatenate, broadcast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hotloop.core.errors import bad_value
from hotloop.ops import lower as lowering
from hotloop.ops.operation import Arguments, Call, Primitive, primitive
from hotloop.ops.shapes import broadcast, keep_batch_first, shape_text
from hotloop.ops.types import FullShape, Spec, result_type

if TYPE_CHECKING:
    from hotloop.ir.graph import Graph, Value

Specs = Sequence[Spec | float]
Values = Sequence["Value | float"]


def _only(specs: Specs) -> Spec:
    (one,) = specs
    assert isinstance(one, Spec)
    return one


def _value(values: Values) -> Value:
    (one,) = values
    assert not isinstance(one, int | float)
    return one


@primitive
class Reshape(Primitive):
    """The same numbers in another shape; ``shape`` is that of a row where there is a batch."""

    name = "reshape"
    moves = True

    def spec(self, operands: Specs, arguments: Arguments) -> Spec:
        x = _only(operands)
        shape: FullShape = tuple(arguments["shape"])
        made = Spec((None, *shape) if x.batched else shape, x.dtype, x.mixes_rows)
        if made.size != x.size or not all(isinstance(size, int) and size >= 0 for size in shape):
            raise bad_value("reshape", f"a shape of {x.size} numbers", shape_text(shape))
        return made

    def lower(self, graph: Graph, values: Values, operands: Specs, made: Call) -> Value:
        return lowering.reshape(graph, _value(values), made.spec.sample_shape)


@primitive
class Transpose(Primitive):
    """Another order of the axes."""

    name = "transpose"
    moves = True

    def spec(self, operands: Specs, arguments: Arguments) -> Spec:
        x, axes = _only(operands), arguments["axes"]
        keep_batch_first("transpose", x.shape, axes)
        return Spec(tuple(x.shape[axis] for axis in axes), x.dtype, x.mixes_rows)

    def lower(self, graph: Graph, values: Values, operands: Specs, made: Call) -> Value:
        axes = made.arguments["axes"]
        sample = [axis - 1 for axis in axes[1:]] if _only(operands).batched else axes
        return lowering.transpose(graph, _value(values), sample)


@primitive
class Slice(Primitive):
    """Part of a row: along each of its axes from ``starts`` as many as ``sizes`` says, in ``steps``."""

    name = "slice"
    moves = True

    def spec(self, operands: Specs, arguments: Arguments) -> Spec:
        x = _only(operands)
        starts, sizes, steps = (arguments[key] for key in ("starts", "sizes", "steps"))
        for start, size, step, whole in zip(starts, sizes, steps, x.sample_shape, strict=True):
            last = start + (size - 1) * step
            if size < 1 or not 0 <= start < whole or not 0 <= last < whole or step == 0:
                raise bad_value("slice", f"places below {whole} along every axis", f"{start} to {last}")
        return Spec((None, *sizes) if x.batched else tuple(sizes), x.dtype, x.mixes_rows)

    def lower(self, graph: Graph, values: Values, operands: Specs, made: Call) -> Value:
        arguments = made.arguments
        return lowering.take_slice(
            graph, _value(values), arguments["starts"], arguments["sizes"], arguments["steps"]
        )


@primitive
class Concatenate(Primitive):
    """Tensors one behind the other along an axis that is not the batch."""

    name = "concatenate"
    moves = True

    def spec(self, operands: Specs, arguments: Arguments) -> Spec:
        axis, specs = arguments["axis"], [one for one in operands if isinstance(one, Spec)]
        first, got = specs[0].shape, ", ".join(shape_text(one.shape) for one in specs)
        if len({one.batched for one in specs}) > 1:
            mend = "full_like(x, value) repeats an array for every row of x"
            raise bad_value("concatenate", "tensors that all have a batch, or none", got, mend)
        others = {(*one.shape[:axis], *one.shape[axis + 1 :]) for one in specs}
        if len(others) > 1 or not specs[0].batched <= axis < len(first):
            raise bad_value("concatenate", "shapes that differ along one axis only", got)
        size = sum(one.shape[axis] or 0 for one in specs)
        shape = (*first[:axis], size, *first[axis + 1 :])
        return Spec(shape, result_type(*(one.dtype for one in specs)), any(one.mixes_rows for one in specs))

    def lower(self, graph: Graph, values: Values, operands: Specs, made: Call) -> Value:
        spec, read = made.spec, []
        for value, one in zip(values, operands, strict=True):
            assert isinstance(one, Spec)
            assert not isinstance(value, int | float)
            read.append(lowering.cast(graph, value, one.dtype, spec.dtype))
        axis = made.arguments["axis"] - spec.batched
        return lowering.concatenate(graph, read, axis, spec.sample_shape)


def _batched(values: Values, operands: Specs) -> Value:
    """The first value that has a batch."""
    for value, one in zip(values, operands, strict=True):
        if isinstance(one, Spec) and one.batched:
            assert not isinstance(value, int | float)
            return value
    raise AssertionError("no operand has a batch")


@primitive
class Broadcast(Primitive):
    """Numbers repeated along axes of one; the second operand is looked at for its batch alone."""

    name = "broadcast"

    def spec(self, operands: Specs, arguments: Arguments) -> Spec:
        specs = [one for one in operands if isinstance(one, Spec)]
        x, batched = specs[0], any(one.batched for one in specs)
        shape: FullShape = (None, *arguments["shape"]) if batched else tuple(arguments["shape"])
        if broadcast("broadcast_to", [x.shape, shape]) != shape:
            raise bad_value(
                "broadcast_to", f"a shape that {shape_text(x.shape)} broadcasts to", shape_text(shape)
            )
        return Spec(shape, x.dtype, any(one.mixes_rows for one in specs))

    def lower(self, graph: Graph, values: Values, operands: Specs, made: Call) -> Value:
        x, value = operands[0], values[0]
        assert isinstance(x, Spec)
        assert not isinstance(value, int | float)
        row = made.spec.sample_shape
        value = lowering.drop_leading_ones(graph, value, len(row))
        like = None if x.batched or not made.spec.batched else _batched(values, operands)
        return lowering.broadcast(graph, value, row, like=like)
