"""What metrics of class numbers have in common: who says which classes a row has."""

from __future__ import annotations

import numpy as np

from hotloop.core import errors
from hotloop.device import to_host
from hotloop.losses.base import Loss
from hotloop.metrics.base import Array, Metric, told
from hotloop.metrics.decode import several_labels


class OfClasses(Metric):
    """A metric of one class a row, or of several labels a row, each cut at a threshold.

    Attributes
    ----------
    threshold : float or None
        As the user gave it, else as the loss or the labels say.
    """

    threshold: float | None
    _answers = "values"  # what the loss says of predictions

    def for_loss(self, loss: Loss) -> Metric:
        cut = self.threshold is None and loss.answers == "each"
        return told(self, _answers=loss.answers, threshold=loss.threshold if cut else self.threshold)

    def for_labels(self, y_true: Array, shape: tuple[int, ...]) -> Metric:
        if self._answers != "values" or self.threshold is not None or shape[-1:] < (2,):
            return self
        target = to_host(y_true)
        if not several_labels(target, (len(target), *shape)):
            return told(self, _answers="one")
        others = int((np.count_nonzero(target == 1, axis=-1) != 1).sum())
        errors.warn(
            f"metric {self.name!r}: the loss does not say whether a row has one class or several labels, and "
            f"{others} of {target[..., 0].size} rows do not have just one 1, so each output is cut at 0.5 "
            "for itself; say threshold=0.5, or mend these rows"
        )
        return told(self, _answers="each", threshold=0.5)
