"""int8 products on a GPU give the CPU's bytes, from packed and from placed weights."""

import numpy as np
import pytest

import cuda_half
from hotloop import _native

cuda = cuda_half.load()
SHAPES = [
    (1, 1, 1), (1, 16, 4), (3, 17, 5), (31, 33, 64), (32, 32, 128), (33, 31, 129), (64, 48, 16),
    (8, 40, 1000), (130, 70, 48), (140, 150, 80),
    (1, 33, 528), (4, 8, 512), (5, 7, 16), (8, 2, 1040),  # few rows of whole pieces
]  # fmt: skip
ELEMENTWISE = ["linear", "relu", "tanh", "sigmoid", "leaky_relu", "gelu"]


def packed(weights):
    k, n = weights.shape
    data = np.empty(_native.packed_size_s8(k, n), "i1")
    sums = np.empty(n, "i4")
    cuda.pack_weights_s8(weights, data, sums)
    return data, sums


def placed(weights):
    k, n = weights.shape
    by_columns = np.zeros((n, (k + 15) // 16 * 16), "i1")
    by_columns[:, :k] = weights.T
    return by_columns


def both(a, weights, kind, **options):
    """The CPU's result, after asking that the GPU's are the same, by either form of the weights."""
    m, n = a.shape[0], weights.shape[1]
    data, _ = packed(weights)
    here = np.zeros((m, n), kind)
    _native.gemm_int8(a, data, n, here, **options)
    there = {name: cuda_half.on_gpu(x) if isinstance(x, np.ndarray) else x for name, x in options.items()}
    for form in (data, placed(weights)):
        whole = cuda_half.on_gpu(np.full(m * n + 64, 77, kind))
        cuda.gemm_int8(
            cuda_half.on_gpu(a), cuda_half.on_gpu(form), n, whole[32 : 32 + m * n].reshape(m, n), **there
        )
        whole = whole.get()
        ours = whole[32 : 32 + m * n].reshape(m, n)
        # Which NaN comes out is nobody's promise.
        assert (
            (ours == here) & (np.signbit(ours) == np.signbit(here)) | (ours != ours) & (here != here)
        ).all()
        assert (whole[:32] == 77).all()
        assert (whole[32 + m * n :] == 77).all()
    return here


def operands(rng, m, n, k):
    return rng.integers(0, 256, (m, k)).astype("u1"), rng.integers(-128, 128, (k, n)).astype("i1")


def scales(rng, n):
    return (rng.random(n) * 2e-4 + 1e-6).astype("f4")


@pytest.mark.parametrize("shape", SHAPES)
def test_sums_and_all_outputs(rng, shape):
    m, n, k = shape
    a, weights = operands(rng, m, n, k)
    sums = both(a, weights, "i4")
    assert (sums == a.astype("i4") @ weights.astype("i4")).all()
    bias = rng.integers(-5000, 5000, n).astype("i4")
    both(a, weights, "i4", bias=bias)
    both(a, weights, "f4", bias=bias, scale=scales(rng, n))
    both(a, weights, "u1", bias=bias, scale=scales(rng, n) * 30, out_zero_point=7)
    both(a, weights, "u1", scale=scales(rng, n) * 30, out_zero_point=128, activation="relu")


@pytest.mark.parametrize("activation", ELEMENTWISE)
@pytest.mark.parametrize("by_row", [False, True])
def test_activations_and_rows_with_their_own_scales(rng, activation, by_row):
    m, n, k = 35, 37, 61
    a, weights = operands(rng, m, n, k)
    options = {"scale": scales(rng, n), "activation": activation}
    if by_row:
        options["row_scale"] = (rng.random(m) + 0.5).astype("f4")
        options["row_zero_point"] = rng.integers(0, 256, m).astype("i4")
        options["column_sum"] = packed(weights)[1]
        both(a, weights, "i4", **options)
        both(a, weights, "f4", **options)
        options["float_bias"] = rng.standard_normal(n).astype("f4")
    else:
        options["bias"] = rng.integers(-5000, 5000, n).astype("i4")
    both(a, weights, "f4", **options)
    both(a, weights, "u1", out_inverse_scale=41.5, out_zero_point=100, **options)


def test_the_ends_of_the_ranges(rng):
    a, weights = np.full((5, 300), 255, "u1"), np.full((300, 18), -128, "i1")
    weights[:, ::2] = 127
    both(a, weights, "i4", bias=np.full(18, 2**31 - 1, "i4"))  # wraps
    scale = np.ones(18, "f4")
    scale[:4] = np.inf, np.nan, 3e38, 1e-38
    for activation in ("linear", "relu", "sigmoid"):
        both(a, weights, "f4", scale=scale, activation=activation)
        both(a, weights, "u1", scale=scale, activation=activation, out_inverse_scale=2.0, out_zero_point=3)


def test_rows_that_begin_anywhere(rng):
    a, weights = operands(rng, 20, 24, 64)
    data, here = packed(weights)[0], np.zeros((20, 24), "i4")
    _native.gemm_int8(a, data, 24, here)
    for skip in (1, 4):
        room = cuda_half.on_gpu(np.concatenate([np.zeros(skip, "u1"), a.ravel()]))
        out = cuda_half.on_gpu(np.zeros((20, 24), "i4"))
        cuda.gemm_int8(room[skip:].reshape(20, 64), cuda_half.on_gpu(placed(weights)), 24, out)
        assert (out.get() == here).all()


def test_nothing_to_do(rng):
    for m, n in [(0, 5), (5, 0)]:
        a, weights = operands(rng, m, n, 8)
        both(a, weights, "i4")
    a, weights = operands(rng, 3, 5, 0)
    assert (both(a, weights, "i4", bias=np.arange(5, dtype="i4")) == np.arange(5)).all()


def test_weights_of_another_size_are_refused(rng):
    a, weights = operands(rng, 3, 5, 8)
    out = cuda_half.on_gpu(np.zeros((3, 5), "i4"))
    with pytest.raises(ValueError, match="weights: expected"):
        cuda.gemm_int8(cuda_half.on_gpu(a), cuda_half.on_gpu(placed(weights)[:, :15].copy()), 5, out)


@pytest.mark.parametrize("kind", ["uint8", "float32", "dynamic"])
@pytest.mark.parametrize("last_axis", [24, 8])
def test_programs_of_int8_layers_give_the_cpus_bytes(rng, kind, last_axis):
    x = rng.standard_normal((9, 24)).astype("f4")
    weights = operands(rng, 1, 18, last_axis)[1]
    arrays = {"weight": packed(weights)[0], "scale": scales(rng, 18) * 10, "bias": scales(rng, 18)}
    attributes = {"units": 18, "last_axis": last_axis, "activation": "tanh"}
    if kind == "dynamic":
        attributes |= {"dynamic": 1}
    else:
        attributes |= {"in_scale": 0.03, "in_zero_point": 128, "output": kind}
        attributes |= {"out_scale": 0.01, "out_zero_point": 90}
    results = []
    for half, place in ((_native, np.asarray), (cuda, cuda_half.on_gpu)):
        graph = half.Graph()
        value = graph.input(24)
        if kind != "dynamic":
            value = graph.add("quantize", [value], {"scale": 0.03, "zero_point": 128})
        value = graph.add("dense_int8", [value], attributes, {}, arrays)
        if kind == "uint8":
            value = graph.add("dequantize", [value], {"scale": 0.01, "zero_point": 90})
        out = place(np.zeros((9, graph.features(value)), "f4"))
        program = half.Program(graph, outputs=[value], parameters=place(np.zeros(0, "f4")), gradients=None)
        program.predict([place(x)], [out])
        results.append(out if half is _native else out.get())
    assert results[0].any()
    assert results[0].tobytes() == results[1].tobytes()
