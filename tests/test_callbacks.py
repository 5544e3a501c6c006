"""Callbacks on a model that only plays its part: what they do after each epoch is told to them."""

import csv
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop import callbacks, optimizers, schedules


class FakeModel:
    """Its weight is the epoch it was last trained in."""

    def __init__(self, learning_rate: Any = 0.1) -> None:
        self.optimizer = optimizers.SGD(learning_rate)
        self.stop_training = False
        self.weight = -1.0

    def get_weights(self) -> list[np.ndarray]:
        return [np.array([self.weight])]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        self.weight = float(weights[0][0])

    def save(self, path: str) -> None:
        Path(path).write_text(f"model {self.weight}")

    def save_weights(self, path: str) -> None:
        Path(path).write_text(f"weights {self.weight}")


def train(
    given: Any, losses: list[Any], key: str = "val_loss", model: FakeModel | None = None, steps: int = 1
) -> FakeModel:
    """Go through the hooks as ``fit`` does, until a callback stops it."""
    model = model or FakeModel()
    model.stop_training = False
    called = callbacks.CallbackList(given, add_history=True, model=model, epochs=len(losses), steps=steps)
    called.on_train_begin(None)
    logs: dict[str, Any] = {}
    for epoch, loss in enumerate(losses):
        called.on_epoch_begin(epoch, None)
        model.weight = float(epoch)
        for step in range(steps if called.per_batch else 0):
            called.on_train_batch_begin(step, None)
            called.on_train_batch_end(step, {"loss": 0.5})
        logs = {"loss": 1.0, key: loss}
        called.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    called.on_train_end(logs)
    model.history = called.history  # type: ignore[attr-defined]
    return model


def epochs_of(model: FakeModel) -> int:
    return len(model.history.epoch)  # type: ignore[attr-defined]


def test_history() -> None:
    model = train(None, [3.0, 2.0, 1.0])
    history = model.history  # type: ignore[attr-defined]
    assert history.epoch == [0, 1, 2]
    assert history.history == {"loss": [1.0] * 3, "val_loss": [3.0, 2.0, 1.0]}
    assert history.params == {"epochs": 3, "steps": 1}


@pytest.mark.parametrize(
    ("options", "losses", "epochs"),
    [
        ({}, [3, 2, 2, 1], 3),
        ({"patience": 1}, [3, 2, 2, 1], 3),
        ({"patience": 2}, [3, 2, 2, 1, 1, 1, 1], 6),
        ({"patience": 2, "min_delta": 0.5}, [3, 2.8, 2.6, 2.4], 3),
        ({"patience": 2, "baseline": 2.5}, [4, 3, 2.7, 2.6, 2], 5),
        ({"patience": 2, "baseline": 2.5}, [4, 3, 3, 2], 3),
        ({"patience": 1, "start_from_epoch": 3}, [1, 1, 1, 1, 1, 1], 5),
        ({"patience": 1, "mode": "max"}, [1, 2, 3, 2, 1], 4),
        ({"patience": 2}, [3, float("nan"), float("nan"), 1], 3),
        ({"patience": 2}, [3, 2, 1], 3),
    ],
)
def test_early_stopping(options: dict[str, Any], losses: list[float], epochs: int) -> None:
    assert epochs_of(train(callbacks.EarlyStopping(**options), losses)) == epochs


def test_early_stopping_restores_the_best_weights(capsys: pytest.CaptureFixture[str]) -> None:
    stop = callbacks.EarlyStopping(patience=2, restore_best_weights=True, verbose=1)
    model = train(stop, [3, 1, 2, 2, 0])
    assert (epochs_of(model), model.weight, stop.best, stop.best_epoch) == (4, 1.0, 1, 1)
    assert stop.stopped_epoch == 3
    shown = capsys.readouterr()
    assert "Epoch 4: early stopping" in shown.out
    assert shown.err == ""
    assert train(stop, [3, 1, 2]).weight == 1.0  # not stopped early, restored all the same; and reusable


