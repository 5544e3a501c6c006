"""Joins, rescaling and dropout against NumPy.

pytest bench/bench_elementwise.py --benchmark-enable
"""

import numpy as np
import pytest

from hotloop import _native

sizes = pytest.mark.parametrize("n", [8_192, 2_000_000])


def operands(n):
    return list(np.random.default_rng(1).standard_normal((3, n), dtype=np.float32))


@sizes
@pytest.mark.parametrize("op", ["add", "multiply"])
def test_join(op, n, compare):
    inputs, y = operands(n), np.empty(n, np.float32)
    native, numpy = getattr(_native, f"{op}_forward"), getattr(np, op)
    native(inputs, y)
    np.testing.assert_allclose(y, numpy(numpy(inputs[0], inputs[1]), inputs[2]), rtol=1e-6, atol=1e-6)
    compare(lambda: native(inputs, y), lambda: numpy(numpy(inputs[0], inputs[1]), inputs[2]))


@sizes
def test_rescale(n, compare):
    x, y = operands(n)[0], np.empty(n, np.float32)
    _native.rescale_forward(x, y, 0.5, 2.0)
    np.testing.assert_allclose(y, x * np.float32(0.5) + np.float32(2), rtol=1e-6, atol=1e-6)
    compare(lambda: _native.rescale_forward(x, y, 0.5, 2.0), lambda: x * np.float32(0.5) + np.float32(2))


@sizes
def test_dropout(n, compare):
    x, y = np.ones(n, np.float32), np.empty(n, np.float32)
    rng = np.random.default_rng(1)
    _native.dropout(x, y, 0.25)
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs((y == 0).mean() - 0.25) < 0.02

    def numpy():
        return np.where(rng.random(n, dtype=np.float32) < 0.25, np.float32(0), x * np.float32(1 / 0.75))

    compare(lambda: _native.dropout(x, y, 0.25), numpy)
