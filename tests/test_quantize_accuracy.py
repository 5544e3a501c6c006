"""Quantised models keep what the float model knows, however its columns and channels differ in size."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import datasets

import hotloop as hl

L = hl.layers
# Precision, calibration, and whether it sees data.
WAYS = [
    ("int8", "minmax", True),
    ("int8", "percentile", True),
    ("int8", "mse", True),
    ("int8_dynamic", "minmax", False),
    ("int8_dynamic", "minmax", True),
    ("bf16", "minmax", False),
    ("bf16", "minmax", True),
]
way = pytest.mark.parametrize(("precision", "calibration", "sees"), WAYS)


def trained(layers: list[Any], x: np.ndarray, y: np.ndarray, epochs: int = 60) -> hl.Model:
    hl.set_seed(0)
    model = hl.Sequential(layers)
    model.compile(hl.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=epochs, verbose=0)
    return model


def quantized(model: hl.Model, x: Any, precision: str, calibration: str, sees: bool) -> hl.QuantizedModel:
    """All of it in the narrow type: nothing may hide behind the fallback."""
    given = x if sees else None
    fast = hl.quantize_model(model, precision, given, calibration=calibration, fallback="error")
    assert not fast.report().kept
    return fast


def signal_to_noise(exact: np.ndarray, got: np.ndarray) -> float:
    """In decibels, of the column that has it worst."""
    exact, got = exact.astype(np.float64), got.astype(np.float64)
    signal = ((exact - exact.mean(axis=0)) ** 2).sum(axis=0)
    return float(10 * np.log10((signal / ((exact - got) ** 2).sum(axis=0)).min()))


def cancer() -> tuple[hl.Model, np.ndarray, np.ndarray]:
    x, y = datasets.load_breast_cancer(return_X_y=True)
    layers = [L.BatchNormalization(input_shape=(30,)), L.Dense(16, "relu"), L.Dense(2, "softmax")]
    x = x.astype(np.float32)
    return trained(layers, x, y), x, y


def wine() -> tuple[hl.Model, np.ndarray, np.ndarray]:
    x, y = datasets.load_wine(return_X_y=True)
    norm = L.BatchNormalization
    layers = [norm(input_shape=(13,)), L.Dense(16, "relu"), norm(), L.Dense(3, "softmax")]
    x = x.astype(np.float32)
    return trained(layers, x, y), x, y


def digits() -> tuple[hl.Model, np.ndarray, np.ndarray]:
    x, y = datasets.load_digits(return_X_y=True)
    layers = [L.Rescaling(1 / 16, input_shape=(64,)), L.Dense(32, "gelu"), L.Dense(10, "softmax")]
    return trained(layers, x.astype(np.float32), y, epochs=8), x.astype(np.float32), y


def far_from_zero() -> tuple[hl.Model, np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).uniform(100, 101, (500, 4)).astype(np.float32)
    y = ((x - 100.5) @ [1.0, -2.0, 3.0, -1.0] > 0).astype(np.int32)
    layers = [L.BatchNormalization(input_shape=(4,)), L.Dense(8, "relu"), L.Dense(2, "softmax")]
    return trained(layers, x, y), x, y


@pytest.fixture(scope="module")
def models() -> Callable[[Callable[[], Any]], tuple[hl.Model, np.ndarray, np.ndarray]]:
    made: dict[Any, Any] = {}

    def get(make: Callable[[], Any]) -> Any:
        if make not in made:
            made[make] = make()
        return made[make]

    return get


@way
@pytest.mark.parametrize("task", [cancer, wine, digits, far_from_zero])
def test_accuracy_is_that_of_the_float_model(
    models: Any, task: Callable[[], Any], precision: str, calibration: str, sees: bool
) -> None:
    """Batch normalisation before and between layers, folded or not, costs nothing: 0.627 for 0.995 once."""
    model, x, y = models(task)
    accuracy = model.evaluate(x, y, verbose=0)[1]
    assert accuracy > 0.93
    fast = quantized(model, x, precision, calibration, sees)
    assert fast.evaluate(x, y)[1] == pytest.approx(accuracy, abs=0.01)
    assert signal_to_noise(model.predict(x), fast.predict(x)) > 30


def hidden_network(rng: np.random.Generator, activation: str, features: int = 12) -> hl.Model:
    model = hl.Sequential(
        [L.Dense(32, activation, input_shape=(features,)), L.Dense(24, activation), L.Dense(5)]
    )
    weights = [rng.normal(size=w.shape) / np.sqrt(w.shape[0]) for w in model.get_weights()]
    model.set_weights([w.astype(np.float32) for w in weights])
    return model


@way
def test_input_columns_of_any_size(precision: str, calibration: str, sees: bool) -> None:
    """Of deviation 1 and 1000, or of nine orders of magnitude: each counts as much as its weights make it."""
    rng = np.random.default_rng(0)
    for sizes in ([1.0, 1000.0], 10.0 ** rng.uniform(-5, 4, 12)):
        sizes = np.asarray(sizes)
        x = rng.normal(size=(600, sizes.size)).astype(np.float32)
        model = hidden_network(rng, "relu", sizes.size)
        kernel, *others = model.get_weights()
        model.set_weights([(kernel / sizes[:, None]).astype(np.float32), *others])
        x = (x * sizes).astype(np.float32)
        fast = quantized(model, x, precision, calibration, sees)
        assert signal_to_noise(model.predict(x), fast.predict(x)) > 27


@pytest.mark.parametrize("activation", ["relu", "linear", "leaky_relu"])
@way
def test_channels_inside_of_any_size(activation: str, precision: str, calibration: str, sees: bool) -> None:
    """Six orders of magnitude between the units of one layer, which the next one's weights undo."""
    rng = np.random.default_rng(1)
    model = hidden_network(rng, activation)
    first, bias, second, *others = model.get_weights()
    size = 10.0 ** rng.uniform(-3, 3, 32)
    weights = [first * size, bias * size, second / size[:, None], *others]
    model.set_weights([w.astype(np.float32) for w in weights])
    x = rng.normal(size=(600, 12)).astype(np.float32)
    fast = quantized(model, x, precision, calibration, sees)
    assert signal_to_noise(model.predict(x), fast.predict(x)) > 27
    if precision == "int8":
        types = [(op["kind"], op["attributes"].get("output")) for op in fast.get_config()["graph"]["ops"]]
        inside = ("dense_int8", "uint8")
        assert types == [("quantize", None), inside, inside, ("dense_int8", "float32")]


