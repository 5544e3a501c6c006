"""What every part gets: the device, the clock, how much time is left, and where rows go."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpu import arrays, clock
from gpu.results import append_row
from gpu.row import Row


@dataclass
class Measuring:
    """One part's run.

    Attributes
    ----------
    part : str
    cuda, cupy : modules
    torch : module or None
        The peer.
    tiny : bool
        Small sizes and few rounds, to see that all of it runs; the figures mean nothing.
    until : float
        time.monotonic() at which the part should be done.
    out : Path
        Where rows go, a line each.
    """

    part: str
    cuda: Any
    cupy: Any
    torch: Any
    tiny: bool
    until: float
    out: Path
    failed: list[str] = field(default_factory=list)

    @classmethod
    def start(cls, part: str, tiny: bool, seconds: float, out: Path, peers: bool) -> Measuring:
        """Load the device, and the peer where it is wanted and there."""
        cuda, cupy = arrays.load()
        torch = arrays.load_torch() if peers else None
        return cls(part, cuda, cupy, torch, tiny, time.monotonic() + seconds, out)

    @property
    def left(self) -> float:
        """Seconds until this part should be done."""
        return self.until - time.monotonic()

    def times(
        self, sides: dict[str, clock.Call], budget: float = 1.5, wall: bool = False
    ) -> dict[str, list[float]]:
        """Seconds of a call by side, in turns, on the GPU's clock or the wall's."""
        read = (clock.by_wall if wall else clock.by_events)(self.cupy)
        if self.tiny:
            return clock.in_turns(sides, read, 0.0, least=2, most=2)
        return clock.in_turns(sides, read, budget)

    def run(self, name: str, case: Callable[[], Row | None], needs: float = 0.0) -> None:
        """Measure a case and write its row; what goes wrong becomes the row's note.

        Parameters
        ----------
        needs : float
            Seconds that the case takes at least: with less left it is skipped, and said so.
        """
        part = self.part
        if self.left < needs and not self.tiny:
            row: Row | None = Row(part, name, "", note=f"skipped: {self.left:.0f} s left, {needs:.0f} needed")
        else:
            try:
                row = case()
            except Exception as error:
                self.failed.append(name)
                row = Row(part, name, "", note=f"FAILED: {type(error).__name__}: {str(error)[:300]}")
        if row is not None:
            append_row(self.out, row.to_json())
        self._free()

    def _free(self) -> None:
        """Give back what the case held, to both libraries."""
        if hasattr(self.cupy, "get_default_memory_pool"):
            self.cupy.get_default_memory_pool().free_all_blocks()
        if self.torch is not None:
            self.torch.cuda.empty_cache()
