"""Quantised models of data with heavy tails and outliers: what few large rows hide must not go unseen."""

import warnings
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop.compress.answers import Answers
from hotloop.compress.columns import ColumnObserver
from hotloop.compress.noise import Changes, Noise

L = hl.layers


def trained(layers: list[Any], loss: Any, x: np.ndarray, y: np.ndarray, epochs: int = 15) -> hl.Model:
    hl.set_seed(0)
    model = hl.Sequential(layers)
    model.compile(hl.optimizers.Adam(0.01), loss)
    model.fit(x, y, epochs=epochs, verbose=0)
    return model


def three_classes(last: str | None = None) -> tuple[hl.Model, np.ndarray, np.ndarray, np.ndarray]:
    """A classifier, its data and labels, and the data with one row a hundred thousand times too large."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 10)).astype(np.float32)
    y = (x @ rng.normal(size=(10, 3))).argmax(axis=1)
    loss = hl.losses.SparseCategoricalCrossentropy(from_logits=last is None)
    model = trained([L.Dense(16, "relu", input_shape=(10,)), L.Dense(3, last)], loss, x, y)
    spoiled = x.copy()
    spoiled[7] *= 1e5
    return model, x, y, spoiled


def accuracy(model: Any, x: np.ndarray, y: np.ndarray) -> float:
    output = model.predict(x)
    answers = output.argmax(axis=1) if output.shape[1] > 1 else output[:, 0] > 0
    return float((answers == y).mean())


def signal_to_noise(exact: np.ndarray, got: np.ndarray) -> float:
    exact = exact.astype(np.float64)
    return float(10 * np.log10(((exact - exact.mean(axis=0)) ** 2).sum() / ((exact - got) ** 2).sum()))


@pytest.mark.parametrize("batch_size", [1024, 300])
def test_an_outlier_row_among_logits_is_no_alibi(batch_size: int) -> None:
    """It has all of the signal: at 42.6 dB two in three answers changed, and accuracy fell by 0.65."""
    model, x, y, spoiled = three_classes()
    with pytest.raises(ValueError, match="rarest rows"):
        hl.quantize_model(model, "int8", spoiled, batch_size=batch_size, fallback="error")
    with pytest.warns(UserWarning, match="kept in float32"):
        fast = hl.quantize_model(model, "int8", spoiled, batch_size=batch_size)
    assert accuracy(fast, x, y) == pytest.approx(accuracy(model, x, y), abs=0.01)
    with pytest.warns(UserWarning, match="rarest rows"):
        spoilt = hl.quantize_model(model, "int8", spoiled, batch_size=batch_size, fallback="never")
    (output,) = spoilt.report().outputs
    assert output.snr > 40
    assert output.typical < 3
    assert output.decided > 0.5 * output.answers
    assert "in most rows" in repr(spoilt)
    assert "no ties" in str(spoilt.report())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("labelled", [False, True])
def test_heavy_tails_cost_no_answers(seed: int, labelled: bool) -> None:
    """Lognormal features: 0.88 for 0.94, and 0.78 for 0.92, passed at 31 dB once."""
    rng = np.random.default_rng(seed)
    x = np.exp(2 * rng.normal(size=(3000, 6))).astype(np.float32)
    y = (np.log(x) @ rng.normal(size=6) > 0).astype(int)
    loss = hl.losses.BinaryCrossentropy(from_logits=True)
    model = trained([L.Dense(32, "relu", input_shape=(6,)), L.Dense(1)], loss, x, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        fast = hl.quantize_model(model, "int8", x, calibration_labels=y if labelled else None)
    assert accuracy(fast, x, y) == pytest.approx(accuracy(model, x, y), abs=0.01)


@pytest.mark.parametrize("seed", range(4))
def test_regressors_are_right_in_most_rows(seed: int) -> None:
    """At 32 dB the median error was as large as the value."""
    rng = np.random.default_rng(seed)
    x = np.exp(2 * rng.normal(size=(3000, 6))).astype(np.float32)
    hl.set_seed(seed)
    model = hl.Sequential([L.Dense(16, "relu", input_shape=(6,)), L.Dense(1)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        fast = hl.quantize_model(model, "int8", x)
    exact, got = model.predict(x)[:, 0].astype(np.float64), fast.predict(x)[:, 0]
    assert np.median(np.abs(got - exact) / np.abs(exact)) < 0.1
    assert fast.report().outputs[0].typical > 20


@pytest.mark.parametrize("seed", range(3))
def test_tails_of_students_t_cost_no_answers(seed: int) -> None:
    """Their noise lies between: 0.026 of accuracy went at 20.5 dB in most rows."""
    rng = np.random.default_rng(seed)
    x = rng.standard_t(2, size=(3000, 6)).astype(np.float32)
    y = (x @ rng.normal(size=6) > 0).astype(int)
    loss = hl.losses.BinaryCrossentropy(from_logits=True)
    model = trained([L.Dense(32, "relu", input_shape=(6,)), L.Dense(1)], loss, x, y, epochs=12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        fast = hl.quantize_model(model, "int8", x)
    assert accuracy(fast, x, y) == pytest.approx(accuracy(model, x, y), abs=0.01)


@pytest.mark.parametrize("rate", [0.05, 0.01])
def test_a_rare_class_is_no_outlier(rate: float) -> None:
    """Nearly all probabilities are next to 0, and what is lost of those is of no account."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(4000, 8)).astype(np.float32)
    score = x @ rng.normal(size=8)
    y = (score > np.quantile(score, 1 - rate)).astype(int)
    layers = [L.Dense(16, "relu", input_shape=(8,)), L.Dense(1, "sigmoid")]
    model = trained(layers, "binary_crossentropy", x, y, epochs=20)
    assert not hl.quantize_model(model, "int8", x, fallback="error").report().kept


