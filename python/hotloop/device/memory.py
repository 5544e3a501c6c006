"""Arrays that begin on a cache line: a vector that straddles two of them costs two loads."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

BYTES = 64  # malloc promises only 16


def aligned_empty(shape: int | tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return an array without values whose first byte is 64-byte aligned.

    Examples
    --------
    >>> aligned_empty((3, 5), "float32").ctypes.data % 64
    0
    """
    shape = (shape,) if isinstance(shape, int) else shape
    size = math.prod(shape) * np.dtype(dtype).itemsize
    raw = np.empty(size + BYTES, np.uint8)
    start = -raw.ctypes.data % BYTES
    return raw[start : start + size].view(dtype).reshape(shape)


def aligned_zeros(size: int) -> npt.NDArray[np.float32]:
    """Return ``size`` float32 zeros whose first byte is 64-byte aligned."""
    # From calloc, which takes a large array's pages as they are: zero, and untouched until they are used.
    raw = np.zeros(size * 4 + BYTES, np.uint8)
    start = -raw.ctypes.data % BYTES
    return raw[start : start + size * 4].view(np.float32)


def aligned_copy(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a C-contiguous copy whose first byte is 64-byte aligned."""
    copy = aligned_empty(array.shape, array.dtype)
    copy[...] = array
    return copy
