"""What quantisation did is measured, shown, saved; what it would spoil stays in float."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop.compress.measure import measure
from hotloop.compress.noise import Noise
from hotloop.inference.quantization_report import QuantizationReport, wilson_interval
from hotloop.saving.container import read_container, write_container

L = hl.layers


def classifier(last: str | None = "softmax", classes: int = 4, loss: Any = None) -> hl.Model:
    hl.set_seed(3)
    model = hl.Sequential(
        [L.Dense(24, "relu", input_shape=(6,), name="first"), L.Dense(classes, last, name="last")]
    )
    if loss is not None:
        model.compile("adam", loss, metrics=["accuracy"])
    return model


def rows(count: int = 500, features: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, features)).astype(np.float32)


def decibels(exact: np.ndarray, got: np.ndarray) -> float:
    signal = ((exact - exact.mean(axis=0, dtype=np.float64)) ** 2).sum()
    return float(10 * np.log10(signal / ((exact.astype(np.float64) - got) ** 2).sum()))


@pytest.mark.parametrize("precision", ["int8", "int8_dynamic", "bf16"])
@pytest.mark.parametrize("batch_size", [500, 77])
def test_figures_are_those_of_the_predictions(precision: str, batch_size: int) -> None:
    model, x = classifier(), rows()
    fast = hl.quantize_model(model, precision, x, batch_size=batch_size)
    report = fast.report()
    (output,) = report.outputs
    exact, got = model.predict(x), fast.predict(x)
    assert report.rows == output.answers == 500
    assert output.changed == (exact.argmax(axis=1) != got.argmax(axis=1)).sum()
    assert output.snr == pytest.approx(decibels(exact, got), abs=1e-6)
    assert [layer.layer for layer in report.layers] == ["first", "last"]
    assert all(layer.op in ("dense_int8", "dense_bf16") for layer in report.layers)
    assert all(layer.alone is not None and layer.alone > 30 for layer in report.layers)
    # Before the softmax, and with the noise of the layer in front.
    hidden = hl.Model(model.inputs, model.layers[0].output).predict(x)
    first, last = report.layers
    assert first.together > 30
    assert last.together < 3 + min(first.together, last.alone or 0)
    assert hidden.shape == (500, 24)


def test_inner_layers_are_compared_in_the_float_models_numbers() -> None:
    """Units are scaled and moved inside of the quantised model, by orders of magnitude; figures see no more
    of that than predictions do."""
    rng = np.random.default_rng(0)
    model = hl.Sequential([L.Dense(20, "relu", input_shape=(6,)), L.Dense(8, "relu"), L.Dense(3), L.Dense(2)])
    size = 10.0 ** rng.uniform(-3, 3, 20)
    weights = [rng.normal(size=w.shape) for w in model.get_weights()]
    weights[0] *= size
    weights[1] = weights[1] * size + 9 * size
    weights[2] /= size[:, None]
    model.set_weights([w.astype(np.float32) for w in weights])
    x = rows()
    for precision in ("int8", "int8_dynamic"):
        report = hl.quantize_model(model, precision, x, fallback="error").report()
        assert all(layer.alone > 27 and layer.together > 25 for layer in report.layers)


@pytest.mark.parametrize(
    ("last", "classes", "loss", "threshold"),
    [
        ("sigmoid", 1, "binary_crossentropy", 0.5),
        ("sigmoid", 3, "binary_crossentropy", 0.5),
        (None, 1, hl.losses.BinaryCrossentropy(from_logits=True), 0.0),
        (None, 1, "hinge", 0.0),
        ("sigmoid", 1, None, 0.5),
        (None, 4, hl.losses.SparseCategoricalCrossentropy(from_logits=True), None),
        ("softmax", 4, "crossentropy", None),
        ("softmax", 4, None, None),
    ],
)
def test_answers_are_read_as_the_loss_reads_them(
    last: str | None, classes: int, loss: Any, threshold: float | None
) -> None:
    model, x = classifier(last, classes, loss), rows()

    def answers(output: np.ndarray) -> np.ndarray:
        return output.argmax(axis=1) if threshold is None else output > threshold

    exact = answers(model.predict(x))
    labels = exact.copy()
    labels[:100] = (labels[:100] + 1) % 4 if threshold is None else ~labels[:100]
    fast = hl.quantize_model(model, "int8", x, calibration_labels=labels.astype(int), fallback="never")
    (output,) = fast.report().outputs
    got = answers(fast.predict(x))
    assert output.answers == output.labels == exact.size
    assert output.changed == (exact != got).sum()
    assert output.correct_before == (exact == labels).sum()
    assert output.correct == (got == labels).sum()
    share, low, high = output.accuracy()
    assert share == pytest.approx((got == labels).mean())
    assert (low, high) == wilson_interval(output.correct, output.labels)
    assert low < share < high


def test_labels_may_be_one_hot_and_by_output() -> None:
    a = hl.Input((6,))
    inner = L.Dense(12, "tanh")(a)
    left, right = L.Dense(3, "softmax", name="left")(inner), L.Dense(1, name="right")(inner)
    model, x = hl.Model(a, [left, right]), rows(60)
    y = model.predict(x)[0].argmax(axis=1)
    given = [y, np.eye(3)[y], y[:, None]]
    reports = [hl.quantize_model(model, "int8", x, calibration_labels=labels).report() for labels in given]
    assert reports[0] == reports[1] == reports[2]
    assert reports[0].outputs[0].correct_before == 60
    assert (reports[0].outputs[1].answers, reports[0].outputs[1].labels) == (0, 0)
    named = hl.quantize_model(model, "int8", x, calibration_labels={"left": y}).report()
    assert named == reports[0]


def test_labels_may_be_those_that_fit_takes() -> None:
    """For all outputs, whatever they are: those of a regressor are dropped. As dicts and lists alike."""
    a = hl.Input((6,))
    inner = L.Dense(12, "tanh")(a)
    left, right = L.Dense(3, "softmax", name="left")(inner), L.Dense(1, name="right")(inner)
    x = rows(60)
    for outputs in ([left, right], [right, left]):
        model = hl.Model(a, outputs)
        y = model.predict(x)[outputs.index(left)].argmax(axis=1)
        alone = hl.quantize_model(model, "int8", x, calibration_labels=y).report()
        assert alone.outputs[outputs.index(left)].correct_before == 60
        as_list = [y if each is left else x[:, :1] for each in outputs]
        for labels in ({"left": y, "right": x[:, :1]}, as_list, tuple(as_list)):
            assert hl.quantize_model(model, "int8", x, calibration_labels=labels).report() == alone
        assert hl.quantize_model(model, "int8", x, calibration_labels=y.tolist()).report() == alone
    with pytest.raises(ValueError, match="expected a dict with the keys"):
        hl.quantize_model(model, "int8", x, calibration_labels={"left": y, "wrong": y})


def test_report_is_shown_saved_and_loaded(tmp_path: Path) -> None:
    model, x = classifier(loss="sparse_categorical_crossentropy"), rows()
    y = model.predict(x).argmax(axis=1)
    fast = hl.quantize_model(model, "int8", x, calibration_labels=y)
    text = str(fast.report())
    for word in ("first", "last", "alone", "dB", "500 rows", "answers changed", "accuracy int8", "95%"):
        assert word in text
    assert "dB" in repr(fast)
    assert "changed" in repr(fast)
    fast.save(tmp_path / "model")
    loaded = hl.load_model(tmp_path / "model")
    assert loaded.report() == fast.report()
    assert repr(loaded) == repr(fast)
    accuracy = fast.evaluate(x, y)[1]
    assert fast.report().outputs[0].accuracy()[0] == pytest.approx(accuracy)


def test_nothing_to_measure_on_is_said() -> None:
    for precision in ("int8_dynamic", "bf16"):
        fast = hl.quantize_model(classifier(), precision)
        assert "not measured" in repr(fast)
        assert "calibration_data" in str(fast.report())
        assert (fast.report().rows, fast.report().outputs) == (0, ())


def test_files_without_a_report_still_load(tmp_path: Path) -> None:
    fast = hl.quantize_model(classifier(), "int8", rows())
    fast.save(tmp_path / "new")
    container = read_container(tmp_path / "new")
    del container.config["report"]
    write_container(tmp_path / "old", container.kind, container.config, container.tensors)
    loaded = hl.load_model(tmp_path / "old")
    assert loaded.predict(rows(9)).tobytes() == fast.predict(rows(9)).tobytes()
    assert "not measured" in repr(loaded)


@pytest.mark.parametrize("spoiled", [{"outputs": 3}, {"rows": "many"}, {"layers": [{}]}, {"kept": []}])
def test_spoiled_reports_are_refused(tmp_path: Path, spoiled: dict[str, Any]) -> None:
    fast = hl.quantize_model(classifier(), "int8", rows())
    fast.save(tmp_path / "model")
    container = read_container(tmp_path / "model")
    container.config["report"] |= spoiled
    write_container(tmp_path / "model", container.kind, container.config, container.tensors)
    with pytest.raises(ValueError, match="can't be rebuilt"):
        hl.load_model(tmp_path / "model")


# -- what can't be quantised well


def cancelling() -> tuple[hl.Model, np.ndarray]:
    """The second layer takes differences of numbers that are nearly the same: 8 bits can't hold them."""
    model = hl.Sequential(
        [
            L.Dense(8, "tanh", input_shape=(6,), name="first"),
            L.Dense(8, name="twins"),
            L.Dense(4, "gelu", name="differences"),
            L.Dense(3, name="last"),
        ]
    )
    rng = np.random.default_rng(1)
    weights = [rng.normal(size=w.shape) for w in model.get_weights()]
    weights[2][:, 4:] = weights[2][:, :4] + rng.normal(size=(8, 4)) * 1e-4
    weights[3][4:] = weights[3][:4]
    weights[4] = np.concatenate([weights[4][:4] * 1e4, -weights[4][:4] * 1e4])
    model.set_weights([w.astype(np.float32) for w in weights])
    return model, rows()


