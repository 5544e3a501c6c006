"""Which u8 grid a value gets: one for all its columns, or one for each where they differ too much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hotloop.compress.calibrate import LEVELS, SMALLEST_SCALE, AffineScale
from hotloop.compress.columns import ColumnObserver

Doubles = npt.NDArray[np.float64]

WEIGHT_LEVELS = 127
# One grid for all columns is the cheaper one: it stays while another promises no more than a decibel, or
# while it leaves the noise this far below the layer's signal, where nobody hears it.
PLAIN_IS_WORSE = 10**0.1
PLAIN_IS_GOOD = 10**-4.5
# How far steps follow what a column contributes: 0 gives each column all 256, 1 makes the weights' rows
# equally large. Between the two, columns of little consequence get wider grids than they need, and their
# weights more levels.
BALANCES = (0.0, 0.25, 0.5, 0.75)
MARGIN = 0.25  # of a column's span: the next row's numbers may lie a little beyond what was seen
LARGEST = 2.0**100  # steps of larger numbers times weights might not be float32 numbers
LEAST_CONTRIBUTION = 2.0**-10  # of the largest one; below, columns count as if they had so much


@dataclass(frozen=True, eq=False)
class ColumnGrid:
    """A u8 grid for each column: ``real = quantised * scale + offset``.

    Attributes
    ----------
    scale, offset : float32 array of shape (columns,)
        A value with more features than columns repeats them.
    """

    scale: npt.NDArray[np.float32]
    offset: npt.NDArray[np.float32]

    def rounded(self, values: npt.NDArray[np.floating]) -> Doubles:
        """The real values that rows (n, columns) become."""
        scale, offset = self.scale.astype(np.float64), self.offset.astype(np.float64)
        return np.asarray(np.clip(np.rint((values - offset) / scale), 0, LEVELS) * scale + offset)


def column_grid(low: Doubles, high: Doubles, room: Doubles | float = 0.0) -> ColumnGrid:
    """The grids over [low, high], each widened to span `room` at least, with 0 on it where it is inside.

    A range that 0 lies close to is widened so that it holds 0: what is missing in later data often is 0.
    """
    low = np.where((low > 0) & (low < (high - low) / 4), 0.0, low)
    high = np.where((high < 0) & (-high < (high - low) / 4), 0.0, high)
    more = np.maximum(np.asarray(room) - (high - low), MARGIN * (high - low))
    holds_zero = (low <= 0) & (high >= 0)
    # Numbers of one sign more often stay so: then all of the room is on the other side of 0.
    share = np.where(low == 0, 0.0, np.where(high == 0, 1.0, 0.5))
    low, high = low - more * share, high + more * (1 - share)
    scale = np.maximum((high - low) / LEVELS, np.maximum(np.abs(low), np.abs(high)) * 2.0**-22)
    scale = np.maximum(scale, SMALLEST_SCALE).astype(np.float32).astype(np.float64)
    offset = np.where(holds_zero, -np.clip(np.rint(-low / scale), 0, LEVELS) * scale, low)
    return ColumnGrid(scale.astype(np.float32), offset.astype(np.float32))


def choose_grid(
    seen: ColumnObserver,
    ranges: tuple[Doubles, Doubles],
    plain: AffineScale,
    kernels: Sequence[Doubles],
) -> AffineScale | ColumnGrid:
    """Choose the grid with the least noise that rounding is expected to make in the layers behind.

    Parameters
    ----------
    seen : ColumnObserver
    ranges : (low, high)
        What each column's grid should cover.
    plain : AffineScale
        The grid for all columns.
    kernels : list of array of shape (n * columns, units)
        Of the layers that read the value.

    Notes
    -----
    Of a layer with kernel W, rounding its input adds the variance ``sum_c e_c^2 W_cj^2`` to unit j, where
    ``e_c^2`` is the mean squared rounding error of column c, measured in the sample. Rounding unit j's
    weights ``s_c W_cj`` to steps of ``max_c |s_c W_cj| / 127`` adds a twelfth of a squared step times
    ``sum_c var(x_c) / s_c^2``: means are put right in the bias. Both are taken relative to the variance
    ``sum_c var(x_c) W_cj^2`` of all units.
    """
    rows = [kernel.reshape(-1, seen.columns, kernel.shape[1]) for kernel in kernels]
    low, high = ranges
    # What the calibration cuts off on purpose says nothing about a grid.
    sample = np.clip(seen.sample.astype(np.float64), low, high)
    cut = (low > seen.low) | (high < seen.high)
    variance = np.where(cut, sample.var(axis=0), seen.variance)
    signals = [float(variance @ np.einsum("pcu,pcu->c", w, w)) for w in rows]
    used = [(w, signal) for w, signal in zip(rows, signals, strict=True) if signal > 0]
    if not used or not max(np.abs(low).max(), np.abs(high).max()) <= LARGEST:
        return plain
    magnitude = np.sqrt(sum(np.einsum("pcu,pcu->c", w, w) / signal for w, signal in used))
    peaks = [(np.abs(w).max(axis=0).T, w.shape[0], signal) for w, signal in used]  # (units, columns)

    def noise(scale: Doubles, rounded: Doubles) -> float:
        error = np.mean((rounded - sample) ** 2, axis=0)
        total = float(error @ magnitude**2)
        for peak, positions, signal in peaks:
            step = (peak * scale).max(axis=1) / WEIGHT_LEVELS
            total += positions * float((step**2).sum()) / 12 * float((variance / scale**2).sum()) / signal
        return total / len(peaks)

    worst = noise(np.full(seen.columns, plain.scale), plain.dequantize(plain.quantize(sample)))
    contribution = (high - low) * magnitude
    largest = float(contribution.max())
    if worst <= PLAIN_IS_GOOD or largest <= 0:
        return plain
    share = np.maximum(contribution / largest, LEAST_CONTRIBUTION)
    with np.errstate(divide="ignore"):
        span = np.where(magnitude > 0, np.minimum(share * largest / magnitude, LARGEST), high - low)
    best: AffineScale | ColumnGrid = plain
    least = worst / PLAIN_IS_WORSE
    for balance in BALANCES:
        grid = column_grid(low, high, span * share**-balance)
        expected = noise(grid.scale.astype(np.float64), grid.rounded(sample))
        if expected < least:
            best, least = grid, expected
    return best
