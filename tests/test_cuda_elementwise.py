"""Joining, copying and rescaling on a GPU give the CPU's bits."""

import pytest

import cuda_half
from hotloop import _native

cuda = cuda_half.load()
SIZES = [0, 1, 31, 255, 1024, 1025, 5000]


def both(run, *arrays, out):
    """Run on the CPU and on the GPU from the same start; return both results."""
    here, there = out.copy(), cuda_half.on_gpu(out)
    run(_native, [a.copy() for a in arrays], here)
    run(cuda, [cuda_half.on_gpu(a) for a in arrays], there)
    return here, there.get()


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("count", [1, 2, 5])
def test_joining_gives_the_cpus_bits(rng, n, count):
    arrays = [rng.standard_normal(n).astype("f4") for _ in range(count)]
    out = rng.standard_normal(n).astype("f4")
    for name in ("add_forward", "multiply_forward"):
        here, there = both(lambda half, a, y, name=name: getattr(half, name)(a, y), *arrays, out=out)
        assert here.tobytes() == there.tobytes(), name
