"""The hooks that ``fit`` calls."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

Logs = dict[str, Any]
_TRAIN_BATCH_HOOKS = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")


def say(text: str) -> None:
    """Write a line to stderr, if there is one."""
    if sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)


class Callback:
    """Base class: ``fit`` calls the hooks; override those you want.

    A training epoch is one native call. Overriding a training batch hook splits it into one call a step,
    which costs speed: small networks may train several times slower. ``evaluate`` and ``predict`` run in one
    native call always, and count as one batch.

    Attributes
    ----------
    model : Model
        The model in training. Setting its ``stop_training`` to True ends ``fit`` after this epoch (or step).
    params : dict
        ``epochs``, ``steps`` and ``verbose``.

    Examples
    --------
    >>> import hotloop as hl
    >>> class Target(hl.callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         self.model.stop_training = logs["loss"] < 0.1
    >>> Target().per_batch
    False
    """

    # Class attributes, so that a subclass need not call this class's __init__.
    model: Any = None
    params: Mapping[str, Any] = MappingProxyType({})
    stop_on_nan = False  # whether a loss that is not finite ends the epoch at once

    @property
    def per_batch(self) -> bool:
        """Whether a training batch hook is overridden."""
        own = vars(self)
        return any(
            hook in own or getattr(type(self), hook) is not getattr(Callback, hook)
            for hook in _TRAIN_BATCH_HOOKS
        )

    def set_params(self, params: dict[str, Any]) -> None:
        """Take the parameters of the training."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Take the model."""
        self.model = model

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Called once, before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Called once, after the last epoch, with its logs."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Called before epoch ``epoch``, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Called after epoch ``epoch`` and its validation; what is put into ``logs`` is in the history."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Keras's old name for :meth:`on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Keras's old name for :meth:`on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before training step ``batch`` of the epoch. Costs speed."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after training step ``batch`` with the epoch's mean loss so far. Costs speed."""
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Called before an evaluation, the validation in ``fit`` too."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Called after an evaluation with its results."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before an evaluation's only batch."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after an evaluation's only batch."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Called before a prediction."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Called after a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before a prediction's only batch."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after a prediction's only batch."""


def as_float(value: Any) -> float | None:
    """Return a log's value as a float; None for an array, or when there is no value."""
    array = np.asarray(value)
    return float(array) if array.ndim == 0 and array.dtype.kind in "biuf" else None
