"""Batch normalisation, forward and backward on batch statistics, against NumPy.

pytest bench/bench_batch_norm.py --benchmark-enable
"""

import numpy as np
import pytest

from hotloop import _native

EPSILON = np.float32(1e-3)
shapes = pytest.mark.parametrize(
    "shape", [(32, 64), (256, 1024)], ids=lambda shape: "x".join(map(str, shape))
)


@shapes
def test_batch_norm(shape, compare):
    x = np.random.default_rng(1).standard_normal(shape, dtype=np.float32)
    y = np.empty_like(x)
    gamma, beta, mean, inverse, moving_mean, moving_variance = np.ones((6, shape[1]), np.float32)

    def ours():
        _native.batch_norm(x, y, moving_mean, moving_variance, gamma, beta, mean, inverse)

    def numpy():
        centred = x - x.mean(axis=0)
        return gamma * centred / np.sqrt((centred * centred).mean(axis=0) + EPSILON) + beta

    ours()
    np.testing.assert_allclose(y, numpy(), rtol=1e-4, atol=1e-5)
    compare(ours, numpy)


@shapes
def test_batch_norm_backward(shape, compare):
    x, dy = np.random.default_rng(1).standard_normal((2, *shape), dtype=np.float32)
    gamma, dgamma, dbeta = np.ones((3, shape[1]), np.float32)
    dx = np.empty_like(x)
    mean, inverse = x.mean(axis=0), 1 / np.sqrt(x.var(axis=0) + EPSILON)

    def ours():
        _native.batch_norm_backward(x, dy, mean, inverse, True, gamma, dx, dgamma, dbeta)

    def numpy():
        normal = (x - mean) * inverse
        toward_gamma, toward_beta = (dy * normal).sum(axis=0), dy.sum(axis=0)
        return gamma * inverse * (dy - (toward_beta + normal * toward_gamma) / np.float32(len(x)))

    ours()
    np.testing.assert_allclose(dx, numpy(), rtol=1e-3, atol=1e-4)
    compare(ours, numpy)
