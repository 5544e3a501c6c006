"""The int8 product, requantised, against NumPy: float32 (what int8 replaces) and int32 (the same integers).

pytest bench/bench_gemm_int8.py --benchmark-enable
"""

import numpy as np
import pytest

import hotloop.kernels as kernels
from side_by_side import in_turns

SHAPES = [(1, 64, 784), (32, 64, 784), (256, 64, 784), (1, 784, 64), (1, 2048, 2048), (256, 2048, 2048)]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
def test_gemm_int8(shape, benchmark, tell):
    m, n, k = shape
    rng = np.random.default_rng(1)
    a = rng.integers(0, 256, (m, k), dtype=np.uint8)
    w = rng.integers(-127, 128, (k, n), dtype=np.int8)
    scale = np.full(n, 1.0 / (128 * k), np.float32)
    packed, out = kernels.pack_weights(w), np.empty((m, n), np.uint8)

    def ours():
        return kernels.gemm_int8(a, packed, scale=scale, zero_point=128, activation="relu", out=out)

    # Floats hold these sums exactly up to 2^24; the larger ones are checked on a few columns in int64.
    columns = slice(0, 16)
    sums = a.astype(np.int64) @ w[:, columns].astype(np.int64)
    value = np.maximum(sums.astype(np.float32) * scale[columns], np.float32(0))
    expected = np.clip(np.rint(value) + 128, 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(ours()[:, columns], expected)
    if not benchmark.enabled:
        return
    a32, w32, out32 = a.astype(np.float32), w.astype(np.float32), np.empty((m, n), np.float32)
    sides = {
        "hotloop": ours,
        "numpy float32": lambda: np.maximum(np.matmul(a32, w32, out=out32), 0, out=out32),
    }
    if m * n * k < 100_000_000:
        ai, wi = a.astype(np.int32), w.astype(np.int32)
        sides["numpy int32"] = lambda: ai @ wi
    seconds = in_turns(sides)
    tell({side: 1e6 * value for side, value in seconds.items()})
    benchmark.extra_info["GOP/s"] = {side: 2e-9 * m * n * k / value for side, value in seconds.items()}
    benchmark.pedantic(ours, rounds=5)
