"""Where a model's time goes, beside what the machine could do: the profiler, and the machine's peaks.

Examples
--------
>>> from hotloop import profiling
>>> profiling.measure_peaks().float32_gflops > 0
True
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from hotloop.core.naming import public_names

if TYPE_CHECKING:
    from hotloop.profiling.peaks import MemoryLevel as MemoryLevel
    from hotloop.profiling.peaks import Peaks as Peaks
    from hotloop.profiling.peaks import measure_peaks as measure_peaks
    from hotloop.profiling.profile_rows import ProfileRow as ProfileRow
    from hotloop.profiling.profiler import profile as profile
    from hotloop.profiling.result import Profile as Profile

_NAMES = {
    "MemoryLevel": "peaks",
    "Peaks": "peaks",
    "Profile": "result",
    "ProfileRow": "profile_rows",
    "measure_peaks": "peaks",
    "profile": "profiler",
}

__all__ = ["MemoryLevel", "Peaks", "Profile", "ProfileRow", "measure_peaks", "profile"]


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return public_names(globals())
