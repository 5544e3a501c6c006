"""Exponentials, logarithms, roots, and trigonometry."""

from __future__ import annotations

from typing import Any

from hotloop.ops.function import Tensor, function
from hotloop.ops.primitives.elementwise import apply


@function
def exp(x: Tensor) -> Any:
    """The exponential, in float32.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.exp([0.0, 1.0])
    array([1.       , 2.7182817], dtype=float32)
    """
    return apply("exp", x)


@function
def expm1(x: Tensor) -> Any:
    """``exp(x) - 1``, exact for small numbers.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.expm1([0.0, 1e-8])
    array([0.e+00, 1.e-08], dtype=float32)
    """
    return apply("expm1", x)


@function
def log(x: Tensor) -> Any:
    """The natural logarithm: minus infinity of 0, NaN of negative numbers.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.log([1.0, 0.0])
    array([  0., -inf], dtype=float32)
    """
    return apply("log", x)


@function
def log1p(x: Tensor) -> Any:
    """``log(1 + x)``, exact for small numbers.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.log1p([0.0, 1e-8])
    array([0.e+00, 1.e-08], dtype=float32)
    """
    return apply("log1p", x)


@function
def sqrt(x: Tensor) -> Any:
    """The square root: NaN of negative numbers, with an infinite gradient at 0.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.sqrt([4.0, 9.0])
    array([2., 3.], dtype=float32)
    """
    return apply("sqrt", x)


@function
def rsqrt(x: Tensor) -> Any:
    """``1 / sqrt(x)``.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.rsqrt([4.0, 16.0])
    array([0.5 , 0.25], dtype=float32)
    """
    return apply("rsqrt", x)


@function
def erf(x: Tensor) -> Any:
    """The error function.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.erf([0.0, 1.0])
    array([0.        , 0.84270084], dtype=float32)
    """
    return apply("erf", x)


@function
def sin(x: Tensor) -> Any:
    """The sine of an angle in radians.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.sin([0.0, 0.5])
    array([0.        , 0.47942555], dtype=float32)
    """
    return apply("sin", x)


@function
def cos(x: Tensor) -> Any:
    """The cosine of an angle in radians.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.cos([0.0, 0.5])
    array([1.        , 0.87758255], dtype=float32)
    """
    return apply("cos", x)
