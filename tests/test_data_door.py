"""What comes in as data: arrays and lists of numbers, and nothing that only looks like them."""

import array
import collections
import decimal
import fractions
import time
from typing import Any

import numpy as np
import pytest

import hotloop as hl

X = np.random.default_rng(1).normal(size=(40, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


@pytest.fixture(scope="module")
def model() -> hl.Model:
    hl.set_seed(0)
    made = hl.Sequential([hl.layers.Dense(4, "relu", input_shape=(4,)), hl.layers.Dense(2, "softmax")])
    made.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    made.fit(X, Y, verbose=0)
    return made


@pytest.fixture(scope="module")
def frozen(model: hl.Model) -> Any:
    return hl.quantize_model(model, calibration_data=X)


class Batches:
    """What PyTorch calls a data set and Keras a sequence; it would take hours to read."""

    def __init__(self) -> None:
        self.read = 0

    def __len__(self) -> int:
        return 10**9

    def __getitem__(self, i: Any) -> Any:
        self.read += 1
        return np.zeros((32, 4), "f4"), np.zeros(32)


class Loader:
    def __init__(self) -> None:
        self.read = 0

    def __iter__(self) -> Any:
        self.read += 1
        return iter([])


UNKNOWN = {
    "data set": Batches,
    "loader": Loader,
    "list of data sets": lambda: [[Batches()], [Batches()]],
    "generator": lambda: (row for row in X),
    "iterator": lambda: iter(X),
    "map": lambda: map(float, range(40)),
    "set": lambda: set(range(40)),
    "keys": lambda: dict.fromkeys(range(40)).keys(),
    "values": lambda: dict.fromkeys(range(40), 1.0).values(),
    "deque": lambda: collections.deque(range(40)),
    "object": object,
    "class": lambda: Batches,
    "function": lambda: model,
}
MEND = "put their rows into one array, or call train_on_batch"
DOORS = {
    "fit x": lambda m, q, bad: m.fit(bad, Y, verbose=0),
    "fit x alone": lambda m, q, bad: m.fit(bad, verbose=0),
    "fit a list of x": lambda m, q, bad: m.fit([bad], Y, verbose=0),
    "fit a dict of x": lambda m, q, bad: m.fit({m.input_names[0]: bad}, Y, verbose=0),
    "fit y": lambda m, q, bad: m.fit(X, bad, verbose=0),
    "fit weights": lambda m, q, bad: m.fit(X, Y, sample_weight=bad, verbose=0),
    "fit validation x": lambda m, q, bad: m.fit(X, Y, validation_data=(bad, Y), verbose=0),
    "fit validation y": lambda m, q, bad: m.fit(X, Y, validation_data=(X, bad), verbose=0),
    "train_on_batch": lambda m, q, bad: m.train_on_batch(bad, Y),
    "train_on_batch y": lambda m, q, bad: m.train_on_batch(X, bad),
    "evaluate": lambda m, q, bad: m.evaluate(bad, Y, verbose=0),
    "evaluate y": lambda m, q, bad: m.evaluate(X, bad, verbose=0),
    "test_on_batch": lambda m, q, bad: m.test_on_batch(bad, Y),
    "predict": lambda m, q, bad: m.predict(bad),
    "predict steps": lambda m, q, bad: m.predict(bad, batch_size=8, steps=2),
    "predict_on_batch": lambda m, q, bad: m.predict_on_batch(bad),
    "call": lambda m, q, bad: m(bad),
    "quantised predict": lambda m, q, bad: q.predict(bad),
    "quantised evaluate": lambda m, q, bad: q.evaluate(bad, Y),
    "quantised evaluate y": lambda m, q, bad: q.evaluate(X, bad),
    "session": lambda m, q, bad: hl.freeze(m).run(bad),
    "calibration": lambda m, q, bad: hl.quantize_model(m, calibration_data=bad),
    "pruning": lambda m, q, bad: hl.prune_model(m, 0.5, criterion="taylor", data=(bad, Y)),
    "performance": lambda m, q, bad: hl.evaluate_performance(m, bad, seconds=0.001),
    "an unbuilt model": lambda m, q, bad: hl.Sequential([hl.layers.Dense(2)]).predict(bad),
}
every_door = pytest.mark.parametrize("door", DOORS)


@every_door
@pytest.mark.parametrize("kind", UNKNOWN)
def test_unknown_objects_are_refused_at_once(model: hl.Model, frozen: Any, door: str, kind: str) -> None:
    bad = UNKNOWN[kind]()
    before, start = model.optimizer.iterations, time.perf_counter()
    with pytest.raises(TypeError) as caught:
        DOORS[door](model, frozen, bad)
    assert "expected" in str(caught.value)
    assert MEND in str(caught.value) or door == "performance"
    assert getattr(bad, "read", 0) == 0
    assert time.perf_counter() - start < 1
    assert model.optimizer.iterations == before


TEXTS = {
    "a string": "some text",
    "bytes": b"some bytes",
    "strings": np.array(["1", "2"] * 20),
    "a list of strings": ["a", "b"] * 20,
    "objects": np.array(["1.5", "2"] * 20, object),
    "objects, some": np.array([1.5, "2"] * 20, object),
    "dates": np.array(["2020-01-01"] * 40, "datetime64[D]"),
    "date objects": np.array([np.datetime64("2020-01-01")] * 40, object),
    "durations": np.array([np.timedelta64(1, "D")] * 40, object),
    "complex": np.ones(40, complex),
    "complex objects": np.array([1j] * 40, object),
}


@every_door
@pytest.mark.parametrize("kind", TEXTS)
def test_texts_and_dates_are_no_numbers(model: hl.Model, frozen: Any, door: str, kind: str) -> None:
    """Text is refused whatever holds it, even where it could be read as a number."""
    with pytest.raises(TypeError, match=r"expected (real numbers|one array)"):
        DOORS[door](model, frozen, TEXTS[kind])


def test_classes_with_names_are_told_how_to_become_numbers(model: hl.Model) -> None:
    for names in (["cat", "dog"] * 20, np.array(["cat", "dog"] * 20), np.array(["cat", "dog"] * 20, object)):
        with pytest.raises(TypeError, match=r"y: expected real numbers.*numpy\.unique\(.*return_inverse"):
            model.fit(X, names, verbose=0)


class Wrapped:
    """An array of a library that is not known by name."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self.values if dtype is None else self.values.astype(dtype)


NUMBERS = {
    "list": X.tolist(),
    "tuple": tuple(map(tuple, X.tolist())),
    "list of rows": list(X),
    "list of arrays of objects": [Wrapped(row) for row in X],
    "list of NumPy's numbers": [[np.float32(v) for v in row] for row in X],
    "object": Wrapped(X),
    "objects": X.astype(object),
    "memory": memoryview(X),
    "Fortran's order": np.asfortranarray(X),
    "fractions": [[fractions.Fraction(float(v)) for v in row] for row in X],
    "decimals": np.array([[decimal.Decimal(float(v)) for v in row] for row in X], object),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_are_taken_whatever_holds_them(model: hl.Model, frozen: Any, kind: str) -> None:
    np.testing.assert_array_equal(model.predict(NUMBERS[kind]), model.predict(X))
    np.testing.assert_array_equal(frozen.predict(NUMBERS[kind]), frozen.predict(X))
    assert model.evaluate(NUMBERS[kind], Y, verbose=0) == model.evaluate(X, Y, verbose=0)


@pytest.mark.parametrize(
    "labels",
    [
        Y.tolist(),
        array.array("b", Y.tolist()),
        bytearray(Y.tolist()),
        Y.astype(object),
        Y.astype(bool).tolist(),
        np.array(Y.astype(bool).tolist(), object),
        [decimal.Decimal(int(v)) for v in Y],
        [np.int8(v) for v in Y],
        list(Y[:, None]),
    ],
    ids=lambda labels: type(labels).__name__,
)
def test_labels_are_taken_whatever_holds_them(model: hl.Model, labels: Any) -> None:
    assert model.evaluate(X, labels, verbose=0) == model.evaluate(X, Y, verbose=0)


def test_ranges_and_missing_numbers(model: hl.Model) -> None:
    assert model.evaluate(X[:2], range(2), verbose=0) == model.evaluate(X[:2], [0, 1], verbose=0)
    holes = X.astype(object)
    holes[3, 1] = None
    for given in (holes, holes.tolist()):
        with pytest.raises(ValueError, match=r"x: expected finite numbers, got nan at index \(3, 1\)"):
            model.predict(given)


def test_lists_that_hold_themselves_end(model: hl.Model) -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises((TypeError, ValueError), match="x: expected"):
        model.predict(loop)


def test_torch_tensors_data_sets_and_loaders(model: hl.Model) -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(X)
    np.testing.assert_array_equal(model.predict(tensor), model.predict(X))
    np.testing.assert_array_equal(model.predict(list(tensor)), model.predict(X))
    with pytest.raises(TypeError, match=r"x: expected an array.*detach"):
        model.predict(torch.ones(3, 4, requires_grad=True))
    rows = torch.utils.data.TensorDataset(tensor, torch.from_numpy(Y))
    for source in (rows, torch.utils.data.DataLoader(rows, batch_size=8)):
        with pytest.raises(TypeError, match=MEND):
            model.fit(source, verbose=0)
