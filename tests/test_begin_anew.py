"""What an interrupted training had come to counts where somebody asks for it, and nowhere else."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from test_resume import SaveAt, data, network, state


class Break(hl.callbacks.Callback):
    """Ends the training as Ctrl-C would, in a step or in the validation."""

    def __init__(self, batch: int | None = 2) -> None:
        self.batch = batch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == self.batch:
            raise KeyboardInterrupt

    def on_test_begin(self, logs: Any = None) -> None:
        if self.batch is None:
            raise KeyboardInterrupt


def interrupted(batch: int | None = 2) -> hl.Model:
    model = network()
    with pytest.raises(KeyboardInterrupt):
        model.fit(*data(), verbose=0, validation_data=data(), callbacks=[Break(batch)])
    return model


@pytest.mark.parametrize("batch", [2, None], ids=["in a step", "in the validation"])
def test_a_fit_that_does_not_ask_begins_anew(batch: int | None, tmp_path: Path) -> None:
    """On other data, after other weights, with another learning rate: nothing of the first epoch is left."""
    x, y = data()
    seen: list[np.ndarray] = []

    class Watch(hl.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate = 0.0

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen.append(self.model.optimizer.learning_rate)

    model = interrupted(batch)
    model.save(tmp_path / "file")
    for each in (model, hl.load_model(tmp_path / "file"), copy.deepcopy(interrupted(batch))):
        made = each.optimizer.iterations
        history = each.fit(-x, y, verbose=0, callbacks=[Watch()])
        assert (history.epoch, each.optimizer.iterations) == ([0], made + 11)
        assert seen.pop() == 0.0
        assert each._trainer.state.position.seen == 0


def test_other_weights_end_what_was_interrupted(tmp_path: Path) -> None:
    """Even where the epoch is asked for: with these weights it was never begun."""
    network().save_weights(tmp_path / "weights")
    ways: dict[str, Callable[[hl.Model], Any]] = {
        "set": lambda model: model.set_weights(network().get_weights()),
        "load": lambda model: model.load_weights(tmp_path / "weights"),
    }
    for change in ways.values():
        model = interrupted()
        change(model)
        assert (model.resume_epoch, model._trainer.state.position) == (0, None)
        model.fit(*data(), verbose=0, initial_epoch=0)
        assert model.optimizer.iterations == 3 + 11


def test_weights_that_a_callback_sets_leave_the_place(tmp_path: Path) -> None:
    """As an average of weights does, that is put in for a moment and taken back."""

    class Swap(hl.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            weights = self.model.get_weights()
            self.model.set_weights([0 * w for w in weights])
            self.model.set_weights(weights)

    whole, model = network(), network()
    history = whole.fit(*data(), epochs=2, verbose=0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(
            *data(), epochs=2, verbose=0, callbacks=[Swap(), SaveAt(tmp_path / "file", 1, 4, ends=True)]
        )
    for each in (model, hl.load_model(tmp_path / "file")):
        rest = each.fit(*data(), epochs=2, initial_epoch=each.resume_epoch, verbose=0)
        assert state(each) == state(whole)
        assert rest.history["loss"] == history.history["loss"][1:]


def test_pruning_in_an_epoch_begins_it_anew() -> None:
    """Losses and predictions of its steps were another model's."""
    smaller = hl.prune_model(interrupted(), 0.5)
    assert (smaller._trainer.state.position.step, smaller._trainer.state.position.parts) == (0, ())


def test_other_metrics_are_of_the_rows_to_come(tmp_path: Path) -> None:
    backup = hl.callbacks.BackupAndRestore(tmp_path, save_freq=1)
    model, again = network(), network()
    with pytest.raises(KeyboardInterrupt):
        model.fit(*data(), verbose=0, callbacks=[backup, Break(4)])
    again.compile(
        "adam", "sparse_categorical_crossentropy", metrics=["accuracy", "sparse_categorical_crossentropy"]
    )
    with pytest.warns(UserWarning, match="^epoch 1 goes on behind step 4, .* with other metrics"):
        history = again.fit(*data(), verbose=0, callbacks=[backup]).history
    assert np.isfinite(history["accuracy"]).all()
    without = network()
    without.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(KeyboardInterrupt):
        network().fit(*data(), verbose=0, callbacks=[backup, Break(4)])
    assert list(without.fit(*data(), verbose=0, callbacks=[backup]).history) == ["loss"]


def test_a_backup_of_other_batches_is_told(tmp_path: Path) -> None:
    backup = hl.callbacks.BackupAndRestore(tmp_path, save_freq=1)
    with pytest.raises(KeyboardInterrupt):
        network().fit(*data(), verbose=0, callbacks=[backup, Break(4)])
    told = r"^epoch 1 begins anew, .* step 4 left: .*batch_size=32.* and is to go on with .*batch_size=16"
    with pytest.warns(UserWarning, match=told):
        network().fit(*data(), batch_size=16, verbose=0, callbacks=[backup])


def test_metrics_of_an_epoch_over_several_passes() -> None:
    """Each pass keeps predictions of its own, in an order of its own: weights that stand still tell."""
    x, y = data(70)
    model = hl.Sequential([hl.layers.Dense(3, "softmax", input_shape=(4,))])
    model.compile(hl.optimizers.SGD(0.0), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=10, epochs=2, steps_per_epoch=21, verbose=0).history
    loss, accuracy = model.evaluate(x, y, verbose=0)
    np.testing.assert_allclose(history["accuracy"], accuracy, rtol=1e-6)
    np.testing.assert_allclose(history["loss"], loss, rtol=1e-5)


def test_of_a_pass_that_is_over_nothing_is_kept() -> None:
    """Where no metric wants its predictions: a pass costs the same in an epoch of many and of a few."""

    class Watch(hl.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            state = self.model._trainer.state
            assert len(state.standing.record.stretches) == len(state.position.parts) == 1

    x, y = data(8)
    model = hl.Sequential([hl.layers.Dense(3, "softmax", input_shape=(4,))])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=4, steps_per_epoch=50, verbose=0, callbacks=[Watch()])
