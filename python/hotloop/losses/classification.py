"""Losses of classes: the hinges and the cross-entropies."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.core import errors
from hotloop.losses.base import EPSILON, LOSSES, MEAN, KernelLoss
from hotloop.losses.rows import Doubles


@LOSSES.register
class Hinge(KernelLoss):
    """``mean(max(1 - y * p, 0))`` with y -1 or 1; a label of 0 counts as -1.

    Examples
    --------
    >>> Hinge()([0, 1], [[-2.0], [0.5]])
    0.25
    """

    native = "hinge"
    answers = "each"

    @property
    def threshold(self) -> float:
        """Of margins: 0."""
        return 0.0

    def prepare(self, y_true: npt.NDArray[Any]) -> npt.NDArray[Any]:
        signed = y_true.astype(np.result_type(y_true.dtype, np.int8))
        signed[signed == 0] = -1
        return signed

    def rows(self, y_true: npt.NDArray[Any], y_pred: Doubles) -> Doubles:
        return np.asarray(np.maximum(1.0 - y_true * y_pred, 0.0).mean(axis=-1))


@LOSSES.register
class SquaredHinge(Hinge):
    """``mean(max(1 - y * p, 0)^2)``, labels as with :class:`Hinge`.

    Examples
    --------
    >>> SquaredHinge()([0, 1], [[-2.0], [0.5]])
    0.125
    """

    native = "squared_hinge"

    def rows(self, y_true: npt.NDArray[Any], y_pred: Doubles) -> Doubles:
        return np.asarray(np.square(np.maximum(1.0 - y_true * y_pred, 0.0)).mean(axis=-1))


@LOSSES.register
class CategoricalHinge(KernelLoss):
    """``max(max((1 - y) * p) - sum(y * p) + 1, 0)`` with one-hot y.

    Examples
    --------
    >>> CategoricalHinge()([[0, 1]], [[0.5, 1.0]])
    0.5
    """

    native = "categorical_hinge"
    answers = "one"

    def rows(self, y_true: npt.NDArray[Any], y_pred: Doubles) -> Doubles:
        right, wrong = (y_true * y_pred).sum(axis=-1), ((1.0 - y_true) * y_pred).max(axis=-1)
        return np.asarray(np.maximum(wrong - right + 1.0, 0.0))


def _log_probabilities(y_pred: Doubles, from_logits: bool) -> Doubles:
    """Logarithms of the class probabilities, which Keras makes sum to 1 and keeps off 0 and 1."""
    if from_logits:
        shifted = y_pred - y_pred.max(axis=-1, keepdims=True)
        return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
    normal = y_pred / y_pred.sum(axis=-1, keepdims=True)
    return np.asarray(np.log(np.clip(normal, EPSILON, 1.0 - EPSILON)))


class _Smoothed(KernelLoss):
    """What the cross-entropies of whole rows of labels have in common: their options."""

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        *,
        reduction: str | None = MEAN,
        name: str | None = None,
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        what = f"{type(self).__name__}: label_smoothing"
        smoothing = errors.number(what, label_smoothing, at_least=0, at_most=1)
        self.options.update(from_logits=bool(from_logits), label_smoothing=smoothing)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "from_logits": self.options["from_logits"],
            "label_smoothing": self.options["label_smoothing"],
        }


@LOSSES.register
class BinaryCrossentropy(_Smoothed):
    """``-mean(y * log(p) + (1 - y) * log(1 - p))``, p kept between 1e-7 and 1 - 1e-7.

    In a model that ends in the sigmoid it is computed from what that is applied to, wherever it is reported,
    and so has no bound; of probabilities alone it is 16.118 at most, as in Keras.

    Parameters
    ----------
    from_logits : bool
        Whether predictions are before the sigmoid.
    label_smoothing : float
        In [0, 1]: labels move towards one half by this part.

    Examples
    --------
    >>> round(BinaryCrossentropy()([1, 0], [[0.5], [0.5]]), 6)
    0.693147
    """

    native = "binary_crossentropy"
    answers = "each"
    activation = "sigmoid"

    def rows(self, y_true: npt.NDArray[Any], y_pred: Doubles) -> Doubles:
        smoothing = self.options["label_smoothing"]
        y = y_true * (1.0 - smoothing) + smoothing / 2.0
        if self.options["from_logits"]:
            values = np.maximum(y_pred, 0.0) - y_pred * y + np.log1p(np.exp(-np.abs(y_pred)))
        else:
            p = np.clip(y_pred, EPSILON, 1.0 - EPSILON)
            values = -(y * np.log(p) + (1.0 - y) * np.log1p(-p))
        return np.asarray(values.mean(axis=-1))


@LOSSES.register
class CategoricalCrossentropy(_Smoothed):
    """``-sum(y * log(p))`` with y one-hot or a distribution; p made to sum to 1, and no less than 1e-7.

    In a model that ends in the softmax it is computed from what that is applied to, wherever it is reported,
    and so has no bound; of probabilities alone it is 16.118 at most, as in Keras.

    Parameters
    ----------
    from_logits : bool
        Whether predictions are before the softmax.
    label_smoothing : float
        In [0, 1]: labels move towards the uniform distribution by this part.

    Examples
    --------
    >>> round(CategoricalCrossentropy()([[0, 1]], [[0.5, 0.5]]), 6)
    0.693147
    """

    native = "categorical_crossentropy"
    answers = "one"
    activation = "softmax"

    def rows(self, y_true: npt.NDArray[Any], y_pred: Doubles) -> Doubles:
        smoothing = self.options["label_smoothing"]
        y = y_true * (1.0 - smoothing) + smoothing / y_pred.shape[-1]
        return np.asarray(-(y * _log_probabilities(y_pred, self.options["from_logits"])).sum(axis=-1))


@LOSSES.register
class SparseCategoricalCrossentropy(KernelLoss):
    """``-log(p[y])`` with y the class number; p made to sum to 1, and no less than 1e-7.

    From a softmax's probabilities or its logits as :class:`CategoricalCrossentropy`.

    Parameters
    ----------
    from_logits : bool
        Whether predictions are before the softmax.

    Examples
    --------
    >>> round(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]]), 6)
    0.693147
    """

    native = "sparse_categorical_crossentropy"
    activation = "softmax"
    targets = "sparse"
    answers = "one"

    def __init__(
        self, from_logits: bool = False, *, reduction: str | None = MEAN, name: str | None = None
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        self.options["from_logits"] = bool(from_logits)

    def rows(self, y_true: npt.NDArray[Any], y_pred: Doubles) -> Doubles:
        logs = _log_probabilities(y_pred, self.options["from_logits"])
        return -np.take_along_axis(logs, y_true[..., None], axis=-1)[..., 0]

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"from_logits": self.options["from_logits"]}
