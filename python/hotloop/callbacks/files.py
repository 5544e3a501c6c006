"""Callbacks that write files: checkpoints and logs."""

from __future__ import annotations

import os
import string
from collections import ChainMap
from typing import Any

import numpy as np

from hotloop.callbacks.base import Callback, Logs, say
from hotloop.callbacks.monitor import Monitor, log_directions
from hotloop.core import errors
from hotloop.core.files import PathLike, path_text


class ModelCheckpoint(Callback):
    """Saves the model after every epoch, or every so many steps.

    Parameters
    ----------
    filepath : path
        May hold fields of the logs, such as ``"epoch{epoch:02d}-{val_loss:.2f}.hotloop"``; epochs count from
        1. Missing folders are made.
    monitor : str
        What to watch in the logs when only the best is saved.
    verbose : {0, 1}
        1 says on stdout what is saved.
    save_best_only : bool
        Whether to save only when the value is the best so far. Where the logs don't have it at all there is a
        warning, and everything is saved.
    save_weights_only : bool
        Whether to call ``model.save_weights`` and not ``model.save``.
    mode : {"auto", "min", "max"}
        Which way is better; "auto" asks the metric (losses: "min").
    save_freq : "epoch" or int
        A number saves after so many training steps; this makes it a per-batch callback, which costs speed.
    initial_value_threshold : float, optional
        The best value so far, to begin with.

    Attributes
    ----------
    best : float or None
        None before anything was watched.
    mode : {"auto", "min", "max"}
        "auto" only until training begins.

    Raises
    ------
    ValueError
        At the start of training, when only the best is to be saved, the mode is "auto" and the metric does
        not say which way is better.
    TypeError
        At the start of training, when whole models are to be saved and this one can't be; see ``Model.save``.

    Examples
    --------
    >>> callback = ModelCheckpoint("epoch{epoch:02d}.hotloop", monitor="val_accuracy", save_best_only=True)
    >>> callback.best is None
    True
    """

    state_names = ("best", "_steps")

    def __init__(
        self,
        filepath: PathLike,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        self._watched = Monitor("ModelCheckpoint", monitor, mode)
        self.filepath = path_text(filepath)
        self.monitor = monitor
        self.mode = mode
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        if save_freq != "epoch":
            save_freq = errors.integer("ModelCheckpoint: save_freq", save_freq, at_least=1)
        self.save_freq = save_freq
        self.best = initial_value_threshold
        self._epoch = 0
        self._steps = 0

    @property
    def per_batch(self) -> bool:
        """Whether it saves by steps."""
        return self.save_freq != "epoch"

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if not self.save_weights_only:
            refuse = getattr(self.model, "refuse_unsavable", None)
            if refuse is not None:
                refuse()
        if self.save_best_only:
            self._watched.begin(self.model)
            self.mode = self._watched.mode

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        skipped = self.save_best_only and self._watched.skips(logs)
        if self.save_freq == "epoch" and not skipped:
            self._save({"epoch": epoch + 1}, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if isinstance(self.save_freq, int):
            self._steps += 1
            if self._steps % self.save_freq == 0:
                self._save({"epoch": self._epoch + 1, "batch": batch + 1}, logs)

    def _save(self, place: dict[str, int], logs: Logs | None) -> None:
        if self.save_best_only:
            value = self._watched.value(logs)
            if value is not None:
                if not self._watched.better(value, self._watched.worst if self.best is None else self.best):
                    return
                self.best = value
        fields = ChainMap(place, {} if logs is None else logs)
        try:
            path = string.Formatter().vformat(self.filepath, (), fields)
        except (KeyError, IndexError) as missing:
            known = ", ".join([*place, *(logs or {})])
            raise errors.bad_value("ModelCheckpoint: filepath", f"fields among {known}", missing) from None
        if os.path.dirname(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)
        if self.verbose:
            say(f"Epoch {place['epoch']}: saved {path}")


class CSVLogger(Callback):
    """Writes the logs of every epoch as a line of a CSV file, with NA for what an epoch doesn't have.

    The file is opened and closed for each line, so that it is whole whenever training ends.

    Parameters
    ----------
    filename : path
    separator : str
    append : bool
        Whether to go on with a file that is there, without a second header; else the first epoch's line
        replaces it. With :class:`BackupAndRestore` the lines of a training that goes on are those of one that
        never stopped, either way.

    Examples
    --------
    >>> CSVLogger("training.csv", append=True).separator
    ','
    """

    def __init__(self, filename: PathLike, separator: str = ",", append: bool = False) -> None:
        self.filename = path_text(filename)
        self.separator = separator
        self.append = append
        self._keys: list[str] | None = None
        self._needs_header = True
        self._replaces = False  # what is in the file, with the first line: a training that goes on keeps it

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._keys = None
        self._replaces = not self.append
        with open(self.filename, "a", encoding="utf-8") as file:  # an error now, not after the first epoch
            self._needs_header = self._replaces or file.tell() == 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        import csv

        logs = logs or {}
        if self._keys is None:
            # The first epoch may be one that is not validated.
            expected = log_directions(self.model)
            header = None if self._needs_header else self._header()
            self._needs_header = header is None
            self._keys = list(expected | logs) if header is None else header
        mode = "w" if self._replaces else "a"
        self._replaces = False
        with open(self.filename, mode, newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter=self.separator)
            if self._needs_header:
                writer.writerow(["epoch", *self._keys])
                self._needs_header = False
            values = [_text(logs[key]) if key in logs else "NA" for key in self._keys]
            writer.writerow([epoch, *values])

    def get_state(self) -> dict[str, Any]:
        return {"size": 0 if self._replaces else os.path.getsize(self.filename)}

    def set_state(self, state: dict[str, Any]) -> None:
        if os.path.getsize(self.filename) > state["size"]:  # lines of epochs that are trained again
            os.truncate(self.filename, state["size"])
        self._replaces = False
        self._needs_header = os.path.getsize(self.filename) == 0

    def _header(self) -> list[str] | None:
        """The columns that the file has already; None where all its lines are empty."""
        import csv

        with open(self.filename, newline="", encoding="utf-8") as file:
            lines = csv.reader(file, delimiter=self.separator)
            return next((line[1:] for line in lines if line), None)


def _text(value: Any) -> str:
    """A number in full precision, or an array's numbers in brackets."""
    array = np.asarray(value)
    return str(array.item()) if array.ndim == 0 else "[" + ", ".join(str(x) for x in array.ravel()) + "]"
