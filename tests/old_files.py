"""What the files under tests/files were made of, and what is asked of them in test_old_files.py.

`python tests/old_files.py FOLDER` writes such a folder with the installed version. Those that are there stay
as they are: they stand for the files that users have.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import hotloop as hl
from seeded_models import BRANCHED_LOSSES, NORMALISED_DATA, branched, branched_data, normalised
from seeded_trainings import Facts, arrays, classes, digest, numbers, outcome

L = hl.layers
LOSS = "sparse_categorical_crossentropy"


class Stop(hl.callbacks.Callback):
    """Interrupts a training behind one of its steps, as Ctrl-C does."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.model.optimizer.iterations == self.step:
            raise KeyboardInterrupt


def every_layer() -> hl.Model:
    """One call of every layer, of every activation along rows, and of a few others."""
    hl.set_seed(70)
    image = L.Input((3, 4), name="image")
    side = L.Input((5,), name="side")
    scaled = L.Rescaling(1 / 64, -1.0, name="scaled")(image)
    turned = L.Reshape((4, 3), name="turned")(L.LeakyReLU(0.2, name="leaky")(scaled))
    flat = L.Flatten(name="flat")(L.Dense(4, "softmax", name="rows")(turned))
    normal = L.BatchNormalization(name="normal")(side)
    wide = L.Dense(16, "relu", name="wide")(normal)
    twice = L.Dense(16, "hard_silu", name="twice")
    joined = L.Add(name="add")(
        [twice(wide), L.ELU(0.7, name="elu")(twice(L.Dropout(0.2, name="drop")(wide)))]
    )
    times = L.Multiply(name="times")([joined, L.ReLU(6, name="six")(wide)])
    ways = [
        L.Dense(6, way, name=way)(times) for way in ("glu", "sparsemax", "log_softmax", "gelu", "squareplus")
    ]
    merged = L.Concatenate(name="merged")([flat, *ways, L.BatchNormalization(name="bn")(joined)])
    mish = L.Activation("mish", name="mish")(L.Dense(8, name="eight")(merged))
    kind = L.Softmax(name="kind")(L.Dense(3, name="logits")(mish))
    return hl.Model([image, side], [kind, L.Dense(2, name="place")(merged)], name="every_layer")


def every_layer_data(rows: int = 60) -> tuple[list[np.ndarray], list[np.ndarray]]:
    image = np.random.default_rng(71).integers(0, 128, (rows, 3, 4)).astype(np.uint8)
    return [image, numbers(72, rows, 5)], [classes(73, rows, 3), numbers(74, rows, 2)]


def trained_everywhere() -> hl.Model:
    model = every_layer()
    model.compile(hl.optimizers.AdamW(0.005, weight_decay=0.01), [LOSS, hl.losses.Huber(0.5)], [1.0, 0.5])
    model.fit(*every_layer_data(), epochs=4, verbose=0)
    return model


def write_models(folder: Path) -> None:
    """Trained ones, one of them stopped in mid-epoch; weights alone; one without its optimizer."""
    model = normalised()
    schedule = hl.schedules.CosineDecay(0.05, 40)
    model.compile(hl.optimizers.RMSprop(schedule, momentum=0.5), LOSS, metrics=["accuracy"])
    options = {"epochs": 3, "batch_size": 16, "verbose": 0}
    try:
        model.fit(*NORMALISED_DATA, callbacks=[Stop(10)], **options)
    except KeyboardInterrupt:
        model.save(folder / "sequential.hotloop")
    model.save(folder / "bare.hotloop", include_optimizer=False)

    model = branched()
    model.compile("adam", BRANCHED_LOSSES, {"size": 0.5}, {"kind": ["accuracy"], "size": ["mae"]})
    model.fit(*branched_data(), epochs=2, verbose=0)
    model.save(folder / "functional.hotloop")
    model.save_weights(folder / "functional.weights.hotloop")
    trained_everywhere().save(folder / "every_layer.hotloop")


def write_quantised(folder: Path) -> None:
    model, (x, _) = trained_everywhere(), every_layer_data()
    for precision in ("int8", "int8_dynamic", "bf16"):
        fast = hl.quantize_model(model, precision, calibration_data=x, fallback="never")
        fast.save(folder / f"{precision}.hotloop")
    model, (x, y) = normalised(), NORMALISED_DATA
    model.compile("adam", LOSS)
    model.fit(x, y, epochs=8, verbose=0)
    hl.quantize_model(model, calibration_data=x, fallback="never").save(folder / "int8_sequential.hotloop")


