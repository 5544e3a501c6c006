"""What is measured and what is aimed at: rows, their targets, and what came out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from hotloop.benchmark.timing import Times

if TYPE_CHECKING:
    from hotloop.benchmark.context import Context

OURS = "hotloop"


@dataclass(frozen=True)
class Goal:
    """One target of a row; make it by `faster`, `of_peak` or `at_most`.

    Attributes
    ----------
    limit : float
        The ratio, share or figure to reach, or not to exceed.
    than : tuple of str
        The target is a ratio of times; of these sides, the fastest there counts.
    walls : tuple of str
        Limits of the machine that may forbid the ratio, sides too: `enough` of the one that is reached first
        will do instead. The share is shown beside the ratio.
    enough : float
    peak : str
        The target is a share of this limit of the machine, which is a side too.
    figure : str
        The target is not to exceed `limit` in this figure of the measurement.
    """

    limit: float
    than: tuple[str, ...] = ()
    walls: tuple[str, ...] = ()
    enough: float = 0.85
    peak: str = ""
    figure: str = ""


def faster(than: tuple[str, ...], times: float, walls: tuple[str, ...] = (), enough: float = 0.85) -> Goal:
    """At least `times` as fast as the fastest of these sides, or `enough` of what the machine can do."""
    return Goal(times, than=than, walls=walls, enough=enough)


def of_peak(peak: str, share: float) -> Goal:
    """At least this share of the measured peak."""
    return Goal(share, peak=peak)


def at_most(figure: str, limit: float) -> Goal:
    """The figure stays within the limit."""
    return Goal(limit, figure=figure)


@dataclass
class Measured:
    """What one row's measurement brought.

    Attributes
    ----------
    unit : str
        "GFLOP/s", "GOP/s" or "GB/s": `work` divided by the seconds of a call, in billions. "us": microseconds
        of a call divided by `work` (steps a call).
    work : float
    times : dict of str to Times
        By side, hotloop first.
    limits : list of str
        Which of the sides are not peers but what the machine can do at most; the highest comes last.
    figures : dict of str to float
        What is no time: accuracies, drops, the machine's peaks.
    points : list of (float, float)
        A curve that belongs to the row, such as FLOP/s by width.
    missing : list of str
        Peers that could not run, with the reason.
    """

    unit: str = "us"
    work: float = 1.0
    times: dict[str, Times] = field(default_factory=dict)
    limits: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    points: list[tuple[float, float]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def show(self, side: str = OURS) -> float:
        """Return a side's median in `unit`."""
        seconds = self.times[side].median
        return 1e6 * seconds / self.work if self.unit == "us" else self.work / seconds / 1e9

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        sides = {
            side: {
                "median_s": times.median,
                "min_s": times.fastest,
                "max_s": times.slowest,
                "rounds_s": list(times.rounds),
                "value": self.show(side),
            }
            for side, times in self.times.items()
        }
        return {
            "unit": self.unit,
            "work": self.work,
            "sides": sides,
            "limits": self.limits,
            "figures": self.figures,
            "points": self.points,
            "missing": self.missing,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Measured:
        """Rebuild from what :meth:`to_json` returned."""
        times = {side: Times(tuple(value["rounds_s"])) for side, value in values["sides"].items()}
        kept = {name: values[name] for name in ("unit", "work", "limits", "figures", "missing")}
        return cls(times=times, points=[(x, y) for x, y in values["points"]], **kept)


@dataclass(frozen=True)
class Row:
    """One case of a group.

    Attributes
    ----------
    group, name : str
    measure : callable
        Given a Context, checks and times the sides.
    goals : tuple of Goal
    threads : int or None
        What every side gets; None for as many as the command was asked for.
    short : bool
        Whether plain ``hotloop bench`` shows it.
    quick : bool
        Whether a quick run has it, unless it is asked for by name.
    """

    group: str
    name: str
    measure: Callable[[Context], Measured]
    goals: tuple[Goal, ...] = ()
    threads: int | None = None
    short: bool = False
    quick: bool = True

    @property
    def key(self) -> str:
        return f"{self.group}/{self.name}"


@dataclass(frozen=True)
class Verdict:
    """One target beside what was measured.

    Attributes
    ----------
    target, measured, against : str
        As people read them.
    value : float or None
        The ratio, share or figure; None where nothing could be measured.
    met : bool or None
        None where nothing could be measured, or a peer that is not there would have to decide.
    """

    target: str
    measured: str
    against: str
    value: float | None
    met: bool | None


def judge(goal: Goal, result: Measured) -> Verdict:
    """Compare a measurement with one target.

    Examples
    --------
    >>> result = Measured("us", 1.0, {"hotloop": Times((1e-6,)), "NumPy": Times((3e-6,))})
    >>> judge(faster(("NumPy",), 2.5), result)
    Verdict(target='2.5x', measured='3.00x', against='NumPy 3.00 us', value=3.0, met=True)
    >>> judge(faster(("NumPy", "MKL"), 2.5), result)
    Verdict(target='2.5x', measured='3.00x', against='NumPy 3.00 us (no MKL)', value=3.0, met=None)
    >>> result.times["FMA peak"] = Times((0.9e-6,))
    >>> judge(faster(("NumPy",), 3.5, walls=("FMA peak",)), result).against
    'NumPy 3.00 us; 90% of FMA peak'
    """
    if goal.than:
        target = f"{goal.limit:g}x"
        there = [side for side in goal.than if side in result.times]
        if not there or OURS not in result.times:
            return Verdict(target, "-", f"no {' or '.join(goal.than)}", None, None)
        best = min(there, key=lambda side: result.times[side].median)
        value = result.times[OURS].times_faster_than(result.times[best])
        against = f"{best} {amount(result.show(best), result.unit)}"
        met: bool | None = value >= goal.limit
        if absent := [side for side in goal.than if side not in there]:
            against += f" (no {', '.join(absent)})"
            met = None if met else met  # One that is absent might be faster.
        if nearest := nearest_wall(goal, result):
            wall, share = nearest
            against += f"; {share:.0%} of {wall}"
            met = True if share >= goal.enough else met
        return Verdict(target, f"{value:.2f}x", against, value, met)
    if goal.peak:
        target = f"{goal.limit:.0%} of {goal.peak}"
        if goal.peak not in result.times or OURS not in result.times:
            return Verdict(target, "-", f"no {goal.peak}", None, None)
        share = result.times[OURS].times_faster_than(result.times[goal.peak])
        against = f"{goal.peak} {amount(result.show(goal.peak), result.unit)}"
        return Verdict(target, f"{share:.1%}", against, share, share >= goal.limit)
    target = f"at most {goal.limit:g}"
    if goal.figure not in result.figures:
        return Verdict(target, "-", "not measured", None, None)
    figure = result.figures[goal.figure]
    own = f"{goal.figure}: "  # What begins so says more about this figure, where there are several.
    more = {name: value for name, value in result.figures.items() if name != goal.figure}
    if any(name.startswith(own) for name in more):
        more = {name.removeprefix(own): value for name, value in more.items() if name.startswith(own)}
    others = [f"{name} {value:.4g}" for name, value in more.items()]
    against = goal.figure + (f" ({', '.join(others)})" if 0 < len(others) < 3 else "")
    return Verdict(target, f"{figure:.3g}", against, figure, figure <= goal.limit)


def nearest_wall(goal: Goal, result: Measured) -> tuple[str, float] | None:
    """The goal's limit of the machine that leaves the least room, and which share of it was reached.

    Examples
    --------
    >>> result = Measured("us", 1.0, {"hotloop": Times((4.0,)), "peak": Times((3.0,)), "read": Times((1.0,))})
    >>> nearest_wall(faster((), 2.0, walls=("peak", "read", "tiles")), result)
    ('peak', 0.75)
    """
    shares = {
        wall: result.times[OURS].times_faster_than(result.times[wall])
        for wall in goal.walls
        if wall in result.times
    }
    return max(shares.items(), key=lambda item: item[1]) if shares else None


def amount(value: float, unit: str) -> str:
    """Write a figure with three or four digits that count.

    Examples
    --------
    >>> amount(3.14159, "us"), amount(12345.6, "us"), amount(162.34, "GFLOP/s")
    ('3.14 us', '12,346 us', '162.3 GFLOP/s')
    """
    digits = 2 if value < 10 else 1 if value < 1000 else 0
    return f"{value:,.{digits}f} {unit}"


@dataclass
class Outcome:
    """A row and what became of it."""

    row: Row
    threads: int
    measured: Measured | None = None
    problem: str = ""
    wrong: bool = False
    seconds: float = 0.0
    verdicts: list[Verdict] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        return {
            "group": self.row.group,
            "name": self.row.name,
            "threads": self.threads,
            "problem": self.problem,
            "sides_disagree": self.wrong,
            "seconds": self.seconds,
            "goals": [asdict(verdict) for verdict in self.verdicts],
            **(Measured() if self.measured is None else self.measured).to_json(),
        }
