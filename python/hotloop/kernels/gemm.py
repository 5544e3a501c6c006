"""Matrix product of float32 matrices, with bias and activation in the same pass."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt

from hotloop import _native, device
from hotloop.core import errors
from hotloop.device import HOST, Host
from hotloop.ir.activation import ChosenActivation
from hotloop.kernels import operands
from hotloop.kernels.operands import HOST_TYPES

Floats = npt.NDArray[np.float32]


def as_float32(what: str, value: Any, where: Host = HOST) -> Floats:
    """Return ``value`` on a device as an aligned float32 array of any strides; one already is not copied.

    Booleans, integers and other real floats are rounded to the nearest float32.

    Raises
    ------
    TypeError
        For complex numbers, strings, objects, dates.
    """
    if where is HOST and type(value) is np.ndarray and value.dtype == np.float32 and value.flags.aligned:
        return value
    there = where is not HOST
    array = where.upload(device.adopt(value)) if there else np.asarray(value)
    if array.dtype != np.float32:
        if array.dtype.kind not in "biuf":
            mend = "convert it to float32 first"
            raise TypeError(f"{what}: expected real numbers, got an array of dtype {array.dtype}; {mend}")
        array = array.astype(np.float32)
    made: Floats = array if device.is_aligned(array) else array.copy()
    return made


def gemm(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    bias: npt.ArrayLike | None = None,
    activation: str | ChosenActivation | None = None,
    out: Floats | None = None,
) -> Floats:
    """Return ``activation(a @ b + bias)``.

    Each element is one chain of fused multiply-adds over ascending k that starts from its bias, so its bits
    do not depend on the number of threads, the instruction set or device, or the other rows and columns.

    Parameters
    ----------
    a : array_like, shape (m, k) or (k,)
        Any strides: transposed, reversed, sliced and read-only float32 arrays are read where they lie.
        Booleans, integers and other floats are rounded to float32 first. One dimension is meant as in
        :func:`numpy.matmul`.
    b : array_like, shape (k, n) or (k,)
        The same.
    bias : array_like, shape (n,), optional
        Added to every row.
    activation : str or Activation, optional
        An elementwise one, such as ``"relu"``.
    out : NumPy or CuPy array of float32, optional
        Where the result goes. Any strides; it may overlap ``a``, ``b`` and ``bias``. Contiguous rows that
        overlap nothing are written in place, everything else goes through a temporary array.

    Returns
    -------
    ndarray of float32, shape (m, n)
        ``out`` if it was given. An operand of one dimension leaves its dimension out.

    Raises
    ------
    ValueError
        When shapes do not fit together, ``out`` is read-only, or the activation is unknown or works along
        a row.
    TypeError
        When an operand is not made of real numbers, or ``out`` is not a float32 array.

    Examples
    --------
    >>> gemm([[1, 2], [3, 4]], [[1, 0], [0, -1]], bias=[0.5, 0.5], activation="relu")
    array([[1.5, 0. ],
           [3.5, 0. ]], dtype=float32)
    """
    quick = _native.gemm_quick(a, b, bias, activation, out)
    if quick is not None:
        return cast(Floats, quick)
    where = (
        HOST
        if type(a) in HOST_TYPES
        and type(b) in HOST_TYPES
        and type(bias) in HOST_TYPES
        and type(out) in HOST_TYPES
        else operands.common_device(a=a, b=b, bias=bias, out=out)
    )
    left, right = as_float32("a", a, where), as_float32("b", b, where)
    shape = left.shape[:-1] + right.shape[1:]
    if left.ndim != 2 or right.ndim != 2:
        left, right = _as_matrices(left, right)
    (m, k), (depth, n) = left.shape, right.shape
    if depth != k:
        got = f"{k} columns and {depth} rows"
        raise errors.bad_value("a @ b", "as many columns in a as rows in b", got)
    addend = None
    if bias is not None:
        addend = as_float32("bias", bias, where)
        if not addend.flags.c_contiguous:
            addend = where.contiguous(addend)
        if addend.shape != (n,):
            raise errors.bad_value("bias", f"shape ({n},)", f"an array of shape {addend.shape}")
    kind = operands.elementwise(activation)

    read = [left, right] if addend is None else [left, right, addend]
    view = None if out is None else _in_place(out, shape, (m, n), read, where)
    target = where.empty((m, n)) if view is None else view
    where.native.gemm(left, right, target, addend, kind.name, kind.alpha, kind.beta)
    if out is None:
        result: Floats = target if len(shape) == 2 else target.reshape(shape)[()]
        return result
    if view is None:
        out[...] = target.reshape(shape)
    return out


def _as_matrices(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Return both in two dimensions: a lone row for a, a lone column for b."""
    for what, operand in (("a", a), ("b", b)):
        if operand.ndim not in (1, 2):
            raise errors.bad_value(what, "1 or 2 dimensions", f"an array of shape {operand.shape}")
    return (a if a.ndim == 2 else a.reshape(1, -1)), (b if b.ndim == 2 else b.reshape(-1, 1))


def _in_place(
    out: Floats, shape: tuple[int, ...], matrix: tuple[int, int], read: list[Floats], where: Host
) -> Floats | None:
    """Return the m x n view of ``out`` that the kernel can write, or None where it takes a temporary one."""
    operands.check_out(out, shape, np.float32, where)
    if any(where.may_share(out, operand) for operand in read):
        return None
    if out.flags.c_contiguous and device.is_aligned(out):
        return out.reshape(matrix)
    view = out if out.ndim == 2 else out.reshape(matrix)  # Adding a dimension never copies.
    rows_apart = matrix[0] <= 1 or abs(view.strides[0]) >= 4 * matrix[1]
    rows_contiguous = matrix[1] <= 1 or view.strides[1] == 4
    return view if rows_apart and rows_contiguous and device.is_aligned(view) else None
