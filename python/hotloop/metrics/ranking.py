"""Areas under curves, exact: every distinct score is a threshold, and equal scores are one step."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hotloop.core import errors
from hotloop.losses.base import Loss
from hotloop.losses.rows import Doubles, classes, row_weights
from hotloop.metrics.base import METRICS, Metric, Result, told
from hotloop.metrics.decode import Array, binary_targets, has_nan, is_scores, predictions


def _steps(positive: npt.NDArray[np.bool_], scores: Array, weights: Doubles | None) -> tuple[Array, Array]:
    """Weights of the true and of the false positives at each threshold, the highest first, from (0, 0) on."""
    order = np.argsort(scores)[::-1]
    ranked = scores[order]
    ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), ranked.size - 1)
    if weights is None:
        true = np.cumsum(positive[order])[ends].astype(np.float64)
        false = ends + 1.0 - true
    else:
        heavy, sorted_weights = positive[order], weights[order]
        true = np.cumsum(np.where(heavy, sorted_weights, 0.0))[ends]
        false = np.cumsum(np.where(heavy, 0.0, sorted_weights))[ends]
    return np.concatenate(([0.0], true)), np.concatenate(([0.0], false))


def _roc_area(positive: npt.NDArray[np.bool_], scores: Array, weights: Doubles | None) -> float:
    if np.isnan(scores).any():
        return float("nan")
    true, false = _steps(positive, scores, weights)
    if not true[-1] or not false[-1]:
        return float("nan")
    # A plain sum: BLAS's dot may wait for its threads, and its rounding may depend on them.
    doubled = np.sum(np.diff(false) * (true[1:] + true[:-1]))
    return float(doubled / (2.0 * true[-1] * false[-1]))


def _average_precision(positive: npt.NDArray[np.bool_], scores: Array, weights: Doubles | None) -> float:
    if np.isnan(scores).any():
        return float("nan")
    true, false = _steps(positive, scores, weights)
    if not true[-1]:
        return 0.0
    both = true[1:] + false[1:]
    precision = np.divide(true[1:], both, out=np.zeros(both.shape), where=both > 0)
    return float(np.sum(np.diff(true) * precision) / true[-1])


@METRICS.register
class AUC(Metric):
    """The area under the ROC curve, or the average precision.

    Parameters
    ----------
    curve : {"ROC", "PR"}
        "ROC": by the trapezoid rule over all thresholds. "PR": the average precision,
        ``sum((R[n] - R[n-1]) * P[n])``, scikit-learn's (Keras interpolates the curve instead).
    multi_label : bool
        Keras's word for ``average="macro"``.
    average : {"auto", "micro", "macro", "weighted"} or None
        How several columns are put together. "micro" pools them: each entry of each row is one yes or no
        with its score, as Keras counts. "macro" is the mean of the columns' own areas, scikit-learn's
        one-versus-rest; "weighted" weighs them by how often a class is the true one. None gives an array,
        one number a column. "auto" is "macro" with ``multi_label``, else "micro".
    name : str, optional

    Notes
    -----
    ``y_pred`` is ``(n,)`` or ``(n, 1)``: the scores of class 1; or ``(n, classes)``. ``y_true`` holds class
    numbers or, of the predictions' shape, 0 and 1. Scores may be logits; in a model whose loss takes those
    of a softmax, they become probabilities first, since rows are compared with each other. A class that no
    row is of, or that all are, has no ROC area: NaN, and so the macro average is NaN too. Scores with a NaN
    give NaN. Time is that of sorting each column. There is no ``num_thresholds``, Keras's first argument:
    all of them count.

    Examples
    --------
    >>> AUC()([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    >>> y, p = [0, 1, 2], [[0.8, 0.1, 0.1], [0.5, 0.3, 0.2], [0.3, 0.3, 0.4]]
    >>> round(AUC()(y, p), 4), round(AUC(multi_label=True)(y, p), 4)
    (0.8333, 0.9167)
    """

    direction = "max"
    _softmax = False  # whether scores are logits of one

    def __init__(
        self,
        curve: str = "ROC",
        *,
        multi_label: bool = False,
        average: str | None = "auto",
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        if curve not in ("ROC", "PR"):
            raise errors.unknown_name("AUC curve", curve, ["ROC", "PR"])
        known = ["auto", "micro", "macro", "weighted"]
        if average is not None and average not in known:
            raise errors.unknown_name("AUC average", average, [*known, "None"])
        if multi_label and average == "micro":
            raise errors.bad_value("AUC: average", "one area a column with multi_label=True", "'micro'")
        self.curve = curve
        self.multi_label = bool(multi_label)
        self.average = average

    def for_loss(self, loss: Loss) -> Metric:
        return told(self, _softmax=loss.answers == "one" and loss.options["from_logits"])

    def __call__(
        self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> Result:
        scores = predictions(y_pred, self.name)
        area = _roc_area if self.curve == "ROC" else _average_precision
        if not is_scores(y_pred):
            positive = binary_targets(y_true, scores.shape, self.name).reshape(-1)
            return area(positive, scores.reshape(-1), self._weights(sample_weight, scores.shape))
        weights = self._weights(sample_weight, scores.shape[:-1])
        columns = scores.reshape(-1, scores.shape[-1])
        if self._softmax:
            columns = _softmax(columns)
        target = np.asarray(y_true)
        if target.shape == scores.shape:
            positives = binary_targets(target, scores.shape, self.name).reshape(columns.shape)
        else:
            flat = classes(target, scores.shape, f"{self.name}: y_true").reshape(-1, 1)
            positives = flat == np.arange(columns.shape[1])
        average = ("macro" if self.multi_label else "micro") if self.average == "auto" else self.average
        if average == "micro":
            spread = None if weights is None else np.repeat(weights, columns.shape[1])
            return area(positives.reshape(-1), columns.reshape(-1), spread)
        if average is not None and has_nan(columns):  # even where a class without rows would not count
            return float("nan")
        areas = np.array(
            [
                area(np.ascontiguousarray(is_class), np.ascontiguousarray(column), weights)
                for is_class, column in zip(positives.T, columns.T, strict=True)
            ]
        )
        return _averaged(areas, average, positives, weights)

    def _weights(self, sample_weight: npt.ArrayLike | None, rows: tuple[int, ...]) -> Doubles | None:
        weights = row_weights(sample_weight, rows, self.name)
        return None if weights is None else weights.reshape(-1)


def _averaged(areas: Doubles, average: str | None, positives: Array, weights: Doubles | None) -> Result:
    if average is None:
        return areas
    if average == "macro":
        return float(areas.mean())
    shares = positives.sum(axis=0) if weights is None else weights @ positives
    if not shares.sum():
        return 0.0
    return float(np.average(np.where(shares == 0, 0.0, areas), weights=shares))


def _softmax(logits: Array) -> Doubles:
    with np.errstate(invalid="ignore"):  # infinity less infinity is NaN, and stays so
        powers = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
