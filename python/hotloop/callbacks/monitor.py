"""Watching one value of the logs: whether it got better."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from hotloop.callbacks.base import Callback, Logs, as_float
from hotloop.core import errors


class Monitor:
    """Compares a logged value with the best one so far.

    Parameters
    ----------
    owner : str
        The callback's name, for messages.
    monitor : str
        The key in the logs.
    mode : {"auto", "min", "max"}
        "auto" asks the metric behind the key, when training begins.
    min_delta : float
        How much better counts as better.

    Attributes
    ----------
    mode : {"auto", "min", "max"}
        "auto" only until :meth:`begin`.

    Raises
    ------
    ValueError
        For an unknown mode.
    """

    def __init__(self, owner: str, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise errors.unknown_name(f"{owner} mode", mode, ["auto", "min", "max"])
        self.owner = owner
        self.monitor = monitor
        self.mode = self._asked = mode
        self.min_delta = abs(errors.number(f"{owner}: min_delta", min_delta))
        self._expected: dict[str, str | None] = {}
        self._warned = False

    @property
    def worst(self) -> float:
        """What every value is better than."""
        return -math.inf if self.mode == "max" else math.inf

    def begin(self, model: Any) -> None:
        """Learn what the model will log, and so which way is better.

        Raises
        ------
        ValueError
            When the mode is "auto" and nobody says which way is better.
        """
        self._expected = log_directions(model)
        self._warned = False
        if self._asked == "auto":
            self.mode = self._direction()

    def _direction(self) -> str:
        known = {"loss": "min", **self._expected}
        for key in (self.monitor, self.monitor.removeprefix("val_")):  # validation data may be missing
            if key in known:
                if known[key] is None:
                    raise errors.bad_value(
                        f"{self.owner}: monitor={self.monitor!r}, mode='auto'",
                        "a metric that says which way is better",
                        "one that does not",
                        "pass mode='min' or mode='max', or set the metric's direction to one of them",
                    )
                return str(known[key])
        guess = _nearest(self.monitor, self._expected)
        raise errors.bad_value(
            f"{self.owner}: monitor, with mode='auto'",
            f"one of {', '.join(known)}",
            repr(self.monitor),
            f"did you mean {guess!r}?" if guess else "pass mode='min' or 'max' for what a callback logs",
        )

    def skips(self, logs: Logs | None) -> bool:
        """Whether the value is merely missing this time: not every epoch is validated."""
        return self.monitor in self._expected and self.monitor not in (logs or {})

    def value(self, logs: Logs | None) -> float | None:
        """Return the watched value; None, and one warning, when the logs have none."""
        logs = logs or {}
        value = as_float(logs.get(self.monitor))
        if value is None and not self._warned:
            self._warned = True
            guess = _nearest(self.monitor, logs)
            hint = f"; did you mean {guess!r}?" if guess else "."
            if self.monitor.startswith("val_") and not any(key.startswith("val_") for key in logs):
                hint = ": nothing was validated."
            why = "is an array." if self.monitor in logs else f"is not in the logs{hint}"
            text = f"{self.owner} has nothing to watch: {self.monitor!r} {why}"
            errors.warn(f"{text} There are: {', '.join(logs)}")
        return value

    def better(self, value: float, than: float) -> bool:
        """Whether ``value`` is better by more than ``min_delta``."""
        if self.mode == "max":
            return value > than + self.min_delta
        return value < than - self.min_delta


def _nearest(monitor: str, keys: Iterable[str]) -> str | None:
    """The key that was meant, perhaps; one of training is never taken for one of validation."""
    validated = monitor.startswith("val")
    return errors.nearest(monitor, [key for key in keys if key.startswith("val") == validated])


def log_directions(model: Any) -> dict[str, str | None]:
    """Return the keys of the logs that a model's training makes, with which way is better."""
    trainer = getattr(model, "_trainer", None)
    return {} if trainer is None else dict(trainer.log_directions)


def takes_two(function: Callable[..., Any]) -> bool:
    """Whether a function can be called with two positional arguments."""
    import inspect

    try:
        inspect.signature(function).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # a built-in without a signature
        return True
    return True


def plain_learning_rate(callback: Callback) -> float:
    """Return the optimizer's learning rate, which must be a number for a callback to change it."""
    optimizer = callback.model.optimizer
    if optimizer.schedule is not None:
        mend = "compile with a plain number, or leave the callback out"
        expected = "an optimizer whose learning rate is a number"
        raise errors.bad_type(type(callback).__name__, expected, optimizer.schedule, mend)
    return float(optimizer.learning_rate)
