"""Training that stops and goes on, anywhere, gives the bits of training that never stopped."""

import copy
import json
import pickle
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import hotloop as hl
from hotloop.saving import container

ROWS = 333


def data(rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(rows, 4)).astype(np.float32)
    return x, (x[:, 0] + x[:, 1] > 0).astype(int) + (x[:, 2] > 0)


def network(optimizer: Any = None) -> hl.Model:
    """Dropout and batch normalisation, whose state and random numbers have to be kept as well."""
    hl.set_seed(3)
    model = hl.Sequential(
        [
            hl.layers.Dense(8, "relu", input_shape=(4,), kernel_regularizer="l2"),
            hl.layers.BatchNormalization(),
            hl.layers.Dropout(0.4),
            hl.layers.Dense(3, "softmax"),
        ]
    )
    model.compile(optimizer or "adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def branched() -> hl.Model:
    hl.set_seed(3)
    a, b = hl.Input((2,), name="a"), hl.Input((2,), name="b")
    both = hl.layers.Dropout(0.2)(hl.layers.Concatenate()([hl.layers.Dense(5, "tanh")(a), b]))
    one = hl.layers.Dense(3, "softmax", name="one")(both)
    model = hl.Model([a, b], [one, hl.layers.Dense(1, name="two")(both)])
    losses = {"one": "sparse_categorical_crossentropy", "two": "mse"}
    model.compile(hl.optimizers.SGD(0.05, momentum=0.9), losses, weighted_metrics={"two": ["mae"]})
    return model


def state(model: hl.Model) -> list[bytes]:
    """All that training has changed."""
    arrays = [*model.get_weights(), *(slot for _, slot in sorted(model.optimizer.slots.items()))]
    return [np.asarray(a).tobytes() for a in arrays] + [str(model.optimizer.iterations).encode()]


def joined(*histories: Any) -> dict[str, list[float]]:
    return {key: [v for h in histories for v in h.history[key]] for key in histories[0].history}


KINDS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "plain": (network, data, {}),
    "in order": (network, data, {"shuffle": False}),
    "weighted": (
        network,
        data,
        {"sample_weight": np.linspace(0.1, 2, ROWS), "class_weight": {1: 3.0}, "validation_split": 0.25},
    ),
    "schedule": (
        lambda: network(hl.optimizers.AdamW(hl.schedules.CosineDecay(0.01, 30), amsgrad=True)),
        data,
        {"batch_size": 50},
    ),
    "branched": (
        branched,
        lambda: ([data()[0][:, :2], data()[0][:, 2:]], [data()[1], data()[0][:, 0]]),
        {"validation_split": 0.1},
    ),
}
STEPS = {"a part of a pass": 3, "more than a pass": 17, "a pass": None}
every_kind = pytest.mark.parametrize("kind", KINDS)
every_length = pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS.keys())


class SaveAt(hl.callbacks.Callback):
    """Saves after one step of one epoch; may end the training there, as an error would."""

    def __init__(self, path: Path, epoch: int, batch: int, ends: bool = False) -> None:
        self.path, self.epoch, self.batch, self.ends = path, epoch, batch, ends
        self.now = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.now = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if (self.now, batch) == (self.epoch, self.batch):
            self.model.save(self.path)
            if self.ends:
                raise KeyboardInterrupt


@every_kind
@every_length
def test_between_epochs(kind: str, steps: int | None, tmp_path: Path) -> None:
    """In the same process, through a file, through a pickle and through a copy."""
    make, give, options = KINDS[kind]
    options = {**options, "verbose": 0, "steps_per_epoch": steps}
    whole, half = make(), make()
    history = whole.fit(*give(), epochs=6, **options)
    first = half.fit(*give(), epochs=3, **options)
    half.save(tmp_path / "half")
    pickled, copied = pickle.dumps(half), copy.deepcopy(half)

    def goes_on(model: hl.Model) -> None:
        assert model.resume_epoch == 3
        second = model.fit(*give(), epochs=6, initial_epoch=3, **options)
        assert state(model) == state(whole)
        assert joined(first, second) == history.history

    goes_on(half)
    goes_on(copied)
    hl.set_seed(99)
    goes_on(hl.load_model(tmp_path / "half"))
    goes_on(pickle.loads(pickled))


