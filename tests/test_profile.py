"""Profiles: every op once, counted by the formula, and the model as it was before."""

import json
import sys

import numpy as np
import pytest

import hotloop as hl
from hotloop import _native
from hotloop.profiling.peaks import MemoryLevel, Peaks
from hotloop.profiling.profile_rows import make_row
from hotloop.profiling.result import Profile
from nets import blobs, classifier

QUICK = {"threads": 1, "seconds": 0.02}


def phases(profile: hl.profiling.Profile) -> list[tuple[str, str, str]]:
    return [(row.phase, row.layer, row.op) for row in profile.rows]


def state(model: hl.Model) -> list[bytes]:
    arrays = [*model.get_weights(), *model.optimizer.slots.values()]
    return [array.tobytes() for array in arrays] + [b"%d" % model.optimizer.iterations, b"%d" % model.seed]


def two_inputs() -> tuple[hl.Model, dict, dict]:
    """A shared layer, a join, a dropout, a batch normalisation, two outputs with a loss each."""
    a, b = hl.Input((4,), name="a"), hl.Input((4,), name="b")
    shared = hl.layers.Dense(8, "tanh", name="shared")
    joined = hl.layers.Concatenate(name="join")([shared(a), shared(b)])
    joined = hl.layers.BatchNormalization(name="norm")(hl.layers.Dropout(0.5, name="drop")(joined))
    kind = hl.layers.Dense(3, "softmax", name="kind")(joined)
    size = hl.layers.Dense(1, name="size")(joined)
    model = hl.Model([a, b], [kind, size])
    model.compile("adam", {"kind": "sparse_categorical_crossentropy", "size": "mean_squared_error"})
    rng = np.random.default_rng(0)
    x = {name: rng.normal(size=(50, 4)).astype(np.float32) for name in "ab"}
    y = {"kind": rng.integers(0, 3, 50), "size": rng.normal(size=(50, 1)).astype(np.float32)}
    return model, x, y


@pytest.mark.parametrize("threads", [1, 2])
def test_every_op_of_a_step_has_one_row(rng, threads):
    x, y = blobs(rng)
    profile = hl.profile(classifier(), x, y, threads=threads, seconds=0.02)
    assert [phase for phase, _, _ in phases(profile)] == [
        *("gather", "forward", "forward", "loss", "backward", "backward", "update")
    ]
    first, second = (layer for phase, layer, _ in phases(profile) if phase == "forward")
    assert phases(profile)[1:6] == [
        ("forward", first, "dense relu"),
        ("forward", second, "dense"),
        ("loss", "", "softmax + sparse_categorical_crossentropy"),
        ("backward", second, "dense + adam"),
        ("backward", first, "dense relu + adam"),
    ]
    assert (profile.kind, profile.batch_size, profile.threads) == ("training", 32, threads)
    assert all(row.microseconds > 0 and row.calls == profile.steps for row in profile.rows)


def test_times_add_up(rng):
    x, y = blobs(rng)
    profile = hl.profile(classifier(), x, y, threads=1, seconds=0.2)
    total = sum(row.microseconds for row in profile.rows)
    # Medians against a mean, on a machine that others may use.
    assert 0.2 < total / profile.step_microseconds < 1.5
    assert sum(row.share for row in profile.rows) == pytest.approx(1)
    assert profile.gflops == pytest.approx(sum(row.operations for row in profile.rows) / total / 1e3)
    assert profile.unprofiled_microseconds > 0


