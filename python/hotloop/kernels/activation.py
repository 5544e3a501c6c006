"""Activation functions and their derivatives on NumPy's or CuPy's arrays."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop import device
from hotloop.core.errors import bad_value, integer, number32
from hotloop.device import HOST
from hotloop.ir.activation import ChosenActivation
from hotloop.kernels import operands
from hotloop.kernels.operands import HOST_TYPES

F32 = npt.NDArray[np.float32]
Kind = str | ChosenActivation


def activation(
    x: npt.ArrayLike,
    kind: Kind,
    *,
    alpha: float | None = None,
    beta: float | None = None,
    out: F32 | None = None,
) -> F32:
    """Return ``f(x)``, by Keras's formulas and a few units in the last place.

    All results are the same bits on every ISA level and thread count.

    Parameters
    ----------
    x : array_like of float32, any shape
        Strided and read-only arrays are right; a contiguous one is not copied. The kinds along a row
        (softmax, log_softmax, sparsemax, glu) work along the last axis and want at least one dimension.
    kind : str or Activation
        Such as ``"gelu"``.
    alpha, beta : float, optional
        The kind's parameters, where it has any: ``alpha`` is leaky_relu's negative slope, elu's and celu's
        alpha, squareplus's b, or the threshold; ``beta`` is what threshold puts in place of what lies below.
        Keras's defaults if not given.
    out : NumPy or CuPy array of float32, optional
        Where to write, of the result's shape; a C-contiguous one is written in place. It may be ``x``.

    Returns
    -------
    ndarray of float32
        Of x's shape (glu: the last axis halved); `out` if it was given.

    Raises
    ------
    TypeError
        x is not numeric, or out is no float32 array.
    ValueError
        The kind is unknown, out's shape is wrong, or the last axis of glu is odd.

    Examples
    --------
    >>> activation([-2.0, 0.0, 2.0], "leaky_relu", alpha=0.5)
    array([-1.,  0.,  2.], dtype=float32)
    """
    chosen = _named(kind) if isinstance(kind, str) else ChosenActivation.of(kind)
    where = (
        HOST if type(x) in HOST_TYPES and type(out) in HOST_TYPES else operands.common_device(x=x, out=out)
    )
    values = operands.contiguous("x", x, np.float32, None, where)
    other = None if values is out and chosen.name != "glu" else values
    if not chosen.rowwise:
        result = operands.target(out, values.shape, np.float32, where, other)
        where.native.activation_forward(chosen.name, *_numbers(chosen, alpha, beta), values, result)
        return operands.deliver(result, out)
    result = operands.target(out, _row_shape(chosen, values.shape), np.float32, where, other)
    where.native.row_activation_forward(chosen.name, _rows(values), result)
    return operands.deliver(result, out)


def activation_gradient(
    x: npt.ArrayLike,
    dy: npt.ArrayLike,
    kind: Kind,
    *,
    alpha: float | None = None,
    beta: float | None = None,
    out: F32 | None = None,
) -> F32:
    """Return the gradient at ``x`` of a loss whose gradient at ``f(x)`` is ``dy``.

    At a kink the derivative is TensorFlow's: 0 for relu at 0, the negative slope for leaky_relu.

    Parameters
    ----------
    x : array_like of float32, any shape
        The activation's input; as for :func:`activation`.
    dy : array_like of float32
        Of the shape of the activation's output.
    kind, alpha, beta
        As for :func:`activation`.
    out : NumPy or CuPy array of float32, optional
        Where to write, of x's shape.

    Returns
    -------
    ndarray of float32
        Of x's shape; `out` if it was given.

    Raises
    ------
    TypeError, ValueError
        As for :func:`activation`; also when dy's shape is not that of the output.

    Examples
    --------
    >>> activation_gradient([-1.0, 0.0, 3.0], [1.0, 1.0, 2.0], "relu")
    array([0., 0., 2.], dtype=float32)
    """
    chosen = _named(kind) if isinstance(kind, str) else ChosenActivation.of(kind)
    where = (
        HOST
        if type(x) in HOST_TYPES and type(dy) in HOST_TYPES and type(out) in HOST_TYPES
        else operands.common_device(x=x, dy=dy, out=out)
    )
    values = operands.contiguous("x", x, np.float32, None, where)
    incoming = operands.contiguous("dy", dy, np.float32, None, where)
    shape = _row_shape(chosen, values.shape) if chosen.rowwise else values.shape
    if incoming.shape != shape:
        raise bad_value("dy", f"shape {shape}", f"an array of shape {incoming.shape}")
    result = operands.target(out, values.shape, np.float32, where, values, incoming)
    if chosen.rowwise:
        y = None if chosen.name == "glu" else activation(values, chosen)
        where.native.row_activation_backward(chosen.name, values, y, incoming, _rows(result))
    else:
        numbers = _numbers(chosen, alpha, beta)
        where.native.activation_backward(chosen.name, *numbers, values, None, incoming, result)
    return operands.deliver(result, out)


def softmax(x: npt.ArrayLike, axis: int = -1, out: F32 | None = None) -> F32:
    """Return ``exp(x) / sum(exp(x))`` along an axis, in the form that does not overflow.

    Parameters
    ----------
    x : array_like of float32, at least one dimension
        Strided and read-only arrays are right; a contiguous one is not copied when `axis` is the last.
    axis : int
        Along which the results sum to 1.
    out : NumPy or CuPy array of float32, optional
        Where to write, of x's shape. It may be ``x``.

    Returns
    -------
    ndarray of float32
        Of x's shape; `out` if it was given.

    Raises
    ------
    TypeError
        x is not numeric, or out is no float32 array.
    ValueError
        x has no such axis, or out's shape is wrong.

    Examples
    --------
    >>> softmax([0.0, 0.0])
    array([0.5, 0.5], dtype=float32)
    """
    where = (
        HOST if type(x) in HOST_TYPES and type(out) in HOST_TYPES else operands.common_device(x=x, out=out)
    )
    values = np.asarray(x) if where is HOST else device.adopt(x)
    axis = integer("axis", axis)
    if not -values.ndim <= axis < values.ndim:
        raise bad_value("axis", f"an axis of the {values.ndim} dimensions of x", axis)
    if axis in (-1, values.ndim - 1):
        return activation(x, "softmax", out=out)
    turned = [i for i in range(values.ndim) if i != axis % values.ndim] + [axis % values.ndim]
    back = [turned.index(i) for i in range(values.ndim)]
    result = activation(values.transpose(turned), "softmax").transpose(back)
    if out is None:
        return operands.contiguous("x", result, np.float32, None, where)
    operands.check_out(out, values.shape, np.float32, where)
    return operands.deliver(result, out)


@lru_cache
def _named(name: str) -> ChosenActivation:
    return ChosenActivation.of(name)


def _numbers(chosen: ChosenActivation, alpha: float | None, beta: float | None) -> tuple[float, float]:
    return (
        chosen.alpha if alpha is None else number32("alpha", alpha),
        chosen.beta if beta is None else number32("beta", beta),
    )


def _row_shape(chosen: ChosenActivation, shape: tuple[int, ...]) -> tuple[int, ...]:
    if not shape:
        raise bad_value(f"x of activation {chosen.name!r}", "at least one dimension", "a number")
    return (*shape[:-1], chosen.output_units(shape[-1]))


def _rows(values: npt.NDArray[Any]) -> F32:
    cols = values.shape[-1]
    return values.reshape(values.size // cols if cols else 0, cols)
