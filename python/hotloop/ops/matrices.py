"""Products of matrices."""

from __future__ import annotations

from typing import Any

from hotloop.core.errors import bad_value
from hotloop.ops.arithmetic import multiply
from hotloop.ops.arrangement import _reshape, tensor
from hotloop.ops.function import Tensor, function
from hotloop.ops.operation import record
from hotloop.ops.primitives.product import product_shape


@function
def matmul(x1: Tensor, x2: Tensor) -> Any:
    """``x1 @ x2``: the product of matrices, which lie along the last two axes.

    The axes in front broadcast; an operand of one axis is a row on the left and a column on the right.

    Parameters
    ----------
    x1, x2 : tensor or array
        For symbolic tensors (None, k) @ (k, n) takes one matrix for all rows, and (None, m, k) @ (None, k, n)
        one of each row's own.

    Raises
    ------
    ValueError
        When the sizes don't fit, or the sum would go over the batch.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.matmul([[1.0, 2.0]], [[3.0], [4.0]])
    array([[11.]], dtype=float32)
    >>> hl.ops.matmul(hl.Input((5, 3)), hl.Input((3, 2))).shape
    (None, 5, 2)
    """
    (a, one), (b, two) = tensor("matmul", x1), tensor("matmul", x2)
    for spec in (one, two):
        if len(spec.shape) == 0 or spec.shape == (None,):
            raise bad_value(
                "matmul", "operands with an axis beside the batch", f"{one.shape} and {two.shape}"
            )
    row, column = len(one.shape) == 1, len(two.shape) == 1
    left = _reshape(a, (1, *one.shape)) if row else a
    right = _reshape(b, (*two.shape, 1)) if column else b
    shape = product_shape(tuple(left.shape), tuple(right.shape))
    made = record("matmul", [left, right])
    if row:
        shape = (*shape[:-2], shape[-1])
    return _reshape(made, shape[:-1] if column else shape)


@function
def dot(x1: Tensor, x2: Tensor) -> Any:
    """The product of a number and a tensor, or :func:`matmul` of operands of at most two axes.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.dot([1.0, 2.0], [3.0, 4.0])
    array(11., dtype=float32)
    """
    (_, one), (_, two) = tensor("dot", x1), tensor("dot", x2)
    if () in (one.shape, two.shape):
        return multiply(x1, x2)
    if len(one.shape) > 2 or len(two.shape) > 2:
        raise bad_value("dot", "at most two axes", f"{one.shape} and {two.shape}", "see matmul")
    return matmul(x1, x2)
