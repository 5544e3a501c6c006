"""Frames of pandas, polars and Arrow: columns go by their names, and one that holds no numbers is named."""

import copy
import datetime
import decimal
import functools
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hotloop as hl

NAMES = ["age", "height", "weight", "rate"]
X = np.random.default_rng(1).normal(size=(60, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


def pandas_frame(names: list[Any], x: np.ndarray = X) -> Any:
    return pytest.importorskip("pandas").DataFrame(np.array(x), columns=names)


def nullable_frame(names: list[Any], x: np.ndarray = X) -> Any:
    return pandas_frame(names, x).convert_dtypes()


def arrow_backed_frame(names: list[Any], x: np.ndarray = X) -> Any:
    pytest.importorskip("pyarrow")
    return pandas_frame(names, x).convert_dtypes(dtype_backend="pyarrow")


def polars_frame(names: list[Any], x: np.ndarray = X) -> Any:
    polars = pytest.importorskip("polars")
    return polars.DataFrame({name: x[:, i] for i, name in enumerate(names)})


def arrow_table(names: list[Any], x: np.ndarray = X) -> Any:
    arrow = pytest.importorskip("pyarrow")
    return arrow.table({name: x[:, i] for i, name in enumerate(names)})


MAKERS = [pandas_frame, nullable_frame, arrow_backed_frame, polars_frame, arrow_table]
every_library = pytest.mark.parametrize("make", MAKERS)
SHUFFLED = [2, 0, 3, 1]


def shuffled(make: Any, x: np.ndarray = X) -> Any:
    return make([NAMES[i] for i in SHUFFLED], x[:, SHUFFLED])


def network() -> hl.Model:
    hl.set_seed(0)
    model = hl.Sequential([hl.layers.Dense(6, "relu", input_shape=(4,)), hl.layers.Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@functools.cache
def fitted(make: Any) -> tuple[hl.Model, Any]:
    model = network()
    model.fit(make(NAMES), Y, epochs=2, verbose=0)
    return model, hl.quantize_model(model, calibration_data=X)


def trained(make: Any) -> hl.Model:
    return copy.deepcopy(fitted(make)[0])


@every_library
def test_frames_are_their_numbers(make: Any) -> None:
    plain = network()
    plain.fit(X, Y, epochs=2, verbose=0)
    model = trained(make)
    assert (plain.feature_names, model.feature_names) == (None, NAMES)
    for a, b in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


DOORS = {
    "predict": lambda m, q, x: m.predict(x),
    "predict in steps": lambda m, q, x: m.predict(x, batch_size=10, steps=2),
    "call": lambda m, q, x: m(x),
    "in a list": lambda m, q, x: m.predict([x]),
    "in a dict": lambda m, q, x: m.predict({m.input_names[0]: x}),
    "evaluate": lambda m, q, x: m.evaluate(x, Y, verbose=0),
    "evaluate in steps": lambda m, q, x: m.evaluate(x, Y, batch_size=10, steps=2, verbose=0),
    "test_on_batch": lambda m, q, x: m.test_on_batch(x, Y),
    "train_on_batch": lambda m, q, x: (m.train_on_batch(x, Y), m.get_weights()),
    "fit": lambda m, q, x: (m.fit(x, Y, verbose=0).history, m.get_weights()),
    "validation": lambda m, q, x: m.fit(X, Y, validation_data=(x, Y), verbose=0).history,
    "pruning": lambda m, q, x: hl.prune_model(m, 0.5, criterion="taylor", data=(x, Y)).predict(x),
    "quantised predict": lambda m, q, x: q.predict(x),
    "quantised evaluate": lambda m, q, x: q.evaluate(x, Y),
    "calibration": lambda m, q, x: hl.quantize_model(m, calibration_data=x).predict(X),
    "session": lambda m, q, x: hl.freeze(m).run(x),
    "quantised session": lambda m, q, x: hl.freeze(q).run(x),
    "performance": lambda m, q, x: hl.evaluate_performance(m, x, Y, seconds=0.001).metrics,
    "copied": lambda m, q, x: copy.deepcopy(m).predict(x),
    "pickled": lambda m, q, x: pickle.loads(pickle.dumps(m)).predict(x),
    "pickled quantised": lambda m, q, x: pickle.loads(pickle.dumps(q)).predict(x),
}
every_door = pytest.mark.parametrize("door", DOORS)


def same(a: Any, b: Any) -> None:
    np.testing.assert_equal(a, b)


@every_library
@every_door
def test_columns_in_another_order_are_put_right(make: Any, door: str) -> None:
    want = DOORS[door](trained(make), fitted(make)[1], X)
    same(DOORS[door](trained(make), fitted(make)[1], shuffled(make)), want)


@every_door
@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["age", "height", "weight", "size"], r"some without 'rate', with 'size'"),
        (["age", "height", "weight"], r"some without 'rate'; select"),
        ([*NAMES, "target"], r"some with 'target'; select"),
        (["age", "height", "rate", "rate"], r"some without 'weight'"),
        (["age", "age", "height", "weight", "rate"], "columns with names of their own"),
    ],
)
def test_other_columns_are_refused(door: str, names: list[str], text: str) -> None:
    model, frozen = trained(pandas_frame), fitted(pandas_frame)[1]
    before = model.get_weights()
    with pytest.raises(ValueError, match=text):
        DOORS[door](model, frozen, pandas_frame(names, np.zeros((60, len(names)), "f4")))
    same(model.get_weights(), before)
    assert model.feature_names == NAMES


def test_files_keep_the_names(tmp_path: Path) -> None:
    model = trained(pandas_frame)
    model.save(tmp_path / "model")
    quantised = hl.quantize_model(model, "int8_dynamic")
    quantised.save(tmp_path / "quantised")
    for original, name in ((model, "model"), (quantised, "quantised")):
        loaded = hl.load_model(tmp_path / name)
        assert loaded.feature_names == NAMES
        same(loaded.predict(shuffled(pandas_frame)), original.predict(X))
    assert hl.clone_model(model).feature_names is None


def test_several_inputs_have_names_of_their_own(tmp_path: Path) -> None:
    a, b = hl.Input((2,), name="a"), hl.Input((2,), name="b")
    model = hl.Model([a, b], hl.layers.Dense(1)(hl.layers.Concatenate()([a, hl.layers.Dense(2)(b)])))
    model.compile("sgd", "mse")
    left, right = pandas_frame(NAMES[:2], X[:, :2]), X[:, 2:]
    model.fit([left, right], Y, verbose=0)
    assert model.feature_names == [NAMES[:2], None]
    model.save(tmp_path / "model")
    want = model.predict([X[:, :2], right])
    for other in (model, hl.load_model(tmp_path / "model")):
        same(other.predict({"b": right, "a": left[NAMES[1::-1]]}), want)
    with pytest.raises(ValueError, match=r"x\['a'\]: expected the columns that fit saw, 'age', 'height'"):
        model.predict([pandas_frame(["age", "size"], X[:, :2]), right])


def test_columns_that_are_numbered_go_by_number_among_themselves() -> None:
    frame = pandas_frame(list(range(4)))
    model = network()
    model.fit(frame, Y, verbose=0)
    same(model.predict(frame[SHUFFLED]), model.predict(X))
    same(model.predict(pandas_frame(NAMES)), model.predict(X))  # numbers say nothing of names
    named = trained(pandas_frame)
    same(named.predict(frame), named.predict(X))


def test_names_can_be_set_and_refused_data_leave_none() -> None:
    model = network()
    with pytest.raises(ValueError, match="class_weight"):
        model.fit(pandas_frame(NAMES), Y, class_weight={7: 1.0}, verbose=0)
    assert model.feature_names is None
    model.feature_names = NAMES
    same(model.predict(shuffled(pandas_frame)), model.predict(X))
    for wrong in (NAMES[:3], [*NAMES[:3], "age"], "age", [1.5] * 4):
        with pytest.raises(ValueError, match="feature_names: expected a list of 4 different names"):
            model.feature_names = wrong
    model.feature_names = None
    model.predict(pandas_frame(["a", "b", "c", "d"]))


def test_multi_level_names_are_names() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas_frame(NAMES)
    frame.columns = pandas.MultiIndex.from_product([["a", "b"], ["x", "y"]])
    model = network()
    model.fit(frame, Y, verbose=0)
    same(model.predict(frame.iloc[:, SHUFFLED]), model.predict(X))


# -- columns that hold no numbers


def with_column(kind: str) -> tuple[Any, type, str]:
    """A frame whose third column is of this kind, the error and what it says."""
    pandas = pytest.importorskip("pandas")
    day = pandas.Timestamp("2020-01-01")
    kinds: dict[str, tuple[Any, type, str]] = {
        "text": (["red"] * 60, TypeError, "get_dummies"),
        "text objects": (pandas.Series(["1.5"] * 60, dtype=object), TypeError, "holds text; .*get_dummies"),
        "text, Arrow": (pandas.Series(["red"] * 60, dtype="string"), TypeError, "get_dummies"),
        "category": (pandas.Categorical([1, 2] * 30), TypeError, "category; encode"),
        "date": (pandas.date_range(day, periods=60), TypeError, "datetime64.*seconds or days"),
        "date with a zone": (pandas.date_range(day, periods=60, tz="UTC"), TypeError, "datetime64"),
        "date objects": (
            pandas.Series([datetime.date(2020, 1, 1)] * 60, dtype=object),
            TypeError,
            "holds date; turn",
        ),
        "duration": (pandas.Series([day - day] * 60), TypeError, "timedelta64"),
        "period": (pandas.period_range(day, periods=60), TypeError, "period"),
        "interval": (pandas.interval_range(0, 60), TypeError, "interval"),
        "complex": ([1j] * 60, TypeError, "complex128; split"),
        "lists": (pandas.Series([[1.0]] * 60), TypeError, "holds list"),
        "NaN": ([1.0] * 7 + [np.nan] * 53, ValueError, "got nan in row 7; fill"),
        "infinity": ([1.0] * 7 + [np.inf] * 53, ValueError, "got inf in row 7"),
        "NA": (pandas.Series([1] * 7 + [None] * 53, dtype="Int64"), ValueError, "got nan in row 7"),
        "NA, boolean": (pandas.Series([True] * 7 + [None] * 53, dtype="boolean"), ValueError, "nan in row 7"),
        "NA, objects": (pandas.Series([1] * 7 + [pandas.NA] * 53, dtype=object), ValueError, "nan in row 7"),
        "None": (pandas.Series([1.5] * 7 + [None] * 53, dtype=object), ValueError, "nan in row 7"),
    }
    values, error, text = kinds[kind]
    frame = pandas_frame(NAMES)
    frame["weight"] = values
    return frame, error, f"x: column 'weight': expected .*{text}"


BAD = ["text", "text objects", "text, Arrow", "category", "date", "date with a zone", "date objects"]
BAD += ["duration", "period", "interval", "complex", "lists"]
MISSING = ["NaN", "infinity", "NA", "NA, boolean", "NA, objects", "None"]


@pytest.mark.parametrize("kind", BAD + MISSING)
@pytest.mark.parametrize("door", ["fit", "predict", "quantised predict", "session", "train_on_batch"])
def test_the_column_is_named(kind: str, door: str) -> None:
    frame, error, text = with_column(kind)
    model, q = trained(pandas_frame), fitted(pandas_frame)[1]
    for given in (frame, frame.iloc[:, SHUFFLED]):
        with pytest.raises(error, match=text):
            DOORS[door](model, q, given)
    with pytest.raises(error, match=text):  # before any names are known
        network().fit(frame, Y, verbose=0)


@pytest.mark.parametrize("kind", MISSING)
def test_missing_numbers_are_nan_where_these_are_allowed(kind: str) -> None:
    frame, _, _ = with_column(kind)
    model = network()
    model.compile("sgd", "sparse_categorical_crossentropy", allow_nonfinite=True)
    assert np.isnan(model.predict(frame)).any(axis=1).sum() == 53


def test_all_bad_columns_are_told_at_once() -> None:
    frame = pandas_frame(NAMES)
    frame["age"] = ["a"] * 60
    frame["rate"] = pytest.importorskip("pandas").Categorical(["a"] * 60)
    with pytest.raises(TypeError, match=r"column 'age'.*\(and 'rate': category\)"):
        network().fit(frame, Y, verbose=0)


@pytest.mark.parametrize(
    "dtype",
    [
        *("int8", "uint8", "int64", "float64", "bool", "object", "Sparse[float]"),
        *("Int32", "UInt8", "Float32", "Float64", "boolean"),
        *("int64[pyarrow]", "float[pyarrow]", "double[pyarrow]", "bool[pyarrow]"),
    ],
)
def test_columns_of_any_number_type(dtype: str) -> None:
    pandas = pytest.importorskip("pandas")
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    values = (X[:, 1] > 0).astype(int)
    frame, want = pandas_frame(NAMES), np.array(X)
    want[:, 1] = values
    frame["height"] = pandas.Series(values).astype(bool if "bool" in dtype else int).astype(dtype)
    model = network()
    same(model.predict(frame), model.predict(want))
    labels = pandas.Series(Y).astype(bool if "bool" in dtype else int).astype(dtype)
    assert model.evaluate(X, labels, verbose=0) == model.evaluate(X, Y, verbose=0)
    assert model.evaluate(X, labels.to_frame(), verbose=0) == model.evaluate(X, Y, verbose=0)
    weights = pandas.Series(Y + 1).astype(dtype) if "bool" not in dtype else Y + 1
    model.evaluate(X, Y, sample_weight=weights, verbose=0)


def test_whole_frames_of_bytes_stay_bytes() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 4)).astype(np.uint8)
    model = trained(pandas_frame)
    (array,) = model.input_arrays(shuffled(pandas_frame, pixels), False)
    assert array.dtype == np.uint8
    np.testing.assert_array_equal(array, pixels)


