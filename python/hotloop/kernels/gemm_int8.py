"""Products of uint8 activations and int8 weights, exact in int32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop import _native
from hotloop.core.errors import bad_value, integer, number32
from hotloop.device import HOST, Host, to_host
from hotloop.device.memory import aligned_empty
from hotloop.ir.activation import ChosenActivation
from hotloop.kernels import operands
from hotloop.kernels.operands import HOST_TYPES
from hotloop.kernels.quantize import F32, S8, S32, quantize_rows


@dataclass(frozen=True)
class PackedWeights:
    """int8 weights in the order in which the kernel reads them.

    Attributes
    ----------
    data : ndarray of int8, shape (ceil(N / 16), ceil(K / 4), 16, 4)
        ``data[n // 16, k // 4, n % 16, k % 4]`` is weight (k, n); what pads is zero. Aligned to 64 bytes.
    shape : tuple of int
        (K, N) of the weights.
    column_sums : ndarray of int32, shape (N,)
        The sum of each output channel's weights.

    Examples
    --------
    >>> pack_weights(np.array([[1, -2], [3, 4]], dtype=np.int8)).column_sums.tolist()
    [4, 2]
    """

    data: S8
    shape: tuple[int, int]
    column_sums: S32


def pack_weights(weights: npt.ArrayLike) -> PackedWeights:
    """Bring int8 weights into the kernel's order, once, ahead of many products.

    Parameters
    ----------
    weights : array_like of int8, shape (K, N)

    Returns
    -------
    PackedWeights

    Raises
    ------
    TypeError
        The weights are not int8.
    ValueError
        They are not two-dimensional.

    Examples
    --------
    >>> packed = pack_weights(np.ones((5, 3), dtype=np.int8))
    >>> packed.data.shape, packed.shape, packed.column_sums.tolist()
    ((1, 2, 16, 4), (5, 3), [5, 5, 5])
    """
    where = HOST if type(weights) in HOST_TYPES else operands.common_device(weights=weights)
    w = operands.matrix("weights", weights if where is HOST else to_host(weights), np.int8)
    depth, units = w.shape
    size = _native.packed_size_s8(depth, units)
    packed = aligned_empty(size, np.int8)
    sums = np.empty(units, np.int32)
    _native.pack_weights_s8(w, packed, sums)
    shape = (-1, (depth + 3) // 4, 16, 4) if size else (0, 0, 16, 4)
    return PackedWeights(where.upload(packed.reshape(shape)), (depth, units), where.upload(sums))


def _packed(weights: npt.ArrayLike, where: Host) -> PackedWeights:
    """Plain weights packed, on the device where the other operands are."""
    return pack_weights(operands.matrix("weights", weights, np.int8, where))


def gemm_int8(
    a: npt.ArrayLike,
    weights: PackedWeights | npt.ArrayLike,
    bias: npt.ArrayLike | None = None,
    scale: npt.ArrayLike | None = None,
    zero_point: int | None = None,
    *,
    a_zero_point: int = 0,
    activation: str | ChosenActivation | None = None,
    out_scale: float = 1.0,
    out: npt.NDArray[Any] | None = None,
) -> npt.NDArray[Any]:
    """Multiply uint8 activations by int8 weights, exactly, with what a layer does next fused in.

    With ``s = (a - a_zero_point) @ weights + bias`` in int32, which no product saturates or rounds, the
    result is

    - without `scale`: ``s``, int32;
    - with `scale`: ``activation(float(s) * scale)``, float32;
    - with `scale` and `zero_point`: ``clamp(round(activation(float(s) * scale) * (1 / out_scale)) +
      zero_point)``, uint8,

    where every float operation is one of IEEE float32 and the rounding is to nearest even.

    Parameters
    ----------
    a : array_like of uint8, shape (M, K)
        K at most 65536, so that a sum of products always fits.
    weights : PackedWeights, or array_like of int8 of shape (K, N)
        Plain weights are packed on each call.
    bias : array_like of int32, shape (N,), optional
        Sums with it wrap around if they leave int32.
    scale : array_like of float32, shape (N,) or (), optional
    zero_point : int, optional
        The output's, from 0 to 255.
    a_zero_point : int
        The input's, from 0 to 255. It costs nothing: its share of the sum is known from the weights.
    activation : str or Activation, optional
        An elementwise one, such as ``"relu"``; expects `scale`.
    out_scale : float
        The step of the output's bytes. For linear and relu it may as well be divided into `scale`.
    out : NumPy or CuPy array of int32, float32 or uint8, shape (M, N), optional
        Where to write, of the dtype said above; a C-contiguous one is written in place.

    Returns
    -------
    ndarray of int32, float32 or uint8, shape (M, N)

    Raises
    ------
    TypeError
        An argument has another dtype.
    ValueError
        Shapes don't fit, a zero point is out of range, or the activation is unknown or works along a row.

    Examples
    --------
    >>> a = np.array([[1, 2, 3]], dtype=np.uint8)
    >>> w = np.array([[1, -1], [2, 0], [3, 1]], dtype=np.int8)
    >>> gemm_int8(a, w)
    array([[14,  2]], dtype=int32)
    >>> gemm_int8(a, w, scale=[0.5, 0.5], zero_point=100)
    array([[107, 101]], dtype=uint8)
    """
    plain = weights.data if isinstance(weights, PackedWeights) else weights
    where = (
        HOST
        if type(a) in HOST_TYPES
        and type(plain) in HOST_TYPES
        and type(bias) in HOST_TYPES
        and type(scale) in HOST_TYPES
        and type(out) in HOST_TYPES
        else operands.common_device(a=a, weights=plain, bias=bias, scale=scale, out=out)
    )
    packed = weights if isinstance(weights, PackedWeights) else _packed(weights, where)
    left = operands.matrix("a", a, np.uint8, where)
    depth, units = packed.shape
    if left.shape[1] != depth:
        raise bad_value("a", f"{depth} columns, as many as the weights have rows", f"shape {left.shape}")
    if scale is None and (zero_point is not None or activation is not None):
        raise bad_value("scale", "one together with zero_point or activation", None)
    a_zero_point = integer("a_zero_point", a_zero_point, at_least=0, at_most=255)
    if zero_point is not None:
        zero_point = integer("zero_point", zero_point, at_least=0, at_most=255)
        out_scale = number32("out_scale", out_scale)
    inverse = 1.0
    if zero_point is not None and out_scale != 1.0:
        inverse = float(np.float32(1.0) / np.float32(out_scale)) if out_scale > 0 else 0.0
        if not 0.0 < inverse < np.inf:
            raise bad_value("out_scale", "a positive finite scale", out_scale)
    offsets = None if bias is None else operands.vector("bias", bias, np.int32, units, where=where)
    if a_zero_point:
        shift = packed.column_sums * np.int32(-a_zero_point)
        offsets = shift if offsets is None else offsets + shift
    scales = (
        None
        if scale is None
        else operands.vector("scale", scale, np.float32, units, spread=True, where=where)
    )
    dtype = np.int32 if scale is None else np.float32 if zero_point is None else np.uint8
    kind = operands.elementwise(activation)
    read = (left, packed.data, packed.column_sums, offsets, scales)
    result = operands.target(out, (left.shape[0], units), dtype, where, *read)
    where.native.gemm_int8(
        left,
        packed.data,
        units,
        result,
        bias=offsets,
        scale=scales,
        activation=kind.name,
        alpha=kind.alpha,
        beta=kind.beta,
        out_inverse_scale=inverse,
        out_zero_point=zero_point or 0,
    )
    return operands.deliver(result, out)


def gemm_int8_dynamic(
    x: npt.ArrayLike,
    weights: PackedWeights | npt.ArrayLike,
    scale: npt.ArrayLike,
    bias: npt.ArrayLike | None = None,
    *,
    activation: str | ChosenActivation | None = None,
    out: F32 | None = None,
) -> F32:
    """Multiply float32 rows, quantised on the fly by :func:`quantize_rows`, by int8 weights.

    ``activation(float(s) * (row_scale * scale) + bias)`` with ``s = (q - row_zero_point) @ weights`` exact
    in int32, and every float operation one of IEEE float32. A row's result depends on that row alone.

    Parameters
    ----------
    x : array_like of float32, shape (M, K)
        K at most 65536.
    weights : PackedWeights, or array_like of int8 of shape (K, N)
    scale : array_like of float32, shape (N,) or ()
        The weights'.
    bias : array_like of float32, shape (N,), optional
    activation : str or Activation, optional
        An elementwise one.
    out : NumPy or CuPy array of float32, shape (M, N), optional

    Returns
    -------
    ndarray of float32, shape (M, N)

    Raises
    ------
    TypeError
        An argument has another dtype.
    ValueError
        Shapes don't fit, or the activation is unknown or works along a row.

    Examples
    --------
    >>> w = np.array([[127], [64]], dtype=np.int8)
    >>> gemm_int8_dynamic([[255.0, 2.0]], w, scale=[0.5])
    array([[16256.5]], dtype=float32)
    """
    plain = weights.data if isinstance(weights, PackedWeights) else weights
    where = (
        HOST
        if type(x) in HOST_TYPES
        and type(plain) in HOST_TYPES
        and type(scale) in HOST_TYPES
        and type(bias) in HOST_TYPES
        and type(out) in HOST_TYPES
        else operands.common_device(x=x, weights=plain, scale=scale, bias=bias, out=out)
    )
    packed = weights if isinstance(weights, PackedWeights) else _packed(weights, where)
    depth, units = packed.shape
    rows = operands.matrix("x", x, np.float32, where)
    if rows.shape[1] != depth:
        raise bad_value("x", f"{depth} columns, as many as the weights have rows", f"shape {rows.shape}")
    q, row_scale, row_zero_point = quantize_rows(rows)
    kind = operands.elementwise(activation)
    scales = operands.vector("scale", scale, np.float32, units, spread=True, where=where)
    offsets = None if bias is None else operands.vector("bias", bias, np.float32, units, where=where)
    read = (packed.data, packed.column_sums, scales, offsets)
    result = operands.target(out, (rows.shape[0], units), np.float32, where, *read)
    where.native.gemm_int8(
        q,
        packed.data,
        units,
        result,
        scale=scales,
        row_scale=row_scale,
        row_zero_point=row_zero_point,
        column_sum=packed.column_sums,
        float_bias=offsets,
        activation=kind.name,
        alpha=kind.alpha,
        beta=kind.beta,
    )
    return operands.deliver(result, out)
