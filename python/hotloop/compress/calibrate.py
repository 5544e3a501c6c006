"""Observers: what range a stream of activations spans, in memory that does not grow with the stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hotloop import _native
from hotloop.core.errors import number, unknown_name

Float32 = npt.NDArray[np.float32]

LEVELS = 255  # steps between the smallest and the largest u8 value
SMALLEST_SCALE = 2.0**-60  # products of two scales stay normal float32 numbers
_BIN_BITS = 17  # of a float32 number's 32: sign, exponent and 8 of the mantissa
_SHRINK = np.exp2(-np.arange(97) / 16)  # parts of a range that may be the best one, down to 1/64


@dataclass(frozen=True)
class AffineScale:
    """An asymmetric u8 grid: ``real = (quantised - zero_point) * scale``; 0.0 is always on it.

    Attributes
    ----------
    scale : float
        A float32 value, positive.
    zero_point : int
        In [0, 255].
    """

    scale: float
    zero_point: int

    def quantize(self, values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """The grid index of each value, rounded half to even and clamped to [0, 255]."""
        return np.asarray(np.clip(np.rint(values / self.scale) + self.zero_point, 0, LEVELS), np.float64)

    def dequantize(self, indices: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """The real values of grid indices."""
        return np.asarray((indices - self.zero_point) * self.scale, np.float64)


def affine_scale(low: float, high: float) -> AffineScale:
    """The u8 grid over [low, high], widened so that it holds 0.

    Examples
    --------
    >>> affine_scale(0.0, 255.0)
    AffineScale(scale=1.0, zero_point=0)
    """
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    if high == low:
        return AffineScale(1.0, 0)
    scale = float(np.float32(max((high - low) / LEVELS, SMALLEST_SCALE)))
    return AffineScale(scale, int(np.clip(np.rint(-low / scale), 0, LEVELS)))


class Observer:
    """Watches chunks of values; afterwards gives the range that quantisation should cover."""

    def __init__(self) -> None:
        self.low = np.inf
        self.high = -np.inf

    def update(self, values: Float32) -> None:
        """Take in one chunk (any shape, finite, contiguous)."""
        low, high = _native.min_max(values)
        self.low, self.high = min(self.low, low), max(self.high, high)

    def range(self) -> tuple[float, float]:
        """The (low, high) that the grid should cover; (0, 0) when nothing was seen."""
        return (self.low, self.high) if self.low <= self.high else (0.0, 0.0)

    def scale(self) -> AffineScale:
        """The u8 grid over that range."""
        return affine_scale(*self.range())


class HistogramObserver(Observer):
    """Counts values in bins of equal width on a logarithmic scale: the upper 17 bits of a float32 number.

    So each bin is at most 1/256 of its values wide, whatever else comes: a value far outside costs nothing,
    and counts are exact.
    """

    def __init__(self) -> None:
        super().__init__()
        self.counts = np.zeros(1 << _BIN_BITS, np.int64)

    def update(self, values: Float32) -> None:
        super().update(values)
        bits = np.ascontiguousarray(values).reshape(-1).view(np.uint32)
        # Negative numbers upside down, then all in the order of their values.
        ordered = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
        self.counts += np.bincount(ordered >> (32 - _BIN_BITS), minlength=self.counts.size)

    def above(self, limit: float) -> int:
        """How many values lie above a limit, to a bin."""
        seen = np.flatnonzero(self.counts)
        return int(self.counts[seen[self.edges(seen)[0] > limit]].sum())

    def edges(self, bins: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The least and the largest value that fall into bins, both inside of what was seen."""
        first = bins.astype(np.uint32) << np.uint32(32 - _BIN_BITS)
        last = first | np.uint32((1 << (32 - _BIN_BITS)) - 1)
        ends = []
        for ordered in (first, last):
            bits = np.where(ordered >> 31, ordered ^ np.uint32(1 << 31), ~ordered)
            ends.append(np.clip(bits.view(np.float32).astype(np.float64), self.low, self.high))
        return ends[0], ends[1]


class PercentileObserver(HistogramObserver):
    """Leaves the rarest values out: `percentile` percent of them lie below the top, and above the bottom."""

    def __init__(self, percentile: float = 99.99) -> None:
        super().__init__()
        self.percentile = number("percentile", percentile, above=50, at_most=100)

    def range(self) -> tuple[float, float]:
        below = np.cumsum(self.counts)
        total = int(below[-1])
        if total == 0:
            return super().range()
        inside = self.percentile / 100.0 * total
        return self._value(below, total - inside), self._value(below, inside)

    def _value(self, below: npt.NDArray[np.int64], rank: float) -> float:
        """Below which `rank` values lie, taking those of a bin as evenly spread."""
        place = int(np.searchsorted(below, max(rank, 0.5), side="left"))
        (low,), (high,) = self.edges(np.array([place]))
        count = int(self.counts[place])
        return float(low + (high - low) * (rank - (int(below[place]) - count)) / count)


class MeanSquareObserver(HistogramObserver):
    """Searches the clip range whose grid has the least mean squared error over the histogram."""

    def range(self) -> tuple[float, float]:
        low, high = super().range()
        low, high = min(low, 0.0), max(high, 0.0)
        seen = np.flatnonzero(self.counts)
        if seen.size == 0 or low == high:
            return low, high
        centers = np.mean(self.edges(seen), axis=0)
        weights = self.counts[seen].astype(np.float64)

        def error(bottom: float, top: float) -> float:
            grid = affine_scale(bottom, top)
            difference = grid.dequantize(grid.quantize(centers)) - centers
            return float(weights @ (difference * difference))

        best_low, best_high = low, high
        for _ in range(2):  # the two ends by turns; ties go to the wider range
            best_high = min((error(best_low, high * s), -s, high * s) for s in _SHRINK)[2]
            best_low = min((error(low * s, best_high), -s, low * s) for s in _SHRINK)[2]
        return best_low, best_high


CALIBRATIONS = ("minmax", "percentile", "mse")


def make_observer(calibration: str, percentile: float = 99.99) -> Observer:
    """An observer by its name.

    Parameters
    ----------
    calibration : {"minmax", "percentile", "mse"}
    percentile : float
        For "percentile" only.

    Raises
    ------
    ValueError
        For an unknown name, or a percentile outside (50, 100].

    Examples
    --------
    >>> observer = make_observer("minmax")
    >>> observer.update(np.array([[0.0, 127.5], [255.0, 3.0]], np.float32))
    >>> observer.scale()
    AffineScale(scale=1.0, zero_point=0)
    """
    if calibration == "minmax":
        return Observer()
    if calibration == "percentile":
        return PercentileObserver(percentile)
    if calibration == "mse":
        return MeanSquareObserver()
    raise unknown_name("calibration", calibration, CALIBRATIONS)
