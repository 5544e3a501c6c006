"""What comes in as anything like an array, and where the result goes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop import activations, errors


def contiguous(what: str, value: Any, dtype: npt.DTypeLike, ndim: int | None = None) -> npt.NDArray[Any]:
    """Return ``value`` as a C-contiguous array of ``dtype``; what is one already is not copied.

    Real numbers of any dtype are rounded to float32 where that is asked for; an integer dtype must come as
    it is, or as Python integers that fit.

    Raises
    ------
    TypeError
        For another dtype.
    ValueError
        For another number of dimensions than ``ndim``, or integers that do not fit.
    """
    wanted = np.dtype(dtype)
    array = np.asarray(value)
    if array.dtype == wanted and array.ndim == (array.ndim if ndim is None else ndim):
        flags = array.flags
        if flags.c_contiguous and flags.aligned:
            return array
    if array.dtype != wanted:
        plain = wanted.kind in "iu" and array.dtype.kind in "iu" and not isinstance(value, np.ndarray)
        if (
            plain
            and array.size
            and not (np.iinfo(wanted).min <= array.min() and array.max() <= np.iinfo(wanted).max)
        ):
            raise errors.bad_value(what, f"integers that fit {wanted}", f"{array.min()} to {array.max()}")
        if not plain and (wanted != np.float32 or array.dtype.kind not in "biuf") and array.size:
            raise TypeError(
                f"{what}: expected {wanted} numbers, got an array of dtype {array.dtype}; convert it first"
            )
        array = array.astype(wanted)
    if ndim is not None and array.ndim != ndim:
        raise errors.bad_value(what, f"{ndim} dimensions", f"an array of shape {array.shape}")
    if array.flags.c_contiguous and array.flags.aligned:
        return array
    return np.require(array, requirements=["C", "A"])


def matrix(what: str, value: Any, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return ``value`` as :func:`contiguous` does, in two dimensions."""
    return contiguous(what, value, dtype, ndim=2)


def vector(
    what: str, value: Any, dtype: npt.DTypeLike, size: int, *, spread: bool = False
) -> npt.NDArray[Any]:
    """Return ``value`` as :func:`contiguous` does, in one dimension of ``size``.

    With ``spread`` a lone number stands for ``size`` of them.
    """
    array = contiguous(what, value, dtype)
    if spread and array.ndim == 0:
        return np.full(size, array)
    if array.shape != (size,):
        raise errors.bad_value(what, f"shape ({size},)", f"an array of shape {array.shape}")
    return array


def elementwise(activation: str | activations.Activation | None) -> activations.Activation:
    """Return the activation that a product applies as it stores its result.

    Raises
    ------
    ValueError
        When it is unknown, or works along a row (softmax and its kin).
    """
    kind = activations.get(activation)
    if kind.rowwise:
        raise errors.bad_value("activation", "an elementwise one", f"{kind.name!r}", "apply it to the result")
    return kind


def check_out(out: Any, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
    """Refuse what a result of this shape and dtype can't be written to.

    Raises
    ------
    TypeError
        ``out`` is no array of ``dtype``.
    ValueError
        It is read-only or has another shape.
    """
    wanted = np.dtype(dtype)
    if not isinstance(out, np.ndarray) or out.dtype != wanted:
        got = f"a {out.dtype} array" if isinstance(out, np.ndarray) else type(out).__name__
        raise TypeError(f"out: expected a {wanted} NumPy array, got {got}")
    if out.shape != shape:
        raise errors.bad_value("out", f"shape {shape}", f"an array of shape {out.shape}")
    if not out.flags.writeable:
        raise errors.bad_value("out", "a writable array", "a read-only one", "pass a copy")


def target(out: Any, shape: tuple[int, ...], dtype: npt.DTypeLike, *operands: Any) -> npt.NDArray[Any]:
    """Return the contiguous array that the kernel writes: ``out`` where it can be, else a fresh one.

    The errors are those of :func:`check_out`.
    """
    if out is None:
        return np.empty(shape, dtype)
    check_out(out, shape, dtype)
    given: npt.NDArray[Any] = out
    in_place = given.flags.c_contiguous and given.flags.aligned
    if not in_place or any(np.may_share_memory(given, operand) for operand in operands):
        return np.empty(shape, dtype)
    return given


def deliver(result: npt.NDArray[Any], out: Any) -> npt.NDArray[Any]:
    """Return ``out`` holding what :func:`target`'s array holds, or that array where there is no ``out``."""
    if out is None or out is result:
        return result
    out[...] = result
    given: npt.NDArray[Any] = out
    return given
