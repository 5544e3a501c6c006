"""Quantised models: close to the float model, the same bytes everywhere, frozen, clear about bad input."""

import copy
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hotloop as hl
from everywhere import same_everywhere
from graphs import inputs_for, random_models, randomise
from hotloop.ir.build import build
from traced_parts import KINDS, Traced

PRECISIONS = ["int8", "int8_dynamic", "bf16"]


def digits_model() -> hl.Model:
    hl.set_seed(1)
    return hl.Sequential(
        [
            hl.layers.Rescaling(1 / 255, input_shape=(6, 5)),
            hl.layers.Flatten(),
            hl.layers.Dense(40),
            hl.layers.BatchNormalization(),
            hl.layers.Activation("relu"),
            hl.layers.Dropout(0.2),
            hl.layers.Dense(24, activation="gelu"),
            hl.layers.BatchNormalization(),
            hl.layers.Dense(4, activation="softmax"),
        ]
    )


def digits_data(rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    y = rng.integers(0, 4, rows)
    x = rng.integers(0, 90, (rows, 6, 5))
    x[np.arange(rows), y] += 150
    return x.astype(np.uint8), y


@pytest.fixture(scope="module")
def trained() -> hl.Model:
    model = digits_model()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*digits_data(), epochs=12, verbose=0)
    return model


def ops_of(model: hl.compress.QuantizedModel) -> list[str]:
    return [op["kind"] for op in model.get_config()["graph"]["ops"]]


def quantize(model: hl.Model, precision: str, data: Any, **options: Any) -> hl.compress.QuantizedModel:
    given = {"calibration_data": data} if precision == "int8" else {}
    return hl.quantize_model(model, precision, **given, **options)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_quantize_keeps_the_predictions(trained: hl.Model, precision: str) -> None:
    x, y = digits_data()
    fast = quantize(trained, precision, x)
    assert fast.precision == precision
    np.testing.assert_allclose(fast.predict(x), trained.predict(x), atol=0.06)
    loss, accuracy = trained.evaluate(x, y, verbose=0)
    fast_loss, fast_accuracy = fast.evaluate(x, y)
    assert accuracy > 0.97
    assert abs(fast_accuracy - accuracy) <= 0.01
    assert fast_loss == pytest.approx(loss, abs=0.05)
    assert fast.evaluate(x, y, return_dict=True) == {"loss": fast_loss, "accuracy": fast_accuracy}


@pytest.mark.parametrize("calibration", ["minmax", "percentile", "mse"])
def test_quantize_calibrations(trained: hl.Model, calibration: str) -> None:
    x, _ = digits_data()
    fast = hl.quantize_model(trained, "int8", x, calibration=calibration, batch_size=77)
    np.testing.assert_allclose(fast.predict(x), trained.predict(x), atol=0.1)


def test_quantize_folds_and_fuses(trained: hl.Model) -> None:
    """Pixels go in as they are, bytes from layer to layer, and nothing but the softmax is left in float."""
    x, _ = digits_data()
    fast = hl.quantize_model(trained, "int8", x)
    assert ops_of(fast) == ["quantize", "dense_int8", "dense_int8", "dense_int8", "activation"]
    first, *dense, softmax = fast.get_config()["graph"]["ops"]
    assert (first["attributes"]["scale"], first["attributes"]["zero_point"]) == (
        pytest.approx(x.max() / 255),
        0,
    )
    assert [op["attributes"]["output"] for op in dense] == ["uint8", "uint8", "float32"]
    assert [op["attributes"].get("activation", "linear") for op in dense] == ["relu", "gelu", "linear"]
    assert softmax["attributes"]["kind"] == "softmax"


@pytest.mark.parametrize("precision", PRECISIONS)
def test_quantize_same_bytes_everywhere(trained: hl.Model, precision: str) -> None:
    x, _ = digits_data(70)
    fast = quantize(trained, precision, x)
    same_everywhere(lambda: [fast.predict(x), *(fast.predict(x[i : i + 1]) for i in range(3))])
    np.testing.assert_array_equal(np.concatenate([fast.predict(x[:9]), fast.predict(x[9:])]), fast.predict(x))


def test_quantize_calibration_does_not_depend_on_the_machine(trained: hl.Model) -> None:
    x, _ = digits_data()

    def grids() -> list[np.ndarray]:
        ops = hl.quantize_model(trained, "int8", x, calibration="mse").get_config()["graph"]["ops"]
        return [np.array([op["attributes"].get("in_scale", 0.0)]) for op in ops]

    same_everywhere(grids)


