"""The hooks that ``fit`` calls."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

Logs = dict[str, Any]
_BATCH_HOOKS = {
    "train": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}


def say(text: str) -> None:
    """Write a line to stdout, if there is one."""
    if sys.stdout is not None:
        print(text, flush=True)


class Callback:
    """Base class: ``fit`` calls the hooks; override those you want.

    A training epoch is one native call, and so are ``evaluate`` and ``predict``. Overriding a batch hook
    splits them into one call a batch, which costs speed: small networks may train several times slower.
    Logs are as in Keras: those at the end of a batch hold the loss and the metrics over the rows so far,
    which are worked out when they are looked at; those at a beginning are empty. Accuracies, losses and other
    means over rows go on from batch to batch; metrics that are none (AUC, F1, R2, a function or class of
    yours) are computed over all rows so far each time, so an epoch's cost grows with its square.

    Attributes
    ----------
    model : Model
        The model in training. Setting its ``stop_training`` to True ends ``fit`` after this epoch (or step).
    params : dict
        ``epochs``, ``steps`` and ``verbose``; in ``evaluate`` and ``predict`` too.

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
    beside: Sequence[Callback] = ()  # all callbacks of the training, itself included
    goes_last = False  # whether its hooks are called behind all others'
    state_names: tuple[str, ...] = ()
    stop_on_nan = False  # whether a loss that is not finite ends the epoch at once

    @property
    def per_batch(self) -> bool:
        """Whether a training batch hook is overridden."""
        return self.overrides("train")

    def overrides(self, phase: str) -> bool:
        """Whether a batch hook of "train", "test" or "predict" is overridden."""
        own = vars(self)
        return any(
            hook in own or getattr(type(self), hook) is not getattr(Callback, hook)
            for hook in _BATCH_HOOKS[phase]
        )

    def get_state(self) -> dict[str, Any]:
        """Return what it has to remember for an interrupted training to go on as if it never had stopped.

        :class:`BackupAndRestore` keeps it: numbers, texts, arrays, and lists and dicts of these. By default
        the attributes that the class lists in ``state_names``.
        """
        return {name: getattr(self, name) for name in self.state_names}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`get_state` returned; called behind all ``on_train_begin``."""
        for name in self.state_names:
            setattr(self, name, state[name])

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
        """Called after training step ``batch`` with the loss and metrics of the epoch so far. Costs speed."""
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Called before an evaluation, the validation in ``fit`` too."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Called after an evaluation with its results."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before batch ``batch`` of an evaluation. Costs speed."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after batch ``batch`` of an evaluation, with loss and metrics so far. Costs speed."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Called before a prediction."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Called after a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before batch ``batch`` of a prediction. Costs speed."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after batch ``batch`` of a prediction with its ``outputs``. Costs speed."""


def as_float(value: Any) -> float | None:
    """Return a log's value as a float; None for an array, or when there is no value."""
    array = np.asarray(value)
    return float(array) if array.ndim == 0 and array.dtype.kind in "biuf" else None
