"""NaN and infinity stay visible behind bytes that can't hold them, and stay out of files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from everywhere import same_everywhere
from hotloop.ir.config import graph_from_config, require_finite
from hotloop.ir.weights import tensors as tensors_of
from hotloop.saving.container import read_container, write_container

L = hl.layers
BYTES = ["int8", "int8_dynamic"]


def network() -> tuple[hl.Model, np.ndarray]:
    hl.set_seed(0)
    model = hl.Sequential([L.Dense(16, "relu", input_shape=(5,)), L.Dense(3, "softmax")])
    return model, np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32)


@pytest.mark.parametrize("precision", BYTES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("count", [1, 7, 200])
def test_rows_that_are_not_finite_give_nan_and_others_what_they_gave(
    precision: str, bad: float, count: int
) -> None:
    """NaN came out as the answer 1.0 once: what a service sends on must not look like an answer."""
    model, x = network()
    fast = hl.quantize_model(model, precision, x, fallback="error")
    session = hl.freeze(fast, allow_nonfinite=True)
    spoiled = x[:count].copy()
    spoiled[count // 2, 3] = bad
    expected = fast.predict(x[:count])
    expected[count // 2] = np.nan
    out = np.empty((count, 3), np.float32)
    for got in (
        fast.predict(spoiled, allow_nonfinite=True),
        session.run(spoiled),
        session.run(spoiled, out),
        session.run([spoiled]),
        session.run(spoiled.astype(np.float64)),
    ):
        np.testing.assert_array_equal(got, expected)
    same_everywhere(lambda: [session.run(spoiled)])
    finite = x[:count]
    assert fast.predict(finite, allow_nonfinite=True).tobytes() == fast.predict(finite).tobytes()
    assert session.run(finite).tobytes() == fast.predict(finite).tobytes()
    for refuses in (fast.predict, hl.freeze(fast).run):
        with pytest.raises(ValueError, match="finite"):
            refuses(spoiled)


def test_bf16_lets_them_through_as_the_float_model_does() -> None:
    model, x = network()
    fast = hl.quantize_model(model, "bf16")
    spoiled = x[:5].copy()
    spoiled[2, 1] = np.nan
    got = fast.predict(spoiled, allow_nonfinite=True)
    assert np.isnan(got[2]).all()
    assert np.isfinite(np.delete(got, 2, axis=0)).all()


@pytest.mark.parametrize("precision", BYTES)
def test_outputs_that_have_nothing_to_do_with_it_stay(precision: str) -> None:
    a, b = hl.Input((4,), name="a"), hl.Input((2, 3), name="b")
    left, right = L.Dense(3, name="left")(a), L.Dense(2, name="right")(b)
    both = L.Dense(2, name="both")(L.Concatenate()([left, L.Flatten()(right)]))
    model = hl.Model([a, b], [left, right, both])
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(50, *t.sample_shape)).astype(np.float32) for t in model.inputs]
    fast = hl.quantize_model(model, precision, x)
    clean = fast.predict(x)
    x[1][7, 1, 2] = np.inf
    for got in (fast.predict(x, allow_nonfinite=True), hl.freeze(fast, allow_nonfinite=True).run(x)):
        assert got[0].tobytes() == clean[0].tobytes()
        for output, before in zip(got[1:], clean[1:], strict=True):
            assert np.isnan(output[7]).all()
            np.testing.assert_array_equal(np.delete(output, 7, axis=0), np.delete(before, 7, axis=0))


def test_bytes_as_inputs_are_always_finite() -> None:
    model, x = network()
    fast = hl.quantize_model(model, "int8", x)
    pixels = np.random.default_rng(0).integers(0, 255, (9, 5)).astype(np.uint8)
    got = hl.freeze(fast, allow_nonfinite=True).run(pixels)
    assert got.tobytes() == fast.predict(pixels).tobytes()


# -- files


def rewritten(path: Path, change: Any) -> None:
    container = read_container(path)
    tensors = {name: np.array(array) for name, array in container.tensors.items()}
    change(container.config, tensors)
    write_container(path, container.kind, container.config, tensors)


@pytest.mark.parametrize("precision", [*BYTES, "bf16"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_files_with_tensors_that_are_not_finite_are_refused(
    tmp_path: Path, precision: str, bad: float
) -> None:
    model, x = network()
    size = np.array([1, 1e3, 1, 1e-3, 1], "f4")
    weights = model.get_weights()
    model.set_weights([weights[0] / size[:, None], *weights[1:]])
    fast = hl.quantize_model(model, precision, x * size)
    fast.save(tmp_path / "model")
    floats = [n for n, a in read_container(tmp_path / "model").tensors.items() if a.dtype == np.float32]
    assert floats
    for name in floats:
        fast.save(tmp_path / "model")
        rewritten(tmp_path / "model", lambda _, tensors, name=name: tensors[name].fill(bad))
        with pytest.raises(ValueError, match=r"can't be rebuilt.*holds NaN or infinity"):
            hl.load_model(tmp_path / "model")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_graphs_with_attributes_that_are_not_finite_are_refused(bad: float) -> None:
    model, x = network()
    fast = hl.quantize_model(model, "int8", x)
    config, tensors = fast.get_config()["graph"], tensors_of(fast.graph)
    floats = [(op, key) for op in config["ops"] for key, v in op["attributes"].items() if type(v) is float]
    assert len(floats) >= 4
    for op, key in floats:
        before = op["attributes"][key]
        op["attributes"][key] = bad
        with pytest.raises(ValueError, match=f"attribute '{key}' is .*not finite"):
            require_finite(graph_from_config(config, tensors))
        op["attributes"][key] = before
    require_finite(graph_from_config(config, tensors))