def test_quantize_is_smaller() -> None:
    model = hl.Sequential([hl.layers.Dense(256, "relu", input_shape=(128,)), hl.layers.Dense(64)])
    x = np.random.default_rng(0).normal(size=(64, 128)).astype(np.float32)
    full = 4 * model.count_params()
    assert quantize(model, "int8", x).nbytes < 0.28 * full
    assert quantize(model, "int8_dynamic", x).nbytes < 0.28 * full
    assert quantize(model, "bf16", x).nbytes < 0.52 * full
    assert quantize(model, "int8", x).count_params() == model.count_params()


@pytest.mark.parametrize(
    "activation", [name for name in hl.activations.NAMES if not hl.activations.get(name).rowwise]
)
def test_quantize_every_elementwise_activation(activation: str) -> None:
    hl.set_seed(4)
    model = hl.Sequential(
        [
            hl.layers.Dense(24, activation, input_shape=(12,)),
            hl.layers.Dense(16, activation),
            hl.layers.Dense(3),
        ]
    )
    x = np.random.default_rng(1).uniform(-1, 1, (200, 12)).astype(np.float32)
    fast = hl.quantize_model(model, "int8", x)
    assert ops_of(fast) == ["quantize", "dense_int8", "dense_int8", "dense_int8"]
    want = model.predict(x)
    # On average: hard_shrink jumps, so that a rounding can move single numbers far.
    assert np.abs(fast.predict(x) - want).mean() < 0.02 * (np.abs(want).max() + 0.1)


def test_quantize_parametrised_activation() -> None:
    hl.set_seed(4)
    steep = hl.activations.leaky_relu.configured(negative_slope=0.7)
    model = hl.Sequential([hl.layers.Dense(24, steep, input_shape=(12,)), hl.layers.Dense(3)])
    x = np.random.default_rng(1).uniform(-1, 1, (200, 12)).astype(np.float32)
    np.testing.assert_allclose(hl.quantize_model(model, "int8", x).predict(x), model.predict(x), atol=0.05)


def branched() -> hl.Model:
    a, b = hl.Input((8,), name="a"), hl.Input((3, 4), name="b")
    shared = hl.layers.Dense(10, activation="relu", name="shared")
    left, right = shared(a), shared(hl.layers.Dense(8, activation="tanh")(hl.layers.Flatten()(b)))
    joined = hl.layers.Add()([left, right])
    merged = hl.layers.Concatenate()([joined, left, hl.layers.Multiply()([left, right])])
    out = hl.layers.Dense(5, name="out")(hl.layers.BatchNormalization()(merged))
    return hl.Model([a, b], [out, hl.layers.Dense(2, activation="softmax", name="side")(right), left])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_quantize_branches(precision: str, tmp_path: Path) -> None:
    model = randomise(branched())
    x = inputs_for(model, rows=64)
    fast = quantize(model, precision, x)
    for got, want in zip(fast.predict(x), model.predict(x), strict=True):
        np.testing.assert_allclose(got, want, atol=0.06 * np.abs(want).max())
    by_name = fast.predict({"b": x[1], "a": x[0]})
    fast.save(tmp_path / "model")
    loaded = hl.load_model(tmp_path / "model")
    for got, again, named in zip(loaded.predict(x), fast.predict(x), by_name, strict=True):
        np.testing.assert_array_equal(got, again)
        np.testing.assert_array_equal(named, again)