def test_fallback_keeps_in_float_what_can_not_be_quantised() -> None:
    model, x = cancelling()
    with pytest.warns(UserWarning, match=r"kept in float32.*'differences'.*dB"):
        fast = hl.quantize_model(model, "int8", x)
    report = fast.report()
    assert "differences" in report.kept
    assert "kept in float" in str(report)
    ops = {
        op["layer"]: op["kind"] for op in fast.get_config()["graph"]["ops"] if op["kind"].startswith("dense")
    }
    assert ops["differences"] == "dense"
    assert "dense_int8" in ops.values()
    assert decibels(model.predict(x), fast.predict(x)) > 20
    assert report.outputs[0].snr > 20


def test_many_layers_are_kept_in_few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hundred that make noise together, not one a round with all measured anew each time."""
    hl.set_seed(0)
    model = hl.Sequential([hl.Input((16,)), *[L.Dense(32, "tanh") for _ in range(100)], L.Dense(4)])
    x = rows(100, 16)
    rounds = []

    def counted(*given: Any) -> Any:
        rounds.append(given)
        return measure(*given)

    monkeypatch.setattr("hotloop.compress.quantize.measure", counted)
    with pytest.warns(UserWarning, match="kept in float32"):
        report = hl.quantize_model(model, "int8", x).report()
    assert 10 < len(report.kept) < 101
    assert len(rounds) < 15
    assert report.outputs[0].snr >= 20


@pytest.mark.parametrize("precision", ["int8", "int8_dynamic"])
def test_large_rows_come_in_small_chunks(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What all layers make of a chunk is held at once; figures are those of larger chunks."""
    hl.set_seed(0)
    model = hl.Sequential([hl.Input((20, 8)), L.Dense(16, "relu"), L.Dense(4)])
    x = np.random.default_rng(0).normal(size=(64, 20, 8)).astype(np.float32)
    whole = hl.quantize_model(model, precision, x).report()
    sizes = []

    def noted(self: Noise, real: np.ndarray, like: np.ndarray) -> None:
        sizes.append(len(real))
        update(self, real, like)

    update = Noise.update
    monkeypatch.setattr(Noise, "update", noted)
    monkeypatch.setattr("hotloop.compress.quantize.CHUNK_NUMBERS", 1 << 13)
    parts = hl.quantize_model(model, precision, x).report()
    assert max(sizes) == 8192 // (20 * 8 + 3 * 20 * (16 + 4))
    for a, b in zip(whole.layers, parts.layers, strict=True):
        assert (a.alone, a.typical) == pytest.approx((b.alone, b.typical))


