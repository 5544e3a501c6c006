"""How far predictions of real numbers are off: scikit-learn's numbers."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hotloop.core import errors
from hotloop.losses.rows import Doubles, align, row_weights
from hotloop.metrics.base import METRICS, Metric, Result, weighted_mean


@METRICS.register
class MeanSquaredError(Metric):
    """The mean of the squared errors, over rows and outputs.

    Examples
    --------
    >>> MeanSquaredError()([1.0, 2.0], [1.0, 4.0])
    2.0
    """

    direction = "min"
    is_mean = True

    def __call__(
        self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> float:
        target, predicted = align(y_true, y_pred, self.name, sparse=False)
        return weighted_mean(np.square(target - predicted).mean(axis=-1), sample_weight, self.name)


@METRICS.register
class RootMeanSquaredError(MeanSquaredError):
    """The root of the mean of the squared errors, over rows and outputs.

    Examples
    --------
    >>> RootMeanSquaredError()([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 8.0])
    2.0
    """

    def __call__(
        self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> float:
        return math.sqrt(super().__call__(y_true, y_pred, sample_weight))


@METRICS.register
class MeanAbsoluteError(Metric):
    """The mean of the errors' sizes, over rows and outputs.

    Examples
    --------
    >>> MeanAbsoluteError()([1.0, 2.0], [1.0, 4.0])
    1.0
    """

    direction = "min"
    is_mean = True

    def __call__(
        self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> float:
        target, predicted = align(y_true, y_pred, self.name, sparse=False)
        return weighted_mean(np.abs(target - predicted).mean(axis=-1), sample_weight, self.name)


@METRICS.register
class R2Score(Metric):
    """The coefficient of determination: 1 is perfect, 0 is no better than the mean of the targets.

    Parameters
    ----------
    class_aggregation : {"uniform_average", "variance_weighted_average"} or None
        How several outputs are put together; None gives an array.
    name : str, optional

    Notes
    -----
    Where the targets do not vary it is 1 for no error, else 0. One row alone gives NaN, and so does a
    prediction that is NaN.

    Examples
    --------
    >>> R2Score()([1.0, 2.0, 3.0], [1.0, 2.0, 2.0])
    0.5
    """

    direction = "max"

    def __init__(self, class_aggregation: str | None = "uniform_average", *, name: str | None = None) -> None:
        super().__init__(name)
        known = ["uniform_average", "variance_weighted_average"]
        if class_aggregation is not None and class_aggregation not in known:
            raise errors.unknown_name("R2Score class_aggregation", class_aggregation, known)
        self.class_aggregation = class_aggregation

    def __call__(
        self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> Result:
        target, predicted = align(y_true, y_pred, self.name, sparse=False)
        given = row_weights(sample_weight, target.shape[:-1], self.name)
        target, predicted = target.reshape(-1, target.shape[-1]), predicted.reshape(-1, target.shape[-1])
        weights = np.ones((len(target), 1)) if given is None else given.reshape(-1, 1)
        if len(target) < 2 or not weights.any():
            return float("nan")
        mean = (weights * target).sum(axis=0) / weights.sum()
        unexplained = (weights * np.square(target - predicted)).sum(axis=0)
        variance = (weights * np.square(target - mean)).sum(axis=0)
        scores = np.where(np.isnan(unexplained), np.nan, unexplained == 0)
        varies = variance != 0
        scores[varies] = 1.0 - unexplained[varies] / variance[varies]
        return self._aggregate(scores, variance)

    def _aggregate(self, scores: Doubles, variance: Doubles) -> Result:
        if self.class_aggregation is None:
            return scores
        if self.class_aggregation == "variance_weighted_average" and variance.any():
            return float(np.average(scores, weights=variance))
        return float(scores.mean())
