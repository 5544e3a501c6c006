"""A session takes a single row through its layers in fewer steps than many rows: to the same bits."""

import numpy as np
import pytest

import hotloop as hl
from graphs import randomise

# Whole panels and parts of them, chains of one vector and of eight, several blocks of depth, one number.
WIDTHS = [700, 128, 100, 8, 1, 17, 48, 130, 240, 33]


def chain(*, norm: bool, bias: bool = True) -> hl.Model:
    layers: list[hl.layers.Layer] = [hl.layers.Input(shape=(WIDTHS[0],))]
    for number, units in enumerate(WIDTHS[1:]):
        layers.append(hl.layers.Dense(units, activation=[None, "relu", "tanh"][number % 3], use_bias=bias))
        if norm:
            layers += [hl.layers.BatchNormalization(), hl.layers.Activation("relu")]
    return randomise(hl.Sequential(layers))


def samples(rows: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(rows, WIDTHS[0])).astype(np.float32)


def same_bits(model: hl.Model | hl.QuantizedModel, x: np.ndarray) -> None:
    together = model.predict(x)
    session = hl.freeze(model)
    for row, expected in zip(x, together, strict=True):
        np.testing.assert_array_equal(session.run(row[None])[0], expected)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("norm", [True, False])
def test_float32(isa, norm, bias):
    same_bits(chain(norm=norm, bias=bias), samples(3))


@pytest.mark.filterwarnings("ignore:quantize")  # how well is no matter here
@pytest.mark.parametrize("precision", ["int8", "int8_dynamic"])
@pytest.mark.parametrize("norm", [True, False])
def test_int8(isa, norm, precision):
    same_bits(hl.quantize_model(chain(norm=norm), precision, samples(64), fallback="never"), samples(3))


def test_nan_and_infinity():
    model = chain(norm=True)
    model.compile("sgd", "mse", allow_nonfinite=True)
    x = samples(3)
    x[0, 5], x[1, 6], x[2, :] = np.nan, np.inf, -0.0
    same_bits(model, x)


def test_values_that_others_want_too_stay():
    first = hl.Input((20,))
    sums = hl.layers.Dense(16)(first)
    normal = hl.layers.BatchNormalization()(sums)
    active = hl.layers.Activation("relu")(normal)
    joined = hl.layers.Add()([sums, hl.layers.Dense(16)(active)])
    model = randomise(hl.Model(first, [joined, normal, active]))
    x = samples(2)[:, :20].copy()
    together = model.predict(x)
    for one, expected in zip(hl.freeze(model).run(x[:1]), together, strict=True):
        np.testing.assert_array_equal(one[0], expected[0])


def test_a_long_chain_does_not_write_over_what_it_still_reads():
    layers: list[hl.layers.Layer] = [hl.layers.Input(shape=(300,))]
    for _ in range(6):
        layers += [hl.layers.Dense(300), hl.layers.BatchNormalization(), hl.layers.Activation("relu")]
    model = randomise(hl.Sequential(layers))
    x = samples(2)[:, :300].copy()
    np.testing.assert_array_equal(hl.freeze(model).run(x[:1])[0], model.predict(x)[0])
