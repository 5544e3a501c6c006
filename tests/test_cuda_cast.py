"""Casts on a GPU are the CPU's."""

import numpy as np
import pytest

import cuda_half
from hotloop import _native
from test_cast import hard_numbers

cuda = cuda_half.load()


@pytest.mark.parametrize("n", [0, 1, 1025, 5073])
def test_casts_are_the_cpus(n):
    x = hard_numbers()[:n]
    here = np.empty(n, np.int32)
    there = cuda_half.on_gpu(here)
    _native.cast_to_int(x, here)
    cuda.cast_to_int(cuda_half.on_gpu(x), there)
    assert cuda_half.bits(here) == cuda_half.bits(there)
