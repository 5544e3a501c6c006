"""Arrays of either device, and from one to the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from hotloop.device.choice import backend, gpu
from hotloop.device.host import HOST, Host, on_gpu

_CUDA_DLPACK = 2  # the type of device that DLPack gives CUDA's memory


def adopt(value: Any) -> Any:
    """Return what another library keeps on a GPU as CuPy's array of the same memory; anything else as it is.

    Known are arrays with ``__cuda_array_interface__``, and DLPack's.
    """
    given = type(value)
    if given is np.ndarray or given in (list, tuple, float, int) or value is None or on_gpu(value):
        return value
    if hasattr(value, "__cuda_array_interface__"):
        return gpu().adopt(value)
    if not hasattr(value, "__array_interface__") and hasattr(value, "__dlpack_device__"):
        kind = int(value.__dlpack_device__()[0])
        if kind == _CUDA_DLPACK:
            return gpu().adopt(value)
        if not hasattr(value, "__array__"):
            return np.from_dlpack(value)
    return value


def backend_of(value: Any) -> Host:
    """The device that an array lies on."""
    return backend("cuda") if on_gpu(value) else HOST


def to_host(value: Any) -> Any:
    """Return a NumPy array with the numbers of an array of either kind; NumPy's own is no copy."""
    if type(value) is np.ndarray:
        return value
    value = adopt(value)
    return gpu().download(value) if on_gpu(value) else np.asarray(value)


def write(target: Any, value: Any) -> None:
    """Overwrite an array of either kind with numbers from either."""
    if on_gpu(target):
        target[...] = gpu().upload(adopt(value)).astype(target.dtype, copy=False)
    else:
        target[...] = to_host(value)


def is_aligned(array: Any) -> bool:
    """Whether elements begin at multiples of their size."""
    if on_gpu(array):
        return bool(array.size == 0 or array.data.ptr % array.dtype.itemsize == 0)
    return bool(array.flags.aligned)


def allocate(size: int) -> Any:
    """Take ``size`` bytes from CuPy's pool, for the native half: an object with their address as ``ptr``.

    Raises
    ------
    MemoryError
        When there is not so much, saying what is free.
    """
    return gpu().allocate(size)
