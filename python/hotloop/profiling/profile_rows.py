"""What a profile found: one row an op, the totals, and the machine's limits beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hotloop.core.files import PathLike, replace_file
from hotloop.profiling.peaks import Peaks


@dataclass(frozen=True)
class ProfileRow:
    """One op of a step.

    Attributes
    ----------
    op : str
        What it computes. What the program does in one pass is one row: "dense relu + adam" is a backward pass
        that updates its weights as it goes, "softmax + ..." a loss that computes its activation too.
    layer : str
        The layer it comes from; empty for what serves the whole step.
    phase : str
        "gather" (rows into the batch), "forward", "loss", "backward" or "update".
    calls : int
        How often it was timed.
    microseconds : float
        Median, with the team's meeting at its end.
    share : float
        Part of the sum over all rows, 0 to 1.
    gflops : float
        10^9 operations a second. Those of matrix products, a multiply and an add being two; other ops count
        one for each element that they make, an optimizer 2 + 5 for each number of its state a parameter.
    gbytes : float
        10^9 bytes a second of compulsory traffic: each operand read once, each result written once.
    intensity : float
        Operations a byte.
    percent_of_roofline : float or None
        100 * max(operations / peak, bytes / bandwidth) / time. The peak is that of the op's arithmetic, the
        bandwidth that of the fastest memory level that holds the op's working set (all its operands). None
        where nothing is counted. A few operands left in a faster cache by the op before can lift it above
        100; operands that the other ops of a step have pushed out to a slower level show as distance from it.
    bound : str
        "compute" or "memory": which of the two limits is nearer.
    level : str
        The memory level whose bandwidth counted.
    arithmetic : str
        "float32", "bfloat16" or "int8".
    operations, bytes, working_set : float
        Counted, for one call.

    Examples
    --------
    >>> import numpy as np
    >>> import hotloop as hl
    >>> model = hl.Sequential([hl.layers.Dense(3, activation="relu", input_shape=(4,), name="first")])
    >>> row = hl.profile(model, np.ones((8, 4), "float32"), seconds=0.01).rows[0]
    >>> row.op, row.layer, row.phase, row.operations
    ('dense relu', 'first', 'forward', 192.0)
    """

    op: str
    layer: str
    phase: str
    calls: int
    microseconds: float
    share: float
    gflops: float
    gbytes: float
    intensity: float
    percent_of_roofline: float | None
    bound: str
    level: str
    arithmetic: str
    operations: float
    bytes: float
    working_set: float


@dataclass(frozen=True)
class StepFigures:
    """Where the time of a step goes, in numbers; :class:`~hotloop.profiling.Profile` says which."""

    name: str
    kind: str
    batch_size: int
    threads: int
    steps: int
    step_microseconds: float
    unprofiled_microseconds: float
    rows: tuple[ProfileRow, ...]
    peaks: Peaks

    @property
    def gflops(self) -> float:
        """10^9 operations a second over the whole step."""
        return sum(row.operations for row in self.rows) / self._sum / 1e3

    @property
    def gbytes(self) -> float:
        """10^9 bytes a second over the whole step."""
        return sum(row.bytes for row in self.rows) / self._sum / 1e3

    @property
    def percent_of_roofline(self) -> float:
        """The time that all ops would take at their rooflines, in percent of what they took."""
        least = sum(row.microseconds * (row.percent_of_roofline or 0.0) for row in self.rows)
        return least / self._sum

    @property
    def _sum(self) -> float:
        return sum(row.microseconds for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """All figures as JSON values."""
        return {
            **{key: value for key, value in vars(self).items() if key not in ("rows", "peaks")},
            "gflops": self.gflops,
            "gbytes": self.gbytes,
            "percent_of_roofline": self.percent_of_roofline,
            "rows": [asdict(row) for row in self.rows],
            "peaks": self.peaks.to_dict(),
        }

    def to_json(self, path: PathLike | None = None) -> str:
        """Return :meth:`to_dict` as JSON text, and write it to a file where a path is given.

        Raises
        ------
        OSError
            When the file can't be written.
        """
        text = json.dumps(self.to_dict(), indent=2)
        if path is not None:
            replace_file(path, text.encode() + b"\n")
        return text


def make_row(
    part: Mapping[str, Any],
    layer: str,
    op: str,
    calls: int,
    microseconds: float,
    total: float,
    peaks: Peaks,
) -> ProfileRow:
    """Put what a part counted and took beside the machine's limits."""
    operations, moved, working_set = part["operations"], part["bytes"], part["working_set"]
    level = peaks.level_for(working_set)
    compute = operations / peaks.roof(part["arithmetic"]) / 1e3  # microseconds at least
    memory = moved / level.best_gbs / 1e3
    least = max(compute, memory)
    return ProfileRow(
        op=op,
        layer=layer,
        phase=part["phase"],
        calls=calls,
        microseconds=microseconds,
        share=microseconds / total,
        gflops=operations / microseconds / 1e3,
        gbytes=moved / microseconds / 1e3,
        intensity=operations / moved if moved else 0.0,
        percent_of_roofline=100 * least / microseconds if least else None,
        bound="compute" if compute > memory else "memory",
        level=level.name,
        arithmetic=part["arithmetic"],
        operations=operations,
        bytes=moved,
        working_set=working_set,
    )