def test_series_as_labels_inputs_and_decimals() -> None:
    pandas = pytest.importorskip("pandas")
    model = hl.Sequential([hl.layers.Dense(1, input_shape=(1,))])
    model.compile("sgd", "mse")
    one = pandas.Series(X[:, 0], name="one")
    same(model.predict(one), model.predict(X[:, 0]))
    same(model.predict(one.to_frame()), model.predict(X[:, 0]))
    prices = pandas.Series([decimal.Decimal("1.5")] * 60, index=range(100, 160))
    assert model.evaluate(X[:, 0], prices, verbose=0) == model.evaluate(X[:, 0], np.full(60, 1.5), verbose=0)
    with pytest.raises(TypeError, match=r"y: expected real numbers, got Series of category; encode"):
        model.fit(X[:, 0], pandas.Series(["a"] * 60, dtype="category"), verbose=0)
    with pytest.raises(TypeError, match=r"y: expected real numbers, got Series of .*numpy\.unique"):
        model.fit(X[:, 0], pandas.Series(["a"] * 60), verbose=0)


@pytest.mark.parametrize("kind", ["String", "Categorical", "Date", "Datetime", "Duration", "List", "null"])
def test_polars_columns_are_named(kind: str) -> None:
    polars = pytest.importorskip("polars")
    day = datetime.datetime(2020, 1, 1)
    columns = {
        "String": ["a"] * 60,
        "Categorical": polars.Series(["a"] * 60, dtype=polars.Categorical),
        "Date": [day.date()] * 60,
        "Datetime": [day] * 60,
        "Duration": [day - day] * 60,
        "List": [[1.0]] * 60,
        "null": [1] * 59 + [None],
    }
    frame = polars_frame(NAMES).with_columns(polars.Series("rate", columns[kind]))
    with pytest.raises((TypeError, ValueError), match="x: column 'rate': expected"):
        trained(polars_frame).predict(frame)
    booleans = polars.DataFrame({name: [True, False] * 30 for name in NAMES})
    assert trained(polars_frame).predict(booleans).shape == (60, 2)


