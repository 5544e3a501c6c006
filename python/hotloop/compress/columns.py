"""What each column of a stream of rows spans, in memory that does not grow with the stream."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hotloop.compress.samples import RowSample
from hotloop.compress.tails import ColumnHistogram

Doubles = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

SEARCHED_NUMBERS = 1 << 17  # of them, in which ranges with the least error are looked for
_SHRINK = np.exp2(-np.arange(33) / 8)  # parts of a column's range that may be the best one
_RARE = 0.01  # the share of a sample at either end that says nothing about a column's usual mean
_CORE = 0.025  # the share of a sample at either end that says nothing about a column's usual spread


class ColumnObserver:
    """Watches chunks of rows.

    Parameters
    ----------
    columns : int
        Values with more features than that are taken as several rows.
    calibration : {"minmax", "percentile", "mse"}
        How :meth:`ranges` are chosen: all that was seen; what is left when the rarest numbers are cut from
        all columns together, each column's measured by its usual spread; the range with the least mean
        squared error in the sample.
    percentile : float
        In (50, 100]: for "percentile".

    Attributes
    ----------
    low, high, variance : float64 array of shape (columns,)
        Of all rows.
    """

    def __init__(self, columns: int, calibration: str = "minmax", percentile: float = 99.99) -> None:
        self.columns = columns
        self._calibration, self._percentile = calibration, percentile
        self._histogram = ColumnHistogram(columns) if calibration == "percentile" else None
        self.low = np.full(columns, np.inf)
        self.high = np.full(columns, -np.inf)
        self._rows = 0
        self._origin: Float32 | None = None  # sums are taken from here, so that they don't cancel
        self._sum = np.zeros(columns)
        self._squares = np.zeros(columns)
        self._sample = RowSample(columns)

    def update(self, values: Float32) -> None:
        """Take in one chunk: (rows, features), finite, at least one row."""
        rows = values.reshape(-1, self.columns)
        self.low = np.minimum(self.low, rows.min(axis=0))
        self.high = np.maximum(self.high, rows.max(axis=0))
        if self._origin is None:
            self._origin = rows[0].copy()
        difference = rows.astype(np.float64) - self._origin
        self._sum += difference.sum(axis=0)
        self._squares += np.einsum("rc,rc->c", difference, difference)
        self._sample.update(rows)
        if self._histogram is not None:
            self._histogram.update(rows)
        self._rows += len(rows)

    def usual_mean(self) -> Doubles:
        """The mean of each column, the rarest numbers brought to where they begin: one may outweigh all."""
        bottom, top = np.quantile(self.sample, [_RARE, 1 - _RARE], axis=0)
        return np.asarray(np.clip(self.sample.astype(np.float64), bottom, top).mean(axis=0))

    @property
    def variance(self) -> Doubles:
        """The mean square of what differs from the mean."""
        rows = max(self._rows, 1)
        return np.asarray(np.maximum(self._squares / rows - (self._sum / rows) ** 2, 0.0))

    @property
    def sample(self) -> Float32:
        """Some rows, evenly spread over the stream."""
        return self._sample.rows

    def ranges(self) -> tuple[Doubles, Doubles]:
        """The (low, high) that each column's grid should cover."""
        if self._calibration == "minmax" or not self._rows:
            return self.low.copy(), self.high.copy()
        if self._histogram is not None:
            return self._all_but_the_rarest(self._histogram, self._percentile / 100)
        sample = self.sample.astype(np.float64)
        return self._least_error(sample[:: 1 + sample.size // SEARCHED_NUMBERS])

    def _all_but_the_rarest(self, histogram: ColumnHistogram, share: float) -> tuple[Doubles, Doubles]:
        bottom, middle, top = np.quantile(self.sample.astype(np.float64), [_CORE, 0.5, 1 - _CORE], axis=0)
        reach = np.where(top > bottom, (top - bottom) / 2, np.inf)  # of mostly equal numbers nothing is cut
        bounded = np.isfinite(reach)
        low, high = self.low.copy(), self.high.copy()
        if not bounded.any():
            return low, high
        least, most = (histogram.quantile(q, low, high, middle, reach) for q in (1 - share, share))
        low[bounded] = np.maximum(low[bounded], (middle + least * reach)[bounded])
        high[bounded] = np.minimum(high[bounded], (middle + most * reach)[bounded])
        return low, high

    def _least_error(self, sample: Doubles) -> tuple[Doubles, Doubles]:
        middle = np.median(sample, axis=0)
        best_low, best_high = self.low.copy(), self.high.copy()
        for _ in range(2):  # the two ends by turns; ties go to the wider range
            for end, whole in ((best_high, self.high), (best_low, self.low)):
                least, chosen = np.full(self.columns, np.inf), end.copy()
                for part in _SHRINK:
                    tried = middle + (whole - middle) * part
                    low, high = (best_low, tried) if end is best_high else (tried, best_high)
                    error = _grid_error(sample, low, high)
                    better = error < least
                    least[better] = error[better]
                    chosen[better] = tried[better]
                end[...] = chosen
        return best_low, best_high


def _grid_error(sample: Doubles, low: Doubles, high: Doubles) -> Doubles:
    """The mean squared error of 256 steps from low to high, of each column."""
    scale = np.maximum(high - low, 1e-300) / 255
    steps = np.clip(np.rint((sample - low) / scale), 0, 255)
    return np.asarray(np.mean((steps * scale + low - sample) ** 2, axis=0))
