"""`train_on_batch` remembers what the last call found out: the same steps, the same errors, nothing stale."""

import gc
import weakref

import numpy as np
import pytest

import hotloop as hl
from hotloop.training import calls
from hotloop.training.trainer import Trainer

ROWS = 16


def data(seed: int = 0, rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, 5)).astype(np.float32), rng.integers(0, 3, rows)


def network(seed: int = 1, **options) -> hl.Sequential:
    hl.set_seed(seed)
    layers = [
        hl.layers.Dense(8, activation="relu", input_shape=(5,), name="first"),
        hl.layers.Dropout(0.2),
        hl.layers.Dense(3, activation="softmax", name="last"),
    ]
    model = hl.Sequential(layers)
    model.compile(**{"optimizer": "adam", "loss": "sparse_categorical_crossentropy", **options})
    return model


def forgetful(model: hl.Model, x, y, **options):
    """The call as if it were the first."""
    model._trainer.batch_step = None
    return model.train_on_batch(x, y, **options)


def same(one: hl.Model, other: hl.Model) -> None:
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture
def shortcuts(monkeypatch) -> list[int]:
    """Grows by each call that asked for nothing anew."""
    taken: list[int] = []
    real = Trainer.building
    monkeypatch.setattr(Trainer, "building", lambda self, x: taken.append(1) or real(self, x))
    return taken


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"metrics": ["accuracy"], "weighted_metrics": ["accuracy"]},
        {"optimizer": hl.optimizers.SGD(hl.schedules.ExponentialDecay(0.1, 2, 0.5), weight_decay=0.01)},
        {"allow_nonfinite": True},
    ],
    ids=["plain", "metrics", "schedule and decay", "nonfinite"],
)
def test_steps_and_losses_are_those_of_calls_that_remember_nothing(options, shortcuts):
    if "optimizer" in options:
        options = {**options, "optimizer": hl.optimizers.serialize(options["optimizer"])}
    ours, theirs = network(**options), network(**options)
    theirs.seed = ours.seed
    for step in range(6):
        x, y = data(step, ROWS - step % 2)
        shortcuts.clear()
        logs = ours.train_on_batch(x, y, return_dict=True)
        assert bool(shortcuts) == (step == 0)
        assert logs == forgetful(theirs, x, y, return_dict=True)
    same(ours, theirs)
    assert ours.optimizer.iterations == 6


def test_it_is_fit_a_batch_at_a_time():
    ours, theirs = network(), network()
    theirs.seed = ours.seed
    x, y = data(rows=5 * ROWS)
    for at in range(0, len(x), ROWS):
        ours.train_on_batch(x[at : at + ROWS], y[at : at + ROWS])
    theirs.fit(x, y, batch_size=ROWS, epochs=1, shuffle=False, verbose=0)
    same(ours, theirs)


def nan_at(place: tuple[int, int]) -> np.ndarray:
    x, _ = data()
    x[place] = np.nan
    return x


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (nan_at((3, 2)), data()[1]),
        (data()[0][:, :4], data()[1]),
        (data()[0][:-1], data()[1]),
        (data()[0][:0], data()[1][:0]),
        (data()[0][0], data()[1]),
        (data()[0], data()[1] + 1),
        (data()[0], data()[1] - 1),
        (data()[0], data()[1] + 2**32),
        (data()[0], data()[1] + 0.5),
        (data()[0], np.eye(3, dtype=np.float32)[data()[1]]),
        (data()[0].astype(complex), data()[1]),
        (data()[0], None),
        (None, data()[1]),
    ],
)
def test_bad_batches_are_refused_with_the_same_words_and_change_nothing(x, y):
    model = network()
    model.train_on_batch(*data())
    before = model.get_weights()
    with pytest.raises((TypeError, ValueError)) as remembered:
        model.train_on_batch(x, y)
    with pytest.raises(type(remembered.value)) as first:
        forgetful(model, x, y)
    assert str(remembered.value) == str(first.value)
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    assert model.optimizer.iterations == 1


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (data()[0].astype(np.float64), data()[1]),
        (np.asfortranarray(data()[0]), data()[1]),
        (data()[0][::2], data()[1][::2]),
        (data()[0].tolist(), data()[1].tolist()),
        (data()[0], data()[1].astype(np.int8)),
        (data()[0], data()[1][:, None]),
        (data()[0][:1], data()[1][:1]),
    ],
)
def test_other_kinds_of_arrays_are_taken_as_a_first_call_takes_them(x, y):
    ours, theirs = network(), network()
    theirs.seed = ours.seed
    for model in (ours, theirs):
        model.train_on_batch(*data(7))
    assert ours.train_on_batch(x, y) == forgetful(theirs, x, y)
    same(ours, theirs)