def test_missing_value_warns_once() -> None:
    with pytest.warns(UserWarning, match="did you mean 'val_acc'") as caught:
        train(callbacks.EarlyStopping("val_accc", mode="max"), [1, 2, 3], "val_acc")
    assert len(caught) == 1
    with pytest.warns(UserWarning, match="'val_loss' is an array"):
        train(callbacks.EarlyStopping(), [np.ones(2)])


@pytest.mark.parametrize(
    ("options", "losses", "rates"),
    [
        ({"patience": 2}, [1, 1, 1, 1, 1], [0.1, 0.1, 0.05, 0.05, 0.025]),
        ({"patience": 1, "min_lr": 0.04}, [1, 1, 1, 1], [0.1, 0.05, 0.04, 0.04]),
        ({"patience": 1, "cooldown": 2}, [1, 1, 1, 1, 1], [0.1, 0.05, 0.05, 0.025, 0.025]),
        ({"patience": 1, "min_delta": 0.5}, [2, 1.6, 1.4], [0.1, 0.05, 0.05]),
    ],
)
def test_reduce_on_plateau(options: dict[str, Any], losses: list[float], rates: list[float]) -> None:
    seen = []
    reduce = callbacks.ReduceLROnPlateau(factor=0.5, **options)
    model = FakeModel()
    watch = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(model.optimizer.learning_rate)
    )
    train([reduce, watch], losses, model=model)
    assert seen == pytest.approx(rates)
    logged = model.history.history["learning_rate"]  # type: ignore[attr-defined]
    assert logged == pytest.approx([0.1, *rates[:-1]])


def test_learning_rate_scheduler() -> None:
    for schedule in (lambda epoch: 1.0 / (epoch + 1), lambda epoch, rate: rate / epoch * 1 if epoch else 1.0):
        model = train(callbacks.LearningRateScheduler(schedule), [1, 1])
        assert model.history.history["learning_rate"] == [
            1.0,
            1.0 if schedule.__code__.co_argcount == 2 else 0.5,
        ]  # type: ignore[attr-defined]
    model = train(callbacks.LearningRateScheduler(schedules.ExponentialDecay(1.0, 1, 0.5)), [1, 1, 1])
    assert model.history.history["learning_rate"] == [1.0, 0.5, 0.25]  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="rate: expected a number"):
        train(callbacks.LearningRateScheduler(lambda epoch: None), [1])  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(
    "callback", [callbacks.ReduceLROnPlateau(), callbacks.LearningRateScheduler(lambda epoch: 0.1)]
)
def test_a_schedule_can_not_be_overwritten(callback: callbacks.Callback) -> None:
    with pytest.raises(TypeError, match="an optimizer whose learning rate is a number, got CosineDecay"):
        train(callback, [1], model=FakeModel(schedules.CosineDecay(0.1, 10)))


def test_model_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "new" / "e{epoch:02d}-{val_loss:.1f}.hl"
    train(callbacks.ModelCheckpoint(path), [3, 2])
    assert sorted(os.listdir(tmp_path / "new")) == ["e01-3.0.hl", "e02-2.0.hl"]
    best = callbacks.ModelCheckpoint(tmp_path / "best", save_best_only=True, save_weights_only=True)
    train(best, [3, 1, 2])
    assert (tmp_path / "best").read_text() == "weights 1.0"
    assert best.best == 1
    train(
        callbacks.ModelCheckpoint(tmp_path / "no", save_best_only=True, initial_value_threshold=0.5), [3, 1]
    )
    assert not (tmp_path / "no").exists()
    with pytest.raises(ValueError, match="fields among epoch, loss, val_loss, got 'accuracy'"):
        train(callbacks.ModelCheckpoint(tmp_path / "{accuracy}"), [1])


