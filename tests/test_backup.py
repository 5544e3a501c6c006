"""BackupAndRestore, and trainings that are killed: what goes on comes to the bits of what never stopped."""

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hotloop as hl
import killed_training
from killed_training import EPOCHS, STEPS, network


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(333, 4)).astype(np.float32)
    return x, (x[:, 0] * x[:, 1] > 0).astype(int)


def state(model: hl.Model) -> list[bytes]:
    arrays = [*model.get_weights(), *(slot for _, slot in sorted(model.optimizer.slots.items()))]
    return [np.asarray(a).tobytes() for a in arrays] + [repr(model.optimizer.learning_rate).encode()]


class Die(hl.callbacks.Callback):
    """Raises at one place of a training."""

    def __init__(self, step: int = 0, epoch: int = -1) -> None:
        self.step, self.epoch = step, epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.model.optimizer.iterations == self.step:
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == self.epoch:
            raise KeyboardInterrupt


def watchers() -> list[Any]:
    return [
        hl.callbacks.EarlyStopping("val_loss", patience=6, restore_best_weights=True),
        hl.callbacks.ReduceLROnPlateau("loss", patience=0, min_delta=0.02, cooldown=1),
    ]


@pytest.mark.parametrize("append", [False, True])
@pytest.mark.parametrize("place", [{"step": 9}, {"step": 40}, {"epoch": 2}], ids=str)
@pytest.mark.parametrize("save_freq", ["epoch", 4])
def test_lines_of_a_log_go_on(append: bool, place: dict[str, int], save_freq: Any, tmp_path: Path) -> None:
    """Whether or not the file is to be replaced: not by a training that goes on."""

    def log(name: str) -> Any:
        return hl.callbacks.CSVLogger(tmp_path / name, append=append)

    if not append:
        for name in ("whole", "halves"):
            (tmp_path / name).write_text("of another training")
    network().fit(*data(), epochs=6, verbose=0, callbacks=[log("whole")])
    backup = hl.callbacks.BackupAndRestore(tmp_path / "backup", save_freq)
    with pytest.raises(KeyboardInterrupt):
        network().fit(*data(), epochs=6, verbose=0, callbacks=[log("halves"), backup, Die(**place)])
    network().fit(*data(), epochs=6, verbose=0, callbacks=[log("halves"), backup])
    assert (tmp_path / "halves").read_text() == (tmp_path / "whole").read_text()
    assert len((tmp_path / "whole").read_text().splitlines()) == 7


