"""As much of CuPy as hotloop uses, over the emulator's memory, which is the process's own. Only for tests.

Where CuPy refuses something (NumPy's arrays in kernels and assignments, conversion to NumPy without being
asked), so does this.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import math
import operator
import sys
import weakref
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

__version__ = "0 (emulated)"
float32, uint8, int8, int32, uint16 = np.float32, np.uint8, np.int8, np.int32, np.uint16
UNTOUCHED = 0xCB  # what nobody wrote is no number

_device = ctypes.CDLL(sys.modules["hotloop._cuda"].__file__)
_device.hotloop_device_allocate.restype = ctypes.c_void_p
_device.hotloop_device_allocate.argtypes = [ctypes.c_size_t]
_device.hotloop_device_free.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


@contextlib.contextmanager
def _visible() -> Iterator[None]:
    """The device's memory is there for the host; outside of this, touching it ends the process."""
    _device.hotloop_device_show(1)
    try:
        yield
    finally:
        _device.hotloop_device_show(0)


def _touches(function: Any) -> Any:
    @functools.wraps(function)
    def wrapped(*args: Any, **options: Any) -> Any:
        with _visible():
            return function(*args, **options)

    return wrapped


def _fresh(shape: Any, dtype: Any) -> np.ndarray:
    """NumPy's array of values nobody wrote, where CuPy's allocator would put it."""
    shape = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    size = math.prod(shape) * np.dtype(dtype).itemsize
    return _Block(size)._host.view(dtype).reshape(shape)


