"""The CUDA half for tests: on a GPU where there is one, else on the emulator where that was built.

HOTLOOP_CUDA_EMULATED names the folder with the emulated _cuda module (CONTRIBUTING.md says how to build it).
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

import pytest


def load() -> Any:
    """Return hotloop._cuda, or skip the test module."""
    emulated = os.environ.get("HOTLOOP_CUDA_EMULATED")
    if emulated:
        return _emulated(Path(emulated))
    try:
        cuda = importlib.import_module("hotloop._cuda")
    except ImportError:
        pytest.skip("this hotloop was built without CUDA", allow_module_level=True)
    try:
        cuda.require_device()
    except RuntimeError as error:
        pytest.skip(str(error), allow_module_level=True)
    return cuda


def _emulated(folder: Path) -> Any:
    name = "hotloop._cuda"
    if name not in sys.modules:
        stand_in = str(Path(__file__).parent / "emulator")
        if stand_in not in sys.path:
            sys.path.insert(0, stand_in)
        path = next(folder.glob("_cuda*.so"))
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        importlib.import_module("hotloop")._cuda = module
    return sys.modules[name]


def is_emulated() -> bool:
    return bool(os.environ.get("HOTLOOP_CUDA_EMULATED"))


def on_gpu(array: Any) -> Any:
    """A copy on the device, surrounded by nothing; None stays None."""
    import cupy

    return None if array is None else cupy.asarray(array)


def bits(array: Any) -> bytes:
    """The bytes of an array of either half, every NaN alike: which NaN it is depends on the hardware."""
    import numpy as np

    here = array if isinstance(array, np.ndarray) else array.get()
    return (
        here if here.dtype.kind != "f" else np.where(np.isnan(here), here.dtype.type("nan"), here)
    ).tobytes()
