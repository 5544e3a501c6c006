"""Losses of real-valued targets."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.core import errors
from hotloop.losses.base import EPSILON, LOSSES, MEAN, KernelLoss
from hotloop.losses.rows import Doubles


@LOSSES.register
class MeanSquaredError(KernelLoss):
    """``mean((y - p)^2)``.

    Examples
    --------
    >>> MeanSquaredError()([[0.0, 2.0]], [[1.0, 0.0]])
    2.5
    """

    native = "mean_squared_error"

    def rows(self, y_true: npt.NDArray[Any], y_pred: Doubles) -> Doubles:
        return np.asarray(np.square(y_true - y_pred).mean(axis=-1))


@LOSSES.register
class HalfSquaredError(KernelLoss):
    """``sum((y - p)^2) / 2``, the textbook's: its gradient is ``p - y``.

    Examples
    --------
    >>> HalfSquaredError()([[0.0, 2.0]], [[1.0, 0.0]])
    2.5
    """

    native = "half_squared_error"

    def rows(self, y_true: npt.NDArray[Any], y_pred: Doubles) -> Doubles:
        return np.asarray(np.square(y_true - y_pred).sum(axis=-1) / 2.0)


@LOSSES.register
class MeanAbsoluteError(KernelLoss):
    """``mean(|y - p|)``.

    Examples
    --------
    >>> MeanAbsoluteError()([[0.0, 2.0]], [[1.0, 0.0]])
    1.5
    """

    native = "mean_absolute_error"

    def rows(self, y_true: npt.NDArray[Any], y_pred: Doubles) -> Doubles:
        return np.asarray(np.abs(y_true - y_pred).mean(axis=-1))


@LOSSES.register
class MeanAbsolutePercentageError(KernelLoss):
    """``100 * mean(|y - p| / max(|y|, 1e-7))``.

    Examples
    --------
    >>> MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 4.0]])
    25.0
    """

    native = "mean_absolute_percentage_error"

    def rows(self, y_true: npt.NDArray[Any], y_pred: Doubles) -> Doubles:
        return np.asarray(
            100.0 * (np.abs(y_true - y_pred) / np.maximum(np.abs(y_true), EPSILON)).mean(axis=-1)
        )


@LOSSES.register
class MeanSquaredLogarithmicError(KernelLoss):
    """``mean((log(1 + y) - log(1 + p))^2)``, both no less than 1e-7.

    Examples
    --------
    >>> round(MeanSquaredLogarithmicError()([[0.0]], [[np.e - 1.0]]), 6)
    1.0
    """

    native = "mean_squared_logarithmic_error"

    def rows(self, y_true: npt.NDArray[Any], y_pred: Doubles) -> Doubles:
        difference = np.log1p(np.maximum(y_true, EPSILON)) - np.log1p(np.maximum(y_pred, EPSILON))
        return np.asarray(np.square(difference).mean(axis=-1))


@LOSSES.register
class Huber(KernelLoss):
    """Half the square of an error up to ``delta``, beyond it a line: ``delta * |e| - delta^2 / 2``.

    Examples
    --------
    >>> Huber(delta=1.0)([[0.0], [0.0]], [[0.5], [3.0]])
    1.3125
    """

    native = "huber"

    def __init__(self, delta: float = 1.0, *, reduction: str | None = MEAN, name: str | None = None) -> None:
        super().__init__(reduction=reduction, name=name)
        self.options["delta"] = errors.number("Huber: delta", delta, above=0)

    def rows(self, y_true: npt.NDArray[Any], y_pred: Doubles) -> Doubles:
        delta, error = self.options["delta"], np.abs(y_true - y_pred)
        values = np.where(error <= delta, error * error / 2.0, delta * (error - delta / 2.0))
        return np.asarray(values.mean(axis=-1))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"delta": self.options["delta"]}


@LOSSES.register
class LogCosh(KernelLoss):
    """``mean(log(cosh(p - y)))``.

    Examples
    --------
    >>> round(LogCosh()([[0.0]], [[1.0]]), 6)
    0.433781
    """

    native = "log_cosh"

    def rows(self, y_true: npt.NDArray[Any], y_pred: Doubles) -> Doubles:
        error = np.abs(y_pred - y_true)
        return np.asarray((error + np.log1p(np.exp(-2.0 * error)) - np.log(2.0)).mean(axis=-1))


@LOSSES.register
class Poisson(KernelLoss):
    """``mean(p - y * log(p + 1e-7))``.

    Examples
    --------
    >>> round(Poisson()([[2.0]], [[1.0]]), 6)
    1.0
    """

    native = "poisson"

    def rows(self, y_true: npt.NDArray[Any], y_pred: Doubles) -> Doubles:
        return np.asarray((y_pred - y_true * np.log(y_pred + EPSILON)).mean(axis=-1))


@LOSSES.register
class KLDivergence(KernelLoss):
    """``sum(y * log(y / p))``, both clipped to between 1e-7 and 1.

    Examples
    --------
    >>> round(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]]), 6)
    0.143841
    """

    native = "kl_divergence"
    answers = "one"

    def rows(self, y_true: npt.NDArray[Any], y_pred: Doubles) -> Doubles:
        y, p = np.clip(y_true, EPSILON, 1.0), np.clip(y_pred, EPSILON, 1.0)
        return np.asarray((y * np.log(y / p)).sum(axis=-1))
