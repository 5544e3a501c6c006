"""bfloat16, the upper half of a float32, as uint16: conversion, and products with weights kept in it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hotloop.core.errors import bad_value
from hotloop.device import HOST, adopt
from hotloop.device.memory import aligned_empty
from hotloop.ir.activation import ChosenActivation
from hotloop.kernels import operands
from hotloop.kernels.operands import HOST_TYPES

F32 = npt.NDArray[np.float32]
Bf16 = npt.NDArray[np.uint16]


def to_bf16(x: npt.ArrayLike, out: Bf16 | None = None) -> Bf16:
    """Round float32 to the nearest bfloat16, ties to even.

    Parameters
    ----------
    x : array_like of float32, any shape
    out : NumPy or CuPy array of uint16, optional
        Where to write, of x's shape; a C-contiguous one is written in place.

    Returns
    -------
    ndarray of uint16
        Of x's shape. What is too large is infinite; a NaN stays one.

    Raises
    ------
    TypeError
        x is not numeric, or out is no uint16 array.
    ValueError
        out has another shape.

    Examples
    --------
    >>> [hex(bits) for bits in to_bf16([1.0, -2.0, 1.00390625])]
    ['0x3f80', '0xc000', '0x3f80']
    """
    where = (
        HOST if type(x) in HOST_TYPES and type(out) in HOST_TYPES else operands.common_device(x=x, out=out)
    )
    values = operands.contiguous("x", x, np.float32, None, where)
    result = operands.target(out, values.shape, np.uint16, where, values)
    where.native.to_bf16(values, result)
    return operands.deliver(result, out)


def from_bf16(x: npt.ArrayLike, out: F32 | None = None) -> F32:
    """Widen bfloat16 to float32, exactly.

    Parameters
    ----------
    x : array_like of uint16, any shape
    out : NumPy or CuPy array of float32, optional
        Where to write, of x's shape; a C-contiguous one is written in place.

    Returns
    -------
    ndarray of float32
        Of x's shape.

    Raises
    ------
    TypeError
        x is not uint16, or out is no float32 array.
    ValueError
        out has another shape.

    Examples
    --------
    >>> from_bf16(to_bf16([1.0, -2.5]))
    array([ 1. , -2.5], dtype=float32)
    """
    where = (
        HOST if type(x) in HOST_TYPES and type(out) in HOST_TYPES else operands.common_device(x=x, out=out)
    )
    values = operands.contiguous("x", x, np.uint16, None, where)
    result = operands.target(out, values.shape, np.float32, where, values)
    where.native.from_bf16(values, result)
    return operands.deliver(result, out)


def gemm_bf16(
    a: npt.ArrayLike,
    weights: npt.ArrayLike,
    bias: npt.ArrayLike | None = None,
    activation: str | ChosenActivation | None = None,
    out: F32 | Bf16 | None = None,
) -> F32 | Bf16:
    """Return ``activation(a @ weights + bias)`` in float32, for weights in bfloat16.

    With a float32 ``a`` each element is one chain of float32 fused multiply-adds over ascending k that starts
    from its bias: the bits of ``gemm(a, from_bf16(weights), bias, activation)``, without widening the weights
    in memory; on a GPU too.

    With an ``a`` in bfloat16 too, products are exact and summed in float32 by the CPU's bfloat16 units (AMX
    tiles, or AVX-512 dot products where they are faster than float32's multiply-adds), or as above where it
    has none; on a GPU by its tensor cores. Bits then depend on the unit, though never on the number of
    threads or on the other rows and columns; numbers too small for a normal float32 count as zero on the CPU.

    Parameters
    ----------
    a : array_like of float32 or ndarray of uint16, shape (M, K)
    weights : array_like of uint16, shape (K, N)
        From :func:`to_bf16`, as an ``a`` of uint16.
    bias : array_like of float32, shape (N,), optional
    activation : str or Activation, optional
        An elementwise one, such as ``"relu"``.
    out : NumPy or CuPy array of float32, shape (M, N), optional
        Where to write; a C-contiguous one is written in place. With an ``a`` in bfloat16 it may be of uint16:
        the result is rounded to bfloat16 on its way there.

    Returns
    -------
    ndarray of float32, shape (M, N)
        Or ``out``.

    Raises
    ------
    TypeError
        An argument has another dtype.
    ValueError
        Shapes don't fit, or the activation is unknown or works along a row.

    Examples
    --------
    >>> weights = to_bf16([[1.0], [0.5]])
    >>> gemm_bf16([[1.0, 2.0]], weights, bias=[1.0])
    array([[3.]], dtype=float32)
    >>> gemm_bf16(to_bf16([[1.0, 2.0]]), weights)
    array([[2.]], dtype=float32)
    """
    where = (
        HOST
        if type(a) in HOST_TYPES
        and type(weights) in HOST_TYPES
        and type(bias) in HOST_TYPES
        and type(out) in HOST_TYPES
        else operands.common_device(a=a, weights=weights, bias=bias, out=out)
    )
    a = a if where is HOST else adopt(a)
    if where is HOST and isinstance(a, np.ndarray):
        a = operands.in_native_order(a)
    both = getattr(a, "dtype", None) == np.uint16
    left = operands.matrix("a", a, np.uint16 if both else np.float32, where)
    right = operands.matrix("weights", weights, np.uint16, where)
    if left.shape[1] != right.shape[0]:
        raise bad_value(
            "a", f"{right.shape[0]} columns, as many as the weights have rows", f"shape {left.shape}"
        )
    addend = None if bias is None else operands.vector("bias", bias, np.float32, right.shape[1], where=where)
    kind = operands.elementwise(activation)
    shape = (left.shape[0], right.shape[1])
    if out is None:
        result = aligned_empty(shape, np.float32) if where is HOST else where.empty(shape)
    else:
        dtype = np.uint16 if both and getattr(out, "dtype", None) == np.uint16 else np.float32
        result = operands.target(out, shape, dtype, where, left, right, addend)
    run = where.native.matmul_bf16 if both else where.native.gemm_bf16
    run(left, right, result, bias=addend, activation=kind.name, alpha=kind.alpha, beta=kind.beta)
    return operands.deliver(result, out)
