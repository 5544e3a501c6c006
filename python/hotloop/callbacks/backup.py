"""Training that survives the end of its process."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from hotloop.callbacks.base import Callback, Logs, say
from hotloop.core import errors
from hotloop.core.files import PathLike, path_text
from hotloop.saving.container import Container, read_container, write_container

KIND = "backup"


class BackupAndRestore(Callback):
    """Saves the training now and then; the same program, started again, goes on from there.

    A process that is killed at any moment and started again comes to the same bits of weights, optimizer and
    history as one that never was. In the backup, which is replaced as a whole or not at all, are the weights,
    the optimizer's state and learning rate, the place in the epoch and in the pass over the rows, and what
    the other callbacks have to remember (see :meth:`Callback.get_state`). What ``compile`` and ``fit`` are
    told is the program's affair; a warning says where an epoch can't go on because the batches are others. In
    mid-epoch a backup also holds the predictions of the epoch's rows so far, where metrics need them.

    Parameters
    ----------
    backup_dir : path
        A folder for this training alone; made where it is missing.
    save_freq : "epoch" or int
        A number saves after so many training steps, in mid-epoch as well; this makes it a per-batch callback,
        which costs speed.
    double_checkpoint : bool
        Whether the backup before the last one is kept as well, and read where the last one can't be.
    delete_checkpoint : bool
        Whether the backup goes when training has ended as it should, so that the next ``fit`` begins anew.

    Raises
    ------
    ValueError
        At the start of training, when there is a backup that can't be read or is another model's.
    TypeError
        When another callback's state is nothing that a file can hold.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import hotloop as hl
    >>> x = np.linspace(-1, 1, 64, dtype=np.float32)
    >>> model = hl.Sequential([hl.layers.Dense(1, input_shape=(1,))])
    >>> model.compile("sgd", loss="mse")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     backup = hl.callbacks.BackupAndRestore(os.path.join(folder, "backup"), save_freq=1)
    ...     history = model.fit(x, x, epochs=3, verbose=0, callbacks=[backup])
    >>> history.epoch
    [0, 1, 2]
    """

    goes_last = True  # what the others make of an epoch's end is in its backup

    def __init__(
        self,
        backup_dir: PathLike,
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        self.backup_dir = path_text(backup_dir)
        if save_freq != "epoch":
            save_freq = errors.integer("BackupAndRestore: save_freq", save_freq, at_least=1)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._latest = os.path.join(self.backup_dir, "latest.hotloop")
        self._previous = os.path.join(self.backup_dir, "previous.hotloop")

    @property
    def per_batch(self) -> bool:
        """Whether it saves by steps."""
        return self.save_freq != "epoch"

    def on_train_begin(self, logs: Logs | None = None) -> None:
        os.makedirs(self.backup_dir, exist_ok=True)
        container = self._read()
        if container is None:
            return
        config, tensors = container.config, container.tensors
        try:
            self.model._trainer.state.restore_backup(config["training"], tensors)
            states = config["callbacks"]
            for key, callback in self._others():
                if key in states:
                    callback.set_state(_decoded(states[key], tensors))
            self.model.stop_training = bool(config["stop_training"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"BackupAndRestore: {container.path!r} is no backup of this training ({error}); "
                "remove it to begin anew"
            ) from error
        if self.params.get("verbose"):
            say(f"Training goes on from {container.path}")

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if isinstance(self.save_freq, int) and self.model.optimizer.iterations % self.save_freq == 0:
            self._save()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save()

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.delete_checkpoint:
            for path in (self._latest, self._previous):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)

    def _others(self) -> Iterator[tuple[str, Callback]]:
        """The other callbacks, each with a name of its own: the class and which one of it."""
        counts: dict[str, int] = {}
        for callback in self.beside:
            kind = type(callback).__name__
            counts[kind] = counts.get(kind, 0) + 1
            if callback is not self:
                yield f"{kind}/{counts[kind]}", callback

    def _save(self) -> None:
        training, tensors = self.model._trainer.state.backup()
        states = {}
        for key, callback in self._others():
            state = callback.get_state()
            if state:
                states[key] = _encoded(key, state, tensors)
        config = {
            "training": training,
            "callbacks": states,
            "stop_training": bool(self.model.stop_training),
        }
        if self.double_checkpoint and os.path.exists(self._latest):
            os.replace(self._latest, self._previous)
        write_container(self._latest, KIND, config, tensors)

    def _read(self) -> Container | None:
        """The last backup that can be read; None where there is none."""
        paths = [path for path in (self._latest, self._previous) if os.path.exists(path)]
        for path in paths:
            try:
                container = read_container(path)
            except ValueError:
                if path == paths[-1]:
                    raise
                continue
            if container.kind != KIND:
                raise errors.bad_value("BackupAndRestore", "a backup", f"{container.kind!r} at {path!r}")
            return container
        return None


def _encoded(name: str, value: Any, tensors: dict[str, Any]) -> Any:
    """Return JSON; arrays become tensors, and floats texts, since JSON has no infinity."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int | np.integer | np.bool_):
        return int(value)
    if isinstance(value, float | np.floating):
        return {"float": float(value).hex()}
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        tensors[f"callbacks/{name}"] = value
        return {"tensor": f"callbacks/{name}"}
    if isinstance(value, list | tuple):
        return {"list": [_encoded(f"{name}/{i}", item, tensors) for i, item in enumerate(value)]}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": [[key, _encoded(f"{name}/{key}", item, tensors)] for key, item in value.items()]}
    expected = "numbers, texts, arrays, lists or dicts"
    raise errors.bad_type(f"BackupAndRestore: state of {name}", expected, value)


def _decoded(value: Any, tensors: dict[str, Any]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "float":
        return float.fromhex(content)
    if kind == "tensor":
        return np.array(tensors[content])
    if kind == "list":
        return [_decoded(item, tensors) for item in content]
    return {key: _decoded(item, tensors) for key, item in content}
