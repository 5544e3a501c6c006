"""Arithmetic with broadcasting."""

from __future__ import annotations

from typing import Any

from hotloop.core.errors import integer
from hotloop.ops.function import Tensor, function
from hotloop.ops.primitives.elementwise import apply, common_type
from hotloop.ops.primitives.unary import to_type


@function
def add(x1: Tensor, x2: Tensor) -> Any:
    """``x1 + x2``.

    Parameters
    ----------
    x1, x2 : tensor, array or number
        They broadcast as in NumPy; the batch of a symbolic tensor stays its first axis.

    Returns
    -------
    tensor or array
        Float32 where one of them is, else int32, which is exact up to 2**24; of two truth values their "or".

    Raises
    ------
    ValueError
        When the shapes don't fit.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.add([1.0, 2.0], 3.0)
    array([4., 5.], dtype=float32)
    """
    return apply("add", x1, x2)


@function
def subtract(x1: Tensor, x2: Tensor) -> Any:
    """``x1 - x2``; see :func:`add`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.subtract([1.0, 2.0], [[3.0], [4.0]])
    array([[-2., -1.],
           [-3., -2.]], dtype=float32)
    """
    return apply("subtract", x1, x2)


@function
def multiply(x1: Tensor, x2: Tensor) -> Any:
    """``x1 * x2``; see :func:`add`. Of two truth values it is their "and".

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.multiply([1, 2], 3)
    array([3, 6], dtype=int32)
    """
    return apply("multiply", x1, x2)


@function
def divide(x1: Tensor, x2: Tensor) -> Any:
    """``x1 / x2`` in float32; see :func:`add`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.divide([1, 2], 4)
    array([0.25, 0.5 ], dtype=float32)
    """
    return apply("divide", x1, x2)


@function
def true_divide(x1: Tensor, x2: Tensor) -> Any:
    """The same as :func:`divide`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.true_divide(1, [2, 4])
    array([0.5 , 0.25], dtype=float32)
    """
    return apply("divide", x1, x2)


@function
def floor_divide(x1: Tensor, x2: Tensor) -> Any:
    """The largest integer that is no more than ``x1 / x2``; its gradient is 0. See :func:`add`.

    Exact up to 2**24, of the numbers as float32 has them: ``1 // 0.1`` is 9, its 0.1 being more than a tenth.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.floor_divide([7.0, -7.0], 2.0)
    array([ 3., -4.], dtype=float32)
    >>> hl.ops.floor_divide([7, -7], 2)
    array([ 3, -4], dtype=int32)
    """
    return apply("floor_divide", x1, x2)


@function
def mod(x1: Tensor, x2: Tensor) -> Any:
    """What a division leaves, ``x1 - x2 * floor(x1 / x2)`` without its roundings, with the sign of ``x2``.

    It is NumPy's in all bits, infinities and signs of zeros among them. See :func:`add`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.mod([7.0, -7.0], 4.0)
    array([3., 1.], dtype=float32)
    """
    return apply("mod", x1, x2)


def _as_of(result: Any, x1: Any, x2: Any) -> Any:
    """A float result in the type that arithmetic of these two has."""
    return to_type(result, common_type("multiply", x1, x2))


@function
def power(x1: Tensor, x2: Tensor) -> Any:
    """``x1 ** x2``; see :func:`add`.

    An exponent that is one of the numbers 2, 1, 0.5, -0.5 or -1 is a square, ``x1``, a square root, its
    reciprocal, or the reciprocal; of -0 and minus infinity its root is 0 and infinity, as for an array of
    exponents. A negative ``x1`` has a power where ``x2`` is an integer, else NaN.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.power([1.0, 2.0, 3.0], 2)
    array([1., 4., 9.], dtype=float32)
    """
    simple: dict[float, str] = {2: "square", -1: "reciprocal"}
    if isinstance(x2, int | float) and not isinstance(x2, bool):
        if x2 == 1:
            return _as_of(x1, x1, x2)
        if x2 in simple:
            return _as_of(apply(simple[x2], x1), x1, x2)
    return apply("power", x1, x2)


