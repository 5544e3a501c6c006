"""How many predictions are right."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop import errors
from hotloop.metrics.base import Metric, weighted_mean
from hotloop.metrics.decode import argmax, binary_targets, predictions, true_classes


class Accuracy(Metric):
    """The part of the predictions that equal their targets; both are class numbers.

    Examples
    --------
    >>> Accuracy()([1, 2, 3, 4], [1, 2, 3, 0])
    0.75
    """

    direction = "max"

    def __call__(
        self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> float:
        predicted = predictions(y_pred, self.name)
        target = np.asarray(y_true)
        target = target[..., 0] if target.shape == (*predicted.shape, 1) else target
        if target.shape != predicted.shape:
            expected = f"shape {predicted.shape} as y_pred"
            raise errors.bad_value(f"{self.name}: y_true", expected, f"{target.shape}")
        return weighted_mean(_by_row(target == predicted), sample_weight, self.name)


class BinaryAccuracy(Metric):
    """The part of the predictions on the right side of ``threshold``.

    Targets are 0 and 1 or -1 and 1, of the predictions' shape. Several outputs count each for itself.

    Examples
    --------
    >>> BinaryAccuracy()([1, 0, 1, 0], [0.9, 0.2, 0.3, 0.5])
    0.75
    """

    direction = "max"

    def __init__(self, name: str | None = None, *, threshold: float = 0.5) -> None:
        super().__init__(name)
        self.threshold = errors.number("BinaryAccuracy: threshold", threshold)

    def __call__(
        self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> float:
        predicted = predictions(y_pred, self.name)
        hits = binary_targets(y_true, predicted.shape, self.name) == (predicted > self.threshold)
        return weighted_mean(_by_row(hits), sample_weight, self.name)


class CategoricalAccuracy(Metric):
    """The part of the rows whose largest prediction is at the class of a one-hot target.

    Examples
    --------
    >>> CategoricalAccuracy()([[0, 1], [1, 0]], [[0.1, 0.9], [0.4, 0.6]])
    0.5
    """

    direction = "max"

    def __call__(
        self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> float:
        scores = _scores(y_pred, self.name)
        hits = true_classes(y_true, scores.shape, self.name) == argmax(scores)
        return weighted_mean(hits, sample_weight, self.name)


class SparseCategoricalAccuracy(CategoricalAccuracy):
    """The part of the rows whose largest prediction is at the class that the target numbers.

    Examples
    --------
    >>> SparseCategoricalAccuracy()([1, 0], [[0.1, 0.9], [0.4, 0.6]])
    0.5
    """


class TopKCategoricalAccuracy(Metric):
    """The part of the rows whose class is among the ``k`` largest predictions.

    Among equal predictions the later class goes first, as in scikit-learn. Targets are one-hot or class
    numbers.

    Examples
    --------
    >>> TopKCategoricalAccuracy(k=2)([2, 0], [[0.1, 0.5, 0.4], [0.1, 0.5, 0.4]])
    0.5
    """

    direction = "max"

    def __init__(self, k: int = 5, *, name: str | None = None) -> None:
        super().__init__(name)
        self.k = errors.integer(f"{type(self).__name__}: k", k, at_least=1)

    def __call__(
        self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> float:
        scores = _scores(y_pred, self.name)
        true = true_classes(y_true, scores.shape, self.name)[..., None]
        own = np.take_along_axis(scores, true, axis=-1)
        later = np.arange(scores.shape[-1]) > true
        before = np.count_nonzero((scores > own) | ((scores == own) & later), axis=-1)
        return weighted_mean(before < self.k, sample_weight, self.name)


class SparseTopKCategoricalAccuracy(TopKCategoricalAccuracy):
    """:class:`TopKCategoricalAccuracy` under the name that Keras has for it with class numbers.

    Examples
    --------
    >>> SparseTopKCategoricalAccuracy(k=2)([2, 0], [[0.1, 0.5, 0.4], [0.1, 0.5, 0.4]])
    0.5
    """


def _by_row(hits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Several outputs of a row count as one value, their mean."""
    return np.asarray(hits.mean(axis=-1)) if hits.ndim > 1 else hits


def _scores(y_pred: npt.ArrayLike, what: str) -> npt.NDArray[Any]:
    """Return predictions with a column for each class."""
    array = np.asarray(y_pred)
    if array.ndim < 2 or array.size == 0 or array.dtype.kind not in "biuf":
        raise errors.bad_value(f"{what}: y_pred", "rows of a number for each class", f"shape {array.shape}")
    return array