def freeze_first(model: hl.Sequential) -> None:
    model.get_layer("first").trainable = False


def faster(model: hl.Sequential) -> None:
    model.optimizer.learning_rate = 0.5


def clipped(model: hl.Sequential) -> None:
    model.optimizer.clipvalue = 1e-4


def decayed(model: hl.Sequential) -> None:
    model.optimizer.weight_decay = 0.5
    model.optimizer.exclude_from_weight_decay(var_names=["bias"])


def compiled_anew(model: hl.Sequential) -> None:
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])


def longer(model: hl.Sequential) -> None:
    model.add(hl.layers.Dense(3, activation="softmax", name="added"))


def reloaded(model: hl.Sequential) -> None:
    model.optimizer.load_state({name: value * 0 for name, value in model.optimizer.state().items()})


def merged(model: hl.Sequential) -> None:
    wider = hl.Sequential([*model.layers, hl.layers.Dense(2)])
    wider.build((None, 5)) if not wider.built else None


def reseeded(model: hl.Sequential) -> None:
    model.seed = 99


@pytest.mark.parametrize(
    "change",
    [freeze_first, faster, clipped, decayed, compiled_anew, longer, reloaded, merged, reseeded],
    ids=lambda change: change.__name__,
)
def test_what_changes_between_two_calls_counts(change):
    ours, theirs = network(), network()
    theirs.seed = ours.seed
    for model in (ours, theirs):
        for step in range(2):
            model.train_on_batch(*data(step))
        change(model)
    theirs.set_weights(ours.get_weights())  # what was added begins elsewhere
    for step in range(2, 4):
        assert ours.train_on_batch(*data(step)) == forgetful(theirs, *data(step))
    same(ours, theirs)


def test_weights_of_rows_and_classes_are_looked_at_each_time():
    ours, theirs = network(), network()
    theirs.seed = ours.seed
    x, y = data()
    for options in ({}, {"sample_weight": np.linspace(0, 1, ROWS)}, {"class_weight": {0: 3.0}}, {}):
        assert ours.train_on_batch(x, y, **options) == forgetful(theirs, x, y, **options)
    same(ours, theirs)


def test_models_of_several_inputs_remember_nothing():
    left, right = hl.Input((2,)), hl.Input((3,))
    model = hl.Model([left, right], hl.layers.Dense(1)(hl.layers.Concatenate()([left, right])))
    model.compile("sgd", "mse")
    x, _ = data()
    for _ in range(2):
        model.train_on_batch([x[:, :2].copy(), x[:, 2:].copy()], x[:, 0])
    assert model._trainer.batch_step is None
    assert calls.train_on_batch(model._trainer, [x[:, :2], x[:, 2:]], x[:, 0], None, None, False)["loss"] >= 0


def test_the_program_before_is_let_go() -> None:
    """With its gradients and values, as soon as the model computes with another one."""
    changes = {
        "compile": lambda model: model.compile("sgd", "mse"),
        "device": lambda model: setattr(model, "device", "cpu"),
        "graph": lambda model: model.add(hl.layers.Dense(1)),
    }
    for name, change in changes.items():
        model = hl.Sequential([hl.layers.Dense(1, input_shape=(3,))])
        model.compile("sgd", "mse")
        for _ in range(2):
            model.train_on_batch(np.zeros((4, 3), "f4"), np.zeros((4, 1), "f4"))
        assert model._trainer.batch_step is not None
        before = weakref.ref(model._trainer.program)
        change(model)
        gc.collect()
        assert before() is None, name


def test_a_step_does_not_look_for_the_parts_of_layers_again(monkeypatch):
    """That walks all attributes of every layer; a program knows the layers that it was made for."""
    model = hl.Sequential([hl.layers.Dense(4, "relu", input_shape=(3,)), hl.layers.Dense(2)])
    model.compile("sgd", loss="mse")
    x, y = np.ones((8, 3), np.float32), np.zeros((8, 2), np.float32)
    model.train_on_batch(x, y)
    monkeypatch.setattr(hl.layers.Layer, "parts", property(lambda layer: pytest.fail("looked again")))
    model.train_on_batch(x, y)
    model.evaluate(x, y, verbose=0)
    model.fit(x, y, verbose=0)
