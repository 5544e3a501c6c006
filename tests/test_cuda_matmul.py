"""Products of many matrices on a GPU, and their gradients, give the CPU's bits."""

import numpy as np
import pytest

import cuda_half
from hotloop import _native
from test_matmul import CASES, TRANSPOSED, operands

cuda = cuda_half.load()


@TRANSPOSED
@pytest.mark.parametrize("case", CASES[:8], ids=str)
def test_products_and_gradients_give_the_cpus_bits(case, ta, tb):
    a, b, dc = operands(case, ta, tb)
    here = [np.empty_like(dc), np.ones_like(a), np.ones_like(b)]
    there = [cuda_half.on_gpu(x) for x in here]
    left, right, gradient = (cuda_half.on_gpu(x) for x in (a, b, dc))
    _native.matmul(a, b, here[0], ta, tb)
    cuda.matmul(left, right, there[0], ta, tb)
    _native.matmul_backward(a, b, dc, *here[1:], ta, tb, accumulate=True)
    cuda.matmul_backward(left, right, gradient, *there[1:], ta, tb, accumulate=True)
    for x, y in zip(here, there, strict=True):
        assert cuda_half.bits(x) == cuda_half.bits(y)
