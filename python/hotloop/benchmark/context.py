"""What a row's measurement may use: the number of threads, the pace, the peers, the machine's limits."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from hotloop import _native
from hotloop.benchmark.timing import FULL, Pace, Side, Times, take_turns
from hotloop.device.memory import aligned_empty


@dataclass
class Context:
    """Handed to every row.

    Attributes
    ----------
    threads : int
        What every side of the row gets.
    pace : Pace
    quick : bool
        Smaller work where its size does not matter to the ratio.
    missing : list of str
        Peers that :meth:`add` could not make in the present row.
    """

    threads: int = 1
    pace: Pace = FULL
    quick: bool = False
    missing: list[str] = field(default_factory=list)

    def add(self, sides: list[Any], name: str, make: Callable[[Any], Any]) -> None:
        """Append what `make` returns for a peer's module, or note why that peer is not there.

        Parameters
        ----------
        sides : list
            Appended to; what `make` returns may be one side or a list of them.
        name : str
            A module of ``hotloop.benchmark.peers``.
        make : callable
            Given the module.
        """
        try:
            made = make(importlib.import_module(f"hotloop.benchmark.peers.{name}"))
        except (ImportError, OSError) as error:  # OSError: a shared library of its own is missing
            self.missing.append(f"{name}: {error}")
            return
        sides.extend(made if isinstance(made, list) else [made])

    def time(self, sides: list[Side]) -> dict[str, Times]:
        """Let the sides take turns at this context's pace; with rests where they have threads that spin."""
        pace = self.pace
        if self.threads > 1:  # And long turns: threads take milliseconds to wake and to reach their clock.
            pace = replace(pace, rest=0.05, turn=max(pace.turn, FULL.turn))
        return take_turns(sides, pace)

    def arithmetic(self, name: str, kind: str, operations: float) -> Side:
        """The machine's limit as a side, since clocks change from one second to the next.

        Parameters
        ----------
        name : str
        kind : str
            "float32", "int8", "bfloat16_dot", "bfloat16_tiles" or "int8_tiles".
        operations : float
            Of a call of the other sides; the side's time is what these take at the limit.
        """
        return self._limit(name, operations, lambda: _native.measure_peak(kind, self.threads, self.pace.turn))

    def stream(self, name: str, kind: str, size: float) -> Side:
        """The memory's limit as a side: the time of `size` bytes in a "copy" or "update"."""
        from hotloop.profiling.peaks import MEMORY_BYTES

        memory = aligned_empty(MEMORY_BYTES // 4, "float32")
        turn = self.pace.turn
        return self._limit(
            name, size, lambda: _native.measure_stream(kind, memory, MEMORY_BYTES, self.threads, turn)
        )

    def reading(self, name: str, size: int) -> Side:
        """A cache's limit as a side: the time to read `size` bytes again and again, from where they fit."""
        memory = aligned_empty(max(size, 4096 * self.threads) // 4, "float32")
        return self._limit(
            name,
            size,
            lambda: _native.measure_stream("read", memory, memory.nbytes, self.threads, self.pace.turn),
        )

    def _limit(self, name: str, work: float, rate: Callable[[], float]) -> Side:
        return Side(name, rate, time=lambda calls: calls * work / rate())
