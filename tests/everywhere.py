"""Runs a computation at every ISA level and several team sizes, and sees that the bits never change."""

from collections.abc import Callable, Sequence

import numpy as np

from hotloop import _native


def same_everywhere(compute: Callable[[], Sequence[np.ndarray]]) -> list[np.ndarray]:
    """Return what ``compute`` gives: the same bytes on all levels with 1, 2 and 3 threads, or it fails."""
    threads_before = _native.num_threads()
    first: list[np.ndarray] | None = None
    level_before = _native.isa_level()
    try:
        for level in _native.isa_levels():
            for threads in (1, 2, 3):
                _native.set_isa_level(level)
                _native.set_num_threads(threads)
                got = [np.array(a) for a in compute()]
                if first is None:
                    first = got
                for ours, theirs in zip(got, first, strict=True):
                    assert ours.tobytes() == theirs.tobytes(), f"{level} with {threads} threads differs"
    finally:
        _native.set_isa_level(level_before)
        _native.set_num_threads(threads_before)
    assert first is not None
    return first
