"""Timing several implementations of one thing fairly: the same machine for all, in turns, medians."""

from __future__ import annotations

import gc
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Pace:
    """How much time measuring may take.

    Attributes
    ----------
    turn : float
        Seconds a side runs at a time: one call, or as many as fit.
    budget : float
        Seconds for all turns of a row; long calls may exceed it, as there are `least` rounds.
    least, most : int
        Bounds on the number of rounds, in each of which every side has one turn.
    rest : float
        Seconds of nothing before a turn, for the threads of the side before to fall asleep: OpenBLAS's spin
        for 2^26 ticks of the clock after their work, 20 to 35 milliseconds.
    """

    turn: float = 0.02
    budget: float = 1.5
    least: int = 5
    most: int = 25
    rest: float = 0.0


FULL, QUICK = Pace(), Pace(turn=0.004, budget=0.1, least=2, most=7)


@dataclass(frozen=True)
class Side:
    """One implementation, ready to run.

    Attributes
    ----------
    name : str
    run : callable
        One call of what is compared.
    result : callable, optional
        Returns what the latest call computed, as an array; for the check before timing.
    time : callable, optional
        Given a number of calls, makes them and returns the seconds; for sides that live in another process.
    """

    name: str
    run: Callable[[], Any]
    result: Callable[[], Any] | None = None
    time: Callable[[int], float] | None = None

    def seconds(self, calls: int) -> float:
        """Run `calls` times; returns the seconds of one call."""
        if self.time is not None:
            return self.time(calls) / calls
        run = self.run
        start = time.perf_counter()
        for _ in itertools.repeat(None, calls):
            run()
        return (time.perf_counter() - start) / calls


@dataclass(frozen=True)
class Times:
    """Seconds of one call, one figure a round.

    Examples
    --------
    >>> times = Times((2.0, 1.0, 4.0))
    >>> times.median, times.fastest, times.slowest
    (2.0, 1.0, 4.0)
    """

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def fastest(self) -> float:
        return min(self.rounds)

    @property
    def slowest(self) -> float:
        return max(self.rounds)

    @property
    def spread(self) -> float:
        """Half of the middle half of the rounds, as a share of the median.

        Examples
        --------
        >>> Times((1.0, 1.1, 1.2, 1.3, 9.0)).spread.__round__(3)
        0.083
        """
        if len(self.rounds) < 4:
            return (self.slowest - self.fastest) / 2 / self.median
        first, _, third = statistics.quantiles(self.rounds, n=4, method="inclusive")
        return (third - first) / 2 / self.median

    def times_faster_than(self, other: Times) -> float:
        """How many times this one's time the other took: the median over rounds, as neighbours in time.

        Examples
        --------
        >>> Times((1.0, 2.0, 1.0)).times_faster_than(Times((3.0, 6.0, 2.0)))
        3.0
        """
        return statistics.median(b / a for a, b in zip(self.rounds, other.rounds, strict=True))


def take_turns(sides: Sequence[Side], pace: Pace = FULL) -> dict[str, Times]:
    """Time every side once a round, so that all see the same machine, warm and cold phases alike.

    A side's turn begins with calls that are not timed: they bring back the side's own caches and threads.

    Parameters
    ----------
    sides : sequence of Side
    pace : Pace

    Returns
    -------
    dict of str to Times
        By the sides' names.

    Examples
    --------
    >>> times = take_turns([Side("a", lambda: 1), Side("b", lambda: 2)], Pace(1e-5, 1e-4, 3, 3))
    >>> list(times), len(times["a"].rounds)
    (['a', 'b'], 3)
    """
    with _no_collection():
        calls, total = {}, 0.0
        for side in sides:
            time.sleep(pace.rest)
            side.seconds(1)
            one = max(side.seconds(1), 1e-8)
            if one < pace.turn:  # The first calls are slow; asking for more tells how long one really takes.
                one = max(side.seconds(max(1, int(pace.turn / 4 / one))), 1e-8)
            calls[side.name] = max(1, math.ceil(pace.turn / one))
            total += one * (calls[side.name] + calls[side.name] // 4) + pace.rest
        rounds = min(pace.most, max(pace.least, int(pace.budget / total)))
        taken: dict[str, list[float]] = {side.name: [] for side in sides}
        for number in range(rounds):
            first = number % len(sides)
            for side in [*sides[first:], *sides[:first]]:
                time.sleep(pace.rest)
                if settling := calls[side.name] // 4:
                    side.seconds(settling)
                taken[side.name].append(side.seconds(calls[side.name]))
    return {name: Times(tuple(rounds)) for name, rounds in taken.items()}


@contextmanager
def _no_collection() -> Iterator[None]:
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
