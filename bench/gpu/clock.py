"""Timing on a GPU: sides in turns, by CUDA's events for kernels, by the wall clock for whole calls."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

Call = Callable[[], Any]
TURN, WARM = 0.03, 2


def by_events(cupy: Any) -> Callable[[Call, int], float]:
    """A clock that reads the GPU's own time between two points of the current stream."""
    if not hasattr(cupy.cuda, "get_elapsed_time"):
        return by_wall(cupy)
    start, stop = cupy.cuda.Event(), cupy.cuda.Event()

    def seconds(call: Call, calls: int) -> float:
        start.record()
        for _ in range(calls):
            call()
        stop.record()
        stop.synchronize()
        return float(cupy.cuda.get_elapsed_time(start, stop)) / 1e3 / calls

    return seconds


def by_wall(cupy: Any) -> Callable[[Call, int], float]:
    """A clock for what uses streams of its own, or the CPU: everything is waited for at both ends."""

    def seconds(call: Call, calls: int) -> float:
        cupy.cuda.Device().synchronize()
        begin = time.perf_counter()
        for _ in range(calls):
            call()
        cupy.cuda.Device().synchronize()
        return (time.perf_counter() - begin) / calls

    return seconds


def in_turns(
    sides: Mapping[str, Call],
    clock: Callable[[Call, int], float],
    budget: float,
    least: int = 5,
    most: int = 30,
) -> dict[str, list[float]]:
    """Seconds of a call, one figure a round; every round gives each side a turn, in an order that rotates.

    A turn is 30 milliseconds, or one call; a quarter of a turn goes before it untimed, so that clocks and
    caches are what the side makes them. `budget` is the seconds for all rounds; `least` rounds are run
    whatever they take.
    """
    calls, total = {}, 0.0
    for name, call in sides.items():
        for _ in range(WARM):
            call()
        one = max(clock(call, 1), 1e-7)
        if one < TURN:  # the first calls are slow
            one = max(clock(call, max(1, int(TURN / 4 / one))), 1e-7)
        calls[name] = max(1, math.ceil(TURN / one))
        total += one * (calls[name] + calls[name] // 4)
    rounds = min(most, max(least, int(budget / total)))
    taken: dict[str, list[float]] = {name: [] for name in sides}
    names = list(sides)
    for number in range(rounds):
        first = number % len(names)
        for name in [*names[first:], *names[:first]]:
            if calls[name] >= 4:
                clock(sides[name], calls[name] // 4)
            taken[name].append(clock(sides[name], calls[name]))
    return taken


def rotating(call: Callable[..., Any], sets: list[tuple[Any, ...]]) -> Call:
    """A call that takes the next set of operands each time, so that none is found in the GPU's cache."""
    state = [0]

    def run() -> Any:
        state[0] = (state[0] + 1) % len(sets)
        return call(*sets[state[0]])

    return run


def sets_needed(size: int, cache: int) -> int:
    """How many sets of operands of so many bytes it takes to be at twice the cache.

    >>> sets_needed(64 << 20, 50 << 20), sets_needed(1 << 30, 50 << 20)
    (2, 1)
    """
    return max(1, math.ceil(2 * cache / max(size, 1))) if size < 2 * cache else 1
