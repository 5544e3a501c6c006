"""As much of CuPy as hotloop uses, over the emulator's memory, which is the process's own. Only for tests."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

__version__ = "0 (emulated)"
float32, uint8, int8, int32, uint16 = np.float32, np.uint8, np.int8, np.int32, np.uint16


class ndarray:
    """An array "on the GPU": NumPy's is hidden, so that code which takes it for a host array fails."""

    _is_cupy_array = True
    __array_priority__ = 100

    def __init__(self, host: np.ndarray) -> None:
        self._host = host

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        described = self._host.__array_interface__
        contiguous = self._host.flags.c_contiguous
        return {
            "shape": described["shape"],
            "typestr": described["typestr"],
            "data": (described["data"][0] if self._host.size else 0, not self._host.flags.writeable),
            "strides": None if contiguous else self._host.strides,
            "stream": 1,
            "version": 3,
        }

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`.")

    shape = property(lambda self: self._host.shape)
    dtype = property(lambda self: self._host.dtype)
    ndim = property(lambda self: self._host.ndim)
    size = property(lambda self: self._host.size)
    nbytes = property(lambda self: self._host.nbytes)
    strides = property(lambda self: self._host.strides)
    flags = property(lambda self: self._host.flags)
    T = property(lambda self: ndarray(self._host.T))
    data = property(lambda self: SimpleNamespace(ptr=self._host.ctypes.data))
    device = property(lambda self: SimpleNamespace(id=0))

    def get(self, out: np.ndarray | None = None) -> np.ndarray:
        if out is None:
            return self._host.copy()
        out[...] = self._host
        return out

    def set(self, value: np.ndarray) -> None:
        self._host[...] = value

    def reshape(self, *shape: Any) -> ndarray:
        return ndarray(self._host.reshape(*shape))

    def ravel(self) -> ndarray:
        return ndarray(self._host.ravel())

    def view(self, dtype: Any) -> ndarray:
        return ndarray(self._host.view(dtype))

    def astype(self, dtype: Any, copy: bool = True) -> ndarray:
        return ndarray(self._host.astype(dtype, copy=copy))

    def copy(self) -> ndarray:
        return ndarray(self._host.copy())

    def fill(self, value: Any) -> None:
        self._host.fill(value)

    def __len__(self) -> int:
        return len(self._host)

    def __getitem__(self, index: Any) -> ndarray:
        return ndarray(self._host[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(value, np.ndarray) and value.ndim:
            raise TypeError("Unsupported type <class 'numpy.ndarray'>")
        self._host[index] = value._host if isinstance(value, ndarray) else value


def _plain(value: Any) -> Any:
    return value._host if isinstance(value, ndarray) else value


def empty(shape: Any, dtype: Any = np.float64) -> ndarray:
    array = np.empty(shape, dtype)
    array.reshape(-1).view(np.uint8)[...] = 0xCB  # what nobody wrote is no number
    return ndarray(array)


def zeros(shape: Any, dtype: Any = np.float64) -> ndarray:
    return ndarray(np.zeros(shape, dtype))


def asarray(value: Any, dtype: Any = None) -> ndarray:
    if isinstance(value, ndarray) and (dtype is None or value.dtype == dtype):
        return value
    return ndarray(np.array(_plain(value), dtype, copy=True, order="C"))


array = asarray


def ascontiguousarray(value: Any, dtype: Any = None) -> ndarray:
    return ndarray(np.ascontiguousarray(_plain(value), dtype))


def asnumpy(value: Any) -> np.ndarray:
    return value.get() if isinstance(value, ndarray) else np.asarray(value)


def from_dlpack(value: Any) -> ndarray:
    return ndarray(np.from_dlpack(value))


def may_share_memory(a: ndarray, b: ndarray) -> bool:
    return bool(np.may_share_memory(a._host, b._host))


class _OutOfMemoryError(MemoryError):
    pass


class _Block:
    def __init__(self, size: int) -> None:
        if size > cuda.most_bytes:
            raise _OutOfMemoryError(f"Out of memory allocating {size:,} bytes")
        raw = np.full(size + 512, 0xCB, np.uint8)
        start = -raw.ctypes.data % 512
        self._host = raw[start : start + size]
        self.ptr = self._host.ctypes.data


class _Stream:
    ptr = 1

    def synchronize(self) -> None:
        pass


class _Device:
    id = 0

    def __init__(self, number: int = 0) -> None:
        self.id = number

    mem_info = (1 << 32, 1 << 32)

    def __enter__(self) -> _Device:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def synchronize(self) -> None:
        pass


cuda = SimpleNamespace(
    alloc=_Block,
    memory=SimpleNamespace(OutOfMemoryError=_OutOfMemoryError),
    get_current_stream=_Stream,
    Stream=SimpleNamespace(null=_Stream()),
    Device=_Device,
    is_available=lambda: True,
    runtime=SimpleNamespace(getDevice=lambda: 0, memGetInfo=lambda: (1 << 32, 1 << 32)),
    most_bytes=1 << 32,
)
