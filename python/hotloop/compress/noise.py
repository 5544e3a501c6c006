"""How a value and its quantised likeness differ: in all, in most rows, and in the answers that change."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hotloop.compress.answers import Answers
from hotloop.compress.calibrate import HistogramObserver
from hotloop.compress.samples import RowSample
from hotloop.inference.quantization_report import MOST_DECIBELS

Doubles = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

SAME = 1e-14  # a signal below that part of the square is what float32 rounds off
FEWEST = 16  # rows that can be told from the rarest
RAREST = 20  # one row in so many is left out, those farthest from the middle
# Where the noise is that small, a 30 dB model's, an answer that changes was a tie: the model knew no better.
TIED = 10 ** (-30 / 20)


class Noise:
    """Adds up how a value and its quantised likeness differ.

    Parameters
    ----------
    bounded : bool
        Whether an activation bounds the value: then no row can outweigh all others, and the few that aren't
        at an end, as of a class that is rare, are what counts.
    """

    def __init__(self, bounded: bool = False) -> None:
        self._bounded = bounded
        self._origin: Doubles | float | None = None  # sums are taken from here, so that they don't cancel
        self._rows = 0
        self._sum: Doubles | float = 0.0
        self._squares = self._noise = self._raw = 0.0
        self._sample: RowSample | None = None

    def update(self, real: Float32, like: npt.NDArray[np.floating]) -> None:
        """Take in rows (n, features) of both."""
        values = real.astype(np.float64)
        if self._origin is None:
            self._origin = values[0].copy()
            self._sample = RowSample(values.shape[1] + 1)
        assert self._sample is not None
        difference = values - like
        noise = np.einsum("rc,rc->r", difference, difference)
        self._sample.update(real, np.sqrt(noise).astype(np.float32)[:, None])
        self._raw += float(np.einsum("rc,rc->", values, values))
        self._noise += float(noise.sum())
        values -= self._origin
        self._rows += len(values)
        self._sum = self._sum + values.sum(axis=0)
        self._squares += float(np.einsum("rc,rc->", values, values))

    def decibels(self) -> float:
        """The signal-to-noise ratio; of a signal that is the same in all rows, by its square."""
        signal = self._squares - float((np.asarray(self._sum) ** 2).sum()) / max(self._rows, 1)
        return _ratio(self._raw if signal <= SAME * self._raw else signal, self._noise)

    def typical(self) -> float:
        """The same without the rows farthest from the middle, one in twenty.

        Sums of squares are those of the largest rows: beside a few that lie a thousand times farther out than
        the others, a model that is wrong in all the others would look right.
        """
        if self._bounded:
            return self.decibels()
        kept, noise = self._most()
        centred = kept - kept.mean(axis=0)
        signal, raw = float((centred**2).sum()), float((kept**2).sum())
        return self.decibels() if signal <= SAME * raw else _ratio(signal, float(noise.sum()))

    def spread(self) -> float:
        """How far a feature lies from its middle in a usual row; of a bounded value, its deviation."""
        assert self._sample is not None
        rows = self._sample.rows[:, :-1].astype(np.float64)
        if self._bounded:
            return float(np.sqrt(rows.var(axis=0).mean()))
        return float(np.sqrt(np.median(((rows - np.median(rows, axis=0)) ** 2).mean(axis=1))))

    def _most(self) -> tuple[Doubles, Doubles]:
        """Of the sample all but the rarest rows, and their noise."""
        assert self._sample is not None
        sample = self._sample.rows.astype(np.float64)
        rows, noise = sample[:, :-1], sample[:, -1] ** 2
        if len(rows) < FEWEST:
            return rows, noise
        near = np.argsort(((rows - np.median(rows, axis=0)) ** 2).sum(axis=1), kind="stable")
        kept = np.sort(near[: len(rows) - max(1, len(rows) // RAREST)])
        return rows[kept], noise[kept]


class Changes:
    """Counts answers that change, and by how much the float model was for them."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._margins = HistogramObserver()
        self.changed = 0

    def update(self, real: Float32, before: npt.NDArray[np.generic], after: npt.NDArray[np.generic]) -> None:
        """Take in what the float model makes, and both models' answers."""
        margins = self._answers.margins(real, before, after)
        if margins.size:
            self.changed += margins.size
            self._margins.update(margins)

    def decided(self, spread: float) -> int:
        """How many of them were no ties.

        A tie is what noise at 30 dB beside that spread turns, at two deviations: the difference of two
        features has that of both.
        """
        if not self.changed:
            return 0
        features = 2 if self._answers.threshold is None else 1
        return self._margins.above(2 * math.sqrt(features) * TIED * spread)


def _ratio(signal: float, noise: float) -> float:
    if not noise > 0:
        return MOST_DECIBELS if noise == 0 else -MOST_DECIBELS
    if not signal > 0:
        return -MOST_DECIBELS
    ratio = 10 * (math.log10(signal) - math.log10(noise))
    return float(np.clip(ratio, -MOST_DECIBELS, MOST_DECIBELS))
