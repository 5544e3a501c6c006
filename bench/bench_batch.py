"""The batch feed against NumPy: shuffling, gathering rows, looking for what is not finite.

pytest bench/bench_batch.py --benchmark-enable
"""

import numpy as np
import pytest

from hotloop import _native

ROWS = 20_000


def test_shuffled_order(compare):
    assert (np.sort(_native.shuffled_order(1, 2, ROWS)) == np.arange(ROWS)).all()
    rng = np.random.default_rng(0)
    compare(lambda: _native.shuffled_order(1, 2, ROWS), lambda: rng.permutation(ROWS))


@pytest.mark.parametrize("batch", [32, 256])
@pytest.mark.parametrize("row_size", [1, 4, 64, 784])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_gathered_rows(dtype, row_size, batch, compare):
    rng = np.random.default_rng(0)
    source = rng.integers(0, 256, size=(ROWS, row_size)).astype(dtype)
    index = rng.integers(0, ROWS, size=batch).astype(np.int32)
    ours, theirs = np.empty((2, batch, row_size), np.float32)

    def numpy_gather():
        theirs[...] = source[index]

    _native.gather_rows(source, ours, index)
    numpy_gather()
    assert (ours == theirs).all()
    compare(lambda: _native.gather_rows(source, ours, index), numpy_gather)


@pytest.mark.parametrize("n", [10_000, 8_000_000])
def test_finite(n, compare):
    x = np.ones(n, np.float32)
    assert _native.all_finite(x)
    compare(lambda: _native.all_finite(x), lambda: bool(np.isfinite(x).all()))
