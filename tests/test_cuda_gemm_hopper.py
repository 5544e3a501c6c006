"""The Hopper engine: every type and layout, edges, rings that go round, in each order of threads.

It needs a GPU of capability 9.0. The emulator plays one where HOTLOOP_EMULATOR_CAPABILITY says so, which it
is asked once: this file runs itself again in a process for each order.
"""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest

import cuda_half
import tolerance
from hotloop import _native

cuda = cuda_half.load()
INSIDE = os.environ.get("HOTLOOP_EMULATOR_CAPABILITY") == "90" or not cuda_half.is_emulated()
if INSIDE and tuple(cuda.device_info()["capability"]) != (9, 0):
    pytest.skip("needs a GPU of capability 9.0", allow_module_level=True)
ORDERS = ["forward", "reverse", "random:1"]
LAYOUTS = list(itertools.product([True, False], repeat=2))  # of a and b: k is contiguous
# With the emulator's four multiprocessors: one tile; an odd number of rows of tiles, so no clusters;
# clusters, wide and narrow tiles, several for each block; k of part of a stage, of less than the ring holds,
# and of more.
SHAPES = [(64, 64, 64), (72, 72, 72), (300, 520, 136), (512, 520, 96), (130, 264, 600), (520, 136, 96)]


def bf16(x):
    bits = x.astype("f4").view("u4").astype("u8")
    return (bits + 0x7FFF + (bits >> 16 & 1) >> 16).astype("u2").reshape(x.shape)


def widened(x):
    return (x.astype("u4") << 16).view("f4").astype("f8")


def tf32(x):
    bits = x.view("u4").astype("u8") + 0x1000 & ~np.uint64(0x1FFF)
    return bits.astype("u4").view("f4").astype("f8").reshape(x.shape)


