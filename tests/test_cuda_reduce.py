"""Sums, means, largest, smallest and argmax on a GPU give the CPU's bits."""

import numpy as np
import pytest

import cuda_half
from hotloop import _native

cuda = cuda_half.load()
# Half warps, groups of 16 columns, blocks of 128 rows.
SHAPES = [
    (1, 1, 1),
    (3, 15, 1),
    (40, 33, 1),
    (1, 70_000, 1),
    (2, 300_000, 1),
    (1, 70_000, 3),
    (2, 130, 17),
    (1, 300, 5),
    (3, 2, 70),
    (0, 3, 1),
    (0, 3, 4),
    (2, 3, 0),
]


def numbers(rng, shape):
    """With equals, NaN, infinities and zeros of either sign."""
    x = (rng.integers(-40, 40, shape) / 8).astype("f4")
    for value in (np.nan, np.inf, -np.inf, -0.0):
        x[rng.random(shape) < 0.01] = value
    return x


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", ["sum", "mean", "max", "min"])
def test_reductions_give_the_cpus_bits(rng, shape, kind):
    x, start = numbers(rng, shape), numbers(rng, shape)
    dy = numbers(rng, (shape[0], shape[2]))
    here, there = np.empty_like(dy), cuda_half.on_gpu(dy)
    _native.reduce_forward(kind, x, here)
    cuda.reduce_forward(kind, cuda_half.on_gpu(x), there)
    assert cuda_half.bits(here) == cuda_half.bits(there)
    for accumulate in (False, True):
        here, there = start.copy(), cuda_half.on_gpu(start)
        _native.reduce_backward(kind, x, dy, here, accumulate)
        cuda.reduce_backward(kind, cuda_half.on_gpu(x), cuda_half.on_gpu(dy), there, accumulate)
        assert cuda_half.bits(here) == cuda_half.bits(there)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_argmax_is_the_cpus(rng, shape):
    x = numbers(rng, shape)
    here = np.empty((shape[0], shape[2]), np.int32)
    there = cuda_half.on_gpu(here)
    _native.argmax(x, here)
    cuda.argmax(cuda_half.on_gpu(x), there)
    assert cuda_half.bits(here) == cuda_half.bits(there)