@pytest.mark.parametrize("activation", ["relu", "linear", "leaky_relu"])
@pytest.mark.parametrize("calibration", ["minmax", "percentile", "mse"])
def test_values_inside_far_from_zero(activation: str, calibration: str) -> None:
    """Zero has to be on no grid: units between 50 and 60 keep 8 bits."""
    rng = np.random.default_rng(2)
    model = hidden_network(rng, activation)
    first, bias, *others = model.get_weights()
    model.set_weights([first, bias + 55, *others])
    x = rng.normal(size=(600, 12)).astype(np.float32)
    fast = quantized(model, x, "int8", calibration, True)
    assert signal_to_noise(model.predict(x), fast.predict(x)) > 27
    assert "float32" not in [op["attributes"].get("output") for op in fast.get_config()["graph"]["ops"][:-1]]


@pytest.mark.parametrize("low", [1.0, 100.0, 1e4, -1e4])
@pytest.mark.parametrize("precision", ["int8", "int8_dynamic", "bf16"])
def test_one_sided_inputs(low: float, precision: str) -> None:
    """Between 100 and 101 the correlation with the float model was 0.91 once."""
    x = np.random.default_rng(3).uniform(low, low + 1, (500, 4)).astype(np.float32)
    model = hl.Sequential([L.Dense(3, input_shape=(4,))])
    model.set_weights([np.random.default_rng(4).normal(size=(4, 3)).astype(np.float32), np.zeros(3, "f4")])
    fast = quantized(model, x, precision, "minmax", True)
    exact = x.astype(np.float64) @ model.get_weights()[0]
    # The float model's own rounding is what is heard at 1e4.
    limit = min(33.0, signal_to_noise(exact, model.predict(x)) - 6)
    assert signal_to_noise(exact, fast.predict(x)) > limit


@pytest.mark.parametrize("precision", ["int8", "int8_dynamic"])
@pytest.mark.parametrize("smallest", [1e-38, 1e-20, 0.0])
def test_columns_with_next_to_no_weights_harm_nobody(precision: str, smallest: float) -> None:
    rng = np.random.default_rng(6)
    model = hidden_network(rng, "relu")
    first, bias, second, *others = model.get_weights()
    first[3], second[5] = smallest * first[3], smallest * second[5]
    model.set_weights([first * np.float32(100), bias, second, *others])
    x = (rng.normal(size=(300, 12)) * 10.0 ** rng.uniform(-2, 2, 12)).astype(np.float32)
    for given in [x] if precision == "int8" else [x, None]:
        fast = hl.quantize_model(model, precision, given, fallback="never")
        assert signal_to_noise(model.predict(x), fast.predict(x)) > 25