def test_fallback_error_names_the_layer() -> None:
    model, x = cancelling()
    with pytest.raises(ValueError, match=r"'differences'.*dB.*fallback='auto'"):
        hl.quantize_model(model, "int8", x, fallback="error")


def test_fallback_never_warns_alone() -> None:
    model, x = cancelling()
    with pytest.warns(UserWarning, match="'differences'"):
        fast = hl.quantize_model(model, "int8", x, fallback="never")
    assert {op["kind"] for op in fast.get_config()["graph"]["ops"]} == {"quantize", "dense_int8"}
    assert fast.report().outputs[0].snr < 20
    assert not fast.report().kept


@pytest.mark.parametrize("activation", ["gelu", "softplus"])
def test_channels_that_no_factor_goes_through_are_rescued(activation: str) -> None:
    """Units between 0.01 and 100 behind an activation that isn't homogeneous: float, where int8 can't."""
    rng = np.random.default_rng(2)
    model = hl.Sequential([L.Dense(16, activation, input_shape=(6,)), L.Dense(3, name="reads")])
    first, bias, second, other = (rng.normal(size=w.shape) for w in model.get_weights())
    size = 10.0 ** rng.uniform(-4, 4, 16)
    model.set_weights([a.astype("f4") for a in (first * size, bias * size, second / size[:, None], other)])
    x = rows()
    with pytest.warns(UserWarning, match="'reads'"):
        fast = hl.quantize_model(model, "int8", x)
    assert decibels(model.predict(x), fast.predict(x)) > 20