@every_kind
@every_length
@pytest.mark.parametrize("where", ["first step", "middle", "last step"])
def test_within_an_epoch(kind: str, steps: int | None, where: str, tmp_path: Path) -> None:
    """From a file that a batch callback saved; the whole training is one native call an epoch."""
    make, give, options = KINDS[kind]
    options = {**options, "verbose": 0, "steps_per_epoch": steps}
    whole, watched = make(), make()
    history = whole.fit(*give(), epochs=4, **options)
    count = whole.optimizer.iterations // 4
    batch = {"first step": 0, "middle": count // 2, "last step": count - 1}[where]
    save = SaveAt(tmp_path / "file", 1, batch)
    watched.fit(*give(), epochs=4, callbacks=[save], **options)
    assert state(watched) == state(whole)  # saving changes nothing
    hl.set_seed(99)
    resumed = hl.load_model(tmp_path / "file")
    assert resumed.resume_epoch == 1
    rest = resumed.fit(*give(), epochs=4, initial_epoch=1, **options)
    assert state(resumed) == state(whole)
    assert rest.epoch == [1, 2, 3]
    assert rest.history == {key: values[1:] for key, values in history.history.items()}


def test_after_an_interruption(tmp_path: Path) -> None:
    """What Ctrl-C left goes on in the same process, and from a file that was saved then."""
    whole, model = network(), network()
    history = whole.fit(*data(), epochs=3, verbose=0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*data(), epochs=3, verbose=0, callbacks=[SaveAt(tmp_path / "file", 1, 4, ends=True)])
    model.save(tmp_path / "file")
    for other in (hl.load_model(tmp_path / "file"), model):
        rest = other.fit(*data(), epochs=3, initial_epoch=other.resume_epoch, verbose=0)
        assert state(other) == state(whole)
        assert rest.history["loss"] == history.history["loss"][1:]


def test_after_an_interruption_inside_a_native_call() -> None:
    """The hook that is asked a few times a second raises; the loss of the steps before is not lost."""
    x, y = (np.concatenate([part] * 400) for part in data())
    whole, model = network(), network()
    history = whole.fit(x, y, batch_size=1, epochs=1, verbose=0)

    class Stop:
        def __bool__(self) -> bool:
            raise KeyboardInterrupt

    class Interrupt(hl.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.model.stop_training = Stop()

    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=1, verbose=0, callbacks=[Interrupt()])
    assert 0 < model.optimizer.iterations < len(x)
    rest = model.fit(x, y, batch_size=1, verbose=0, initial_epoch=model.resume_epoch)
    assert state(model) == state(whole)
    assert rest.history == history.history


def test_a_learning_rate_that_an_epoch_has_is_not_changed_twice(tmp_path: Path) -> None:
    def halve(epoch: int, rate: float) -> float:
        return rate / 2

    whole = network(hl.optimizers.SGD(0.1))
    scheduler = hl.callbacks.LearningRateScheduler(halve)
    save = SaveAt(tmp_path / "file", 1, 5)
    whole.fit(*data(), epochs=3, verbose=0, callbacks=[scheduler, save])
    resumed = hl.load_model(tmp_path / "file")
    resumed.fit(*data(), epochs=3, initial_epoch=1, verbose=0, callbacks=[scheduler])
    assert resumed.optimizer.learning_rate == 0.1 / 8
    assert state(resumed) == state(whole)


@pytest.mark.parametrize(
    "change",
    [
        {"initial_epoch": 0},
        {"initial_epoch": 2},
        {"batch_size": 16},
        {"rows": 332},
        {"shuffle": False},
        {"steps_per_epoch": 3},
    ],
    ids=str,
)
def test_another_training_begins_anew(change: dict[str, Any], tmp_path: Path) -> None:
    """Whole passes, of which a file was saved within the second one."""
    model = network()
    model.fit(*data(), epochs=2, verbose=0, callbacks=[SaveAt(tmp_path / "file", 1, 5)])
    resumed, anew = hl.load_model(tmp_path / "file"), hl.load_model(tmp_path / "file")
    anew._trainer.state.position = None
    options = {"initial_epoch": 1, "epochs": 4, "verbose": 0, **change}
    x, y = data(options.pop("rows", ROWS))
    same_epoch = options["initial_epoch"] == 1  # whoever asks for another one knows that it begins there
    told = (
        pytest.warns(UserWarning, match="^epoch 2 begins anew.* its step 6 left")
        if same_epoch
        else nullcontext()
    )
    with told:
        resumed.fit(x, y, **options)
    if "steps_per_epoch" in change:  # the pass goes on, the epoch begins anew
        assert resumed.optimizer.iterations == 11 + 6 + 3 * 3
        return
    anew.fit(x, y, **options)
    assert state(resumed) == state(anew)


def test_a_pass_is_not_begun_anew_by_an_epoch_of_another_length() -> None:
    """Every row is seen once in eleven batches, however these are spread over epochs."""
    seen: list[int] = []

    class Watch(hl.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            part = self.model._trainer.state.position.parts[-1]
            size = 30 if self.model._trainer.state.position.pass_step else 3
            seen.extend(part.order[part.end - size : part.end])

    model = network()
    x, y = data()
    for epoch, steps in enumerate((3, 4, 5)):
        model.fit(x, y, 30, epoch + 1, 0, [Watch()], initial_epoch=epoch, steps_per_epoch=steps)
    assert sorted(seen) == list(range(ROWS))


def test_plain_epochs_begin_a_pass_each() -> None:
    """After a part of a pass, a fit without steps_per_epoch begins with a whole one."""
    model = network()
    model.fit(*data(), epochs=1, steps_per_epoch=3, verbose=0)
    model.fit(*data(), epochs=2, initial_epoch=1, verbose=0)
    assert model._trainer.state.position.pass_step == 0
    assert model.optimizer.iterations == 3 + 11


def test_an_epoch_cut_short_by_stop_training_is_over() -> None:
    class Stop(hl.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_training = batch == 4

    model = network()
    assert model.fit(*data(), epochs=3, verbose=0, callbacks=[Stop()]).epoch == [0]
    position = model._trainer.state.position
    assert (model.resume_epoch, model.optimizer.iterations, position.pass_step) == (1, 5, 0)
    model.fit(*data(), epochs=2, initial_epoch=1, verbose=0)
    assert model.optimizer.iterations == 5 + 11


def test_compile_and_refused_data() -> None:
    """A new compilation begins anew; data that are refused change nothing."""
    model = network()
    model.fit(*data(), epochs=2, steps_per_epoch=3, verbose=0)
    before = model._trainer.state.position
    with pytest.raises(ValueError, match="x: expected"):
        model.fit(np.zeros((5, 3)), np.zeros(5), verbose=0)
    assert model._trainer.state.position is before
    model.compile("adam", "sparse_categorical_crossentropy")
    assert (model.resume_epoch, model._trainer.state.position) == (0, None)


def test_pruned_models_go_on_in_their_pass() -> None:
    model = network()
    model.fit(*data(), epochs=1, steps_per_epoch=3, verbose=0)
    smaller = hl.prune_model(model, 0.5)
    smaller.fit(*data(), epochs=2, initial_epoch=1, steps_per_epoch=3, verbose=0)
    assert smaller._trainer.state.position.pass_step == 6


# -- files


def rewritten(path: Path, change: Any) -> Path:
    with safe_open(path, framework="numpy") as file:
        metadata, tensors = dict(file.metadata()), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    config = json.loads(metadata["config"])
    change(config, tensors)
    metadata["config"] = json.dumps(config)
    metadata["sha256"] = container._digest(metadata, tensors)
    save_file(tensors, path.with_name("changed"), metadata)
    return path.with_name("changed")


def test_files_without_a_position_begin_a_pass(tmp_path: Path) -> None:
    model = network()
    model.fit(*data(), epochs=1, steps_per_epoch=3, verbose=0)
    model.save(tmp_path / "file")
    old = hl.load_model(rewritten(tmp_path / "file", lambda config, _: config["training"].pop("position")))
    assert old.resume_epoch == 0
    old.fit(*data(), epochs=2, initial_epoch=1, steps_per_epoch=3, verbose=0)
    assert old._trainer.state.position.pass_step == 3


@pytest.mark.parametrize(
    "change",
    [
        {"step": -1},
        {"step": 2**70},
        {"step": 12},
        {"pass_step": 11},
        {"batch_size": 0},
        {"rows": "many"},
        {"loss_sum": "none"},
        {"parts": [[1]]},
        {"parts": [[0, 0, 0, 5, 1]]},
        {"parts": [[0, 0, 0, 400, 0]]},
        {"parts": 5},
        {"parts": [[0, 0, 0, 300, 0]]},
        {"parts": [[0, i, 0, 1, 0] for i in range(20_000)]},
        {"parts": [[0, i, 0, 1, 0] for i in range(20_000)], "seen": 20_000, "step": 20_000, "steps": 20_000},
        {"parts": [[0, i, 0, 0, 0] for i in range(20_000)]},
    ],
    ids=lambda change: str(change)[:60],
)
def test_positions_that_are_none_are_refused(change: dict[str, Any], tmp_path: Path) -> None:
    network().fit(*data(), verbose=0, callbacks=[SaveAt(tmp_path / "file", 0, 5)])
    changed = rewritten(tmp_path / "file", lambda config, _: config["training"]["position"].update(change))
    begin = time.process_time()
    with pytest.raises(ValueError, match="can't be rebuilt"):
        hl.load_model(changed)
    assert time.process_time() - begin < 2


def test_a_diverged_training_can_be_saved(tmp_path: Path) -> None:
    """A loss that is NaN is no JSON."""
    model = network(hl.optimizers.SGD(1e30))
    with pytest.warns(UserWarning, match="^the loss is nan"):
        model.fit(*data(), epochs=1, verbose=0, callbacks=[SaveAt(tmp_path / "file", 0, 5)])
    assert np.isnan(hl.load_model(tmp_path / "file")._trainer.state.position.loss_sum)
