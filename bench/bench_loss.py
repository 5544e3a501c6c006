"""Losses with their gradients against NumPy.

pytest bench/bench_loss.py --benchmark-enable
"""

import numpy as np
import pytest

import hotloop.kernels as kernels
from hotloop import _native

SHAPES = [(32, 10), (256, 10), (1024, 100), (1024, 1000)]
shapes = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))


def check_and_compare(ours, theirs, elements, compare):
    for mine, yours in zip(ours(), theirs(), strict=True):
        np.testing.assert_allclose(mine, yours, rtol=1e-4, atol=1e-5)
    compare(ours, theirs)


@shapes
def test_softmax_cross_entropy(shape, compare):
    rng = np.random.default_rng(1)
    logits, labels = rng.normal(size=shape).astype(np.float32), rng.integers(0, shape[1], size=shape[0])
    rows = np.arange(shape[0])

    def numpy():
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        loss = -np.log(p[rows, labels])
        p[rows, labels] -= 1
        return loss, p

    check_and_compare(lambda: kernels.softmax_cross_entropy(logits, labels), numpy, logits.size, compare)


def binary_crossentropy(p, y):
    loss = -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(axis=1)
    return loss, (p - y) / (p * (1 - p)) / np.float32(p.shape[1])


POINTWISE = {
    "mean_squared_error": lambda p, y: (((p - y) ** 2).mean(axis=1), 2 * (p - y) / np.float32(p.shape[1])),
    "binary_crossentropy": binary_crossentropy,
}


@shapes
@pytest.mark.parametrize("kind", POINTWISE)
def test_pointwise_loss(kind, shape, compare):
    rng = np.random.default_rng(1)
    p, y = rng.uniform(0.01, 0.99, size=(2, *shape)).astype(np.float32)
    y = np.round(y)
    loss, gradient = np.empty(shape[0], np.float32), np.empty_like(p)

    def ours():
        _native.loss(kind, p, y, None, loss, gradient)
        return loss, gradient

    check_and_compare(ours, lambda: POINTWISE[kind](p, y), p.size, compare)