def test_a_dense_layer_is_counted_by_the_formula(rng):
    x, y = blobs(rng)
    profile = hl.profile(classifier(), x, y, batch_size=20, **QUICK)
    gather, first, second, loss, back_second, back_first, _ = profile.rows
    rows, features, units, classes = 20, 6, 16, 3
    assert gather.bytes == 2 * 4 * rows * (features + 1)
    assert first.operations == 2 * rows * features * units
    assert first.bytes == first.working_set == 4 * (rows * (features + units) + (features + 1) * units)
    assert second.operations == 2 * rows * units * classes
    assert loss.bytes == 4 * (3 * rows * classes + rows)  # logits, their gradient, probabilities; labels
    parameters = (features + 1) * units
    # Nobody wants the gradient of the input, so there is one product; Adam counts 12 a parameter.
    assert back_first.operations == first.operations + 12 * parameters
    read = 4 * rows * (2 * units + features)  # the output and its gradient, the input
    assert back_first.bytes == read + 2 * 4 * 3 * parameters
    assert back_first.working_set == read + 4 * 3 * parameters
    parameters = (units + 1) * classes
    assert back_second.operations == 2 * second.operations + 12 * parameters
    for row in profile.rows[:-1]:
        assert row.gbytes == pytest.approx(row.bytes / row.microseconds / 1e3)
        assert row.intensity == pytest.approx(row.operations / row.bytes)
        least = max(
            row.operations / profile.peaks.roof("float32"),
            row.bytes / profile.peaks.level(row.level).best_gbs,
        )
        assert row.percent_of_roofline == pytest.approx(least / row.microseconds / 10)
    assert profile.rows[-1].op == "end of step"
    assert profile.rows[-1].percent_of_roofline is None


def test_training_state_is_left_alone(rng):
    x, y = blobs(rng)
    hl.set_seed(1)
    model, twin = classifier(), classifier()
    twin.set_weights(model.get_weights())
    twin.seed = model.seed
    for each in (model, twin):
        each.fit(x, y, epochs=1, verbose=0)
    before = state(model)
    hl.profile(model, x, y, **QUICK)
    hl.profile(model, x, **QUICK)
    assert state(model) == before
    for each in (model, twin):
        each.fit(x, y, epochs=1, verbose=0)
    assert state(model) == state(twin)


