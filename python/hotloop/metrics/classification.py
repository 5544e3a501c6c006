"""Precision, recall and F1: scikit-learn's numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.core import errors
from hotloop.losses.rows import Doubles
from hotloop.metrics.base import METRICS, Result
from hotloop.metrics.classes import OfClasses
from hotloop.metrics.decode import Labels, labels

_AVERAGES = ["auto", "binary", "micro", "macro", "weighted"]


def _count(rows: npt.NDArray[Any], picked: npt.NDArray[np.bool_] | None, found: Labels) -> Doubles:
    """Weight of the rows in each class: ``rows`` are class numbers, or booleans a column for each class."""
    weights = found.weights
    if found.several:
        return np.asarray(rows.sum(axis=0) if weights is None else weights @ rows, dtype=np.float64)
    if picked is not None:
        rows = rows[picked]
        weights = None if weights is None else weights[picked]
    return np.bincount(rows, weights=weights, minlength=found.count).astype(np.float64)


def _mean(scores: Doubles, weights: Doubles | None) -> float:
    """Average over classes, leaving out NaNs, as scikit-learn does."""
    kept = ~np.isnan(scores)
    if not kept.any():
        return float("nan")
    if weights is None or not weights[kept].sum():
        return float(scores[kept].mean())
    return float(np.average(scores[kept], weights=weights[kept]))


class _FromCounts(OfClasses):
    """What precision, recall and F1 have in common: all follow from three counts for each class."""

    direction = "max"

    def __init__(
        self,
        average: str | None,
        threshold: float | None,
        class_id: int | None,
        zero_division: float,
        name: str | None,
    ) -> None:
        super().__init__(name)
        what = type(self).__name__
        if average is not None and average not in _AVERAGES:
            raise errors.unknown_name(f"{what} average", average, _AVERAGES)
        if zero_division not in (0, 1) and zero_division == zero_division:
            raise errors.bad_value(f"{what}: zero_division", "0, 1 or NaN", zero_division)
        self.average = average
        self.threshold = None if threshold is None else errors.number(f"{what}: threshold", threshold)
        self.class_id = (
            None if class_id is None else errors.integer(f"{what}: class_id", class_id, at_least=0)
        )
        self.zero_division = float(zero_division)

    def _ratio(self, hits: Doubles, predicted: Doubles, true: Doubles) -> tuple[Doubles, Doubles]:
        """Return numerator and denominator; for a subclass to write."""
        raise NotImplementedError

    def __call__(
        self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> Result:
        found = labels(y_true, y_pred, sample_weight, self.threshold, self.name, self._answers)
        if found.several:
            hits = _count(found.true & found.predicted, None, found)
        else:
            hits = _count(found.true, found.true == found.predicted, found)
        counts = [hits, _count(found.predicted, None, found), _count(found.true, None, found)]
        if self.class_id is not None:
            if self.class_id >= found.count:
                raise errors.bad_value(f"{self.name}: class_id", f"below {found.count}", self.class_id)
            return float(self._scores(counts, found)[self.class_id])
        average = self.average
        if average == "auto":
            average = "binary" if found.count == 2 and not found.several else "macro"
        if average == "binary":
            if found.count != 2 or found.several:
                mend = "use macro, micro, weighted or None"
                raise errors.bad_value(f"{self.name}: average 'binary'", "two classes", found.count, mend)
            return float(self._scores(counts, found)[1])
        scores = self._scores(counts, found)
        if average is None:
            return scores
        if found.undefined.any():
            return float("nan")
        if average == "micro":
            return float(self._ratios([count.sum(keepdims=True) for count in counts])[0])
        if average == "weighted":
            return _mean(scores, counts[2])
        return _mean(scores if found.several else scores[_present(found)], None)

    def _scores(self, counts: list[Doubles], found: Labels) -> Doubles:
        return np.where(found.undefined, np.nan, self._ratios(counts))

    def _ratios(self, counts: list[Doubles]) -> Doubles:
        numerator, denominator = self._ratio(*counts)
        scores = np.full(numerator.shape, self.zero_division)
        np.divide(numerator, denominator, out=scores, where=denominator != 0)
        return scores


def _present(found: Labels) -> npt.NDArray[np.bool_]:
    """Which classes are there, in the targets or in the predictions, whatever their weight."""
    either = np.bincount(found.true, minlength=found.count) + np.bincount(
        found.predicted, minlength=found.count
    )
    return np.asarray(either > 0)


class _Rate(_FromCounts):
    """What precision and recall have in common: Keras's name and place for the threshold."""

    def __init__(
        self,
        thresholds: float | None = None,
        *,
        average: str | None = "auto",
        class_id: int | None = None,
        zero_division: float = 0.0,
        name: str | None = None,
    ) -> None:
        super().__init__(average, thresholds, class_id, zero_division, name)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config["thresholds"] = config.pop("threshold")
        return config


@METRICS.register
class Precision(_Rate):
    """Of the rows predicted to be of a class, the part that is.

    Parameters
    ----------
    thresholds : float, optional
        For one score a row: above it is class 1. For a column for each class: every class above it is
        predicted, and a row may have several. When None it is 0.5 for one score a row, and the largest of
        several columns is predicted. In a model the loss says more: logits and margins are cut at 0, and
        columns behind a binary cross-entropy or a hinge are labels, each cut for itself.
    average : {"auto", "binary", "micro", "macro", "weighted"} or None
        How classes are put together. "auto" is "binary" (class 1 alone) for two classes, else "macro".
        "macro" leaves out classes that are in neither targets nor predictions. None gives an array, one
        number a class.
    class_id : int, optional
        Only this class.
    zero_division : {0, 1, nan}
        What a class without predictions counts as.
    name : str, optional

    Notes
    -----
    Called without a model, rows of zeros and ones of which some do not have exactly one 1 have several
    labels, each cut at 0.5. Predictions with a NaN give NaN, for the classes that they bear on.

    Keras counts all columns of all rows together, above 0.5 each. That is
    ``Precision(0.5, average="micro")`` with one-hot targets.

    Examples
    --------
    >>> Precision()([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1])
    0.6666666666666666
    >>> Precision()([[1, 1], [0, 1]], [[0.9, 0.6], [0.7, 0.8]])
    0.75
    """

    def _ratio(self, hits: Doubles, predicted: Doubles, true: Doubles) -> tuple[Doubles, Doubles]:
        return hits, predicted


@METRICS.register
class Recall(_Rate):
    """Of the rows of a class, the part predicted to be. Parameters are those of :class:`Precision`.

    Examples
    --------
    >>> Recall()([1, 0, 1, 0], [0.9, 0.8, 0.3, 0.1])
    0.5
    """

    def _ratio(self, hits: Doubles, predicted: Doubles, true: Doubles) -> tuple[Doubles, Doubles]:
        return hits, true


@METRICS.register
class F1Score(_FromCounts):
    """The harmonic mean of precision and recall.

    Parameters
    ----------
    average, threshold, zero_division, class_id
        As for :class:`Precision` (``threshold`` is its ``thresholds``). Keras's default average is None.

    Examples
    --------
    >>> F1Score("macro")([0, 1, 2, 2], [0, 1, 1, 2])
    0.7777777777777777
    """

    def __init__(
        self,
        average: str | None = "auto",
        threshold: float | None = None,
        *,
        class_id: int | None = None,
        zero_division: float = 0.0,
        name: str | None = None,
    ) -> None:
        super().__init__(average, threshold, class_id, zero_division, name)

    def _ratio(self, hits: Doubles, predicted: Doubles, true: Doubles) -> tuple[Doubles, Doubles]:
        return 2.0 * hits, predicted + true
