"""The CUDA half, CuPy and arrays for measuring; with HOTLOOP_CUDA_EMULATED, the tests' emulator stands in."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent


def load() -> tuple[Any, Any]:
    """Return (hotloop._cuda, cupy), or raise what says why there is none."""
    if os.environ.get("HOTLOOP_CUDA_EMULATED"):
        if str(ROOT / "tests") not in sys.path:
            sys.path.append(str(ROOT / "tests"))
        import cuda_half

        cuda = cuda_half.load()
    else:
        from hotloop import _cuda as cuda

        cuda.require_device()
    import cupy

    return cuda, cupy


def load_torch() -> Any:
    """Return PyTorch where it is installed and sees a GPU, else None."""
    try:
        import torch
    except ImportError:
        return None
    return torch if torch.cuda.is_available() else None


def normal(cupy: Any, shape: tuple[int, ...], seed: int, scale: float = 1.0) -> Any:
    """Normally distributed float32 on the GPU: what zeros or equal numbers cost says nothing of real ones."""
    if hasattr(cupy, "random"):
        made = cupy.random.RandomState(seed).standard_normal(shape, dtype=np.float32)
        made *= np.float32(scale)
        return made
    return cupy.asarray((np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32))


def bfloat16(cuda: Any, cupy: Any, values: Any) -> Any:
    """The numbers rounded to bfloat16, as uint16."""
    rounded = cupy.empty(values.shape, np.uint16)
    cuda.to_bf16(values, rounded)
    return rounded


def torch_view(torch: Any, array: Any) -> Any:
    """PyTorch's tensor over a CuPy array's memory; uint16 is taken for bfloat16."""
    if array.dtype == np.uint16:
        return torch.as_tensor(array.view(np.int16), device="cuda").view(torch.bfloat16)
    return torch.as_tensor(array, device="cuda")


def cache_bytes(cupy: Any) -> int:
    """The size of the GPU's second-level cache."""
    try:
        return int(cupy.cuda.Device().attributes["L2CacheSize"])
    except (AttributeError, KeyError):
        return 50 << 20


class DisagreementError(AssertionError):
    """Two sides computed different things, so their times can't be compared."""


def require_close(name: str, ours: Any, expected: Any, tolerance: float) -> None:
    """Of host arrays: none may be further off than `tolerance` times the expected root mean square."""
    ours, expected = np.asarray(ours, np.float64), np.asarray(expected, np.float64)
    if ours.shape != expected.shape:
        raise DisagreementError(f"{name}: expected shape {expected.shape}, got {ours.shape}")
    size = float(np.sqrt(np.mean(np.square(expected)))) or 1.0
    error = float(np.abs(ours - expected).max()) / size if ours.size else 0.0
    if not error <= tolerance:  # False for NaN too
        raise DisagreementError(
            f"{name}: off by {error:.2g} of the root mean square, {tolerance:g} is allowed"
        )


def require_same_bits(name: str, ours: Any, expected: Any) -> None:
    """Of host arrays."""
    if ours.tobytes() != expected.tobytes():
        differ = int((ours.ravel() != expected.ravel()).sum())
        raise DisagreementError(f"{name}: {differ} of {ours.size} numbers are not the CPU's")
