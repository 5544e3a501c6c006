"""Callbacks that end training."""

from __future__ import annotations

import math
from typing import Any

from hotloop.callbacks.base import Callback, Logs, as_float, say
from hotloop.callbacks.monitor import Monitor
from hotloop.core import errors


class EarlyStopping(Callback):
    """Ends training when a value has stopped getting better.

    Parameters
    ----------
    monitor : str
        What to watch in the logs.
    min_delta : float
        How much better counts as better.
    patience : int
        Epochs without anything better before training ends.
    verbose : {0, 1}
        1 says on stdout when it stops.
    mode : {"auto", "min", "max"}
        Which way is better; "auto" asks the metric (losses: "min").
    baseline : float, optional
        Must be beaten as well for patience to start anew.
    restore_best_weights : bool
        Whether the model gets the best epoch's weights back at the end, stopped early or not.
    start_from_epoch : int
        Epochs before this one are not watched.

    Attributes
    ----------
    best : float
    best_epoch : int
    stopped_epoch : int
        The epoch that it stopped after, 0 when it did not.

    Raises
    ------
    ValueError
        At the start of training, when the mode is "auto" and the metric does not say which way is better.

    Examples
    --------
    >>> EarlyStopping(monitor="val_accuracy", patience=3, restore_best_weights=True).patience
    3
    """

    state_names = ("wait", "stopped_epoch", "best", "best_epoch", "best_weights")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        self._watched = Monitor("EarlyStopping", monitor, mode, min_delta)
        self.monitor = monitor
        self.mode = mode
        self.patience = errors.integer("EarlyStopping: patience", patience, at_least=0)
        self.verbose = verbose
        self.baseline = None if baseline is None else errors.number("EarlyStopping: baseline", baseline)
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = errors.integer("EarlyStopping: start_from_epoch", start_from_epoch)
        self._reset()

    def _reset(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best = self._watched.worst
        self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._watched.begin(self.model)
        self.mode = self._watched.mode
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if epoch < self.start_from_epoch or self._watched.skips(logs):
            return
        value = self._watched.value(logs)
        if value is None:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._remember(epoch)
        self.wait += 1
        if self._watched.better(value, self.best):
            self.best = value
            self._remember(epoch)
            if self.baseline is None or self._watched.better(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _remember(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch and self.verbose:
            say(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                say(f"Restoring the weights of the best epoch, {self.best_epoch + 1}")
            self.model.set_weights(self.best_weights)


class TerminateOnNaN(Callback):
    """Ends training when the loss is NaN or infinite: at once, inside the epoch, at no cost in speed.

    Examples
    --------
    >>> TerminateOnNaN().per_batch
    False
    """

    stop_on_nan = True

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        loss = as_float((logs or {}).get("loss"))
        if loss is not None and not math.isfinite(loss):
            say(f"Epoch {epoch + 1}: the loss is {loss}, training ends")
            self.model.stop_training = True
