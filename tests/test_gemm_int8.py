"""int8 products against NumPy integers, exactly, and every step after them, bit for bit."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from hotloop import _native, kernels
from tolerance import guarded, guards_intact

# (M, N, K) round the tiles (6 or 12 rows, 16 to 64 columns; with AMX 32 by 32, and 64 along K) and the groups
# of four along K.
SHAPES = [
    (0, 3, 4),
    (3, 0, 4),
    (3, 4, 0),
    (1, 1, 1),
    (1, 15, 2),
    (1, 16, 3),
    (1, 17, 4),
    (1, 64, 784),
    (1, 63, 21),
]
SHAPES += [
    (2, 65, 5),
    (3, 127, 7),
    (4, 128, 8),
    (5, 64, 9),
    (6, 48, 13),
    (7, 33, 16),
    (8, 32, 17),
    (11, 10, 31),
]
SHAPES += [(12, 16, 33), (13, 17, 66), (24, 80, 12), (25, 129, 20), (60, 10, 64), (61, 95, 30)]
SHAPES += [(4, 16, 16), (16, 32, 64), (17, 33, 63), (32, 48, 65), (33, 31, 127), (47, 40, 192), (270, 20, 68)]


def operands(rng: np.random.Generator, m: int, n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    return rng.integers(0, 256, (m, k), dtype=np.uint8), rng.integers(-128, 128, (k, n), dtype=np.int8)


def requantized(value: np.ndarray, inverse: np.float32, zero_point: int) -> np.ndarray:
    return np.clip(np.rint(value * inverse) + np.float32(zero_point), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("shape", SHAPES)
def test_sums_are_exact(any_isa: str, rng: np.random.Generator, shape: tuple[int, int, int]) -> None:
    m, n, k = shape
    a, w = operands(rng, m, n, k)
    bias = rng.integers(-10000, 10000, n, dtype=np.int32)
    out, whole = guarded((m, n), np.int32)
    assert kernels.gemm_int8(a, kernels.pack_weights(w), bias, a_zero_point=77, out=out) is out
    np.testing.assert_array_equal(out, (a.astype(np.int64) - 77) @ w.astype(np.int64) + bias)
    assert guards_intact(whole)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("activation", [None, "relu"])
def test_fused_outputs_equal_numpy(
    any_isa: str, rng: np.random.Generator, shape: tuple[int, int, int], activation: str | None
) -> None:
    m, n, k = shape
    a, w = operands(rng, m, n, k)
    bias = rng.integers(-1000, 1000, n, dtype=np.int32)
    scale = (rng.random(n) * 0.002 + 1e-5).astype(np.float32)
    value = (a.astype(np.int32) @ w.astype(np.int32) + bias).astype(np.float32) * scale
    value = np.maximum(value, np.float32(0)) if activation else value
    out, whole = guarded((m, n), np.float32)
    kernels.gemm_int8(a, w, bias, scale, activation=activation, out=out)
    np.testing.assert_array_equal(out, value)
    assert guards_intact(whole)
    for out_scale in (1.0, 0.37):
        quantized, whole = guarded((m, n), np.uint8)
        kernels.gemm_int8(a, w, bias, scale, 100, activation=activation, out_scale=out_scale, out=quantized)
        np.testing.assert_array_equal(
            quantized, requantized(value, np.float32(1) / np.float32(out_scale), 100)
        )
        assert guards_intact(whole)


@pytest.mark.parametrize("activation", ["sigmoid", "gelu", "tanh", "leaky_relu"])
def test_other_activations_are_those_of_the_activation_kernel(
    any_isa: str, rng: np.random.Generator, activation: str
) -> None:
    a, w = operands(rng, 15, 83, 41)
    scale = np.full(83, 3e-5, np.float32)
    linear = kernels.gemm_int8(a, w, scale=scale)
    value = kernels.gemm_bf16(linear, kernels.to_bf16(np.eye(83)), activation=activation)
    np.testing.assert_array_equal(kernels.gemm_int8(a, w, scale=scale, activation=activation), value)
    quantized = kernels.gemm_int8(a, w, scale=scale, zero_point=30, activation=activation, out_scale=0.01)
    np.testing.assert_array_equal(quantized, requantized(value, np.float32(1) / np.float32(0.01), 30))


@pytest.mark.parametrize("activation", [None, "relu"])
@pytest.mark.parametrize("out_scale", [1.0, 0.5])
def test_values_that_are_no_bytes(
    any_isa: str, rng: np.random.Generator, activation: str | None, out_scale: float
) -> None:
    a, w = operands(rng, 40, 50, 70)
    scale = np.resize(np.array([1e36, -1e36, np.inf, np.nan, 1e-3, 0.0], np.float32), 50)
    got = kernels.gemm_int8(a, w, scale=scale, zero_point=100, activation=activation, out_scale=out_scale)
    with np.errstate(over="ignore", invalid="ignore"):
        value = (a.astype(np.int32) @ w.astype(np.int32)).astype(np.float32) * scale
        value = np.where(np.isnan(value), np.float32(0), value)
        value = np.maximum(value, np.float32(0)) if activation else value
        expected = requantized(value, np.float32(1) / np.float32(out_scale), 100)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("weight", [-128, 127])
@pytest.mark.parametrize("k", [4, 1023, 65536])
def test_nothing_saturates(any_isa: str, weight: int, k: int) -> None:
    a = np.full((3, k), 255, np.uint8)
    w = np.full((k, 17), weight, np.int8)
    np.testing.assert_array_equal(kernels.gemm_int8(a, w), np.full((3, 17), 255 * weight * k))


def test_sums_wrap_alike_on_every_level(any_isa: str) -> None:
    a, w = np.full((1, 4), 255, np.uint8), np.full((4, 2), 127, np.int8)
    largest = np.int32(2**31 - 1)
    np.testing.assert_array_equal(
        kernels.gemm_int8(a, w, bias=[largest, largest]), np.full((1, 2), 255 * 127 * 4 - 2**31 - 1)
    )


@pytest.mark.parametrize("shape", [(300, 70, 130), (4, 1000, 600), (97, 129, 257)])
def test_threads_give_the_same_bytes(
    any_isa: str, threads: int, rng: np.random.Generator, shape: tuple[int, int, int]
) -> None:
    m, n, k = shape
    a, w = operands(rng, m, n, k)
    scale = np.full(n, 1e-3, np.float32)
    got = kernels.gemm_int8(a, w, scale=scale, zero_point=128)
    reference = np.empty((m, n), np.uint8)
    packed = kernels.pack_weights(w).data
    _native.gemm_int8_ref(a, packed, n, reference, scale=scale, out_zero_point=128)
    np.testing.assert_array_equal(got, reference)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(m=st.integers(0, 20), n=st.integers(0, 140), k=st.integers(0, 70), seed=st.integers(0, 2**32 - 1))
def test_any_shape_equals_numpy_and_the_reference(any_isa: str, m: int, n: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, w = operands(rng, m, n, k)
    packed = kernels.pack_weights(w)
    sums = a.astype(np.int32) @ w.astype(np.int32)
    np.testing.assert_array_equal(kernels.gemm_int8(a, packed), sums)
    np.testing.assert_array_equal(packed.column_sums, w.sum(axis=0, dtype=np.int32))
    scale = rng.random(n, dtype=np.float32)
    reference = np.empty((m, n), np.uint8)
    _native.gemm_int8_ref(
        a, packed.data, n, reference, scale=scale, activation="sigmoid", out_inverse_scale=128.0
    )
    got = kernels.gemm_int8(a, packed, scale=scale, zero_point=0, activation="sigmoid", out_scale=1 / 128)
    np.testing.assert_array_equal(got, reference)


def test_packing_keeps_every_weight_in_its_place(rng: np.random.Generator) -> None:
    w = rng.integers(-128, 128, (7, 21), dtype=np.int8)
    data = kernels.pack_weights(w[:, ::-1]).data
    assert data.shape == (2, 2, 16, 4)
    assert data.ctypes.data % 64 == 0
    unpacked = data.transpose(1, 3, 0, 2).reshape(8, 32)
    np.testing.assert_array_equal(unpacked[:7, :21], w[:, ::-1])
    assert not unpacked[7:].any()
    assert not unpacked[:, 21:].any()


def test_strided_and_read_only_inputs(rng: np.random.Generator) -> None:
    a, w = operands(rng, 8, 20, 24)
    a.flags.writeable = w.flags.writeable = False
    np.testing.assert_array_equal(
        kernels.gemm_int8(a[::2, ::3], w[::3, ::-2]), a[::2, ::3].astype(int) @ w[::3, ::-2].astype(int)
    )
    np.testing.assert_array_equal(
        kernels.gemm_int8(w.T.view(np.uint8), a.T.view(np.int8)[:, :5]),
        w.T.view(np.uint8).astype(int) @ a.T.view(np.int8)[:, :5].astype(int),
    )


@pytest.mark.parametrize("activation", [None, "relu", "silu"])
def test_dynamic_equals_its_formula(
    any_isa: str, threads: int, rng: np.random.Generator, activation: str | None
) -> None:
    x = rng.standard_normal((70, 53)).astype(np.float32) * rng.random((70, 1), dtype=np.float32)
    weights = rng.standard_normal((53, 37)).astype(np.float32)
    w, scale = kernels.quantize_weights(weights)
    bias = rng.standard_normal(37).astype(np.float32)
    got = kernels.gemm_int8_dynamic(x, w, scale, bias, activation=activation)
    q, row_scale, zero_point = kernels.quantize_rows(x)
    sums = (q.astype(np.int32) - zero_point[:, None]) @ w.astype(np.int32)
    value = sums.astype(np.float32) * (row_scale[:, None] * scale) + bias
    if activation == "relu":
        value = np.maximum(value, np.float32(0))
    elif activation:
        value = kernels.gemm_bf16(value, kernels.to_bf16(np.eye(37)), activation=activation)
    np.testing.assert_array_equal(got, value)
    np.testing.assert_array_equal(
        kernels.gemm_int8_dynamic(x[5:6], w, scale, bias, activation=activation), got[5:6]
    )
    if activation is None:
        step = row_scale[:, None] * np.abs(weights).sum(axis=0) + scale * np.abs(x).sum(axis=1)[:, None]
        assert (np.abs(got - (x @ weights + bias)) <= step).all()


def predict(graph: _native.Graph, output: int, x: np.ndarray) -> np.ndarray:
    program = _native.Program(graph, outputs=[output], parameters=np.zeros(0, np.float32), gradients=None)
    out = np.empty((len(x), graph.features(output)), np.float32)
    program.predict([x], [out])
    return out


@pytest.mark.parametrize("activation", ["linear", "relu", "sigmoid"])
@pytest.mark.parametrize("last_axis", [24, 8])
def test_program_of_int8_layers(
    any_isa: str, rng: np.random.Generator, activation: str, last_axis: int
) -> None:
    x = rng.random((9, 24), dtype=np.float32)
    weights = rng.standard_normal((last_axis, 18)).astype(np.float32)
    bias = rng.standard_normal(18).astype(np.float32)
    in_scale, out_scale = float(np.float32(1 / 255)), float(np.float32(0.05))
    w, scale = kernels.quantize_weights(weights, bias, in_scale)
    graph = _native.Graph()
    value = graph.add("quantize", [graph.input(24)], {"scale": in_scale, "zero_point": 3})
    attributes = {"units": 18, "last_axis": last_axis, "activation": activation, "in_scale": in_scale}
    attributes |= {"in_zero_point": 3, "out_scale": out_scale, "out_zero_point": 90}
    arrays = {"weight": kernels.pack_weights(w).data, "scale": scale, "bias": bias}
    value = graph.add("dense_int8", [value], attributes, {}, arrays)
    assert graph.dtype(value) == "uint8"
    value = graph.add("dequantize", [value], {"scale": out_scale, "zero_point": 90})
    got = predict(graph, value, x)

    q = kernels.quantize(x, in_scale, 3).reshape(-1, last_axis)
    step = np.float64(np.float32(in_scale)) * scale
    bias32 = np.rint(bias / step).astype(np.int32)
    folded = activation in ("linear", "relu")
    multiplier = (step / np.float32(out_scale) if folded else step).astype(np.float32)
    expected = kernels.gemm_int8(
        q,
        w,
        bias32,
        multiplier,
        90,
        a_zero_point=3,
        activation=activation,
        out_scale=1.0 if folded else out_scale,
    )
    np.testing.assert_array_equal(got.reshape(-1, 18), kernels.dequantize(expected, out_scale, 90))


@pytest.mark.parametrize("output", ["float32", "dynamic"])
def test_program_nodes_with_float_output(any_isa: str, rng: np.random.Generator, output: str) -> None:
    x = rng.standard_normal((9, 24)).astype(np.float32)
    bias = rng.standard_normal(18).astype(np.float32)
    w, scale = kernels.quantize_weights(rng.standard_normal((24, 18)).astype(np.float32))
    arrays = {"weight": kernels.pack_weights(w).data, "scale": scale, "bias": bias}
    attributes: dict[str, object] = {"units": 18, "last_axis": 24, "activation": "gelu"}
    if output == "dynamic":
        attributes["dynamic"] = 1
        expected = kernels.gemm_int8_dynamic(x, w, scale, bias, activation="gelu")
    else:
        attributes |= {"in_scale": 0.03, "in_zero_point": 128, "output": "float32"}
        step = np.float64(np.float32(0.03)) * scale
        bias32, multiplier = np.rint(bias / step).astype(np.int32), step.astype(np.float32)
        q = kernels.quantize(x, 0.03, 128)
        expected = kernels.gemm_int8(q, w, bias32, multiplier, a_zero_point=128, activation="gelu")
    for rows in (slice(None), slice(4, 5)):
        graph = _native.Graph()
        value = graph.input(24)
        if output == "float32":
            value = graph.add("quantize", [value], {"scale": 0.03, "zero_point": 128})
        value = graph.add("dense_int8", [value], attributes, {}, arrays)
        assert graph.dtype(value) == "float32"
        np.testing.assert_array_equal(predict(graph, value, x[rows]), expected[rows])


@pytest.mark.parametrize("rows", [1, 5, 20])
def test_every_call_gives_the_same(any_isa: str, threads: int, rng: np.random.Generator, rows: int) -> None:
    """Weights beyond the cache are read from either end in turns."""
    x = rng.standard_normal((rows, 1030)).astype(np.float32)
    w = rng.integers(-128, 128, (1030, 1050), dtype=np.int8)
    scale = np.full(1050, 1e-3, np.float32)
    graph = _native.Graph()
    attributes = {"units": 1050, "last_axis": 1030, "dynamic": 1}
    arrays = {"weight": kernels.pack_weights(w).data, "scale": scale}
    value = graph.add("dense_int8", [graph.input(1030)], attributes, {}, arrays)
    program = _native.Program(graph, outputs=[value], parameters=np.zeros(0, np.float32), gradients=None)
    expected = kernels.gemm_int8_dynamic(x, w, scale)
    for _ in range(3):
        out = np.empty((rows, 1050), np.float32)
        program.predict([x], [out])
        np.testing.assert_array_equal(out, expected)


def test_a_bias_too_large_for_its_scale_is_refused() -> None:
    graph = _native.Graph()
    value = graph.add("quantize", [graph.input(4)], {"scale": 1.0, "zero_point": 0})
    arrays = {"weight": kernels.pack_weights(np.ones((4, 1), np.int8)).data}
    arrays |= {"scale": np.full(1, 1e-20, np.float32), "bias": np.ones(1, np.float32)}
    attributes = {"units": 1, "last_axis": 4, "in_scale": 1.0, "in_zero_point": 0, "output": "float32"}
    with pytest.raises(ValueError, match="bias of channel 0"):
        graph.add("dense_int8", [value], attributes, {}, arrays)


A, W = np.zeros((2, 3), np.uint8), np.zeros((3, 4), np.int8)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: kernels.gemm_int8(A, W[:2]), ValueError, "a: expected 2 columns"),
        (lambda: kernels.gemm_int8(A.view(np.int8), W), TypeError, "a: expected uint8"),
        (lambda: kernels.gemm_int8(A, W.view(np.uint8)), TypeError, "weights: expected int8"),
        (lambda: kernels.gemm_int8(A, W[0]), ValueError, "weights: expected 2 dimensions"),
        (lambda: kernels.gemm_int8(A, W, bias=[1]), ValueError, "bias: expected shape"),
        (lambda: kernels.gemm_int8(A, W, bias=np.zeros(4, np.float32)), TypeError, "bias: expected int32"),
        (lambda: kernels.gemm_int8(A, W, zero_point=3), ValueError, "scale: expected one"),
        (lambda: kernels.gemm_int8(A, W, activation="relu"), ValueError, "scale: expected one"),
        (
            lambda: kernels.gemm_int8(A, W, scale=1.0, zero_point=256),
            ValueError,
            "zero_point: expected 0 to 255",
        ),
        (lambda: kernels.gemm_int8(A, W, a_zero_point=-1), ValueError, "a_zero_point: expected 0 to 255"),
        (lambda: kernels.gemm_int8(A, W, scale=1.0, zero_point=0, out_scale=0.0), ValueError, "out_scale"),
        (lambda: kernels.gemm_int8(A, W, scale=1.0, activation="rely"), ValueError, "did you mean"),
        (lambda: kernels.gemm_int8(A, W, scale=1.0, activation="softmax"), ValueError, "elementwise"),
        (
            lambda: kernels.gemm_int8(A, W, scale=1.0, out=np.empty((2, 4), np.int32)),
            TypeError,
            "out: expected",
        ),
        (
            lambda: kernels.gemm_int8(np.zeros((1, 65537), np.uint8), np.zeros((65537, 1), np.int8)),
            ValueError,
            "65536",
        ),
        (lambda: kernels.gemm_int8_dynamic(np.ones((2, 2)), W, 1.0), ValueError, "x: expected 3 columns"),
    ],
)
def test_errors_name_the_argument(call, error, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=words):
        call()
