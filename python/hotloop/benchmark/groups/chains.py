"""A chain of small layers, one row at a time: MLPerf Tiny's autoencoder, batch normalisation folded."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

import hotloop as hl
from hotloop.benchmark.checks import same_values
from hotloop.benchmark.context import Context
from hotloop.benchmark.row import OURS, Measured, Row, faster
from hotloop.benchmark.timing import Side

Array = npt.NDArray[Any]
LITERT, LITERT_INT8, LITERT_BARE = "LiteRT", "LiteRT int8", "LiteRT int8 in and out"
READING = "reading the weights"
SIZES = (640, 128, 128, 128, 128, 8, 128, 128, 128, 128, 640)
EPSILON = 1e-3
CALIBRATION_ROWS = 512


@cache
def network() -> tuple[Any, list[tuple[Array, Array]]]:
    """The model, with batch normalisation, and the kernels and biases of the same network without."""
    rng = np.random.default_rng(0)
    layers: list[Any] = [hl.layers.Input(shape=(SIZES[0],))]
    weights: list[Array] = []
    folded: list[tuple[Array, Array]] = []
    for number, (inputs, units) in enumerate(itertools.pairwise(SIZES)):
        kernel = rng.normal(0, np.sqrt(2 / inputs), (inputs, units)).astype(np.float32)
        bias = rng.normal(0, 0.1, units).astype(np.float32)
        layers.append(hl.layers.Dense(units))
        weights += [kernel, bias]
        if number == len(SIZES) - 2:
            folded.append((kernel, bias))
            break
        layers += [hl.layers.BatchNormalization(epsilon=EPSILON), hl.layers.Activation("relu")]
        gamma, variance = rng.uniform(0.8, 1.2, (2, units)).astype(np.float32)
        beta, mean = rng.normal(0, 0.1, (2, units)).astype(np.float32)
        weights += [gamma, beta, mean, variance]
        factor = gamma / np.sqrt(variance + np.float32(EPSILON))
        folded.append((kernel * factor, (bias - mean) * factor + beta))
    model = hl.Sequential(layers)
    model.compile("adam", "mse")
    model.set_weights(weights)
    return model, folded


def data(rows: int) -> Array:
    """Rows like those that a spectrogram gives: float32 of shape (rows, 640)."""
    return np.random.default_rng(1).standard_normal((rows, SIZES[0]), dtype=np.float32)


def expected(x: Array) -> Array:
    """What the network makes of it, in double precision."""
    values = x.astype(np.float64)
    _, layers = network()
    for number, (kernel, bias) in enumerate(layers):
        values = values @ kernel + bias
        values = np.maximum(values, 0) if number < len(layers) - 1 else values
    return values


def float32(context: Context) -> Measured:
    """The frozen session beside LiteRT, and beside reading the weights from the cache that holds them."""
    model, layers = network()
    x = data(1)
    run = hl.freeze(model).run
    sides = [Side(OURS, lambda: run(x), lambda: run(x))]

    def litert(peer: Any) -> Side:
        predict = peer.float32(layers, context.threads)
        return Side(LITERT, lambda: predict(x), lambda: predict(x))

    context.add(sides, "litert", litert)
    return _timed(sides, x, 1e-4, 4, context)


def int8(context: Context) -> Measured:
    """The int8 session, float32 in and out, beside LiteRT's: the same, and with int8 in and out."""
    model, layers = network()
    x, calibration = data(1), data(CALIBRATION_ROWS)
    run = hl.freeze(hl.quantize_model(model, precision="int8", calibration_data=calibration)).run
    sides = [Side(OURS, lambda: run(x), lambda: run(x))]

    def litert(peer: Any) -> list[Side]:
        predict = peer.int8(layers, calibration, context.threads)
        bare, real = peer.bare_int8(layers, calibration, x, context.threads)
        return [
            Side(LITERT_INT8, lambda: predict(x), lambda: predict(x)),
            Side(LITERT_BARE, lambda: bare(x), lambda: real(x)),
        ]

    context.add(sides, "litert", litert)
    return _timed(sides, x, 1.0, 1, context)


def _timed(sides: list[Side], x: Array, tolerance: float, size: int, context: Context) -> Measured:
    same_values({side.name: side.result() for side in sides if side.result}, expected(x), tolerance)
    weights = sum(kernel.size for kernel, _ in network()[1])
    sides.append(context.reading(READING, size * weights))
    return Measured("us", 1, context.time(sides), limits=[READING])


def rows() -> Iterator[Row]:
    """Both precisions."""
    goal = faster((LITERT,), 1.5, walls=(READING,))
    yield Row("chain", "autoencoder float32", float32, (goal,))
    goal = faster((LITERT_INT8, LITERT_BARE), 1.5, walls=(READING,))
    yield Row("chain", "autoencoder int8", int8, (goal,))
