"""Sums, means, extremes and truths over axes."""

from __future__ import annotations

from typing import Any

from hotloop.ops.arithmetic import negative, square, subtract
from hotloop.ops.conversion import stop_gradient
from hotloop.ops.exponentials import exp, log, sqrt
from hotloop.ops.function import Tensor, function
from hotloop.ops.logic import isfinite, not_equal, where
from hotloop.ops.primitives.reduction import apply, axes_of, first_largest

Axis = int | tuple[int, ...] | None


@function
def sum(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Any:
    """The sum over some axes.

    Parameters
    ----------
    x : tensor or array
    axis : int or tuple of int, optional
        None is all of them. Axis 0 of a symbolic tensor is the batch: what is added up over it is one array
        for all rows, and marked as mixing rows.
    keepdims : bool
        Whether the axes stay, with a size of 1.

    Returns
    -------
    tensor or array
        Float32; int32 of integers and truth values, exact below 2**24; of an array larger ones are refused.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.sum([[1.0, 2.0], [3.0, 4.0]], axis=0)
    array([4., 6.], dtype=float32)
    >>> hl.ops.sum(hl.Input((3,)), axis=-1, keepdims=True).shape
    (None, 1)
    """
    return apply("sum", x, axis, keepdims)


@function
def mean(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean over some axes, in float32; see :func:`sum`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.mean([[1.0, 2.0], [3.0, 4.0]])
    array(2.5, dtype=float32)
    """
    return apply("mean", x, axis, keepdims)


@function
def max(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Any:
    """The largest number over some axes, NaN where one is; see :func:`sum`.

    Of equals the first has the gradient.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.max([[1.0, 5.0], [3.0, 4.0]], axis=1)
    array([5., 4.], dtype=float32)
    """
    return apply("max", x, axis, keepdims)


@function
def min(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Any:
    """The smallest number over some axes, NaN where one is; see :func:`sum`.

    Of equals the first has the gradient.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.min([[1.0, 5.0], [3.0, 4.0]], axis=1)
    array([1., 3.], dtype=float32)
    """
    return apply("min", x, axis, keepdims)


@function
def amax(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Any:
    """The same as :func:`max`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.amax([1, 5, 3])
    array(5, dtype=int32)
    """
    return apply("max", x, axis, keepdims, what="amax")


@function
def amin(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Any:
    """The same as :func:`min`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.amin([1, 5, 3])
    array(1, dtype=int32)
    """
    return apply("min", x, axis, keepdims, what="amin")


@function
def var(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean of the squared distances from the mean, over some axes; see :func:`sum`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.var([1.0, 2.0, 3.0, 6.0])
    array(3.5, dtype=float32)
    """
    axes_of("var", x, axis)
    return mean(square(subtract(x, mean(x, axis, keepdims=True))), axis, keepdims)


@function
def std(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Any:
    """The square root of :func:`var`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.std([1.0, 3.0])
    array(1., dtype=float32)
    """
    axes_of("std", x, axis)
    return sqrt(var(x, axis, keepdims))


@function
def logsumexp(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Any:
    """``log(sum(exp(x)))`` over some axes, without overflow; see :func:`sum`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.logsumexp([1000.0, 1000.0])
    array(1000.6932, dtype=float32)
    """
    axes_of("logsumexp", x, axis)
    most = stop_gradient(max(x, axis, keepdims=True))
    most = where(isfinite(most), most, 0.0)
    total = log(sum(exp(subtract(x, most)), axis, keepdims))
    return total + (most if keepdims else sum(most, axis))


@function
def argmax(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Any:
    """The place of the largest number, of equals the first, of NaNs the first; it has no gradient.

    Parameters
    ----------
    x : tensor or array
    axis : int, optional
        None counts in the flattened array, which a batch has no place in: name an axis there.
    keepdims : bool

    Returns
    -------
    tensor or array of int32

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.argmax([[1.0, 5.0], [7.0, 4.0]], axis=1)
    array([1, 0], dtype=int32)
    """
    return first_largest("argmax", x, axis, keepdims)


@function
def argmin(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Any:
    """The place of the smallest number; see :func:`argmax`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.argmin([3.0, 1.0, 2.0])
    array(1, dtype=int32)
    """
    return first_largest("argmin", negative(x), axis, keepdims)


@function
def any(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether any number over some axes is true, that is, not 0; see :func:`sum`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.any([[0, 1], [0, 0]], axis=1)
    array([ True, False])
    """
    axes_of("any", x, axis)
    return apply("max", not_equal(x, 0), axis, keepdims)


@function
def all(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether all numbers over some axes are true, that is, not 0; see :func:`sum`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.all([[1, 1], [0, 1]], axis=1)
    array([ True, False])
    """
    axes_of("all", x, axis)
    return apply("min", not_equal(x, 0), axis, keepdims)