@function
def negative(x: Tensor) -> Any:
    """``-x``.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.negative([1.0, -2.0])
    array([-1.,  2.], dtype=float32)
    """
    return apply("negative", x)


@function
def reciprocal(x: Tensor) -> Any:
    """``1 / x``.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.reciprocal([2.0, 4.0])
    array([0.5 , 0.25], dtype=float32)
    """
    return apply("reciprocal", x)


@function
def absolute(x: Tensor) -> Any:
    """``|x|``, whose gradient at 0 is 0.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.absolute([1.0, -2.0])
    array([1., 2.], dtype=float32)
    """
    return apply("abs", x, what="absolute")


@function
def abs(x: Tensor) -> Any:
    """The same as :func:`absolute`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.abs(-3)
    array(3, dtype=int32)
    """
    return apply("abs", x)


@function
def sign(x: Tensor) -> Any:
    """-1, 0 or 1, and NaN of NaN; its gradient is 0.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.sign([-3.0, 0.0, 2.0])
    array([-1.,  0.,  1.], dtype=float32)
    """
    return apply("sign", x)


@function
def square(x: Tensor) -> Any:
    """``x * x``.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.square([3.0, -4.0])
    array([ 9., 16.], dtype=float32)
    """
    return apply("square", x)


@function
def minimum(x1: Tensor, x2: Tensor) -> Any:
    """The smaller of two numbers, NaN where one is; see :func:`add`. Of equals the first has the gradient.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.minimum([1.0, 5.0], 3.0)
    array([1., 3.], dtype=float32)
    """
    return apply("minimum", x1, x2)


@function
def maximum(x1: Tensor, x2: Tensor) -> Any:
    """The larger of two numbers, NaN where one is; see :func:`add`. Of equals the first has the gradient.

    Integers are exact up to 2**24.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.maximum([1.0, 5.0], 3.0)
    array([3., 5.], dtype=float32)
    """
    return apply("maximum", x1, x2)


@function
def clip(x: Tensor, x_min: Tensor, x_max: Tensor) -> Any:
    """``minimum(maximum(x, x_min), x_max)``; at the bounds ``x`` has the gradient.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.clip([-2.0, 0.5, 2.0], 0, 1)
    array([0. , 0.5, 1. ], dtype=float32)
    """
    return apply("minimum", apply("maximum", x, x_min, what="clip"), x_max, what="clip")


@function
def floor(x: Tensor) -> Any:
    """The largest integer that is no more than ``x``, as float32; its gradient is 0.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.floor([-1.5, 1.5])
    array([-2.,  1.], dtype=float32)
    """
    return apply("floor", x)


@function
def ceil(x: Tensor) -> Any:
    """The smallest integer that is no less than ``x``, as float32; its gradient is 0.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.ceil([-1.5, 1.5])
    array([-1.,  2.], dtype=float32)
    """
    return apply("ceil", x)


@function
def trunc(x: Tensor) -> Any:
    """``x`` without what stands behind the point; its gradient is 0.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.trunc([-1.5, 1.5])
    array([-1.,  1.], dtype=float32)
    """
    return apply("trunc", x)


@function
def round(x: Tensor, decimals: int = 0) -> Any:
    """The nearest integer, of two the even one; its gradient is 0.

    Parameters
    ----------
    x : tensor, array or number
    decimals : int
        How many digits stay behind the point: ``round(x * 10**decimals) / 10**decimals``.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.round([0.5, 1.5, 2.4])
    array([0., 2., 2.], dtype=float32)
    """
    decimals = integer("round: decimals", decimals)
    if decimals == 0:
        return apply("round", x)
    scale = 10.0 ** (decimals if decimals > 0 else -decimals)
    scaled = apply("multiply" if decimals > 0 else "divide", x, scale)
    return _as_of(apply("divide" if decimals > 0 else "multiply", apply("round", scaled), scale), x, x)
