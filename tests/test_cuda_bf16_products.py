"""Products of bfloat16 on a GPU: the widened chain's bits are the CPU's, the tensor cores' are close."""

import numpy as np
import pytest

import cuda_half
import tolerance
from hotloop import _native

cuda = cuda_half.load()
SHAPES = [(1, 1, 1), (3, 70, 17), (64, 64, 16), (65, 63, 33), (5, 6, 0), (0, 4, 4), (4, 0, 4)]


def as_bf16(x):
    out = np.empty(x.shape, "u2")
    _native.to_bf16(np.ascontiguousarray(x, "f4"), out)
    return out


def widened(x):
    out = np.empty(x.shape, "f4")
    _native.from_bf16(x, out)
    return out


@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (3, 70, 17), (64, 64, 16), (65, 63, 33), (5, 6, 0), (0, 4, 4), (4, 0, 4)]
)
@pytest.mark.parametrize("activation", ["linear", "relu", "gelu"])
def test_widened_weights_give_the_cpus_bits(rng, shape, activation):
    m, n, k = shape
    a, weights = rng.standard_normal((m, k)).astype("f4"), as_bf16(rng.standard_normal((k, n)))
    for bias in (None, rng.standard_normal(n).astype("f4")):
        here, there = np.zeros((m, n), "f4"), cuda_half.on_gpu(np.zeros((m, n), "f4"))
        _native.gemm_bf16(a, weights, here, bias=bias, activation=activation)
        given = [cuda_half.on_gpu(x) for x in (a, weights)]
        cuda.gemm_bf16(*given, there, bias=cuda_half.on_gpu(bias), activation=activation)
        assert there.get().tobytes() == here.tobytes()


@pytest.mark.parametrize("kind", ["f4", "u2"])
def test_matmul_bf16_by_tensor_cores(rng, kind):
    m, n, k = 33, 40, 72
    a, b = as_bf16(rng.standard_normal((m, k))), as_bf16(rng.standard_normal((k, n)))
    bias = rng.standard_normal(n).astype("f4")
    out = cuda_half.on_gpu(np.zeros((m, n), kind))
    cuda.matmul_bf16(
        cuda_half.on_gpu(a), cuda_half.on_gpu(b), out, bias=cuda_half.on_gpu(bias), activation="relu"
    )
    left, right = widened(a).astype("f8"), widened(b).astype("f8")
    expected = np.maximum(left @ right + bias, 0)
    limit = tolerance.of_sum(np.abs(left).max() * np.abs(right).max(), k)
    ours = out.get()
    if kind == "f4":
        tolerance.assert_close(ours, expected, 0, limit)
    else:
        assert (np.abs(widened(ours) - expected) <= limit + expected * 2.0**-8).all()


def test_the_unit_is_named():
    assert cuda.bf16_unit() == "tiles"
    a = cuda_half.on_gpu(np.zeros((2, 2), "u2"))
    with pytest.raises(ValueError, match="tiles"):
        cuda.matmul_bf16(a, a, cuda_half.on_gpu(np.zeros((2, 2), "f4")), unit="dot")
