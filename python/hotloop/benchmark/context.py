"""What a row's measurement may use: the number of threads, the pace, the peers, the machine's limits."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hotloop.benchmark.timing import FULL, Pace, Side, Times, take_turns

if TYPE_CHECKING:
    from hotloop.profiling.peaks import Peaks


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
        except ImportError as error:
            self.missing.append(f"{name}: {error}")
            return
        sides.extend(made if isinstance(made, list) else [made])

    def time(self, sides: list[Side]) -> dict[str, Times]:
        """Let the sides take turns at this context's pace, with rests where they have threads that spin."""
        return take_turns(sides, replace(self.pace, rest=0.05 if self.threads > 1 else 0.0))

    def peaks(self) -> Peaks:
        """Measure the machine's limits at this number of threads."""
        from hotloop.profiling import measure_peaks

        return measure_peaks(self.threads, 0.05 if self.quick else 0.2, fresh=True)

    def time_beside_peaks(
        self, sides: list[Side]
    ) -> tuple[dict[str, Times], Callable[[Callable[[Peaks], float]], float]]:
        """Let the sides take turns, with the machine's limits measured just before and after.

        Clocks change from one second to the next, so what counts is the limit of the same moment.

        Returns
        -------
        times : dict of str to Times
        most : callable
            Given what to look at in a Peaks, returns the larger of its two values.
        """
        before, times, after = self.peaks(), self.time(sides), self.peaks()
        return times, lambda look: max(look(before), look(after))