class ndarray:
    """An array "on the GPU": NumPy's is hidden, so that code which takes it for a host array fails."""

    _is_cupy_array = True
    __array_priority__ = 100
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, host: np.ndarray) -> None:
        self._host = host

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        described = self._host.__array_interface__
        contiguous = self._host.flags.c_contiguous
        return {
            "shape": described["shape"],
            "typestr": described["typestr"],
            "data": (described["data"][0] if self._host.size else 0, False),
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
    T = property(lambda self: ndarray(self._host.T))
    data = property(lambda self: SimpleNamespace(ptr=self._host.ctypes.data if self._host.size else 0))
    device = property(lambda self: _Device(0))

    @property
    def flags(self) -> SimpleNamespace:
        flags = self._host.flags
        return SimpleNamespace(c_contiguous=flags.c_contiguous, f_contiguous=flags.f_contiguous)

    @_touches
    def get(self, stream: Any = None, order: str = "C", out: np.ndarray | None = None) -> np.ndarray:
        if out is None:
            return self._host.copy(order)
        if out.dtype != self.dtype or out.shape != self.shape or not out.flags.c_contiguous:
            raise ValueError("out: expected the array's dtype and shape, contiguous")
        out[...] = self._host
        return out

    @_touches
    def set(self, value: np.ndarray, stream: Any = None) -> None:
        if not isinstance(value, np.ndarray) or value.dtype != self.dtype or value.shape != self.shape:
            raise TypeError("set: expected a NumPy array of this dtype and shape")
        if not (self._host.flags.c_contiguous and value.flags.c_contiguous):
            raise RuntimeError("set: expected contiguous arrays")
        self._host[...] = value

    @_touches
    def reshape(self, *shape: Any) -> ndarray:
        return ndarray(self._host.reshape(*shape))

    def transpose(self, *axes: Any) -> ndarray:
        return ndarray(self._host.transpose(*axes))

    @_touches
    def ravel(self) -> ndarray:
        return ndarray(self._host.ravel())

    def view(self, dtype: Any) -> ndarray:
        return ndarray(self._host.view(dtype))

    @_touches
    def astype(self, dtype: Any, order: str = "K", copy: bool = True) -> ndarray:
        if self.dtype == dtype and not copy:
            return self
        return array(ndarray(self._host.astype(dtype, order=order)))

    def copy(self) -> ndarray:
        return array(self)

    @_touches
    def fill(self, value: Any) -> None:
        self._host.fill(value)

    @_touches
    def item(self) -> Any:
        return self._host.item()

    def __len__(self) -> int:
        return len(self._host)

    @_touches
    def __getitem__(self, index: Any) -> ndarray:
        found = self._host[_plain(index)]
        return ndarray(np.asarray(found))

    @_touches
    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(value, np.ndarray) and value.ndim:
            raise TypeError("Unsupported type <class 'numpy.ndarray'>")
        self._host[_plain(index)] = _plain(value)

    @_touches
    def __bool__(self) -> bool:
        return bool(self._host)

    @_touches
    def __reduce__(self) -> Any:
        return asarray, (self._host,)


def _elementwise(name: str) -> Any:
    @_touches
    def method(self: ndarray, other: Any) -> ndarray:
        if isinstance(other, np.ndarray) and other.ndim:
            raise TypeError(f"Unsupported type {type(other)}")
        return ndarray(np.asarray(getattr(operator, name)(self._host, _plain(other))))

    return method


for _name in ("__add__", "__sub__", "__mul__", "__eq__", "__ne__", "__lt__"):
    setattr(ndarray, _name, _elementwise(_name))


def _plain(value: Any) -> Any:
    return value._host if isinstance(value, ndarray) else value


def empty(shape: Any, dtype: Any = np.float64) -> ndarray:
    return ndarray(_fresh(shape, dtype))


def zeros(shape: Any, dtype: Any = np.float64) -> ndarray:
    made = empty(shape, dtype)
    made.fill(0)
    return made


@_touches
def array(value: Any, dtype: Any = None) -> ndarray:
    host = _known(value)
    host = np.asarray(value) if host is None else host._host
    made = _fresh(host.shape, host.dtype if dtype is None else dtype)
    if host.flags.f_contiguous and not host.flags.c_contiguous:
        made = made.reshape(host.shape[::-1]).T
    made[...] = host
    return ndarray(made)


def asarray(value: Any, dtype: Any = None) -> ndarray:
    known = _known(value)
    if known is not None and (dtype is None or known.dtype == dtype):
        return known
    return array(value, dtype)


def _known(value: Any) -> ndarray | None:
    """CuPy's own arrays, and what shares its memory by the interface."""
    if isinstance(value, ndarray):
        return value
    if not hasattr(value, "__cuda_array_interface__"):
        return None
    described = value.__cuda_array_interface__
    dtype, shape = np.dtype(described["typestr"]), described["shape"]
    strides = described.get("strides") or np.empty(shape, dtype).strides
    extent = dtype.itemsize + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    memory = (ctypes.c_char * extent).from_address(described["data"][0])
    made = ndarray(np.ndarray(shape, dtype, memory, strides=strides))
    made._owner = value
    return made


@_touches
def ascontiguousarray(value: Any, dtype: Any = None) -> ndarray:
    known = asarray(value, dtype)
    return known if known.flags.c_contiguous else array(ndarray(np.ascontiguousarray(known._host)))


def asnumpy(value: Any) -> np.ndarray:
    return value.get() if isinstance(value, ndarray) else np.asarray(value)


@_touches
def take(value: ndarray, index: ndarray, axis: int | None = None) -> ndarray:
    return array(ndarray(np.take(value._host, index._host, axis=axis)))


@_touches
def from_dlpack(value: Any) -> ndarray:
    return ndarray(np.from_dlpack(value._on_host))


def may_share_memory(a: ndarray, b: ndarray) -> bool:
    return bool(np.may_share_memory(a._host, b._host))


class _OutOfMemoryError(MemoryError):
    pass


class _Block:
    def __init__(self, size: int) -> None:
        if size > cuda.most_bytes:
            raise _OutOfMemoryError(f"Out of memory allocating {size:,} bytes")
        self.ptr = _device.hotloop_device_allocate(size)
        memory = (ctypes.c_uint8 * size).from_address(self.ptr)
        weakref.finalize(memory, _device.hotloop_device_free, self.ptr, size)
        self._host = np.frombuffer(memory, np.uint8) if size else np.empty(0, np.uint8)
        with _visible():
            self._host.fill(UNTOUCHED)


class _Stream:
    """Everything that was asked for has happened when the call returns."""

    ptr = 1
    null: _Stream

    def __init__(self, null: bool = False, non_blocking: bool = False) -> None:
        pass

    def synchronize(self) -> None:
        pass

    def wait_event(self, event: _Event) -> None:
        if not event.recorded:
            raise RuntimeError("waits for an event that nobody recorded")

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *_: object) -> None:
        pass


_Stream.null = _Stream()


class _Event:
    recorded = False

    def record(self, stream: Any = None) -> None:
        self.recorded = True


class _Device:
    mem_info = (1 << 32, 1 << 32)

    def __init__(self, number: int = 0) -> None:
        self.id = number

    def __enter__(self) -> _Device:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def synchronize(self) -> None:
        pass


def get_default_memory_pool() -> Any:
    return SimpleNamespace(free_bytes=lambda: 0, free_all_blocks=lambda: None)


# Tests that want a small GPU set most_bytes: a single allocation may not be larger, and so much is free.
cuda = SimpleNamespace(
    alloc=_Block,
    alloc_pinned_memory=lambda size: memoryview(bytearray(size)),
    memory=SimpleNamespace(OutOfMemoryError=_OutOfMemoryError),
    get_current_stream=_Stream,
    Stream=_Stream,
    Event=_Event,
    Device=_Device,
    is_available=lambda: True,
    runtime=SimpleNamespace(getDevice=lambda: 0, memGetInfo=lambda: (cuda.most_bytes, 1 << 32)),
    most_bytes=1 << 32,
)
