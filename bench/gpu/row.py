"""One measured case: both sides, their ratio, the target."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

OURS = "hotloop"


@dataclass
class Row:
    """A case of a part.

    Attributes
    ----------
    part, name : str
    unit : str
        Of `values`: "TFLOP/s", "TB/s", "us a step" and the like.
    values : dict of str to float
        By side, medians, hotloop first.
    ratio : float or None
        How many times as fast as the fastest of the others, or the share of a limit: the median over rounds,
        in each of which both sides had a turn.
    target : float or None
        What the ratio should be at least.
    spread : float
        Half of the middle half of hotloop's rounds, as a share of their median.
    note : str
        What else there is to know: a peer that is missing, a figure that is counted in another way.
    """

    part: str
    name: str
    unit: str
    values: dict[str, float] = field(default_factory=dict)
    ratio: float | None = None
    target: float | None = None
    spread: float = 0.0
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none, or nothing to compare with."""
        if self.target is None or self.ratio is None:
            return None
        return self.ratio >= self.target

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {**asdict(self), "met": self.met}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Row:
        """The inverse of :meth:`to_json`."""
        return cls(**{name: value for name, value in values.items() if name != "met"})


def spread_of(rounds: Sequence[float]) -> float:
    """Half of the middle half, as a share of the median.

    >>> round(spread_of([1.0, 1.1, 1.2, 1.3, 9.0]), 3)
    0.083
    """
    if len(rounds) < 4:
        return (max(rounds) - min(rounds)) / 2 / statistics.median(rounds)
    first, _, third = statistics.quantiles(rounds, n=4, method="inclusive")
    return (third - first) / 2 / statistics.median(rounds)


def compared(
    part: str,
    name: str,
    times: Mapping[str, Sequence[float]],
    work: Mapping[str, float],
    unit: str,
    target: float | None = None,
    note: str = "",
) -> Row:
    """Make a row of rates.

    Parameters
    ----------
    times : mapping of str to sequence of float
        Seconds of a call by side, a figure a round; hotloop's is compared with the fastest of the others.
    work : mapping of str to float
        What a call of each side does, in the unit times seconds: 1e-12 operations for "TFLOP/s".
    """
    rates = {side: [work[side] / seconds for seconds in rounds] for side, rounds in times.items()}
    values = {side: statistics.median(rounds) for side, rounds in rates.items()}
    others = [side for side in values if side != OURS]
    ratio = None
    if others and OURS in rates:
        best = max(others, key=lambda side: values[side])
        ratio = statistics.median(a / b for a, b in zip(rates[OURS], rates[best], strict=True))
    spread = spread_of(rates[OURS]) if OURS in rates else 0.0
    return Row(part, name, unit, values, ratio, target, spread, note)
