"""Sums down the columns on a GPU give the CPU's bits."""

import numpy as np
import pytest

import cuda_half
from hotloop import _native

cuda = cuda_half.load()


# Half warps of 16 columns; blocks of 128 rows, 64 of them at once.
@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("cols", [1, 15, 16, 17, 50])
@pytest.mark.parametrize(
    "rows", [0, 1, 16, 17, 127, 128, 129, 300, 4 * 128, 64 * 128, 64 * 128 + 1, 130 * 128]
)
def test_column_sums_give_the_cpus_bits(rng, rows, cols, accumulate):
    x = rng.standard_normal((rows, cols)).astype("f4")
    if rows > 20 and cols > 10:
        x[7, 3], x[20, 5], x[:, 7], x[9, 10] = np.nan, np.inf, -0.0, 1e-42
    whole = rng.standard_normal(cols + 2).astype("f4")
    there = cuda_half.on_gpu(whole)
    here = whole.copy()
    _native.column_sum(x, here[1:-1], accumulate)
    cuda.column_sum(cuda_half.on_gpu(x), there[1:-1], accumulate)
    assert cuda_half.bits(here) == cuda_half.bits(there)


def test_blocks_of_rows_are_summed_by_themselves():
    """The order that both halves promise, number by number."""
    x = np.random.default_rng(2).standard_normal((300, 5)).astype("f4")
    total = np.full(5, 0.5, np.float32)
    for begin in range(0, 300, 128):
        block = np.zeros(5, np.float32)
        for row in x[begin : begin + 128]:
            block += row
        total += block
    for half, put in ((_native, np.copy), (cuda, cuda_half.on_gpu)):
        sums = put(np.full(5, 0.5, np.float32))
        half.column_sum(put(x), sums, True)
        assert cuda_half.bits(sums) == total.tobytes()
