"""How often each column of a stream takes which values, in memory that does not grow with the stream."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

COUNTERS = 1 << 21  # of all columns together
MOST_BITS, FEWEST_BITS = 14, 10  # of a float32 number's 32: sign, exponent, and what is left of the mantissa


class ColumnHistogram:
    """Counts values in bins of equal width on a logarithmic scale, about the middle of the first rows.

    With few columns a bin is at most 1/32 of its distance from there wide, with many at most 1/2; however far
    out a value lies, the others' bins stay.
    """

    def __init__(self, columns: int) -> None:
        bits = (COUNTERS // columns).bit_length() - 1
        self._shift = np.uint32(32 - max(FEWEST_BITS, min(MOST_BITS, bits)))
        self._middle: Float32 | None = None
        self._counts = np.zeros((columns, 1 << (32 - int(self._shift))), np.int64)

    def update(self, rows: Float32) -> None:
        """Take in rows (n, columns)."""
        if self._middle is None:
            self._middle = np.median(rows, axis=0).astype(np.float32)
        with np.errstate(over="ignore"):  # infinity has a bin like others
            bits = (rows - self._middle).view(np.uint32)
        # Negative numbers upside down, then all in the order of their values.
        ordered = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31)) >> self._shift
        columns, bins = self._counts.shape
        places = ordered.astype(np.int64) + bins * np.arange(columns)
        self._counts += np.bincount(places.reshape(-1), minlength=columns * bins).reshape(columns, bins)

    def quantile(self, share: float, low: Doubles, high: Doubles, middle: Doubles, reach: Doubles) -> float:
        """Below which that share lies of ``(value - middle) / reach``, of all columns together.

        Parameters
        ----------
        share : float
        low, high : float64 array of shape (columns,)
            The least and the largest value of each.
        middle, reach : float64 array of shape (columns,)
            Columns of infinite reach are left out.
        """
        column, place = np.nonzero(self._counts * np.isfinite(reach)[:, None])
        counts = self._counts[column, place]
        first = place.astype(np.uint32) << self._shift
        last = first | ((np.uint32(1) << self._shift) - np.uint32(1))
        bottom, top = (self._spread(ordered, column, low, high, middle, reach) for ordered in (first, last))
        order = np.argsort(bottom + top, kind="stable")
        below = np.cumsum(counts[order])
        rank = min(max(share * float(below[-1]), 0.5), float(below[-1]))
        at = int(np.searchsorted(below, rank, side="left"))
        entry = order[at]
        part = (rank - float(below[at] - counts[entry])) / float(counts[entry])
        return float(bottom[entry] + (top[entry] - bottom[entry]) * part)

    def _spread(
        self,
        ordered: npt.NDArray[np.uint32],
        column: npt.NDArray[np.intp],
        low: Doubles,
        high: Doubles,
        middle: Doubles,
        reach: Doubles,
    ) -> Doubles:
        assert self._middle is not None
        bits = np.where(ordered >> 31, ordered ^ np.uint32(1 << 31), ~ordered)
        distance = np.nan_to_num(bits.view(np.float32).astype(np.float64), nan=np.inf, posinf=np.inf)
        distance = np.where(bits >> 31, -np.abs(distance), np.abs(distance))
        values = np.clip(self._middle[column] + distance, low[column], high[column])
        return np.asarray((values - middle[column]) / reach[column])