def placed(x, first_axis_contiguous):
    """Put x on the device, its rows or columns at multiples of 16 bytes and more than its size apart."""
    stored = x.T if first_axis_contiguous else x
    room = np.full((stored.shape[0], (stored.shape[1] + 7) // 8 * 8 + 8), 77, x.dtype)
    room[:, : stored.shape[1]] = stored
    there = cuda_half.on_gpu(room)[:, : stored.shape[1]]
    return there.T if first_axis_contiguous else there


def operands(rng, kind, shape, a_along_k=True, b_along_k=True):
    """Both on the device, and their product in float64 with the bound on its error."""
    m, n, k = shape
    a, b = rng.standard_normal((m, k)).astype("f4"), rng.standard_normal((k, n)).astype("f4")
    if kind == "bf16":
        a, b = bf16(a), bf16(b)
    left, right = (widened(x) if kind == "bf16" else tf32(x) for x in (a, b))
    limit = tolerance.of_sum(np.abs(left).max() * np.abs(right).max(), k)
    return placed(a, not a_along_k), placed(b, b_along_k), left @ right, limit


def product(a, b, kind="f4", start=77, pad=8, **options):
    """The product, by this engine, and nothing written beside it."""
    m, n = a.shape[0], b.shape[1]
    whole = cuda_half.on_gpu(np.full((m + 1, n + pad), start, kind))
    out = whole[:m, :n]
    assert cuda.tensor_engine(a, b, out) == "hopper"
    cuda.gemm_tensor(a, b, out, **options)
    whole = whole.get()
    assert (whole[m:] == start).all()
    assert (whole[:, n:] == start).all()
    return whole[:m, :n]


if not INSIDE:

    @pytest.mark.parametrize("order", ORDERS)
    def test_in_every_order_of_threads(order):
        environment = os.environ | {"HOTLOOP_EMULATOR_CAPABILITY": "90", "HOTLOOP_EMULATOR_ORDER": order}
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
        assert " passed" in done.stdout

else:

    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize(("a_along_k", "b_along_k"), LAYOUTS)
    def test_bfloat16_in_every_layout(rng, shape, a_along_k, b_along_k):
        a, b, expected, limit = operands(rng, "bf16", shape, a_along_k, b_along_k)
        tolerance.assert_close(product(a, b), expected, 0, limit)

    @pytest.mark.parametrize("shape", SHAPES)
    def test_tf32(rng, shape):
        a, b, expected, limit = operands(rng, "tf32", shape)
        tolerance.assert_close(product(a, b), expected, 0, limit)

    # 7 numbers beyond a row: what the rows of C start at no vector fits.
    @pytest.mark.parametrize("pad", [8, 7])
    @pytest.mark.parametrize("shape", [(72, 72, 72), (200, 328, 64)])
    def test_ways_out(rng, shape, pad):
        a, b, expected, limit = operands(rng, "bf16", shape)
        bias = rng.standard_normal(shape[1]).astype("f4")
        there = cuda_half.on_gpu(bias)
        close = tolerance.assert_close
        close(product(a, b, pad=pad, bias=there), expected + bias, 0, limit)
        close(product(a, b, pad=pad, start=5, accumulate=True), expected + 5, 0, limit + 1e-5)
        value = np.maximum(expected + bias, 0)
        close(product(a, b, pad=pad, bias=there, activation="relu"), value, 0, limit)
        close(product(a, b, pad=pad, activation="tanh"), np.tanh(expected), 0, limit + 1e-6)
        halves = widened(product(a, b, "u2", pad=pad, bias=there))
        close(halves, expected + bias, 2.0**-8 / tolerance.EPS32, limit)

    def test_the_same_bits_again_and_what_it_refuses(rng):
        a, b, _, _ = operands(rng, "bf16", (300, 520, 136))
        assert product(a, b).tobytes() == product(a, b).tobytes()
        out = cuda_half.on_gpu(np.zeros((300, 520), "f4"))
        odd = cuda_half.on_gpu(np.zeros((300, 137), "u2"))[:, 1:]
        assert cuda.tensor_engine(odd, b, out) == "ampere"
        assert cuda.tensor_engine(a[:8], b, out[:8]) == "ampere"

    @pytest.mark.parametrize("shape", [(64, 64, 64), (200, 136, 144), (260, 328, 640)])
    def test_int8_gives_the_cpus_bytes(rng, shape):
        m, n, k = shape
        a = rng.integers(0, 256, (m, k)).astype("u1")
        weights = rng.integers(-128, 128, (k, n)).astype("i1")
        packed, sums = np.empty(_native.packed_size_s8(k, n), "i1"), np.empty(n, "i4")
        _native.pack_weights_s8(weights, packed, sums)
        by_columns = np.zeros((n, (k + 15) // 16 * 16), "i1")
        by_columns[:, :k] = weights.T
        bias = rng.integers(-5000, 5000, n).astype("i4")
        scale = (rng.random(n) * 2e-4 + 1e-6).astype("f4")
        by_row = {
            "row_scale": (rng.random(m) + 0.5).astype("f4"),
            "row_zero_point": rng.integers(0, 256, m).astype("i4"),
            "column_sum": sums,
            "float_bias": rng.standard_normal(n).astype("f4"),
        }
        cases = [
            ("i4", {}),
            ("f4", {"bias": bias, "scale": scale}),
            ("u1", {"bias": bias, "scale": scale * 30, "out_zero_point": 7}),
            ("u1", {"scale": scale * 30, "out_zero_point": 128, "activation": "relu"}),
            ("f4", {"scale": scale, "activation": "tanh", **by_row}),
        ]
        for kind, options in cases:
            here = np.zeros((m, n), kind)
            _native.gemm_int8(a, packed, n, here, **options)
            there = {x: cuda_half.on_gpu(y) if isinstance(y, np.ndarray) else y for x, y in options.items()}
            whole = cuda_half.on_gpu(np.full(m * n + 64, 77, kind))
            out = whole[32 : 32 + m * n].reshape(m, n)
            cuda.gemm_int8(cuda_half.on_gpu(a), cuda_half.on_gpu(by_columns), n, out, **there)
            whole = whole.get()
            assert whole[32 : 32 + m * n].tobytes() == here.tobytes(), (kind, sorted(options))
            assert (whole[:32] == 77).all()
            assert (whole[32 + m * n :] == 77).all()
