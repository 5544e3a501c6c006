"""float32 to bytes and back, and the statistics that scales are chosen from.

A float32 number x is stored as the byte ``x / scale + zero_point`` (activations, uint8) or as ``x / scale``
(weights, int8, one scale per output channel). All results are the same bytes on every ISA level, thread
count and GPU.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hotloop.core.errors import bad_value, integer, number32
from hotloop.device import HOST, to_host
from hotloop.kernels import operands
from hotloop.kernels.operands import HOST_TYPES

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]
S8 = npt.NDArray[np.int8]
S32 = npt.NDArray[np.int32]

_LARGEST_WEIGHT = 127
_SMALLEST_SCALE = 2.0**-100
_BIAS_STEPS = 2.0**24


def quantize(x: npt.ArrayLike, scale: float, zero_point: int, out: U8 | None = None) -> U8:
    """Return ``clamp(round(x * (1 / scale)) + zero_point, 0, 255)`` as bytes.

    The inverse of the scale and the product are float32, the rounding is to nearest even, and the clamp
    comes before the conversion, so infinities saturate. A NaN becomes `zero_point`.

    Parameters
    ----------
    x : array_like of float32, any shape
        Strided and read-only arrays are right; a contiguous one is not copied.
    scale : float
        Positive, and finite in float32 like its inverse.
    zero_point : int
        The byte for 0.0, from 0 to 255.
    out : NumPy or CuPy array of uint8, optional
        Where to write, of x's shape; a C-contiguous one is written in place.

    Returns
    -------
    ndarray of uint8
        Of x's shape; `out` if it was given.

    Raises
    ------
    TypeError
        x is not numeric, or out is no uint8 array.
    ValueError
        The scale, the zero point or out's shape is wrong.

    Examples
    --------
    >>> quantize([-1.0, 0.0, 0.26, 9.0], scale=0.5, zero_point=10)
    array([ 8, 10, 11, 28], dtype=uint8)
    """
    where = (
        HOST if type(x) in HOST_TYPES and type(out) in HOST_TYPES else operands.common_device(x=x, out=out)
    )
    scale, zero_point = number32("scale", scale), integer("zero_point", zero_point, at_least=0, at_most=255)
    values = operands.contiguous("x", x, np.float32, None, where)
    result = operands.target(out, values.shape, np.uint8, where, values)
    where.native.quantize(values, scale, zero_point, result)
    return operands.deliver(result, out)


def quantize_columns(
    x: npt.ArrayLike, scale: npt.ArrayLike, offset: npt.ArrayLike, out: U8 | None = None
) -> U8:
    """Return ``clamp(round((x - offset) * (1 / scale)), 0, 255)`` as bytes, each column by its own numbers.

    As in :func:`quantize` all is float32 and rounding is to nearest even. The offset is subtracted first, so
    nothing is lost where a column's numbers lie far from zero. A NaN becomes 0.

    Parameters
    ----------
    x : array_like of float32, shape (M, K)
    scale : array_like of float32, shape (K,)
        Positive and finite, like their inverses.
    offset : array_like of float32, shape (K,)
        What the byte 0 stands for; finite.
    out : NumPy or CuPy array of uint8, shape (M, K), optional
        Where to write; a C-contiguous one is written in place.

    Returns
    -------
    ndarray of uint8, shape (M, K)
        `out` if it was given.

    Raises
    ------
    TypeError
        x is not numeric, or out is no uint8 array.
    ValueError
        A shape, a scale or an offset is wrong.

    Examples
    --------
    >>> quantize_columns([[100.0, -1.0], [101.0, 0.0]], scale=[0.01, 0.5], offset=[100.0, -1.0])
    array([[  0,   0],
           [100,   2]], dtype=uint8)
    """
    where = (
        HOST
        if type(x) in HOST_TYPES and type(out) in HOST_TYPES
        else operands.common_device(x=x, scale=scale, offset=offset, out=out)
    )
    values = operands.matrix("x", x, np.float32, where)
    columns = values.shape[1]
    steps = to_host(operands.vector("scale", scale, np.float32, columns, where=where))
    starts = operands.vector("offset", offset, np.float32, columns, where=where)
    with np.errstate(divide="ignore", over="ignore"):
        inverse = np.float32(1) / steps
    if not ((steps > 0) & np.isfinite(steps) & np.isfinite(inverse)).all():
        raise bad_value("scale", "positive finite numbers whose inverses are finite in float32", "others")
    if not np.isfinite(to_host(starts)).all():
        raise bad_value("offset", "finite numbers", "NaN or infinity")
    result = operands.target(out, values.shape, np.uint8, where, values, starts)
    where.native.quantize_columns(values, where.upload(inverse), starts, result)
    return operands.deliver(result, out)


def dequantize(q: npt.ArrayLike, scale: float, zero_point: int, out: F32 | None = None) -> F32:
    """Return ``(q - zero_point) * scale`` as float32.

    Parameters
    ----------
    q : array_like of uint8, any shape
    scale : float
        Positive, and finite in float32 like its inverse.
    zero_point : int
        From 0 to 255.
    out : NumPy or CuPy array of float32, optional
        Where to write, of q's shape; a C-contiguous one is written in place.

    Returns
    -------
    ndarray of float32
        Of q's shape; `out` if it was given.

    Raises
    ------
    TypeError
        q is not uint8, or out is no float32 array.
    ValueError
        The scale, the zero point or out's shape is wrong.

    Examples
    --------
    >>> dequantize(np.array([8, 10, 28], dtype=np.uint8), scale=0.5, zero_point=10)
    array([-1.,  0.,  9.], dtype=float32)
    """
    where = (
        HOST if type(q) in HOST_TYPES and type(out) in HOST_TYPES else operands.common_device(q=q, out=out)
    )
    scale, zero_point = number32("scale", scale), integer("zero_point", zero_point, at_least=0, at_most=255)
    values = operands.contiguous("q", q, np.uint8, None, where)
    result = operands.target(out, values.shape, np.float32, where, values)
    where.native.dequantize(values, scale, zero_point, result)
    return operands.deliver(result, out)


def quantize_rows(x: npt.ArrayLike) -> tuple[U8, F32, S32]:
    """Quantise each row of a matrix by its own range, as dynamic int8 layers do.

    The range is that of the row's numbers and 0.0. A row's bytes depend on that row alone.

    Parameters
    ----------
    x : array_like of float32, shape (M, K)

    Returns
    -------
    q : ndarray of uint8, shape (M, K)
    scale : ndarray of float32, shape (M,)
    zero_point : ndarray of int32, shape (M,)

    Raises
    ------
    TypeError
        x is not numeric.
    ValueError
        x is not two-dimensional.

    Examples
    --------
    >>> q, scale, zero_point = quantize_rows([[0.0, 51.0, 255.0], [-1.0, 0.0, 3.0]])
    >>> q[0], float(scale[0]), zero_point.tolist()
    (array([  0,  51, 255], dtype=uint8), 1.0, [0, 64])
    """
    where = HOST if type(x) in HOST_TYPES else operands.common_device(x=x)
    values = operands.matrix("x", x, np.float32, where)
    q = where.empty(values.shape, np.uint8)
    scale = where.empty(values.shape[0], np.float32)
    zero_point = where.empty(values.shape[0], np.int32)
    where.native.quantize_rows(values, q, scale, zero_point)
    return q, scale, zero_point


def quantize_weights(
    weights: npt.ArrayLike, bias: npt.ArrayLike | None = None, input_scale: float | None = None
) -> tuple[S8, F32]:
    """Quantise a layer's kernel, symmetrically per output channel, to int8 from -127 to 127.

    Channel n's scale is ``max |weights[:, n]| / 127``; that of a channel of zeros is the largest of the
    others (1.0 if there is none).

    Parameters
    ----------
    weights : array_like of float32, shape (K, N)
        Finite.
    bias : array_like of float32, shape (N,), optional
        The layer's bias, which a static int8 layer stores as int32 in steps of ``input_scale * scale[n]``.
        With it and `input_scale` a scale is at least ``|bias[n]| / (input_scale * 2**24)``, so that the
        bias always fits beside the products, even where the weights are next to nothing.
    input_scale : float, optional
        The scale of the layer's input; expected with `bias`.

    Returns
    -------
    q : ndarray of int8, shape (K, N)
    scale : ndarray of float32, shape (N,)
        ``q * scale`` approximates the weights, each within half a step.

    Raises
    ------
    TypeError
        The weights are not numeric.
    ValueError
        They are not two-dimensional or not finite, or only one of bias and input_scale is given.

    Examples
    --------
    >>> q, scale = quantize_weights([[1.0, 0.5], [-0.5, 0.0]])
    >>> q
    array([[127, 127],
           [-64,   0]], dtype=int8)
    """
    where = (
        HOST
        if type(weights) in HOST_TYPES and type(bias) in HOST_TYPES
        else operands.common_device(weights=weights, bias=bias)
    )
    if where is not HOST:
        # Once a model, and most of it in double: not worth a kernel.
        integers, steps = quantize_weights(
            to_host(weights), None if bias is None else to_host(bias), input_scale
        )
        return where.upload(integers), where.upload(steps)
    w = operands.matrix("weights", weights, np.float32)
    if not np.isfinite(w).all():
        raise bad_value("weights", "finite numbers", "NaN or infinity")
    largest = np.abs(w).max(axis=0, initial=0.0)
    largest = np.where(largest > 0, largest, largest.max(initial=0.0) or _LARGEST_WEIGHT)
    # A smaller scale has no inverse in float32; such weights become zero.
    smallest = np.full(largest.shape, _SMALLEST_SCALE)
    if (bias is None) != (input_scale is None):
        raise bad_value("bias, input_scale", "both or neither", "one of them")
    if bias is not None and input_scale is not None:
        input_scale = number32("input_scale", input_scale, above=0)
        offsets = operands.vector("bias", bias, np.float32, w.shape[1])
        smallest = np.maximum(
            smallest, np.abs(offsets.astype(np.float64)) / (float(input_scale) * _BIAS_STEPS)
        )
    scale = np.maximum(largest / np.float64(_LARGEST_WEIGHT), smallest).astype(np.float32)
    steps = np.rint(w.astype(np.float64) / scale)
    return np.clip(steps, -_LARGEST_WEIGHT, _LARGEST_WEIGHT).astype(np.int8), scale


def min_max(x: npt.ArrayLike) -> tuple[float, float]:
    """Return the smallest and the largest number of an array, not counting NaN.

    Parameters
    ----------
    x : array_like of float32, any shape

    Returns
    -------
    low, high : float
        ``(inf, -inf)`` where there is no number.

    Raises
    ------
    TypeError
        x is not numeric.

    Examples
    --------
    >>> min_max([3.0, -1.0, 2.0])
    (-1.0, 3.0)
    """
    where = HOST if type(x) in HOST_TYPES else operands.common_device(x=x)
    low, high = where.native.min_max(operands.contiguous("x", x, np.float32, None, where))
    return low, high