def test_quantize_branches_shares_weights() -> None:
    """A layer used twice is stored once."""
    model = randomise(branched())
    for precision in ("bf16", "int8_dynamic"):
        fast = hl.quantize_model(model, precision)
        first, second = (op for op in fast.get_config()["graph"]["ops"] if op["layer"] == "shared")
        assert first["constants"] == second["constants"]
        assert fast.count_params() == model.count_params() - 4 * 30  # batch normalisation is folded


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(model=random_models(), seed=st.integers(0, 99))
def test_quantize_random_graphs(model: hl.Model, seed: int) -> None:
    randomise(model, seed)
    x = inputs_for(model, seed=seed)
    want = model.predict(x[0])
    np.testing.assert_allclose(
        hl.quantize_model(model, "bf16").predict(x[0]), want, atol=0.1 * (np.abs(want).max() + 1)
    )
    with warnings.catch_warnings():
        # Random weights may well be what 8 bits can't hold; here the bytes have to be there.
        warnings.filterwarnings("ignore", "quantize: layer", UserWarning)
        fast = hl.quantize_model(model, "int8", x[0], fallback="never")
    (output,) = same_everywhere(lambda: [fast.predict(x[0])])
    assert np.isfinite(output).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_quantize_around_layers_of_ones_own(kind: str, precision: str, tmp_path: Path) -> None:
    """Samples are square there: what is taken for a vector of the other axis fits as well."""
    hl.set_seed(3)
    layers = [hl.layers.Dense(4, "relu"), Traced(kind), hl.layers.Dense(4), hl.layers.BatchNormalization()]
    model = hl.Sequential([hl.Input((4, 4)), *layers, hl.layers.Dense(5)])
    for part in model.layers:
        part.set_weights([w + 0.3 for w in part.get_weights()])
    (x,) = inputs_for(model, 100)
    want, fast = model.predict(x), quantize(model, precision, x, fallback="never")
    got = fast.predict(x)
    assert np.sqrt(((got - want) ** 2).mean()) < 0.05 * want.std()
    fast.save(tmp_path / "fast")
    assert hl.load_model(tmp_path / "fast").predict(x).tobytes() == got.tobytes()


def test_quantize_dead_units_and_large_biases() -> None:
    """A column of zeros, a bias far beyond its weights, and a layer that gives one value only."""
    model = hl.Sequential([hl.layers.Dense(3, name="a", input_shape=(4,)), hl.layers.Dense(2, name="b")])
    kernel = np.array([[1e-6, 0, 1], [1e-6, 0, -1], [0, 0, 1], [0, 0, 2]], np.float32)
    model.set_weights([kernel, [1000.0, 0.0, 0.5], np.eye(3, 2), [0, 0]])
    x = np.random.default_rng(0).uniform(-1, 1, (50, 4)).astype(np.float32)
    for precision in PRECISIONS:
        fast = quantize(model, precision, x)
        np.testing.assert_allclose(fast.predict(x), model.predict(x), rtol=0.01, atol=1e-6)
    zeros = hl.quantize_model(model, "int8", np.zeros((3, 4), np.float32))
    np.testing.assert_allclose(zeros.predict(np.zeros((2, 4))), [[1000, 0]] * 2, rtol=0.01, atol=1e-6)


