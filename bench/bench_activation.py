"""Activations and their derivatives against NumPy.

pytest bench/bench_activation.py --benchmark-enable
"""

import math

import numpy as np
import pytest

import hotloop.kernels as kernels

SIZES = [(32, 64), (256, 1024), (4096, 1024)]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


VALUES = {
    "relu": lambda x: np.maximum(x, 0),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "softplus": lambda x: np.logaddexp(np.float32(0), x),
    "gelu_tanh": gelu_tanh,
    "silu": lambda x: x * sigmoid(x),
    "softmax": softmax,
}
GRADIENTS = {
    "relu": lambda x, dy: dy * (x > 0),
    "sigmoid": lambda x, dy: dy * (s := sigmoid(x)) * (1 - s),
    "tanh": lambda x, dy: dy * (1 - np.tanh(x) ** 2),
    "silu": lambda x, dy: dy * ((s := sigmoid(x)) + x * s * (1 - s)),
    "softmax": lambda x, dy: (y := softmax(x)) * (dy - (dy * y).sum(axis=-1, keepdims=True)),
}

shapes = pytest.mark.parametrize("shape", SIZES, ids=lambda shape: "x".join(map(str, shape)))


def check_and_compare(ours, theirs, elements, compare):
    np.testing.assert_allclose(ours(), theirs(), rtol=1e-4, atol=1e-5)
    compare(ours, theirs)


@shapes
@pytest.mark.parametrize("kind", VALUES)
def test_activation(kind, shape, compare):
    x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    out = np.empty_like(x)
    check_and_compare(lambda: kernels.activation(x, kind, out=out), lambda: VALUES[kind](x), x.size, compare)


@shapes
@pytest.mark.parametrize("kind", GRADIENTS)
def test_activation_gradient(kind, shape, compare):
    x, dy = np.random.default_rng(1).normal(size=(2, *shape)).astype(np.float32)
    out = np.empty_like(x)
    check_and_compare(
        lambda: kernels.activation_gradient(x, dy, kind, out=out),
        lambda: GRADIENTS[kind](x, dy),
        x.size,
        compare,
    )