def test_model_checkpoint_by_steps(tmp_path: Path) -> None:
    save = callbacks.ModelCheckpoint(tmp_path / "{epoch}-{batch}", save_freq=3)
    assert save.per_batch
    train(save, [1, 1], steps=4)
    assert sorted(os.listdir(tmp_path)) == ["1-3", "2-2"]
    with pytest.raises(TypeError, match="save_freq: expected an integer"):
        callbacks.ModelCheckpoint("x", save_freq="batch")


def test_csv_logger(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    train(callbacks.CSVLogger(path), [3, 0.1 + 0.2])
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["epoch", "loss", "val_loss"], ["0", "1.0", "3"], ["1", "1.0", "0.30000000000000004"]]
    train(callbacks.CSVLogger(path, append=True), [5], key="other")
    assert path.read_text().splitlines()[-1] == "0,1.0,NA"
    train(callbacks.CSVLogger(path, separator=";"), [np.array([1.0, 2.0])])
    assert path.read_text().splitlines() == ["epoch;loss;val_loss", "0;1.0;[1.0, 2.0]"]


@pytest.mark.parametrize(
    ("there", "columns"), [("\nepoch,val_loss\n7,1.0\n", 2), ("\n", 3), ("\n\nepoch\n", 1)]
)
def test_csv_logger_goes_on_behind_empty_lines(tmp_path: Path, there: str, columns: int) -> None:
    path = tmp_path / "log.csv"
    path.write_text(there)
    train(callbacks.CSVLogger(path, append=True), [5])
    with open(path, newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    assert len({len(row) for row in rows if row[0] != "7"}) == 1
    assert len(rows[-1]) == columns
    assert [row[0] for row in rows].count("epoch") == 1


@pytest.mark.parametrize(
    "callback",
    [
        callbacks.EarlyStopping(),
        callbacks.ReduceLROnPlateau(),
        callbacks.ModelCheckpoint("none", save_best_only=True, save_weights_only=True),
    ],
    ids=lambda callback: type(callback).__name__,
)
def test_mode_says_what_training_settled(callback: Any, tmp_path: Path) -> None:
    assert callback.mode == "auto"
    if isinstance(callback, callbacks.ModelCheckpoint):
        callback.filepath = str(tmp_path / "best")
    train(callback, [3, 2])
    assert callback.mode == "min"


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_terminate_on_nan(loss: float) -> None:
    callback = callbacks.TerminateOnNaN()
    assert callbacks.CallbackList([callback]).stop_on_nan
    assert epochs_of(train(callback, [1, loss, 1], key="loss")) == 2


def test_per_batch_is_what_is_overridden() -> None:
    class Mine(callbacks.Callback):
        def __init__(self) -> None:  # without the base class's
            self.seen: list[int] = []

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.seen.append(batch)

    class Old(callbacks.Callback):
        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            pass

    mine = Mine()
    train(mine, [1, 1], steps=3)
    assert mine.seen == [0, 1, 2] * 2
    assert mine.per_batch
    assert Old().per_batch
    assert callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: None).per_batch
    assert not callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None).per_batch
    every = [callbacks.EarlyStopping(), callbacks.CSVLogger("x"), callbacks.ModelCheckpoint("x")]
    assert not callbacks.CallbackList([*every, callbacks.TerminateOnNaN()]).per_batch


def test_list_calls_every_hook_in_order() -> None:
    hooks = [name for name in dir(callbacks.Callback) if name.startswith("on_")]
    hooks = [name for name in hooks if name not in ("on_batch_begin", "on_batch_end")]
    seen: list[str] = []

    def record(name: str) -> Any:
        return lambda *arguments: seen.append(name)

    recorder = callbacks.LambdaCallback(**{name: record(name) for name in hooks})
    both = callbacks.CallbackList([recorder, recorder])
    for name in hooks:
        arguments = ({},) if name.split("_")[1:] in (["train", "begin"], ["train", "end"]) else (0, {})
        if name in ("on_test_begin", "on_test_end", "on_predict_begin", "on_predict_end"):
            arguments = ({},)
        getattr(both, name)(*arguments)
    assert seen == [name for name in hooks for _ in range(2)]


