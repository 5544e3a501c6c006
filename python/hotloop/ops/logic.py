"""Comparisons, truth values, and the choice between two values."""

from __future__ import annotations

from typing import Any

from hotloop.core.errors import bad_value
from hotloop.ops.function import Tensor, function
from hotloop.ops.primitives.elementwise import apply


@function
def equal(x1: Tensor, x2: Tensor) -> Any:
    """``x1 == x2``, number by number; see :func:`~hotloop.ops.add` for shapes.

    Returns
    -------
    tensor or array of bool
        In arithmetic True is 1 and False is 0; there is no gradient. Integers are compared as float32, which
        is exact up to 2**24; arrays of larger ones are refused.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.equal([1, 2], 2)
    array([False,  True])
    """
    return apply("equal", x1, x2)


@function
def not_equal(x1: Tensor, x2: Tensor) -> Any:
    """``x1 != x2``; see :func:`equal`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.not_equal([1, 2], 2)
    array([ True, False])
    """
    return apply("not_equal", x1, x2)


@function
def less(x1: Tensor, x2: Tensor) -> Any:
    """``x1 < x2``; see :func:`equal`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.less([1.0, 2.0], 2.0)
    array([ True, False])
    """
    return apply("less", x1, x2)


@function
def less_equal(x1: Tensor, x2: Tensor) -> Any:
    """``x1 <= x2``; see :func:`equal`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.less_equal([1.0, 3.0], 2.0)
    array([ True, False])
    """
    return apply("less_equal", x1, x2)


@function
def greater(x1: Tensor, x2: Tensor) -> Any:
    """``x1 > x2``; see :func:`equal`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.greater([1.0, 3.0], 2.0)
    array([False,  True])
    """
    return apply("greater", x1, x2)


@function
def greater_equal(x1: Tensor, x2: Tensor) -> Any:
    """``x1 >= x2``; see :func:`equal`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.greater_equal([1.0, 2.0], 2.0)
    array([False,  True])
    """
    return apply("greater_equal", x1, x2)


@function
def logical_and(x1: Tensor, x2: Tensor) -> Any:
    """Where both are true, that is, not 0; see :func:`equal`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.logical_and([True, False], [True, True])
    array([ True, False])
    """
    return apply("logical_and", x1, x2)


@function
def logical_or(x1: Tensor, x2: Tensor) -> Any:
    """Where one of them is true at least, that is, not 0; see :func:`equal`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.logical_or([True, False], [False, False])
    array([ True, False])
    """
    return apply("logical_or", x1, x2)


@function
def logical_xor(x1: Tensor, x2: Tensor) -> Any:
    """Where one of them is true, that is, not 0, and the other is not; see :func:`equal`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.logical_xor([True, False], [True, True])
    array([False,  True])
    """
    return apply("logical_xor", x1, x2)


@function
def logical_not(x: Tensor) -> Any:
    """Where it is 0; see :func:`equal`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.logical_not([True, False])
    array([False,  True])
    """
    return apply("logical_not", x)


@function
def isfinite(x: Tensor) -> Any:
    """Where it is neither infinite nor NaN; see :func:`equal`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.isfinite([1.0, float("inf"), float("nan")])
    array([ True, False, False])
    """
    return apply("isfinite", x)


@function
def isinf(x: Tensor) -> Any:
    """Where it is infinite; see :func:`equal`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.isinf([1.0, float("-inf"), float("nan")])
    array([False,  True, False])
    """
    return apply("isinf", x)


@function
def isnan(x: Tensor) -> Any:
    """Where it is NaN; see :func:`equal`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.isnan([1.0, float("inf"), float("nan")])
    array([False, False,  True])
    """
    return apply("isnan", x)


@function
def where(condition: Tensor, x1: Tensor = None, x2: Tensor = None) -> Any:
    """``x1`` where the condition is true, else ``x2``.

    What is not chosen is computed all the same, but no gradient goes there.

    Parameters
    ----------
    condition : tensor or array
        True where it is not 0.
    x1, x2 : tensor, array or number
        All three broadcast.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.where([True, False], 1.0, [3.0, 4.0])
    array([1., 4.], dtype=float32)
    """
    if x1 is None or x2 is None:
        raise bad_value(
            "where",
            "two values to choose from",
            None,
            "places can't be found here: their number is in no shape",
        )
    return apply("where", condition, x1, x2)