@pytest.mark.parametrize("kind", ["backup", "files"])
def test_killed_trainings_come_to_the_same(kind: str, tmp_path: Path) -> None:
    """One training that is killed four times, and started again each time."""
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    whole = killed_training.run(tmp_path / "whole", kind)
    steps = random.Random(kind)
    for _ in range(4):
        assert killed_training.run(tmp_path / "killed", kind, steps.randint(3, EPOCHS * STEPS // 5)) == ""
    assert killed_training.run(tmp_path / "killed", kind) == whole != ""


@pytest.mark.parametrize("save_freq", ["epoch", 1, 4])
@pytest.mark.parametrize("steps", [None, 7], ids=["passes", "seven steps"])
@pytest.mark.parametrize("place", [{"step": 9}, {"step": 40}, {"epoch": 2}], ids=str)
def test_the_same_program_started_again(
    save_freq: Any, steps: int | None, place: dict[str, int], tmp_path: Path
) -> None:
    """Weights, optimizer, history and the callbacks' own state, wherever their place in the list."""
    options = {"epochs": 8, "steps_per_epoch": steps, "validation_split": 0.1, "verbose": 0}
    whole = network()
    history = whole.fit(*data(), callbacks=watchers(), **options)
    backup = hl.callbacks.BackupAndRestore(tmp_path / "backup", save_freq)
    with pytest.raises(KeyboardInterrupt):
        network().fit(*data(), callbacks=[backup, *watchers(), Die(**place)], **options)
    again = network()
    if os.listdir(tmp_path / "backup"):
        again.seed = 1  # that of the backup counts
    resumed = again.fit(*data(), callbacks=[backup, *watchers()], **options)
    assert state(again) == state(whole)
    assert (resumed.history, resumed.epoch) == (history.history, history.epoch)
    assert list(resumed.history) == list(history.history)
    assert os.listdir(tmp_path / "backup") == []  # a training that ended leaves none


def test_a_model_made_later_in_the_same_process(tmp_path: Path) -> None:
    """Its layers have other automatic names."""

    def make() -> hl.Model:
        model = hl.Sequential([hl.layers.Dense(5, input_shape=(4,)), hl.layers.Dense(2, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    whole, first, again = make(), make(), make()
    first.set_weights(whole.get_weights())
    first.seed = whole.seed
    whole.fit(*data(), epochs=3, verbose=0)
    backup = hl.callbacks.BackupAndRestore(tmp_path, save_freq=1)
    with pytest.raises(KeyboardInterrupt):
        first.fit(*data(), epochs=3, verbose=0, callbacks=[backup, Die(step=17)])
    again.fit(*data(), epochs=3, verbose=0, callbacks=[backup])
    assert state(again) == state(whole)


def test_a_training_that_had_stopped_stays_stopped(tmp_path: Path) -> None:
    """Killed behind the backup of the epoch at whose end it stopped early."""

    class StopAtTwo(hl.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.stop_training = epoch == 2

    class DieAtEnd(hl.callbacks.Callback):
        def on_train_end(self, logs: Any = None) -> None:
            raise KeyboardInterrupt

    backup = hl.callbacks.BackupAndRestore(tmp_path)
    first, again = network(), network()
    with pytest.raises(KeyboardInterrupt):
        first.fit(*data(), epochs=9, verbose=0, callbacks=[StopAtTwo(), backup, DieAtEnd()])
    history = again.fit(*data(), epochs=9, verbose=0, callbacks=[StopAtTwo(), backup])
    assert history.epoch == [0, 1, 2]
    assert state(again) == state(first)


def test_a_backup_that_is_no_more(tmp_path: Path) -> None:
    """A damaged one is refused; with two of them the one before counts."""
    for double in (False, True):
        folder = tmp_path / str(double)
        backup = hl.callbacks.BackupAndRestore(folder, double_checkpoint=double)
        with pytest.raises(KeyboardInterrupt):
            network().fit(*data(), epochs=9, verbose=0, callbacks=[backup, Die(step=70)])
        (folder / "latest.hotloop").write_bytes(b"damaged")
        model = network()
        if double:
            assert model.fit(*data(), epochs=7, verbose=0, callbacks=[backup]).epoch == list(range(7))
            assert model.optimizer.iterations == 7 * 11
        else:
            with pytest.raises(ValueError, match="truncated, damaged"):
                model.fit(*data(), epochs=7, verbose=0, callbacks=[backup])


def test_a_backup_of_another_model_is_refused(tmp_path: Path) -> None:
    backup = hl.callbacks.BackupAndRestore(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        network().fit(*data(), epochs=3, verbose=0, callbacks=[backup, Die(epoch=1)])
    other = hl.Sequential([hl.layers.Dense(2, "softmax", input_shape=(4,))])
    other.compile("adam", "sparse_categorical_crossentropy")
    before = other.get_weights()
    with pytest.raises(ValueError, match=r"no backup of this training .*remove it to begin anew"):
        other.fit(*data(), verbose=0, callbacks=[backup])
    for a, b in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    other.save(tmp_path / "latest.hotloop")
    with pytest.raises(ValueError, match="expected a backup, got 'model'"):
        other.fit(*data(), verbose=0, callbacks=[backup])


def test_callbacks_of_ones_own_keep_what_they_name(tmp_path: Path) -> None:
    class Count(hl.callbacks.Callback):
        state_names = ("seen", "last")

        def __init__(self) -> None:
            self.seen: dict[str, Any] = {"epochs": 0, "losses": [], "nothing": None, "best": float("inf")}
            self.last = np.zeros(3)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.seen["epochs"] += 1
            self.seen["losses"].append(logs["loss"])
            self.last = self.last + np.arange(3)

    class Bad(hl.callbacks.Callback):
        state_names = ("thing",)
        thing = object()

    backup, whole, second = hl.callbacks.BackupAndRestore(tmp_path), Count(), Count()
    network().fit(*data(), epochs=4, verbose=0, callbacks=[whole])
    with pytest.raises(KeyboardInterrupt):
        network().fit(*data(), epochs=4, verbose=0, callbacks=[backup, Count(), Die(step=25)])
    network().fit(*data(), epochs=4, verbose=0, callbacks=[backup, second])
    assert second.seen == whole.seen
    np.testing.assert_array_equal(second.last, whole.last)
    with pytest.raises(TypeError, match="state of Bad/1/thing: expected numbers"):
        network().fit(*data(), epochs=4, verbose=0, callbacks=[backup, Bad()])


def test_metrics_of_python_and_models_of_ones_own_can_be_backed_up(tmp_path: Path) -> None:
    """A backup holds no architecture, so it takes what no file can name."""

    class Mine(hl.Sequential):
        pass

    def make() -> hl.Model:
        hl.set_seed(2)
        model = Mine([hl.layers.Dense(1, input_shape=(4,))])
        model.compile("adam", "mse", metrics=[lambda y, p: np.abs(y - p)])
        return model

    x, y = data()
    whole, resumed = make(), make()
    history = whole.fit(x, y, epochs=3, verbose=0).history
    backup = hl.callbacks.BackupAndRestore(tmp_path, save_freq=1)
    with pytest.raises(KeyboardInterrupt):
        make().fit(x, y, epochs=3, verbose=0, callbacks=[backup, Die(step=17)])
    assert resumed.fit(x, y, epochs=3, verbose=0, callbacks=[backup]).history == history
    assert state(resumed) == state(whole)
