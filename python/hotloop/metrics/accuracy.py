"""How many predictions are right."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.core import errors
from hotloop.losses.base import Loss
from hotloop.losses.rows import classes
from hotloop.metrics.base import METRICS, Metric, told, weighted_mean
from hotloop.metrics.decode import (
    argmax,
    binary_targets,
    has_nan,
    is_scores,
    label_columns,
    predictions,
    single_labels,
)

NAN = float("nan")


@METRICS.register
class Accuracy(Metric):
    """The part of the predictions that equal their targets; both are class numbers.

    Examples
    --------
    >>> Accuracy()([1, 2, 3, 4], [1, 2, 3, 0])
    0.75
    """

    direction = "max"
    is_mean = True

    def __call__(
        self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> float:
        predicted = predictions(y_pred, self.name)
        target = np.asarray(y_true)
        target = target[..., 0] if target.shape == (*predicted.shape, 1) else target
        if target.shape != predicted.shape:
            expected = f"shape {predicted.shape} as y_pred"
            raise errors.bad_value(f"{self.name}: y_true", expected, f"{target.shape}")
        return NAN if has_nan(predicted) else weighted_mean(target == predicted, sample_weight, self.name)


@METRICS.register
class BinaryAccuracy(Metric):
    """The part of the predictions on the right side of ``threshold``.

    Parameters
    ----------
    name : str, optional
    threshold : float, optional
        When None, 0.5; in a model what the loss says, 0 for logits and margins.

    Notes
    -----
    Targets are 0 and 1 or -1 and 1, of the predictions' shape. Several outputs count each for itself.
    Predictions with a NaN give NaN.

    Examples
    --------
    >>> BinaryAccuracy()([1, 0, 1, 0], [0.9, 0.2, 0.3, 0.5])
    0.75
    """

    direction = "max"
    is_mean = True

    def __init__(self, name: str | None = None, *, threshold: float | None = None) -> None:
        super().__init__(name)
        self.threshold = None if threshold is None else errors.number("BinaryAccuracy: threshold", threshold)

    def for_loss(self, loss: Loss) -> BinaryAccuracy:
        return self if self.threshold is not None else told(self, threshold=loss.threshold)

    def __call__(
        self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> float:
        predicted = predictions(y_pred, self.name)
        threshold = 0.5 if self.threshold is None else self.threshold
        hits = binary_targets(y_true, predicted.shape, self.name) == (predicted > threshold)
        if has_nan(predicted):
            return NAN
        return weighted_mean(hits.mean(axis=-1) if is_scores(y_pred) else hits, sample_weight, self.name)


@METRICS.register
class CategoricalAccuracy(Metric):
    """The part of the rows whose largest prediction is at the class of the target.

    Targets are class numbers, or rows of a column for each class. Where such a row is of zeros and ones and
    has several labels, each of them is right, and where it has none, nothing is; Keras looks at the first one
    alone. Any other row is a distribution, whose first largest class is right. Predictions with a NaN give
    NaN.

    Examples
    --------
    >>> CategoricalAccuracy()([[0, 1], [1, 0]], [[0.1, 0.9], [0.4, 0.6]])
    0.5
    """

    direction = "max"
    is_mean = True

    def __call__(
        self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> float:
        scores = _scores(y_pred, self.name)
        target, chosen = np.asarray(y_true), argmax(scores)
        if target.shape == scores.shape:
            true, unclear = single_labels(target)
            hits = np.asarray(true == chosen)
            if unclear.any():
                own = label_columns(target[unclear])
                hits[unclear] = own[np.arange(len(own)), chosen[unclear]]
        else:
            hits = classes(target, scores.shape, f"{self.name}: y_true") == chosen
        return NAN if has_nan(scores) else weighted_mean(hits, sample_weight, self.name)


@METRICS.register
class SparseCategoricalAccuracy(CategoricalAccuracy):
    """The part of the rows whose largest prediction is at the class that the target numbers.

    Examples
    --------
    >>> SparseCategoricalAccuracy()([1, 0], [[0.1, 0.9], [0.4, 0.6]])
    0.5
    """

    is_mean = True


@METRICS.register
class TopKCategoricalAccuracy(Metric):
    """The part of the rows whose class is among the ``k`` largest predictions.

    Among equal predictions the later class goes first, as in scikit-learn. Targets are class numbers, or rows
    of a column for each class. Where such a row is of zeros and ones and has several labels, it counts when
    any of them is among the ``k``, and where it has none, it does not; Keras looks at the first label alone.
    Any other row is a distribution, whose first largest class counts. Predictions with a NaN give NaN.

    Examples
    --------
    >>> TopKCategoricalAccuracy(k=2)([2, 0], [[0.1, 0.5, 0.4], [0.1, 0.5, 0.4]])
    0.5
    """

    direction = "max"
    is_mean = True

    def __init__(self, k: int = 5, *, name: str | None = None) -> None:
        super().__init__(name)
        self.k = errors.integer(f"{type(self).__name__}: k", k, at_least=1)

    def __call__(
        self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> float:
        scores = _scores(y_pred, self.name)
        target = np.asarray(y_true)
        if target.shape == scores.shape:
            true, unclear = single_labels(target)
        else:
            true = classes(target, scores.shape, f"{self.name}: y_true")
            unclear = np.zeros(true.shape, np.bool_)
        if has_nan(scores):
            return NAN
        hits = _before(scores, true[..., None]) < self.k
        if unclear.any():
            own, rows = label_columns(target[unclear]), scores[unclear]
            # The best of the row's labels, and of equal ones the last.
            score = np.where(own, rows, -np.inf).max(axis=-1, keepdims=True)
            columns = np.arange(scores.shape[-1])
            best = np.where(own & (rows == score), columns, 0).max(axis=-1, keepdims=True)
            hits[unclear] = (_before(rows, best) < self.k) & own.any(axis=-1)
        return weighted_mean(hits, sample_weight, self.name)


def _before(scores: npt.NDArray[Any], column: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return how many columns of each row go before one: those that are larger, or equal and later."""
    score = np.take_along_axis(scores, column, axis=-1)
    later = np.arange(scores.shape[-1]) > column
    return np.asarray(np.count_nonzero((scores > score) | ((scores == score) & later), axis=-1))


@METRICS.register
class SparseTopKCategoricalAccuracy(TopKCategoricalAccuracy):
    """:class:`TopKCategoricalAccuracy` under the name that Keras has for it with class numbers.

    Examples
    --------
    >>> SparseTopKCategoricalAccuracy(k=2)([2, 0], [[0.1, 0.5, 0.4], [0.1, 0.5, 0.4]])
    0.5
    """

    is_mean = True


def _scores(y_pred: npt.ArrayLike, what: str) -> npt.NDArray[Any]:
    """Return predictions with a column for each class."""
    array = np.asarray(y_pred)
    if array.ndim < 2 or array.size == 0 or array.dtype.kind not in "biuf":
        raise errors.bad_value(f"{what}: y_pred", "rows of a number for each class", f"shape {array.shape}")
    return array
