"""What all losses have in common."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.core.registry import Family
from hotloop.core.serialization import Configurable
from hotloop.losses.rows import Doubles, align, row_weights

EPSILON = 1e-7  # Keras's backend epsilon


class Loss(Configurable):
    """Base class of the losses.

    Attributes
    ----------
    name : str
    native : str
        The kernel's name for it.
    targets : {"dense", "sparse"}
        Whether targets have the predictions' shape or are class numbers.
    answers : {"values", "each", "one"}
        What predictions are: numbers as such; a yes or no in each column, so that a row may have several
        labels; or one class of all columns. Metrics and class weights ask for it.
    activation : str
        What makes the probabilities that a cross-entropy takes: "softmax", "sigmoid"; empty for other losses.
    options : dict
        ``from_logits``, ``label_smoothing`` and ``delta`` for the kernel.

    Examples
    --------
    >>> import hotloop as hl
    >>> loss = hl.losses.get("mse")
    >>> loss.values([[0.0], [0.0]], [[1.0], [3.0]]), loss([[0.0], [0.0]], [[1.0], [3.0]])
    (array([1., 9.]), 5.0)
    """

    native = ""
    targets = "dense"
    answers = "values"
    activation = ""

    def __init__(self, *, name: str | None = None) -> None:
        self.name = name or self.native
        self.options: dict[str, Any] = {"from_logits": False, "label_smoothing": 0.0, "delta": 1.0}

    @property
    def threshold(self) -> float:
        """Above it a single prediction means yes: 0.5 for probabilities, 0 for logits and margins."""
        return 0.0 if self.options["from_logits"] else 0.5

    def prepare(self, y_true: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the targets that the formula takes; the hinges make -1 of a label of 0."""
        return y_true

    def rows(self, y_true: npt.NDArray[Any], y_pred: Doubles) -> Doubles:
        """Return the loss of each row; for a subclass to write. Shapes fit, and targets are prepared."""
        raise NotImplementedError

    def values(self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> Doubles:
        """Return the loss of each row.

        Parameters
        ----------
        y_true, y_pred : array_like
            As :func:`align` takes them.

        Returns
        -------
        ndarray of float64
            The predictions' shape without the last axis.
        """
        target, predicted = align(y_true, y_pred, self.name, self.targets == "sparse")
        return self.rows(self.prepare(target), predicted)

    def __call__(
        self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> float:
        """Return the mean over the rows of sample weight times loss.

        Raises
        ------
        ValueError
            When shapes do not fit or a class is out of range.
        """
        values = self.values(y_true, y_pred)
        weights = row_weights(sample_weight, values.shape, self.name)
        return float(np.mean(values if weights is None else values * weights))

    def on_logits(self, activation: str) -> Loss | None:
        """Return this loss as it is of what went into an activation, or None where it has no such form.

        A cross-entropy of the logits is exact where that of probabilities, rounded and clipped, is not.

        Examples
        --------
        >>> import hotloop as hl
        >>> loss = hl.losses.BinaryCrossentropy()
        >>> loss([1], [[0.0]]), loss.on_logits("sigmoid")([1], [[-60.0]]), loss.on_logits("softmax")
        (16.11809565095832, 60.0, None)
        """
        if not self.activation or self.activation != activation or self.options["from_logits"]:
            return None
        made = copy.copy(self)
        made.options = {**self.options, "from_logits": True}
        return made

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name}


LOSSES: Family[Loss] = Family("loss", Loss)
