"""Observers: what range a stream of activations spans, in memory that does not grow with the stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hotloop import _native
from hotloop.errors import number, unknown_name

Float32 = npt.NDArray[np.float32]

LEVELS = 255  # steps between the smallest and the largest u8 value
SMALLEST_SCALE = 2.0**-60  # products of two scales stay normal float32 numbers


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
    """Counts values in a fixed number of bins.

    When a value falls outside, the range doubles towards it and neighbouring bins merge: counts are never
    interpolated, so they stay exact.
    """

    def __init__(self, bins: int = 2048) -> None:
        super().__init__()
        self.counts = np.zeros(bins, np.int64)
        self.left = 0.0
        self.width = 0.0  # of all bins together; 0 until the first value

    def update(self, values: Float32) -> None:
        if not values.size:
            return
        super().update(values)
        if self.width == 0.0:
            # The margin keeps the top value inside, and equal values apart from a width of nothing.
            magnitude = max(abs(self.low), abs(self.high))
            self.left = self.low
            self.width = max((self.high - self.low) * (1 + 1e-6), magnitude * 1e-6, 1e-30)
        while self.high >= self.left + self.width:
            self._merge_pairs(keep_left=True)
        while self.low < self.left:
            self._merge_pairs(keep_left=False)
        _native.histogram(values, self.left, self.left + self.width, self.counts)

    def _merge_pairs(self, keep_left: bool) -> None:
        merged = self.counts.reshape(-1, 2).sum(axis=1)
        half = merged.size
        self.counts = np.zeros_like(self.counts)
        if keep_left:
            self.counts[:half] = merged
        else:
            self.counts[half:] = merged
            self.left -= self.width
        self.width *= 2

    def centers(self) -> npt.NDArray[np.float64]:
        """The middle of each bin."""
        step = self.width / self.counts.size
        return np.asarray(self.left + step * (np.arange(self.counts.size) + 0.5), np.float64)


class PercentileObserver(HistogramObserver):
    """Leaves the rarest values out: `percentile` percent of them lie below the top, and above the bottom."""

    def __init__(self, percentile: float = 99.99, bins: int = 2048) -> None:
        super().__init__(bins)
        self.percentile = number("percentile", percentile, above=50, at_most=100)

    def range(self) -> tuple[float, float]:
        low, high = super().range()
        total = int(self.counts.sum())
        if total == 0:
            return low, high
        below = np.cumsum(self.counts)
        step = self.width / self.counts.size
        inside = self.percentile / 100.0 * total
        top = int(np.searchsorted(below, inside, side="left"))
        bottom = int(np.searchsorted(below, total - inside, side="right"))
        return max(low, self.left + bottom * step), min(high, self.left + (top + 1) * step)


class MeanSquareObserver(HistogramObserver):
    """Searches the clip range whose grid has the least mean squared error over the histogram."""

    def __init__(self, bins: int = 2048, candidates: int = 64) -> None:
        super().__init__(bins)
        self.candidates = candidates

    def range(self) -> tuple[float, float]:
        low, high = super().range()
        low, high = min(low, 0.0), max(high, 0.0)
        seen = self.counts > 0
        if not seen.any() or low == high:
            return low, high
        centers = np.clip(self.centers()[seen], low, high)
        weights = self.counts[seen].astype(np.float64)

        def error(bottom: float, top: float) -> float:
            grid = affine_scale(bottom, top)
            difference = grid.dequantize(grid.quantize(centers)) - centers
            return float(weights @ (difference * difference))

        shrink = np.linspace(1.0, 1.0 / self.candidates, self.candidates)
        best_low, best_high = low, high
        for _ in range(2):  # the two ends by turns; ties go to the wider range
            best_high = min((error(best_low, high * s), -s, high * s) for s in shrink)[2]
            best_low = min((error(low * s, best_high), -s, low * s) for s in shrink)[2]
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
