"""Watching one value of the logs: whether it got better."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

from hotloop import errors
from hotloop.callbacks.base import Callback, Logs, as_float

_LARGER_IS_BETTER = ("acc", "accuracy", "auc", "precision", "recall", "f1", "f1_score", "r2", "r2_score")


class Monitor:
    """Compares a logged value with the best one so far.

    Parameters
    ----------
    owner : str
        The callback's name, for messages.
    monitor : str
        The key in the logs.
    mode : {"auto", "min", "max"}
        "auto" is "max" for accuracies, areas, precision, recall, F1 and R2, else "min".
    min_delta : float
        How much better counts as better.

    Raises
    ------
    ValueError
        For an unknown mode.
    """

    def __init__(self, owner: str, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise errors.unknown_name(f"{owner} mode", mode, ["auto", "min", "max"])
        if mode == "auto":
            mode = "max" if monitor.endswith(_LARGER_IS_BETTER) else "min"
        self.owner = owner
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(errors.number(f"{owner}: min_delta", min_delta))
        self.worst = -math.inf if mode == "max" else math.inf
        self._warned = False

    def value(self, logs: Logs | None) -> float | None:
        """Return the watched value; None, and one warning, when the logs have none."""
        logs = logs or {}
        value = as_float(logs.get(self.monitor))
        if value is None and not self._warned:
            self._warned = True
            guess = errors.nearest(self.monitor, logs)
            hint = f"; did you mean {guess!r}?" if guess else "."
            why = "is an array" if self.monitor in logs else "is not in the logs"
            text = f"{self.owner} has nothing to watch: {self.monitor!r} {why}{hint}"
            warnings.warn(f"{text} There are: {', '.join(logs)}", UserWarning, stacklevel=3)
        return value

    def better(self, value: float, than: float) -> bool:
        """Whether ``value`` is better by more than ``min_delta``."""
        if self.mode == "max":
            return value > than + self.min_delta
        return value < than - self.min_delta


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
