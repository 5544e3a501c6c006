"""Progress of training on stdout: a bar on a terminal or in a notebook, one line an epoch otherwise."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from hotloop.core import errors


def verbosity(verbose: str | int | bool) -> int:
    """Return 0 (silent), 1 (a bar) or 2 (one line an epoch); "auto" and 1 are 2 where no bar can be shown.

    Raises
    ------
    ValueError
        For anything but "auto", 0, 1 and 2.
    """
    if isinstance(verbose, str):
        if verbose != "auto":
            raise errors.bad_value("verbose", "'auto', 0, 1 or 2", repr(verbose))
        verbose = 1
    if verbose not in (0, 1, 2):
        raise errors.bad_value("verbose", "'auto', 0, 1 or 2", verbose)
    if sys.stdout is None:
        return 0
    return 2 if verbose == 1 and not _can_show_bar() else int(verbose)


def _can_show_bar() -> bool:
    try:
        if sys.stdout.isatty():
            return os.environ.get("TERM") != "dumb"
    except (AttributeError, ValueError):  # a replaced or a closed stdout
        return False
    # A notebook's kernel, without importing IPython where it is not in use.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return type(shell).__name__ == "ZMQInteractiveShell"


def number_text(value: Any) -> str:
    """Write a logged value as Keras does: four decimals, or scientific where these would show too little.

    Examples
    --------
    >>> number_text(0.123456), number_text(0.000123456)
    ('0.1235', '1.2346e-04')
    """
    array = np.asarray(value)
    if array.ndim:
        return "[" + " ".join(number_text(each) for each in array.ravel()) + "]"
    number = float(array)
    return f"{number:.4f}" if abs(number) > 1e-3 or number == 0 else f"{number:.4e}"


def logs_text(logs: Mapping[str, Any]) -> str:
    """Join logs into one line.

    Examples
    --------
    >>> logs_text({"loss": 0.25, "accuracy": 0.5})
    'loss: 0.2500 - accuracy: 0.5000'
    """
    return " - ".join(f"{key}: {number_text(value)}" for key, value in logs.items())


class Progress:
    """Shows how training goes. The bar is gone when its epoch ends; what stays is one line an epoch.

    Parameters
    ----------
    epochs : int
        The number of the last epoch, counted from 1.
    steps : int
        Training steps of an epoch.
    verbose : {"auto", 0, 1, 2}
        0 is silent, 1 a bar, 2 one line an epoch. "auto" is 1. Without a terminal or notebook a bar becomes
        one line an epoch. The variable NO_COLOR, when set, keeps the bar without colour.

    Examples
    --------
    >>> progress = Progress(epochs=1, steps=10, verbose=0)
    >>> progress.epoch_begin(0)
    >>> progress.update(10, loss=0.5)
    >>> progress.epoch_end(0, {"loss": 0.5}, seconds=0.1)
    >>> progress.close()
    """

    def __init__(self, epochs: int, steps: int, verbose: str | int | bool = "auto") -> None:
        self.epochs = epochs
        self.steps = steps
        self.verbose = verbosity(verbose)
        self._bar: Any = None

    def epoch_begin(self, epoch: int, steps_done: int = 0) -> None:
        """Begin epoch ``epoch``, counted from 0, of which so many steps were made in an earlier training."""
        self.close()
        title = f"Epoch {epoch + 1}/{self.epochs}"
        if self.verbose and steps_done and sys.stdout is not None:
            print(f"{title} goes on behind step {steps_done}/{self.steps}", flush=True)
        if self.verbose == 1:
            self._bar = _bar(title, self.steps, steps_done)

    def update(self, steps_done: int, loss: float) -> None:
        """Show how many of the epoch's steps are done and the mean loss so far."""
        if self._bar is not None:
            self._bar.loss = f" - loss: {number_text(loss)}"
            self._bar.update(steps_done - self._bar.n)

    def epoch_end(self, epoch: int, logs: Mapping[str, Any], seconds: float) -> None:
        """Take the bar away and leave the epoch's line."""
        self.close()
        if self.verbose and sys.stdout is not None:
            parts = [f"Epoch {epoch + 1}/{self.epochs}", _seconds_text(seconds)]
            if logs:
                parts.append(logs_text(logs))
            print(" - ".join(parts), flush=True)

    def close(self) -> None:
        """Take the bar away; to be called also when training ends by an error."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _seconds_text(seconds: float) -> str:
    if seconds >= 60:
        return f"{int(seconds) // 60}m{int(seconds) % 60:02d}s"
    return f"{seconds:.1f}s" if seconds >= 1 else f"{seconds * 1000:.0f}ms"


def _bar(description: str, total: int, initial: int) -> Any:
    tqdm = importlib.import_module("tqdm").tqdm

    class Bar(tqdm):  # type: ignore[misc, valid-type]
        monitor_interval = 0  # without its watching thread, which would outlive the bar and a fork
        loss = ""  # nothing before the first value; tqdm's own postfix comes with a comma

        @property
        def format_dict(self) -> dict[str, Any]:
            return {**super().format_dict, "loss": self.loss}

    return Bar(
        desc=description,
        total=total,
        initial=initial,
        file=sys.stdout,
        leave=False,
        dynamic_ncols=True,
        colour=None if os.environ.get("NO_COLOR") else "green",
        bar_format="{desc} {bar} {n_fmt}/{total_fmt} - {elapsed}<{remaining}{loss}",
    )