def test_the_session_of_unlike_columns_is_profiled_and_measured() -> None:
    x = (np.random.default_rng(7).normal(size=(300, 12)) * 10.0 ** np.arange(-6, 6)).astype(np.float32)
    model = hidden_network(np.random.default_rng(8), "relu")
    kernel, *others = model.get_weights()
    model.set_weights([(kernel / x.std(axis=0)[:, None]).astype(np.float32), *others])
    fast = quantized(model, x, "int8", "minmax", True)
    assert fast.get_config()["graph"]["ops"][0]["constants"].keys() == {"scale", "offset"}
    profile = hl.profile(hl.freeze(fast), x, batch_size=64, seconds=0.02)
    assert [row.op for row in profile.rows if row.op == "quantize"]
    report = hl.evaluate_performance(fast, x, seconds=0.01)
    assert report.parameter_bytes == fast.nbytes
    lines: list[str] = []
    fast.summary(print_fn=lines.append)
    assert "by 12 columns" in "\n".join(lines)


def sizes_between(rng: np.random.Generator, count: int) -> np.ndarray:
    return 10.0 ** rng.uniform(-3, 3, count)


def read_by_several() -> hl.Model:
    x = hl.Input((8,))
    a, b = L.Dense(6, "relu")(x), L.Dense(5, "tanh")(x)
    return hl.Model(x, L.Dense(3)(L.Concatenate()([a, b])))


def shared_layer() -> hl.Model:
    a, b, layer = hl.Input((8,)), hl.Input((8,)), L.Dense(6, "relu")
    return hl.Model([a, b], L.Dense(3)(L.Concatenate()([layer(a), layer(b)])))


def read_by_floats_too() -> hl.Model:
    x = hl.Input((8,))
    return hl.Model(x, L.Dense(3)(L.Add()([x, L.Dense(8, "relu")(x)])))


def flattened() -> hl.Model:
    x = hl.Input((3, 8))
    inner = L.Dense(4, "relu")(x)
    joined = L.Concatenate()([L.Flatten()(inner), L.Dense(4)(L.Flatten()(x))])
    return hl.Model(x, [L.Dense(3)(joined), L.Dense(2)(L.Flatten()(inner))])


def an_output_inside() -> hl.Model:
    x = hl.Input((8,))
    inner = L.Dense(6, "relu", name="inner")(x)
    return hl.Model(x, [inner, L.Dense(3)(inner)])


def normalised_between() -> hl.Model:
    x = hl.Input((8,))
    inner = L.BatchNormalization()(L.Dense(6, "relu")(L.BatchNormalization()(x)))
    return hl.Model(x, L.Dense(3)(L.Dense(7, "relu")(inner)))


@way
@pytest.mark.parametrize(
    "make",
    [read_by_several, shared_layer, read_by_floats_too, flattened, an_output_inside, normalised_between],
)
def test_unlike_columns_in_every_place(
    make: Callable[..., Any], precision: str, calibration: str, sees: bool
) -> None:
    rng = np.random.default_rng(5)
    model = make()
    model.set_weights(
        [
            (rng.uniform(0.5, 2, w.shape) if "variance" in p.name else rng.normal(size=w.shape)).astype("f4")
            for p, w in zip(model.weights, model.get_weights(), strict=True)
        ]
    )
    size = np.ones(8) if make is read_by_floats_too else sizes_between(rng, 8)
    for layer in model.layers:
        if isinstance(layer, L.Dense) and layer.input_shape[-1] in (8, 24) and make is not normalised_between:
            kernel = layer.kernel.numpy()
            layer.kernel.assign((kernel / np.tile(size, len(kernel) // 8)[:, None]).astype("f4"))
        if isinstance(layer, L.BatchNormalization) and layer.input_shape[-1] == 8:
            layer.moving_variance.assign((size**2).astype("f4"))
            layer.moving_mean.assign((3 * size).astype("f4"))
    shift = 3.0 if make is normalised_between else 0.0
    x = [((rng.normal(size=(400, *t.sample_shape)) + shift) * size).astype(np.float32) for t in model.inputs]
    fast = quantized(model, x, precision, calibration, sees)
    exact, got = model.predict(x), fast.predict(x)
    for a, b in zip(*([e] if isinstance(e, np.ndarray) else e for e in (exact, got)), strict=True):
        assert signal_to_noise(a, b) > 24
