"""What comes in as anything like an array, on the CPU or a GPU, and where the result goes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop import device
from hotloop.core import errors
from hotloop.device import HOST, Host
from hotloop.ir.activation import ChosenActivation

# An operand of any other type may lie on a GPU. Kernels look here first: asking costs as much as a small one.
HOST_TYPES = frozenset({np.ndarray, type(None), list, tuple, int, float})


def common_device(**given: Any) -> Host:
    """Return the device that all operands are on; lists and numbers go wherever the arrays are.

    All other arrays are in the CPU's memory: NumPy's and its subclasses', and what has ``__array__``.

    Raises
    ------
    TypeError
        When some are on the GPU and some in the CPU's memory, naming one of each.
    """
    here = there = ""
    for what, value in given.items():
        if type(value) is np.ndarray:
            here = what
        elif type(value) not in HOST_TYPES:
            value = device.adopt(value)
            if device.on_gpu(value):
                there = what
            elif hasattr(value, "__array__") and not isinstance(value, np.generic):
                here = what
    if here and there:
        raise TypeError(
            f"{here}, {there}: expected arrays on one device, got {here} in the CPU's memory and {there} on "
            "a GPU; move one of them, with cupy.asarray or cupy.asnumpy"
        )
    return device.gpu() if there else HOST


def contiguous(
    what: str, value: Any, dtype: npt.DTypeLike, ndim: int | None = None, where: Host = HOST
) -> npt.NDArray[Any]:
    """Return ``value`` as a C-contiguous array of ``dtype`` on a device; what is one already is not copied.

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
    there = where is not HOST
    if there:
        value = device.adopt(value)
    array = value if there and device.on_gpu(value) else in_native_order(np.asarray(value))
    if not there and array.dtype == wanted and (ndim is None or array.ndim == ndim):
        flags = array.flags
        if flags.c_contiguous and flags.aligned:
            return array
    if array.dtype != wanted:
        is_array = isinstance(value, np.ndarray) or array is value
        plain = wanted.kind in "iu" and array.dtype.kind in "iu" and not is_array
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
    if not there and array.flags.c_contiguous and array.flags.aligned:
        return array
    made: npt.NDArray[Any] = where.contiguous(where.upload(array))
    return made


def in_native_order(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an array whose numbers have their bytes in this machine's order."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def matrix(what: str, value: Any, dtype: npt.DTypeLike, where: Host = HOST) -> npt.NDArray[Any]:
    """Return ``value`` as :func:`contiguous` does, in two dimensions."""
    return contiguous(what, value, dtype, 2, where)


def vector(
    what: str, value: Any, dtype: npt.DTypeLike, size: int, *, spread: bool = False, where: Host = HOST
) -> npt.NDArray[Any]:
    """Return ``value`` as :func:`contiguous` does, in one dimension of ``size``.

    With ``spread`` a lone number stands for ``size`` of them.
    """
    array = contiguous(what, value, dtype, None, where)
    if spread and array.ndim == 0:
        made: npt.NDArray[Any] = where.upload(np.full(size, device.to_host(array)))
        return made
    if array.shape != (size,):
        raise errors.bad_value(what, f"shape ({size},)", f"an array of shape {array.shape}")
    return array


def elementwise(activation: str | ChosenActivation | None) -> ChosenActivation:
    """Return the activation that a product applies as it stores its result.

    Raises
    ------
    ValueError
        When it is unknown, or works along a row (softmax and its kin).
    """
    kind = ChosenActivation.of(activation)
    if kind.rowwise:
        raise errors.bad_value("activation", "an elementwise one", f"{kind.name!r}", "apply it to the result")
    return kind


def require_array(what: str, value: Any, dtype: npt.DTypeLike, where: Host, mend: str = "") -> None:
    """Refuse to write to anything but an array of this dtype and device.

    Raises
    ------
    TypeError
        Saying what came.
    """
    if where is HOST and type(value) is np.ndarray and value.dtype == dtype:
        return
    wanted = np.dtype(dtype)
    is_array = device.on_gpu(value) if where is not HOST else isinstance(value, np.ndarray)
    if not is_array or value.dtype != wanted:
        got = f"a {value.dtype} array" if is_array else type(value).__name__
        kind = "NumPy" if where is HOST else "CuPy"
        raise TypeError(f"{what}: expected a {wanted} {kind} array, got {got}{mend and f'; {mend}'}")


def check_out(out: Any, shape: tuple[int, ...], dtype: npt.DTypeLike, where: Host = HOST) -> None:
    """Refuse what a result of this shape and dtype can't be written to.

    Raises
    ------
    TypeError
        ``out`` is no array of ``dtype`` on that device.
    ValueError
        It is read-only or has another shape.
    """
    require_array("out", out, dtype, where)
    if out.shape != shape:
        raise errors.bad_value("out", f"shape {shape}", f"an array of shape {out.shape}")
    if where is HOST and not out.flags.writeable:
        raise errors.bad_value("out", "a writable array", "a read-only one", "pass a copy")


def target(
    out: Any, shape: tuple[int, ...], dtype: npt.DTypeLike, where: Host, *operands: Any
) -> npt.NDArray[Any]:
    """Return the contiguous array that the kernel writes: ``out`` where it can be, else a fresh one.

    The errors are those of :func:`check_out`.
    """
    made: npt.NDArray[Any]
    if out is None:
        made = np.empty(shape, dtype) if where is HOST else where.empty(shape, dtype)
        return made
    check_out(out, shape, dtype, where)
    given: npt.NDArray[Any] = out
    if where is HOST:
        shares: Any = np.may_share_memory
        in_place = given.flags.c_contiguous and given.flags.aligned
    else:
        shares = where.may_share
        in_place = given.flags.c_contiguous and device.is_aligned(given)
    if not in_place or any(operand is not None and shares(given, operand) for operand in operands):
        made = where.empty(shape, dtype)
        return made
    return given


def deliver(result: npt.NDArray[Any], out: Any) -> npt.NDArray[Any]:
    """Return ``out`` holding what :func:`target`'s array holds, or that array where there is no ``out``."""
    if out is None or out is result:
        return result
    out[...] = result
    given: npt.NDArray[Any] = out
    return given
