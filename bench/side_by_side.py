"""Timing several implementations of one thing, as ``hotloop bench`` does it."""

from collections.abc import Callable, Mapping

from hotloop.benchmark.timing import Side, take_turns


def in_turns(sides: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Median seconds of one call of each side; every round runs each, so that all see the same machine."""
    times = take_turns([Side(name, run) for name, run in sides.items()])
    return {name: rounds.median for name, rounds in times.items()}
