"""Products of matrices, by NumPy's rules beside a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hotloop.core.errors import bad_value
from hotloop.ops import lower as lowering
from hotloop.ops.operation import Arguments, Call, Primitive, primitive
from hotloop.ops.shapes import broadcast, shape_text
from hotloop.ops.types import FullShape, Spec, result_type

if TYPE_CHECKING:
    from hotloop.ir.graph import Graph, Value


@primitive
class Matmul(Primitive):
    """``a @ b`` of two operands that have two axes at least."""

    name = "matmul"
    rounds = True

    def spec(self, operands: Sequence[Spec | float], arguments: Arguments) -> Spec:
        a, b = (one for one in operands if isinstance(one, Spec))
        return Spec(
            product_shape(a.shape, b.shape), result_type(a.dtype, b.dtype), a.mixes_rows or b.mixes_rows
        )

    def lower(
        self, graph: Graph, values: Sequence[Value | float], operands: Sequence[Spec | float], made: Call
    ) -> Value:
        read, spec = [], made.spec
        for value, one in zip(values, operands, strict=True):
            assert isinstance(one, Spec)
            assert not isinstance(value, int | float)
            value = lowering.as_float(graph, value)
            # One array for all rows whose axis of 1 stands where the other has its batch.
            is_whole = spec.batched and not one.batched and len(one.shape) == len(spec.shape) > 2
            read.append(lowering.reshape(graph, value, value.shape[1:]) if is_whole else value)
        result = lowering.matmul(graph, read[0], read[1], spec.sample_shape)
        return lowering.as_int(graph, result) if spec.dtype == "int32" else result


def product_shape(a: FullShape, b: FullShape) -> FullShape:
    """Return the shape of ``a @ b``.

    Raises
    ------
    ValueError
        When the sizes don't fit, or the batch would not stay the first axis.

    Examples
    --------
    >>> product_shape((None, 3), (3, 5)), product_shape((None, 4, 3), (None, 3, 2))
    ((None, 5), (None, 4, 2))
    """
    got = f"{shape_text(a)} and {shape_text(b)}"
    if len(a) < 2 or len(b) < 2:
        raise bad_value("matmul", "two axes at least", got)
    if b[-2] is None:
        raise bad_value(
            "matmul",
            "a sum over another axis than the batch",
            got,
            "write sum(expand_dims(a, 2) * expand_dims(b, 1), axis=0)",
        )
    if a[-1] != b[-2]:
        raise bad_value("matmul", "as many columns of the first as rows of the second", got)
    if a[-2] is None and len(b) > 2:
        raise bad_value(
            "matmul",
            "one matrix for all rows, or a matrix for each",
            got,
            "give the first one an axis by expand_dims(a, 1)",
        )
    leading = broadcast("matmul", [a[:-2], b[:-2]])
    return (*leading, a[-2], b[-1])
