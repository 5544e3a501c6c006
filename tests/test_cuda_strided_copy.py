"""Strided copies on a GPU give the CPU's bits."""

import numpy as np
import pytest

import cuda_half
from hotloop import _native

cuda = cuda_half.load()


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("shape", [(), (1,), (1025,), (16, 17), (3, 5, 4), (2, 3, 4, 5), (3, 0)], ids=str)
def test_transposed(rng, shape, accumulate):
    x, start = rng.standard_normal(shape).astype("f4"), rng.standard_normal(shape[::-1]).astype("f4")
    here, there = start.copy(), cuda_half.on_gpu(start)
    _native.strided_copy(x.T, here, accumulate)
    cuda.strided_copy(cuda_half.on_gpu(x).T, there, accumulate)
    assert cuda_half.bits(here) == cuda_half.bits(there)


def test_sliced_and_cleared(rng):
    x = rng.integers(-(2**31), 2**31, (12, 30)).astype("i4")
    there = cuda_half.on_gpu(np.zeros((6, 10), "i4"))
    cuda.strided_copy(cuda_half.on_gpu(x)[::-2, ::3], there)
    assert cuda_half.bits(there) == x[::-2, ::3].tobytes()
    for n in (0, 1, 1025):
        there = cuda_half.on_gpu(np.full(n + 2, 7, "f4"))
        cuda.clear(there[1:-1])
        assert there.get().tolist() == [7, *[0] * n, 7]