def test_one_history_only() -> None:
    history = callbacks.History()
    called = callbacks.CallbackList(history, add_history=True)
    assert called.history is history
    assert called.callbacks == [history]
    assert callbacks.CallbackList().history is None


def test_what_is_no_callback_is_refused() -> None:
    with pytest.raises(
        TypeError, match=r"callbacks: expected hl.callbacks.Callback objects, got SimpleNamespace"
    ):
        callbacks.CallbackList([SimpleNamespace()])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="did you mean 'on_epoch_end'"):
        callbacks.LambdaCallback(on_epoch_ends=print)
    with pytest.raises(ValueError, match="EarlyStopping mode 'maxx'; did you mean 'max'"):
        callbacks.EarlyStopping(mode="maxx")
    with pytest.raises(ValueError, match="factor"):
        callbacks.ReduceLROnPlateau(factor=1.0)


@pytest.fixture
def trained() -> tuple[Any, np.ndarray, np.ndarray]:
    """A real model, and data whose labels it can learn."""
    hl.set_seed(3)
    rng = np.random.default_rng(3)
    x = rng.standard_normal((200, 6)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] > 0).astype(np.int32)
    model = hl.Sequential([hl.layers.Dense(8, "relu", input_shape=(6,)), hl.layers.Dense(2, "softmax")])
    model.compile(optimizers.SGD(0.5), "sparse_categorical_crossentropy", metrics=["accuracy", "auc", "f1"])
    return model, x, y


def test_with_a_real_model(trained: tuple[Any, np.ndarray, np.ndarray], tmp_path: Path) -> None:
    model, x, y = trained
    stop = callbacks.EarlyStopping(patience=2, min_delta=1e9, restore_best_weights=True)
    every = [
        stop,
        callbacks.ModelCheckpoint(tmp_path / "{epoch}.hotloop", "val_accuracy"),
        callbacks.CSVLogger(tmp_path / "log.csv"),
        callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e9),
    ]
    history = model.fit(x, y, epochs=9, batch_size=32, validation_split=0.2, callbacks=every, verbose=0)
    assert history.epoch == [0, 1, 2]
    assert {"loss", "accuracy", "auc", "f1", "val_loss", "val_auc", "learning_rate"} <= set(history.history)
    assert history.history["learning_rate"] == [0.5, 0.5, 0.25]
    first = hl.load_model(tmp_path / "1.hotloop")
    for ours, theirs in zip(model.get_weights(), first.get_weights(), strict=True):
        assert ours.tobytes() == theirs.tobytes()
    with open(tmp_path / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["val_loss"]) for row in rows] == history.history["val_loss"]


def test_batch_hooks_of_a_real_model(trained: tuple[Any, np.ndarray, np.ndarray]) -> None:
    model, x, y = trained
    before = model.get_weights()
    seen: list[int] = []
    hooks = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    slow = model.fit(x, y, epochs=2, batch_size=64, shuffle=False, callbacks=[hooks], verbose=0)
    assert seen == [0, 1, 2, 3] * 2
    weights = model.get_weights()
    model.set_weights(before)
    fast = model.fit(x, y, epochs=2, batch_size=64, shuffle=False, verbose=0)
    assert fast.history["loss"] == pytest.approx(slow.history["loss"], rel=1e-6)
    for ours, theirs in zip(model.get_weights(), weights, strict=True):
        assert ours.tobytes() == theirs.tobytes()


def test_a_real_model_terminates_on_nan(trained: tuple[Any, np.ndarray, np.ndarray]) -> None:
    model, x, y = trained
    model.optimizer.learning_rate = 1e30
    history = model.fit(x, y, epochs=5, callbacks=callbacks.TerminateOnNaN(), verbose=0)
    assert len(history.epoch) < 5
    assert not np.isfinite(history.history["loss"][-1])
