"""The confusion matrix: scikit-learn's numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.core import errors
from hotloop.metrics.base import METRICS, Result
from hotloop.metrics.classes import OfClasses
from hotloop.metrics.decode import is_scores, labels

_NORMALIZE = ["true", "pred", "all"]


def confusion_matrix(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    num_classes: int | None = None,
    threshold: float | None = None,
    normalize: str | None = None,
) -> npt.NDArray[Any]:
    """Count how often each class is taken for each other.

    Parameters
    ----------
    y_true, y_pred : array_like
        Class numbers, or for ``y_pred`` scores: a column for each class, or one score a row for two.
    sample_weight : array_like, optional
    num_classes : int, optional
        Rows and columns; when None as many as the scores or the labels say.
    threshold : float, optional
        For one score a row: 0.5 when None, and for :class:`ConfusionMatrix` in a model what the loss says.
    normalize : {"true", "pred", "all"}, optional
        Divide by the sum of the row, of the column, or of all.

    Returns
    -------
    ndarray of int64, or of float64 with weights or ``normalize``
        ``(num_classes, num_classes)``; row: the true class, column: the predicted one. NaN in the
        predictions gives NaN.

    Raises
    ------
    ValueError
        When shapes do not fit, rows have several labels, or a class is not below ``num_classes``.

    Examples
    --------
    >>> confusion_matrix([0, 1, 1], [0, 1, 0]).tolist()
    [[1, 0], [1, 1]]
    """
    return _matrix(y_true, y_pred, sample_weight, num_classes, threshold, normalize, "values")


def _matrix(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None,
    num_classes: int | None,
    threshold: float | None,
    normalize: str | None,
    answers: str,
) -> npt.NDArray[Any]:
    what = "confusion_matrix"
    several = is_scores(y_pred)
    if several and threshold is not None and answers != "each":
        raise errors.bad_value(f"{what}: threshold", "None for several columns", threshold)
    found = labels(y_true, y_pred, sample_weight, threshold, what, answers)
    if found.several:
        mend = "count one label at a time, as in confusion_matrix(y[:, 0], p[:, 0])"
        raise errors.bad_value(f"{what}: y_pred", "one class a row", f"{found.count} labels a row", mend)
    count = (
        found.count
        if num_classes is None
        else errors.integer(f"{what}: num_classes", num_classes, at_least=1)
    )
    largest = int(max(found.true.max(), found.predicted.max()))
    if largest >= count:
        raise errors.bad_value(f"{what}: labels", f"classes below num_classes={count}", largest)
    if found.undefined.any():
        return np.full((count, count), np.nan)
    pairs = found.true * count + found.predicted
    matrix = np.bincount(pairs, weights=found.weights, minlength=count * count).reshape(count, count)
    if normalize is None:
        return matrix
    if normalize not in _NORMALIZE:
        raise errors.unknown_name(f"{what} normalize", normalize, _NORMALIZE)
    axis = {"true": 1, "pred": 0, "all": None}[normalize]
    total = np.asarray(matrix.sum(axis=axis, keepdims=True), dtype=np.float64)
    return np.divide(matrix, total, out=np.zeros(matrix.shape), where=total != 0)


@METRICS.register
class ConfusionMatrix(OfClasses):
    """:func:`confusion_matrix` as a metric object: it gives a matrix, not a number.

    Examples
    --------
    >>> ConfusionMatrix(normalize="true")([0, 1, 1], [0, 1, 0])
    array([[1. , 0. ],
           [0.5, 0.5]])
    """

    def __init__(
        self,
        num_classes: int | None = None,
        *,
        threshold: float | None = None,
        normalize: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        self.num_classes = num_classes
        self.threshold = threshold
        self.normalize = normalize

    def __call__(
        self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> Result:
        return _matrix(
            y_true,
            y_pred,
            sample_weight,
            self.num_classes,
            self.threshold,
            self.normalize,
            self._answers,
        )
