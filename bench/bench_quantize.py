"""Quantising, dequantising, calibration statistics and bfloat16 against NumPy.

pytest bench/bench_quantize.py --benchmark-enable
"""

import numpy as np
import pytest

from hotloop import kernels

SCALE, ZERO_POINT = 0.031, 117
sizes = pytest.mark.parametrize("n", [10_000, 4_000_000])


def normal(n):
    return np.random.default_rng(1).standard_normal(n, dtype=np.float32)


@sizes
def test_quantize(n, compare):
    x, out = normal(n), np.empty(n, np.uint8)

    def numpy():
        return np.clip(np.rint(x * np.float32(1 / SCALE)) + ZERO_POINT, 0, 255).astype(np.uint8)

    ours = kernels.quantize(x, SCALE, ZERO_POINT).astype(int)
    # NumPy rounds the inverse of the scale elsewhere: a number on the edge may fall to either side.
    assert np.abs(ours - numpy()).max() <= 1
    compare(lambda: kernels.quantize(x, SCALE, ZERO_POINT, out=out), numpy)


@sizes
def test_dequantize(n, compare):
    q = np.random.default_rng(1).integers(0, 256, n, dtype=np.uint8)
    out = np.empty(n, np.float32)

    def numpy():
        return (q.astype(np.float32) - np.float32(ZERO_POINT)) * np.float32(SCALE)

    np.testing.assert_allclose(kernels.dequantize(q, SCALE, ZERO_POINT), numpy(), rtol=1e-6)
    compare(lambda: kernels.dequantize(q, SCALE, ZERO_POINT, out=out), numpy)


@sizes
def test_min_max(n, compare):
    x = normal(n)
    assert kernels.min_max(x) == (x.min(), x.max())
    compare(lambda: kernels.min_max(x), lambda: (x.min(), x.max()))


@sizes
def test_to_bf16(n, compare):
    x = normal(n)

    def numpy():
        bits = x.view(np.uint32)
        return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)

    np.testing.assert_array_equal(kernels.to_bf16(x), numpy())
    compare(lambda: kernels.to_bf16(x), numpy)