def backed_up(folder: Path, *stop: Any) -> tuple[hl.Model, Any]:
    """A training with a backup in the folder, the state of its callbacks in it."""
    model = normalised()
    model.compile(hl.optimizers.Adam(0.02, amsgrad=True), LOSS, metrics=["accuracy"])
    callbacks = [
        hl.callbacks.BackupAndRestore(folder, save_freq=1),
        hl.callbacks.EarlyStopping("val_loss", patience=4, restore_best_weights=True),
        hl.callbacks.ReduceLROnPlateau("loss", patience=0, min_delta=0.05),
        *stop,
    ]
    history = model.fit(
        *NORMALISED_DATA, batch_size=12, epochs=8, validation_split=0.1, callbacks=callbacks, verbose=0
    )
    return model, history


def write_backup(folder: Path) -> None:
    try:
        backed_up(folder / "backup", Stop(29))
    except KeyboardInterrupt:
        return
    raise AssertionError("the training was not interrupted")


# -- what is asked of them; each answer is made of digests


def sequential(folder: Path) -> Facts:
    """Predicts, and goes on in the middle of its epoch."""
    model, (x, y) = hl.load_model(folder / "sequential.hotloop"), NORMALISED_DATA
    before = digest(*model.get_weights(), model.predict(x), model.resume_epoch, model.optimizer.iterations)
    history = model.fit(x, y, initial_epoch=model.resume_epoch, epochs=3, batch_size=16, verbose=0)
    return {"before": before, **outcome(model, x, history)}


def bare(folder: Path) -> Facts:
    return outcome(hl.load_model(folder / "bare.hotloop"), NORMALISED_DATA[0])


def functional(folder: Path) -> Facts:
    """Predicts, evaluates, and goes on with the optimizer's state."""
    model, (x, y) = hl.load_model(folder / "functional.hotloop"), branched_data()
    before = digest(*arrays(model.predict(x)), model.evaluate(x, y, verbose=0)[0])
    return {"before": before, **outcome(model, x, model.fit(x, y, epochs=1, verbose=0))}


def weights(folder: Path) -> Facts:
    model = branched()
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    model.load_weights(folder / "functional.weights.hotloop")
    return outcome(model, branched_data()[0])


def every_layer_trained(folder: Path) -> Facts:
    model, (x, y) = hl.load_model(folder / "every_layer.hotloop"), every_layer_data()
    before = digest(*arrays(model.predict(x)))
    return {"before": before, **outcome(model, x, model.fit(x, y, epochs=1, verbose=0))}


def quantised(path: Path, x: Any) -> Facts:
    """Predicts, freezes, and saves again what predicts the same."""
    model = hl.load_model(path)
    with tempfile.TemporaryDirectory() as again:
        model.save(Path(again) / "again.hotloop")
        copied = hl.load_model(Path(again) / "again.hotloop")
    one = [a[:1] for a in x] if isinstance(x, list) else x[:1]
    return {
        "predictions": digest(*arrays(model.predict(x)), *arrays(model.predict(one))),
        "session": digest(*arrays(hl.freeze(model).run(x))),
        "saved again": digest(*arrays(copied.predict(x))),
        "size": digest(model.nbytes, model.count_params(), model.precision),
    }


def backup(folder: Path) -> Facts:
    """A training goes on from its backup, to the bits of one that was never interrupted."""
    with tempfile.TemporaryDirectory() as name:
        shutil.copytree(folder / "backup", name, dirs_exist_ok=True)
        model, history = backed_up(Path(name))
    return outcome(model, NORMALISED_DATA[0], history, history.epoch)


QUESTIONS: dict[str, Callable[[Path], Facts]] = {
    "sequential": sequential,
    "bare": bare,
    "functional": functional,
    "weights": weights,
    "every layer": every_layer_trained,
    "int8": lambda folder: quantised(folder / "int8.hotloop", every_layer_data()[0]),
    "int8, sequential": lambda folder: quantised(folder / "int8_sequential.hotloop", NORMALISED_DATA[0]),
    "int8_dynamic": lambda folder: quantised(folder / "int8_dynamic.hotloop", every_layer_data()[0]),
    "bf16": lambda folder: quantised(folder / "bf16.hotloop", every_layer_data()[0]),
    "backup": backup,
}

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    made = Path(sys.argv[1])
    made.mkdir(parents=True)
    write_models(made)
    write_quantised(made)
    write_backup(made)
    answers = {name: ask(made) for name, ask in QUESTIONS.items()}
    (made / "answers.json").write_text(json.dumps(answers, indent=1) + "\n")
