"""Bytes, bfloat16 and the statistics of calibration on a GPU give the CPU's bits."""

import numpy as np
import pytest

import cuda_half
from hotloop import _native

cuda = cuda_half.load()
SIZES = [0, 1, 3, 4, 31, 255, 1023, 1024, 1025, 4096, 5000]
SPECIAL = np.array(
    [0.0, -0.0, np.nan, -np.nan, np.inf, -np.inf, 1e-45, -1e-40, 3.4e38, -3.4e38, 0.5, 1.5, 2.5, -127.5], "f4"
)


def numbers(rng, n):
    x = (100 * rng.standard_normal(n)).astype("f4")
    places = rng.permutation(n)[: len(SPECIAL)]
    x[places] = SPECIAL[: len(places)]
    return x


def both(run, out_dtype, n, *inputs):
    """Run on both halves, writing into the middle of an array: beside fours, and on them."""
    for off in (1, 4):
        whole = np.full(n + off + 1, 77, out_dtype)
        here, there = whole.copy(), cuda_half.on_gpu(whole)
        run(_native, *inputs, here[off:-1])
        run(cuda, *(cuda_half.on_gpu(i) for i in inputs), there[off:-1])
        assert cuda_half.bits(here) == cuda_half.bits(there)
        assert (here[:off] == 77).all()
        assert here[-1] == 77


@pytest.mark.parametrize("n", SIZES)
def test_bytes_and_back(rng, n):
    x, q = numbers(rng, n), rng.integers(0, 256, n, dtype=np.uint8)
    for scale, zero_point in ((0.5, 0), (1.7, 128), (1e-3, 255), (1e30, 3)):
        both(lambda half, x, out, s=scale, z=zero_point: half.quantize(x, s, z, out), "u1", n, x)
        both(lambda half, q, out, s=scale, z=zero_point: half.dequantize(q, s, z, out), "f4", n, q)


@pytest.mark.parametrize("cols", [1, 3, 32, 257])
@pytest.mark.parametrize("rows", [0, 1, 7, 40])
def test_columns_by_their_own_scale_and_offset(rng, rows, cols):
    x = numbers(rng, rows * cols).reshape(rows, cols)
    inverse = (10.0 ** rng.uniform(-3, 3, cols)).astype("f4")
    offset = rng.normal(0, 50, cols).astype("f4")
    here, there = np.full((rows, cols), 77, np.uint8), cuda_half.on_gpu(np.full((rows, cols), 77, np.uint8))
    _native.quantize_columns(x, inverse, offset, here)
    cuda.quantize_columns(*(cuda_half.on_gpu(a) for a in (x, inverse, offset)), there)
    assert cuda_half.bits(here) == cuda_half.bits(there)


# By a warp to 256 units of one or four numbers, by a block above.
@pytest.mark.parametrize("cols", [0, 1, 3, 4, 33, 256, 257, 1023, 1024, 1028, 3000])
@pytest.mark.parametrize("rows", [0, 1, 7, 8, 9, 30])
def test_rows_by_their_own_range(rng, rows, cols):
    x = numbers(rng, rows * cols).reshape(rows, cols)
    x[np.isinf(x)] = 9
    if rows > 6 and cols:
        x[0], x[1], x[2], x[3, 0], x[4], x[5] = 0, np.nan, 5, np.inf, -1e-30, -np.inf
    results = []
    for half, put in ((_native, np.copy), (cuda, cuda_half.on_gpu)):
        out = put(np.full((rows, cols), 77, np.uint8))
        scale, zero_point = put(np.full(rows, -1, np.float32)), put(np.full(rows, -1, np.int32))
        half.quantize_rows(put(x), out, scale, zero_point)
        results.append([cuda_half.bits(a) for a in (out, scale, zero_point)])
    assert results[0] == results[1]


@pytest.mark.parametrize("n", [*SIZES, 40_000])
def test_least_and_largest(rng, n):
    x = numbers(rng, n)
    for values in (
        x,
        x[np.isfinite(x)],
        np.abs(x),
        -np.abs(x),
        np.zeros(n, "f4") * -1,
        np.full(n, np.nan, "f4"),
    ):
        here, there = _native.min_max(values), cuda.min_max(cuda_half.on_gpu(values))
        assert np.array(here, "f4").tobytes() == np.array(there, "f4").tobytes()


@pytest.mark.parametrize("n", SIZES)
def test_bfloat16_and_back(rng, n):
    x = numbers(rng, n)
    x[3::7] = (rng.integers(0, 1 << 32, n, dtype=np.uint32) & 0xFFFFC000).view("f4")[3::7]  # ties, NaNs
    narrow = rng.integers(0, 1 << 16, n, dtype=np.uint16)
    both(lambda half, x, out: half.to_bf16(x, out), "u2", n, x)
    both(lambda half, x, out: half.from_bf16(x, out), "f4", n, narrow)
