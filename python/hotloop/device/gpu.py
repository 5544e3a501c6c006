"""An NVIDIA GPU as a device; its arrays are CuPy's, which is imported when one is first asked for."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.device.host import Host, on_gpu

NOT_BUILT = (
    "device 'cuda': this hotloop was built without CUDA; install it with  "
    "pip install '.[cuda13]' -C cmake.define.HOTLOOP_CUDA=ON  (needs nvcc)"
)


class Gpu(Host):
    """The GPU that is CuPy's current one; its stream is CuPy's current one too."""

    name = "cuda"

    def __init__(self) -> None:
        self.native, self.cupy = load()
        self._forked = False
        os.register_at_fork(after_in_child=self._mark_forked)

    def _mark_forked(self) -> None:
        self._forked = True

    def require(self) -> None:
        """Raise RuntimeError in a child of fork, where CUDA can't go on from what its parent began."""
        if self._forked:
            raise RuntimeError(
                "device 'cuda': this process is a child of fork, and its parent has used CUDA, which does "
                "not survive that; start processes with multiprocessing's 'spawn' or 'forkserver'"
            )

    def zeros(self, size: int) -> Any:
        return self._allocated(4 * size, lambda: self.cupy.zeros(size, np.float32))

    def empty(self, shape: Any, dtype: npt.DTypeLike = np.float32) -> Any:
        count = int(np.prod(shape, dtype=np.int64))
        return self._allocated(
            count * np.dtype(dtype).itemsize, lambda: self.cupy.empty(shape, np.dtype(dtype))
        )

    def upload(self, array: Any) -> Any:
        if on_gpu(array):
            self.require()
            return array
        array = np.asarray(array)
        return self._allocated(array.nbytes, lambda: self.cupy.asarray(array))

    def adopt(self, value: Any) -> Any:
        """Return what another library keeps on the GPU as CuPy's array of the same memory."""
        self.require()
        if hasattr(value, "__cuda_array_interface__"):
            return self.cupy.asarray(value)
        return self.cupy.from_dlpack(value)

    def download(self, array: Any) -> Any:
        """Return a NumPy array with the numbers of one of CuPy's; RuntimeError names the ops of a fault."""
        self.require()
        self.settle()
        return array.get()

    def copy(self, array: Any) -> Any:
        return self._allocated(array.nbytes, lambda: self.cupy.array(array))

    def contiguous(self, array: Any) -> Any:
        if not array.flags.c_contiguous:
            return self._allocated(array.nbytes, lambda: self.cupy.ascontiguousarray(array))
        if array.size and array.data.ptr % array.dtype.itemsize:
            return self.copy(array)
        return array

    def may_share(self, a: Any, b: Any) -> bool:
        return bool(self.cupy.may_share_memory(a, b))

    def synchronize(self) -> None:
        self.cupy.cuda.get_current_stream().synchronize()

    def settle(self) -> None:
        """Wait for this thread's kernels; a fault of theirs is a RuntimeError that names the ops.

        CuPy, which copies results to the CPU, would know of an error but not of whose.
        """
        self.native.synchronize()

    def allocate(self, size: int) -> Any:
        """Return a block of ``size`` bytes from CuPy's pool."""
        return self._allocated(size, lambda: self.cupy.cuda.alloc(size))

    def free_bytes(self) -> int:
        """What could be allocated now: the GPU's free memory, and what CuPy's pool holds unused."""
        free, _ = self.cupy.cuda.runtime.memGetInfo()
        return int(free) + int(self.cupy.get_default_memory_pool().free_bytes())

    def memory_error(self, needed: int, purpose: str = "") -> MemoryError:
        """Return the error that says how much memory there should be, and how much there is."""
        _, total = self.cupy.cuda.runtime.memGetInfo()
        return MemoryError(
            f"device 'cuda': out of memory{purpose and f' for {purpose}'}: {needed:,} bytes needed, "
            f"{self.free_bytes():,} free of {total:,}; use smaller batches, or free arrays and call "
            "cupy.get_default_memory_pool().free_all_blocks()"
        )

    def _allocated(self, size: int, make: Any) -> Any:
        self.require()
        try:
            return make()
        except self.cupy.cuda.memory.OutOfMemoryError:
            raise self.memory_error(size) from None


def load() -> tuple[Any, Any]:
    """The CUDA half and CuPy, or an error that says what lacks."""
    try:
        from hotloop import _cuda
    except ImportError as error:
        raise RuntimeError(NOT_BUILT if not is_built() else f"device 'cuda': {error}") from None
    _cuda.require_device()
    try:
        import cupy
    except ImportError:
        raise RuntimeError(
            "device 'cuda': its arrays are CuPy's, which is not installed: "
            "pip install cupy-cuda13x (the extra cuda13), or cupy-cuda12x (cuda12) for CUDA 12"
        ) from None
    return _cuda, cupy


def is_built() -> bool:
    from importlib.util import find_spec  # nothing else needs it, and it takes its time to import

    try:
        return find_spec("hotloop._cuda") is not None
    except ValueError:  # what stands for it among the modules was not found by the usual way
        return sys.modules["hotloop._cuda"] is not None


def cuda_text() -> str:
    """What a bug report says of CUDA. Imports the CUDA half where there is one, but not CuPy."""
    if not is_built():
        return "not built"
    from importlib.util import find_spec  # as above

    try:
        from hotloop import _cuda

        _cuda.require_device()
        info = _cuda.device_info()
    except (ImportError, RuntimeError) as error:
        return "built, no GPU: " + str(error).removeprefix("device 'cuda': ")
    major, minor = info["capability"]
    driver = info["driver"]
    text = (
        f"{info['name']}, compute capability {major}.{minor}, driver {driver // 1000}.{driver % 1000 // 10}"
    )
    return text if find_spec("cupy") else f"{text}; CuPy is not installed"