def test_fallback_may_leave_nothing_to_quantise(tmp_path: Path) -> None:
    model = hl.Sequential([L.Dense(1, input_shape=(2,), name="only")])
    model.set_weights([np.array([[1e4], [-1e4]], "f4"), np.zeros(1, "f4")])
    x = np.repeat(rows(200, 1), 2, axis=1) + rows(200, 2, 1) * np.float32(1e-4)
    with pytest.warns(UserWarning, match="'only'.*nothing is left that is quantised") as caught:
        fast = hl.quantize_model(model, "int8", x)
    assert caught[0].filename == __file__
    assert str(fast.report()).startswith("Nothing quantised to int8")
    np.testing.assert_allclose(fast.predict(x), model.predict(x), rtol=1e-6)
    fast.save(tmp_path / "model")
    assert hl.load_model(tmp_path / "model").predict(x).tobytes() == fast.predict(x).tobytes()
    assert hl.freeze(fast).run(x).tobytes() == fast.predict(x).tobytes()


def test_errors() -> None:
    model, x = classifier(), rows(20)
    y = np.zeros(20, int)
    with pytest.raises(ValueError, match=r"unknown fallback 'sometimes'.*auto, error, never"):
        hl.quantize_model(model, "int8", x, fallback="sometimes")
    with pytest.raises(ValueError, match="calibration_data with them"):
        hl.quantize_model(model, "bf16", calibration_labels=y)
    with pytest.raises(ValueError, match="expected 20 rows"):
        hl.quantize_model(model, "int8", x, calibration_labels=y[:7])
    with pytest.raises(ValueError, match="calibration_labels"):
        hl.quantize_model(model, "int8", x, calibration_labels=y + 4)
    with pytest.raises(ValueError, match="name no classes"):
        hl.quantize_model(classifier(None), "int8", x, calibration_labels=y)


# -- figures


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    # Wilson's own, as Newcombe (1998) prints them, and the ends.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval(hits: int, trials: int, low: float, high: float) -> None:
    assert wilson_interval(hits, trials) == pytest.approx((low, high), abs=6e-5)
    mirrored = wilson_interval(trials - hits, trials)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=6e-5)


def test_noise_in_chunks_and_far_from_zero() -> None:
    rng = np.random.default_rng(0)
    exact = (1e4 + rng.normal(size=(900, 3))).astype(np.float32)
    got = exact + rng.normal(size=exact.shape).astype(np.float32) * np.float32(0.01)
    noise = Noise()
    for part in (slice(0, 1), slice(1, 500), slice(500, 900)):
        noise.update(exact[part], got[part])
    assert noise.decibels() == pytest.approx(decibels(exact.astype(np.float64), got), abs=1e-6)
    assert 35 < noise.decibels() < 45


def test_noise_at_its_ends() -> None:
    same, zero = np.full((5, 2), 3.0, np.float32), np.zeros((5, 2), np.float32)
    for exact, got, expected in [(same, same, 200), (zero, zero, 200), (zero, same, -200)]:
        noise = Noise()
        noise.update(exact, got)
        assert noise.decibels() == expected
    noise = Noise()
    noise.update(same, same + np.float32(0.03))
    assert noise.decibels() == pytest.approx(40, abs=0.01)
    assert noise.decibels() == noise.decibels()
    noise.update(same, same * np.float32(np.nan))
    assert noise.decibels() == -200


def test_report_to_dict_and_back() -> None:
    report = hl.quantize_model(classifier(), "int8", rows()).report()
    assert QuantizationReport.from_dict(report.to_dict()) == report