@pytest.mark.parametrize("kind", ["text", "dictionary", "date", "null"])
def test_arrow_columns_are_named(kind: str) -> None:
    arrow = pytest.importorskip("pyarrow")
    columns = {
        "text": arrow.array(["a"] * 60),
        "dictionary": arrow.array(["a"] * 60).dictionary_encode(),
        "date": arrow.array([datetime.date(2020, 1, 1)] * 60),
        "null": arrow.array([1] * 59 + [None]),
    }
    table = arrow_table(NAMES).set_column(3, "rate", columns[kind])
    with pytest.raises((TypeError, ValueError), match="x: column 'rate': expected"):
        trained(arrow_table).predict(table)


def test_calibration_data_that_lack_numbers_name_the_column() -> None:
    frame, _, _ = with_column("NA")
    with pytest.raises(ValueError, match="column 'weight'"):
        hl.quantize_model(trained(pandas_frame), calibration_data=frame)
    frame, _, _ = with_column("category")
    with pytest.raises(TypeError, match="column 'weight'"):
        hl.quantize_model(trained(pandas_frame), calibration_data=frame)


def test_files_with_wrong_names_are_refused(tmp_path: Path) -> None:
    from test_resume import rewritten

    model = trained(pandas_frame)
    model.save(tmp_path / "model")
    for wrong in (["age"], [NAMES[:3]], [NAMES, NAMES], "age", [[1.5] * 4]):
        with pytest.raises(ValueError, match="can't be rebuilt: feature_names"):
            hl.load_model(
                rewritten(tmp_path / "model", lambda config, _, w=wrong: config.update(feature_names=w))
            )
    old = hl.load_model(rewritten(tmp_path / "model", lambda config, _: config.pop("feature_names")))
    assert old.feature_names is None