def test_ties_of_many_classes_are_no_reason_to_keep_a_layer() -> None:
    """Two hundred logits of an untrained model lie close together: more than one answer in fifty changes."""
    hl.set_seed(0)
    model = hl.Sequential([L.Dense(64, "relu", input_shape=(32,)), L.Dense(200)])
    model.compile("adam", hl.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = np.random.default_rng(0).normal(size=(2000, 32)).astype(np.float32)
    (output,) = hl.quantize_model(model, "int8", x, fallback="error").report().outputs
    assert output.changed > 0.01 * output.answers
    assert output.decided < 0.001 * output.answers


def test_an_output_far_from_zero_is_judged_by_how_it_varies() -> None:
    """Of one about three million apart from which nothing was left, 130 dB were reported."""
    hl.set_seed(0)
    model = hl.Sequential([L.Dense(8, "relu", input_shape=(4,)), L.Dense(1)])
    weights = model.get_weights()
    model.set_weights([*weights[:-1], np.full(1, 3e6, np.float32)])
    x = np.random.default_rng(0).normal(size=(500, 4)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        fast = hl.quantize_model(model, "int8", x, fallback="never")
    exact, got = model.predict(x).astype(np.float64), fast.predict(x)
    wanted = 10 * np.log10(((exact - exact.mean()) ** 2).sum() / ((exact - got) ** 2).sum())
    assert fast.report().outputs[0].snr == pytest.approx(wanted, abs=0.01)


@pytest.mark.parametrize("place", [0, 777, 99999])
def test_percentile_leaves_one_in_a_hundred_thousand_out(place: int) -> None:
    """Wherever it stands, the sample of rows included: the step was 4136 for a top of 3.8."""
    v = np.random.default_rng(0).normal(size=(100000, 1)).astype(np.float32)
    v[place] = 1e6
    hl.set_seed(0)
    model = hl.Sequential([L.Dense(4, input_shape=(1,))])
    fast = hl.quantize_model(model, "int8", v, calibration="percentile", fallback="error")
    usual = np.delete(v, place, axis=0)
    assert signal_to_noise(model.predict(usual), fast.predict(usual)) > 40
    report = fast.report()
    assert report.layers[0].op == "dense_int8"
    assert report.outputs[0].snr < 1
    assert report.outputs[0].typical > 35


@pytest.mark.parametrize("columns", [3, 600])
@pytest.mark.parametrize("far", [0.0, 1000.0])
def test_percentile_of_columns_of_any_size_and_place(columns: int, far: float) -> None:
    """Range ends are those of a quantile of all numbers, to the width of a bin."""
    rng = np.random.default_rng(1)
    size = 10.0 ** rng.uniform(-2, 2, columns)
    rows = ((rng.normal(size=(8000, columns)) + far) * size).astype(np.float32)
    rows[0] = 1e7 * size
    observer = ColumnObserver(columns, "percentile", 99.9)
    for part in np.array_split(rows, 7):
        observer.update(part)
    low, high = observer.ranges()
    np.testing.assert_allclose((high / size - far), 3.09, rtol=0.3)
    np.testing.assert_allclose((low / size - far), -3.09, rtol=0.3)


@pytest.mark.parametrize("precision", ["int8_dynamic", "bf16"])
def test_calibration_data_do_no_harm(precision: str) -> None:
    """One row moved each column's mean, and with it each bias: 0.95 for 0.994 without the data."""
    model, x, y, spoiled = three_classes("softmax")
    without = accuracy(hl.quantize_model(model, precision), x, y)
    assert without == pytest.approx(accuracy(model, x, y), abs=0.003)
    assert accuracy(hl.quantize_model(model, precision, spoiled, fallback="never"), x, y) >= without - 0.002


def test_typical_noise_leaves_the_farthest_rows_out() -> None:
    rng = np.random.default_rng(0)
    exact = rng.normal(size=(1000, 3)).astype(np.float32)
    got = exact + 0.01 * rng.normal(size=exact.shape).astype(np.float32)
    plain, spoiled = Noise(), Noise()
    plain.update(exact, got)
    assert plain.typical() == pytest.approx(plain.decibels(), abs=1.5)
    exact[3:9] *= 1e6
    spoiled.update(exact, np.where(np.abs(exact) > 100, exact, 0))
    assert spoiled.decibels() > 90
    assert spoiled.typical() == pytest.approx(0, abs=0.1)


def test_margins_of_answers_that_change() -> None:
    exact = np.array([[3.0, 1.0, 2.0], [0.0, 5.0, 4.5], [9.0, 0.0, 0.0]], np.float32)
    got = np.array([[0.0, 1.0, 2.0], [0.0, 4.0, 4.5], [9.0, 0.0, 0.0]], np.float32)
    how = Answers((3,), None)
    changes = Changes(how)
    changes.update(exact, how.of(exact), how.of(got))
    np.testing.assert_array_equal(how.margins(exact, how.of(exact), how.of(got)), [1.0, 0.5])
    assert changes.changed == changes.decided(0.0) == 2
    assert changes.decided(0.6 / (2 * np.sqrt(2) * 10**-1.5)) == 1
    assert changes.decided(20.0) == 0
    columns = Answers((3,), 2.0)
    before, after = columns.of(exact), columns.of(got)
    np.testing.assert_array_equal(columns.margins(exact, before, after), [1.0])
