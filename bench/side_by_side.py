"""Timing several implementations of one thing fairly: warmed up, in turns, medians."""

import statistics
import time
from collections.abc import Callable, Mapping


def in_turns(
    sides: Mapping[str, Callable[[], object]], rounds: int = 7, warm_up: int = 1
) -> dict[str, float]:
    """Median seconds of each side; every round runs each once, so that all see the same machine."""
    for run in sides.values():
        for _ in range(warm_up):
            run()
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}
