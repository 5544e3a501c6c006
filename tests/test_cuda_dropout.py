"""Dropout on a GPU draws the CPU's mask and gives its bits."""

import numpy as np
import pytest

import cuda_half
from hotloop import _native
from tolerance import guarded, guards_intact

cuda = cuda_half.load()
SIZES = [0, 1, 15, 16, 17, 63, 64, 65, 127, 1023, 1024, 1025, 5000]


def dropped(half, place, x, start, *which, **options):
    _, whole = guarded(start.shape)
    whole[32 : 32 + start.size] = start
    memory = place(whole)
    half.dropout(place(x), memory[32 : 32 + start.size], *which, **options)
    whole = memory if half is _native else memory.get()
    assert guards_intact(whole)
    return whole[32 : 32 + start.size]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("accumulate", [False, True])
def test_the_cpus_bits(rng, n, rate, accumulate):
    x, start = rng.standard_normal((2, n)).astype("f4")
    for seed, step, stream in ((0x123456789ABCDEF0, 77, 3), (5, 2**33 - 1, 2**32 - 1)):
        case = (x, start, rate, seed, step, stream)
        here = dropped(_native, np.copy, *case, accumulate=accumulate)
        there = dropped(cuda, cuda_half.on_gpu, *case, accumulate=accumulate)
        assert here.tobytes() == there.tobytes()


def test_masks_differ_with_seed_step_and_stream(rng):
    x = np.ones(4096, np.float32)
    cases = [(1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 1, 2), (1 + 2**32, 1, 1)]
    masks = {dropped(cuda, cuda_half.on_gpu, x, x, 0.5, *case).tobytes() for case in cases}
    assert len(masks) == len(cases)


def test_in_place_and_not_finite():
    x = np.full(3000, np.nan, np.float32)
    here, there = x.copy(), cuda_half.on_gpu(x)
    _native.dropout(here, here, 0.5, 1)
    cuda.dropout(there, there, 0.5, 1)
    np.testing.assert_array_equal(np.isnan(here), np.isnan(there.get()))
    np.testing.assert_array_equal(here, there.get())