def test_quantize_bf16_is_the_model_with_rounded_kernels(trained: hl.Model) -> None:
    model = hl.Sequential([hl.layers.Dense(9, "tanh", input_shape=(7,)), hl.layers.Dense(3)])
    rounded = type(model).from_config(model.get_config())
    rounded.set_weights(model.get_weights())
    for layer in rounded.layers:
        bits = layer.kernel.value.view(np.uint32).astype(np.uint64)
        nearest = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
        layer.kernel.value[...] = nearest.astype(np.uint32).view(np.float32)
    x = np.random.default_rng(0).normal(size=(20, 7)).astype(np.float32)
    np.testing.assert_allclose(
        hl.quantize_model(model, "bf16").predict(x), rounded.predict(x), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("precision", PRECISIONS)
def test_quantize_save_load(trained: hl.Model, precision: str, tmp_path: Path) -> None:
    x, y = digits_data(50)
    fast = quantize(trained, precision, x)
    fast.save(tmp_path / "model")
    loaded = hl.load_model(tmp_path / "model")
    assert isinstance(loaded, hl.compress.QuantizedModel)
    assert loaded.get_config() == fast.get_config()
    assert (loaded.precision, loaded.nbytes, loaded.count_params()) == (
        precision,
        fast.nbytes,
        fast.count_params(),
    )
    np.testing.assert_array_equal(loaded.predict(x), fast.predict(x))
    assert loaded.evaluate(x, y) == fast.evaluate(x, y)


def test_quantize_summary(trained: hl.Model) -> None:
    lines: list[str] = []
    hl.quantize_model(trained, "int8", digits_data()[0]).summary(print_fn=lines.append)
    text = "\n".join(lines)
    for word in ("int8", "dense_int8", "uint8", "float32", "softmax", "@ 0", "bytes"):
        assert word in text or word == "softmax"
    assert len(lines) == 2 + 5 + 1


def test_quantize_memory_does_not_grow_with_the_data(trained: hl.Model) -> None:
    def peak(rows: int) -> int:
        x = np.random.default_rng(0).integers(0, 255, (rows, 6, 5)).astype(np.float32)
        tracemalloc.start()
        hl.quantize_model(trained, "int8", x, calibration="percentile")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(40_000) < 1.2 * peak(4_000) + 100_000


def test_quantized_model_is_frozen(trained: hl.Model) -> None:
    fast = hl.quantize_model(trained, "bf16")
    for forbidden in (fast.fit, fast.train_on_batch, fast.set_weights):
        with pytest.raises(TypeError, match="frozen"):
            forbidden(*digits_data(8))


def test_quantize_leaves_the_model_alone(trained: hl.Model) -> None:
    before = [w.tobytes() for w in trained.get_weights()]
    for precision in PRECISIONS:
        quantize(trained, precision, digits_data()[0])
    assert [w.tobytes() for w in trained.get_weights()] == before


def test_quantize_errors(trained: hl.Model) -> None:
    x, y = digits_data(20)
    with pytest.raises(ValueError, match=r"unknown precision 'int4'.*bf16, int8, int8_dynamic"):
        hl.quantize_model(trained, "int4")
    with pytest.raises(ValueError, match=r"calibration_data.*got none.*int8_dynamic"):
        hl.quantize_model(trained)
    with pytest.raises(ValueError, match="unknown calibration"):
        hl.quantize_model(trained, "int8", x, calibration="entropy")
    with pytest.raises(ValueError, match="percentile"):
        hl.quantize_model(trained, "int8", x, calibration="percentile", percentile=10)
    with pytest.raises(ValueError, match="batch_size"):
        hl.quantize_model(trained, "int8", x, batch_size=0)
    with pytest.raises(ValueError, match="at least one row"):
        hl.quantize_model(trained, "int8", x[:0])
    with pytest.raises(ValueError, match=r"shape \(rows, 6, 5\)"):
        hl.quantize_model(trained, "int8", np.zeros((3, 7), np.float32))
    for bad in (np.nan, np.inf):
        spoiled = x.astype(np.float32)
        spoiled[13, 2, 2] = bad
        with pytest.raises(ValueError, match="finite"):
            hl.quantize_model(trained, "int8", spoiled)
    with pytest.raises(TypeError, match="calibration_data"):
        hl.quantize_model(trained, "int8", np.array(["a", "b"]))
    with pytest.raises(ValueError, match="no Dense layer"):
        hl.quantize_model(hl.Sequential([hl.layers.Activation("relu", input_shape=(3,))]), "bf16")
    fast = hl.quantize_model(trained, "int8", x)
    with pytest.raises(ValueError, match="shape"):
        fast.predict(x[0])
    with pytest.raises(ValueError, match="finite"):
        fast.predict(np.full((2, 6, 5), np.nan, np.float32))
    with pytest.raises(ValueError, match="rows"):
        fast.evaluate(x, y[:-1])
    plain = hl.Sequential([hl.layers.Dense(2, input_shape=(3,))])
    with pytest.raises(ValueError, match="compile"):
        hl.quantize_model(plain, "bf16").evaluate(np.zeros((2, 3)), np.zeros((2, 2)))


def test_quantize_not_finite_inside_the_model() -> None:
    model = hl.Sequential([hl.layers.Dense(3, "exponential", input_shape=(2,)), hl.layers.Dense(1)])
    with pytest.raises(ValueError, match="inside the model"):
        hl.quantize_model(model, "int8", np.array([[1e3, 1e3], [-1e3, -1e3]]))


def test_evaluate_builds_its_program_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that gives logits too, whichever loss and metrics want them; copies make their own."""
    hl.set_seed(0)
    model = hl.Sequential([hl.layers.Dense(8, "relu", input_shape=(4,)), hl.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    fast = hl.quantize_model(model, "int8", x)
    built = []

    def counted(*given: Any, **named: Any) -> Any:
        built.append(given)
        return build(*given, **named)

    monkeypatch.setattr("hotloop.inference.logits.build", counted)
    y = np.arange(50) % 3
    first = fast.evaluate(x, y)
    assert [fast.evaluate(x, y) for _ in range(3)] == [first] * 3
    assert len(built) == 1
    fast.device = "cpu"
    assert copy.deepcopy(fast).evaluate(x, y) == fast.evaluate(x, y) == first
    assert len(built) == 3
