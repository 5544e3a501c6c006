"""What a device is to the rest of the package, a native half and arrays; and the CPU, which is one."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop import _native
from hotloop.device.memory import aligned_copy, aligned_zeros


def on_gpu(value: Any) -> bool:
    """Whether this is an array of CuPy's; nothing is imported to find out."""
    if type(value) is np.ndarray:
        return False
    cupy = sys.modules.get("cupy")
    return cupy is not None and isinstance(value, cupy.ndarray)


class Host:
    """The CPU: arrays are NumPy's, kernels and programs those of ``_native``."""

    name = "cpu"
    native: Any = _native

    def zeros(self, size: int) -> Any:
        """Return ``size`` float32 zeros."""
        return aligned_zeros(size)

    def empty(self, shape: Any, dtype: npt.DTypeLike = np.float32) -> Any:
        """Return an array without values."""
        return np.empty(shape, dtype)

    def upload(self, array: Any) -> Any:
        """Return an array of this device with the same numbers; one that lies here already is no copy."""
        if type(array) is np.ndarray:
            return array
        return array.get() if on_gpu(array) else np.asarray(array)

    def copy(self, array: Any) -> Any:
        """Return an aligned copy that lies here."""
        return aligned_copy(self.upload(array))

    def contiguous(self, array: Any) -> Any:
        """Return an array of this device C-contiguous and aligned; one that is both is no copy."""
        return np.require(array, requirements=["C", "A"])

    def may_share(self, a: Any, b: Any) -> bool:
        """Whether two of this device's arrays may overlap."""
        return bool(np.may_share_memory(a, b))

    def require(self) -> None:
        """Raise where this process can't use the device; the CPU is always there."""

    def synchronize(self) -> None:
        """Wait until all that was asked for has happened."""

    def __repr__(self) -> str:
        return f"<device {self.name!r}>"

    def __copy__(self) -> Host:
        return self

    def __deepcopy__(self, _: dict[int, Any]) -> Host:
        return self

    def __reduce__(self) -> Any:
        return _nowhere, ()


def _nowhere() -> None:
    """What a device is in a pickle, which may be read where there is no such one: nothing was said."""


HOST = Host()
