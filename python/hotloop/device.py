"""Where models and kernels run: the CPU, or an NVIDIA GPU."""

from __future__ import annotations

from typing import Any


def allocate(size: int) -> Any:
    """Take ``size`` bytes from CuPy's pool, for the native half: an object with their address as ``ptr``."""
    import cupy

    return cupy.cuda.alloc(size)
