"""A training that is killed, for test_backup.py: python killed_training.py FOLDER backup|files STEP|none

Sent SIGKILL behind the given step of its process, it goes on from what it finds in the folder when it is
started again. At its end it prints a digest of all that it came to.

python killed_training.py --times N: kills N trainings, half of them behind a random step and half of them at
a random moment, lets each go on, and prints how many different digests there are.
"""

import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import hotloop as hl

EPOCHS, STEPS = 6, 7  # of a pass of 11


class Kill(hl.callbacks.Callback):
    """Ends the process behind a step, before anything is saved there."""

    def __init__(self, after: int) -> None:
        self.left = after

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def network() -> hl.Model:
    hl.set_seed(5)
    model = hl.Sequential(
        [
            hl.layers.Dense(16, "relu", input_shape=(4,)),
            hl.layers.BatchNormalization(),
            hl.layers.Dropout(0.3),
            hl.layers.Dense(2, "softmax"),
        ]
    )
    model.compile(hl.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def train(folder: Path, kind: str, kill_after: int | None) -> str:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(333, 4)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    options = {"epochs": EPOCHS, "steps_per_epoch": STEPS, "validation_split": 0.1, "verbose": 0}
    callbacks: list[Any] = [] if kill_after is None else [Kill(kill_after)]
    if kind == "backup":
        model = network()
        callbacks += [
            hl.callbacks.BackupAndRestore(folder / "backup", save_freq=2, delete_checkpoint=False),
            hl.callbacks.EarlyStopping("val_loss", patience=5, restore_best_weights=True),
            hl.callbacks.ReduceLROnPlateau("loss", patience=0, min_delta=0.02),
            hl.callbacks.CSVLogger(folder / "log.csv", append=True),
        ]
        history = model.fit(x, y, callbacks=callbacks, **options).history
        written = (folder / "log.csv").read_text()
    else:
        newest = max(folder.glob("*.hotloop"), key=lambda path: path.stat().st_mtime_ns, default=None)
        model = network() if newest is None else hl.load_model(newest)
        callbacks.append(hl.callbacks.ModelCheckpoint(folder / "{epoch}-{batch}.hotloop", save_freq=2))
        fitted = model.fit(x, y, callbacks=callbacks, initial_epoch=model.resume_epoch, **options)
        history = {
            key: values[-1] for key, values in fitted.history.items()
        }  # of the last epoch, always there
        written = ""
    arrays = [*model.get_weights(), *(slot for _, slot in sorted(model.optimizer.slots.items()))]
    state = b"".join(np.asarray(array).tobytes() for array in arrays)
    text = repr((history, written, model.optimizer.iterations, model.optimizer.learning_rate))
    return hashlib.sha256(state + text.encode()).hexdigest()


def start(folder: Path, kind: str, kill_after: int | None) -> "subprocess.Popen[str]":
    command = [sys.executable, __file__, str(folder), kind, str(kill_after or "none")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def run(folder: Path, kind: str, kill_after: int | None = None) -> str:
    """Return the digest, or nothing when the training was killed."""
    child = start(folder, kind, kill_after)
    text, _ = child.communicate(timeout=120)
    assert child.returncode in (0, -signal.SIGKILL)
    return text.strip()


def many(times: int) -> None:
    digests: dict[str, set[str]] = {"backup": set(), "files": set()}
    killed = 0
    for i in range(times):
        kind = ("backup", "files")[i // 2 % 2]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if i % 2:
                run(folder, kind, random.randint(1, EPOCHS * STEPS - 1))
                killed += 1
            else:
                child = start(folder, kind, None)
                while child.poll() is None and not any(folder.glob("**/*.hotloop")):
                    time.sleep(0.001)
                time.sleep(random.random() * 0.06)
                child.kill()
                killed += child.wait() == -signal.SIGKILL
            digests[kind].add(run(folder, kind))
    print(f"{killed} of {times} killed; digests: { {kind: len(found) for kind, found in digests.items()} }")


if __name__ == "__main__":
    if sys.argv[1] == "--times":
        many(int(sys.argv[2]))
    else:
        print(train(Path(sys.argv[1]), sys.argv[2], None if sys.argv[3] == "none" else int(sys.argv[3])))