def test_a_model_that_waits_for_its_shape_goes_on_waiting(rng):
    x, y = blobs(rng)
    model = hl.Sequential([hl.layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert len(hl.profile(model, x, y, **QUICK).rows) == 5
    assert len(hl.profile(model, x, **QUICK).rows) == 2
    assert not model.built


def test_functional_model_with_two_inputs_and_losses():
    model, x, y = two_inputs()
    before = state(model)
    profile = hl.profile(model, x, y, sample_weight=np.ones(50), **QUICK)
    assert state(model) == before
    forward = [(layer, op) for phase, layer, op in phases(profile) if phase == "forward"]
    assert sorted(forward) == [
        ("drop", "dropout"),
        ("join", "concat"),
        ("kind", "dense"),
        ("norm", "batch_norm"),
        ("shared", "dense tanh"),
        ("shared", "dense tanh"),
        ("size", "dense"),
    ]
    backward = [(layer, op) for phase, layer, op in phases(profile) if phase == "backward"]
    # A layer that is used twice can't be updated on the way.
    assert backward.count(("shared", "dense tanh")) == 2
    assert backward.count(("kind", "dense + adam")) == 1
    assert len(backward) == len(forward)
    (loss,) = (op for phase, _, op in phases(profile) if phase == "loss")
    assert loss == "softmax + sparse_categorical_crossentropy, mean_squared_error"
    update = profile.rows[-1]
    assert update.op == "adam"
    # The shared layer and the normalisation; 28 bytes a parameter, gaps between them included.
    assert update.bytes >= 28 * (5 * 8 + 2 * 16)
    assert update.bytes % 28 == 0


def test_an_update_that_needs_whole_gradients_is_a_row_of_its_own(rng):
    x, y = blobs(rng)
    model = classifier(optimizer=hl.optimizers.Adam(global_clipnorm=1.0))
    profile = hl.profile(model, x, y, **QUICK)
    assert [row.op for row in profile.rows if row.phase == "backward"] == ["dense", "dense relu"]
    assert profile.rows[-1].op == "adam"
    assert profile.rows[-1].bytes >= 32 * model.count_params()


def test_mixed_precision_is_measured_against_its_own_peak(rng):
    x, y = blobs(rng, features=256)
    model = hl.Sequential([hl.layers.Dense(256, "relu", input_shape=(256,)), hl.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", precision="mixed_bfloat16")
    profile = hl.profile(model, x, y, batch_size=128, **QUICK)
    first = next(row for row in profile.rows if row.phase == "forward")
    assert first.op == "dense_mixed relu"
    # Without a fast bfloat16 unit the layer computes in float32, and says so; dot products may be slow.
    possible = {"amx": {"bfloat16"}, "avx512_bf16": {"bfloat16", "float32"}}
    assert first.arithmetic in possible.get(_native.isa_level(), {"float32"})
    assert first.operations == 2 * 128 * 256 * 256


@pytest.mark.parametrize("precision", ["int8", "int8_dynamic", "bf16"])
@pytest.mark.parametrize("frozen", [False, True])
def test_quantised_models_and_sessions(rng, precision, frozen):
    x, _ = blobs(rng)
    model = hl.quantize_model(classifier(), precision, calibration_data=x)
    profile = hl.profile(hl.freeze(model) if frozen else model, x, **QUICK)
    assert profile.kind == "inference"
    assert profile.batch_size == 256
    assert {row.phase for row in profile.rows} == {"forward"}
    dense = [row for row in profile.rows if row.op.startswith("dense")]
    assert len(dense) == 2
    assert dense[0].operations == 2 * 256 * 6 * 16
    if precision != "bf16":
        assert {row.arithmetic for row in dense} == {"int8"}
        assert "GOP/s" in str(profile)


def test_a_session_is_timed_with_its_own_weights(rng):
    x, _ = blobs(rng)
    model = classifier()
    profile = hl.profile(hl.freeze(model), x, batch_size=8, **QUICK)
    assert [row.op for row in profile.rows] == ["dense relu", "dense", "softmax"]
    assert profile.batch_size == 8


def test_inference_reads_float32_in_place_and_gathers_bytes(rng):
    x, _ = blobs(rng)
    model = classifier()
    assert [row.op for row in hl.profile(model, x, **QUICK).rows] == ["dense relu", "dense", "softmax"]
    profile = hl.profile(model, np.zeros((10, 6), np.uint8), **QUICK)
    assert [row.op for row in profile.rows] == ["gather", "dense relu", "dense", "softmax"]
    assert profile.rows[0].bytes == 10 * 6 * 5


def test_few_rows_make_a_small_batch(rng):
    x, y = blobs(rng, rows=5)
    assert hl.profile(classifier(), x, y, batch_size=100, **QUICK).batch_size == 5
    assert hl.profile(classifier(), x, batch_size=3, **QUICK).batch_size == 3


def test_threads_are_chosen_where_none_are_given(rng):
    x, y = blobs(rng)
    before = _native.num_threads()
    _native.set_num_threads(2)
    try:
        assert hl.profile(classifier(), x, y, seconds=0.02).threads in (1, 2)
    finally:
        _native.set_num_threads(before)


def test_table_and_json(rng, tmp_path):
    x, y = blobs(rng)
    profile = hl.profile(classifier(), x, y, **QUICK)
    text = str(profile)
    for word in ("softmax + sparse_categorical_crossentropy", "GFLOP/s", "sum", "A step takes", "float32"):
        assert word in text
    table = text.split("\n\n")[0].splitlines()
    assert len(table) == 5 + len(profile.rows) + 1
    path = tmp_path / "profile.json"
    assert json.loads(profile.to_json(path)) == json.loads(path.read_text()) == profile.to_dict()
    assert profile.to_dict()["rows"][1]["op"] == "dense relu"
    assert profile.to_dict()["peaks"]["isa"] == _native.isa_level()


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_plot(rng, tmp_path, ending):
    pytest.importorskip("matplotlib")
    x, y = blobs(rng)
    profile = hl.profile(classifier(), x, y, **QUICK)
    path = tmp_path / f"roofline.{ending}"
    (axes,) = profile.plot(path).axes
    assert path.stat().st_size > 5000
    assert [path.name for path in tmp_path.iterdir()] == [path.name]
    texts = [text.get_text() for text in axes.texts]
    assert any(text.startswith("float32") for text in texts)
    assert sum(text.startswith(("L1", "L2", "L3", "memory")) for text in texts) == len(profile.peaks.levels)
    assert [handle.get_text() for handle in axes.get_legend().get_texts()] == ["forward", "loss", "backward"]


def test_labels_do_not_overlap():
    text_class = pytest.importorskip("matplotlib.text").Text  # an annotation's own extent has its arrow in it
    model, x, y = two_inputs()
    figure = hl.profile(model, x, y, **QUICK).plot()
    renderer = figure.canvas.get_renderer()
    (axes,) = figure.axes
    boxes = [text_class.get_window_extent(text, renderer) for text in axes.texts if text.get_rotation() == 0]
    assert len(boxes) > 5
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_no_roof_runs_through_a_label():
    text_class = pytest.importorskip("matplotlib.text").Text
    memory = MemoryLevel("memory", None, 1, 40.0, 40.0, 40.0)
    peaks = Peaks("a CPU", "amx", 1, 200.0, 200.0, None, None, 6000.0, None, (memory,))
    part = {"phase": "forward", "operations": 1e6, "bytes": 1e4, "working_set": 1, "arithmetic": "int8"}
    row = make_row(part, "layer", "dense_int8", 1, 5.0, 5.0, peaks)
    assert row.gflops == peaks.roof("float32")  # beside its mark is where the line runs
    figure = Profile("model", "inference", 1, 1, 1, 5.0, 5.0, (row,), peaks).plot()
    (axes,) = figure.axes
    (label,) = (text for text in axes.texts if text.get_text().startswith("layer"))
    box = text_class.get_window_extent(label, figure.canvas.get_renderer())
    height = axes.transData.transform((1.0, row.gflops))[1]
    assert not box.y0 <= height <= box.y1


def test_plot_without_matplotlib_says_how_to_get_it(rng, monkeypatch):
    x, _ = blobs(rng)
    profile = hl.profile(classifier(), x, **QUICK)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'needs matplotlib.*pip install "hotloop\[demo\]"'):
        profile.plot()


def test_bad_input_is_refused(rng):
    x, y = blobs(rng)
    model = classifier()
    with pytest.raises(TypeError, match="model: expected a Model, a QuantizedModel or a Session, got str"):
        hl.profile("model", x)
    with pytest.raises(ValueError, match=r"x: expected shape \(rows, 6\), got shape \(300, 5\)"):
        hl.profile(model, x[:, :5], y)
    with pytest.raises(ValueError, match="expected equally many rows"):
        hl.profile(model, x, y[:-1])
    with pytest.raises(ValueError, match="batch_size: expected at least 1, got 0"):
        hl.profile(model, x, y, batch_size=0)
    with pytest.raises(ValueError, match="threads: expected at least 1, got 0"):
        hl.profile(model, x, y, threads=0)
    with pytest.raises(ValueError, match="seconds: expected a finite number > 0"):
        hl.profile(model, x, y, seconds=-1)
    with pytest.raises(ValueError, match="sample_weight: expected None without y"):
        hl.profile(model, x, sample_weight=np.ones(300))
    with pytest.raises(TypeError, match=r"y: expected None, because .* is frozen and can't learn"):
        hl.profile(hl.freeze(model), x, y)
    with pytest.raises(ValueError, match="is not compiled"):
        hl.profile(hl.Sequential([hl.layers.Dense(3, input_shape=(6,))]), x, y)
