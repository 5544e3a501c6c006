"""Callbacks that change the learning rate."""

from __future__ import annotations

from collections.abc import Callable

from hotloop.callbacks.base import Callback, Logs, say
from hotloop.callbacks.monitor import Monitor, plain_learning_rate, takes_two
from hotloop.core import errors


class ReduceLROnPlateau(Callback):
    """Lowers the learning rate when a value has stopped getting better.

    Parameters
    ----------
    monitor : str
        What to watch in the logs.
    factor : float
        The learning rate is multiplied by this; in (0, 1).
    patience : int
        Epochs without anything better before it is lowered.
    verbose : {0, 1}
        1 says on stdout when it is.
    mode : {"auto", "min", "max"}
        Which way is better; "auto" asks the metric (losses: "min").
    min_delta : float
        How much better counts as better.
    cooldown : int
        Epochs after a change in which nothing is counted.
    min_lr : float
        No lower than this.

    Raises
    ------
    TypeError
        At the start of training, when the learning rate is a schedule.
    ValueError
        At the start of training, when the mode is "auto" and the metric does not say which way is better.

    Examples
    --------
    >>> ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=3).factor
    0.5
    """

    state_names = ("best", "wait", "cooldown_counter")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        self._watched = Monitor("ReduceLROnPlateau", monitor, mode, min_delta)
        self.monitor = monitor
        self.mode = mode
        self.factor = errors.number("ReduceLROnPlateau: factor", factor, above=0, below=1)
        self.patience = errors.integer("ReduceLROnPlateau: patience", patience, at_least=0)
        self.verbose = verbose
        self.cooldown = errors.integer("ReduceLROnPlateau: cooldown", cooldown, at_least=0)
        self.min_lr = errors.number("ReduceLROnPlateau: min_lr", min_lr, at_least=0)
        self._reset()

    def _reset(self) -> None:
        self.best = self._watched.worst
        self.cooldown_counter = 0
        self.wait = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        plain_learning_rate(self)
        self._watched.begin(self.model)
        self.mode = self._watched.mode
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        rate = plain_learning_rate(self)
        value = None if self._watched.skips(logs) else self._watched.value(logs)
        if logs is not None:
            logs["learning_rate"] = rate
        if value is None:
            return
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self._watched.better(value, self.best):
            self.best = value
            self.wait = 0
        elif self.cooldown_counter == 0:
            self.wait += 1
            if self.wait >= self.patience and rate > self.min_lr:
                self.model.optimizer.learning_rate = max(rate * self.factor, self.min_lr)
                self.cooldown_counter = self.cooldown
                self.wait = 0
                if self.verbose:
                    say(f"Epoch {epoch + 1}: learning rate now {self.model.optimizer.learning_rate:g}")


class LearningRateScheduler(Callback):
    """Sets the learning rate before every epoch.

    Parameters
    ----------
    schedule : callable
        ``(epoch) -> rate`` or ``(epoch, rate) -> rate``, epochs counted from 0.
    verbose : {0, 1}
        1 says the rate on stdout.

    Raises
    ------
    TypeError
        At the start of training, when the learning rate is a schedule.

    Examples
    --------
    >>> callback = LearningRateScheduler(lambda epoch, rate: rate * 0.5)
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        if not callable(schedule):
            raise errors.bad_type("LearningRateScheduler: schedule", "a function of the epoch", schedule)
        self.schedule = schedule
        self.verbose = verbose
        self._takes_rate = takes_two(schedule)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        rate = plain_learning_rate(self)
        new = self.schedule(epoch, rate) if self._takes_rate else self.schedule(epoch)
        self.model.optimizer.learning_rate = errors.number("LearningRateScheduler: rate", new, at_least=0)
        if self.verbose:
            say(f"Epoch {epoch + 1}: learning rate {self.model.optimizer.learning_rate:g}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = plain_learning_rate(self)
