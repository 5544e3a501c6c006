"""bfloat16: conversion bit for bit, products that equal float32's on the widened weights, and products of two
bfloat16 operands on every unit there is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from everywhere import same_everywhere
from hotloop import _native, kernels
from tolerance import assert_close, guarded, guards_intact, of_sum

SHAPES = [
    (0, 3, 4),
    (3, 0, 4),
    (3, 4, 0),
    (1, 1, 1),
    (1, 130, 33),
    (2, 15, 7),
    (5, 16, 8),
    (6, 17, 9),
    (7, 64, 5),
]
SHAPES += [(12, 65, 31), (13, 127, 3), (1, 128, 64), (1, 300, 20)]


def rounded(x: np.ndarray) -> np.ndarray:
    """Nearest even, from the definition: the nearer of the two neighbours, the even one of a tie."""
    bits = x.view(np.uint32).astype(np.uint64)
    low, rest = bits >> np.uint64(16), bits & np.uint64(0xFFFF)
    up = (rest > 0x8000) | ((rest == 0x8000) & (low % 2 == 1))
    return (low + up).astype(np.uint16)


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 1000])
def test_conversion_is_nearest_even(isa: str, rng: np.random.Generator, n: int) -> None:
    x = rng.integers(0, 2**32, n, dtype=np.uint32).view(np.float32)
    x = np.where(np.isnan(x), np.float32(1.00390625), x)
    out, whole = guarded((n,), np.uint16)
    kernels.to_bf16(x, out=out)
    np.testing.assert_array_equal(out, rounded(x))
    assert guards_intact(whole)
    back, whole = guarded((n,), np.float32)
    kernels.from_bf16(out, out=back)
    np.testing.assert_array_equal(back.view(np.uint32), out.astype(np.uint32) << np.uint32(16))
    assert guards_intact(whole)


def test_special_numbers(isa: str) -> None:
    x = np.array([np.inf, -np.inf, np.nan, -np.nan, 3.4028235e38, -0.0, 1e-45], dtype=np.float32)
    back = kernels.from_bf16(kernels.to_bf16(x))
    np.testing.assert_array_equal(
        back, np.array([np.inf, -np.inf, np.nan, np.nan, np.inf, -0.0, 0], np.float32)
    )
    payload = np.array([0x7F800001, 0xFF80FFFF, 0x7FFFFFFF], dtype=np.uint32).view(np.float32)
    assert np.isnan(kernels.from_bf16(kernels.to_bf16(payload))).all()


@settings(deadline=None)
@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_round_trip_error(number: float) -> None:
    back = float(kernels.from_bf16(kernels.to_bf16(np.float32(number))))
    assert np.isinf(back) or abs(back - number) <= max(abs(number) * 2.0**-8, 2.0**-134)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("activation", [None, "relu", "tanh"])
def test_gemm_equals_gemm_on_widened_weights(
    isa: str, rng: np.random.Generator, shape: tuple[int, int, int], activation: str | None
) -> None:
    m, n, k = shape
    a = rng.standard_normal((m, k)).astype(np.float32)
    weights = kernels.to_bf16(rng.standard_normal((k, n)).astype(np.float32))
    bias = rng.standard_normal(n).astype(np.float32)
    out, whole = guarded((m, n), np.float32)
    assert kernels.gemm_bf16(a, weights, bias, activation, out=out) is out
    assert guards_intact(whole)
    wide = kernels.from_bf16(weights)
    np.testing.assert_array_equal(out, kernels.gemm(a, wide, bias, activation))
    exact = np.empty((m, n), np.float32)
    _native.gemm_bf16_ref(a, weights, exact, bias=bias, activation=activation or "linear")
    floor = of_sum(float(np.abs(a).max(initial=1) * np.abs(wide).max(initial=1)), k + 1)
    assert_close(out, exact, 4, floor)


@pytest.mark.parametrize("shape", [(200, 70, 90), (2, 500, 300)])
def test_same_bits_everywhere(rng: np.random.Generator, shape: tuple[int, int, int]) -> None:
    m, n, k = shape
    a = rng.standard_normal((m, k)).astype(np.float32)
    weights = kernels.to_bf16(rng.standard_normal((k, n)).astype(np.float32))
    same_everywhere(lambda: [weights, kernels.gemm_bf16(a, weights, activation="sigmoid")])


def test_program_node(isa: str, rng: np.random.Generator) -> None:
    x = rng.standard_normal((5, 24)).astype(np.float32)
    weights = kernels.to_bf16(rng.standard_normal((8, 6)).astype(np.float32))
    bias = rng.standard_normal(6).astype(np.float32)
    graph = _native.Graph()
    attributes = {"units": 6, "last_axis": 8, "activation": "gelu"}
    y = graph.add("dense_bf16", [graph.input(24)], attributes, {}, {"weight": weights, "bias": bias})
    program = _native.Program(graph, outputs=[y], parameters=np.zeros(0, np.float32), gradients=None)
    out = np.empty((5, 18), np.float32)
    program.predict([x], [out])
    np.testing.assert_array_equal(
        out.reshape(15, 6), kernels.gemm_bf16(x.reshape(15, 8), weights, bias, "gelu")
    )


# Around a tile, a block of two, the stretch of k that stays in cache, and its limit in one go.
MATMULS = [
    (0, 3, 4),
    (3, 0, 4),
    (3, 4, 0),
    (1, 1, 1),
    (5, 17, 33),
    (15, 16, 31),
    (16, 31, 32),
    (17, 33, 2),
    (32, 32, 64),
    (33, 65, 100),
    (65, 90, 513),
    (31, 1300, 600),
    (70, 49, 1100),
    (9, 40, 4101),
]


def units() -> list[str]:
    """The bfloat16 units of the ISA level in force."""
    level = _native.isa_levels().index(_native.isa_level())
    return ["widened", "dot", "tiles"][: max(1, level - 1)]


def operands_of(rng: np.random.Generator, m: int, n: int, k: int) -> tuple[np.ndarray, ...]:
    a = kernels.to_bf16(rng.uniform(-1, 1, (m, k)).astype(np.float32))
    b = kernels.to_bf16(rng.uniform(-1, 1, (k, n)).astype(np.float32))
    return a, b, rng.uniform(-1, 1, n).astype(np.float32)


@pytest.mark.parametrize("shape", MATMULS)
@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
def test_matmul_on_every_unit(
    any_isa: str, rng: np.random.Generator, shape: tuple[int, int, int], activation: str
) -> None:
    """Products of bfloat16 are exact in float32, so the error is that of the sum alone."""
    m, n, k = shape
    a, b, bias = operands_of(rng, m, n, k)
    exact = np.empty((m, n), np.float32)
    for addend in (None, bias):
        _native.matmul_bf16_ref(a, b, exact, bias=addend, activation=activation)
        for unit in units():
            out, whole = guarded((m, n), np.float32)
            _native.matmul_bf16(a, b, out, bias=addend, activation=activation, unit=unit)
            assert guards_intact(whole)
            assert_close(out, exact, 4, of_sum(1.0, k + 1))


@pytest.mark.parametrize("shape", [(100, 300, 700), (600, 40, 90), (40, 2100, 40)])
def test_matmul_has_the_same_bits_on_any_team(
    any_isa: str, rng: np.random.Generator, shape: tuple[int, int, int]
) -> None:
    a, b, bias = operands_of(rng, *shape)
    before = _native.num_threads()
    for unit in units():
        results = []
        for threads in (1, 2, 3):
            _native.set_num_threads(threads)
            out = np.empty((shape[0], shape[1]), np.float32)
            _native.matmul_bf16(a, b, out, bias=bias, activation="gelu", unit=unit)
            results.append(out.tobytes())
        assert len(set(results)) == 1, unit
    _native.set_num_threads(before)


def test_a_result_does_not_depend_on_the_other_rows_and_columns(
    any_isa: str, rng: np.random.Generator
) -> None:
    a, b, _ = operands_of(rng, 90, 130, 700)
    whole = kernels.gemm_bf16(a, b)
    np.testing.assert_array_equal(kernels.gemm_bf16(a[7:40].copy(), b[:, 3:80].copy()), whole[7:40, 3:80])


def test_a_large_result_is_written_past_the_caches_or_not(any_isa: str, rng: np.random.Generator) -> None:
    a, b, _ = operands_of(rng, 1100, 2048, 40)
    aligned = kernels.gemm_bf16(a, b)
    elsewhere = np.empty(1100 * 2048 + 1, np.float32)[1:].reshape(1100, 2048)
    np.testing.assert_array_equal(kernels.gemm_bf16(a, b, out=elsewhere), aligned)
    assert_close(aligned, kernels.from_bf16(a) @ kernels.from_bf16(b), 4, of_sum(1.0, 40))


@pytest.mark.parametrize("shape", [(1, 1, 1), (33, 50, 70), (64, 96, 1100), (5, 40, 4101), (3, 4, 0)])
@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
def test_a_result_in_bfloat16_is_the_rounded_one(
    any_isa: str, rng: np.random.Generator, shape: tuple[int, int, int], activation: str
) -> None:
    a, b, bias = operands_of(rng, *shape)
    for unit in units():
        wide = np.empty(shape[:2], np.float32)
        _native.matmul_bf16(a, b, wide, bias=bias, activation=activation, unit=unit)
        out, whole = guarded(shape[:2], np.uint16)
        _native.matmul_bf16(a, b, out, bias=bias, activation=activation, unit=unit)
        assert guards_intact(whole)
        np.testing.assert_array_equal(out, kernels.to_bf16(wide))
    assert kernels.gemm_bf16(a, b, bias, activation, out=out) is out
    np.testing.assert_array_equal(out, kernels.to_bf16(kernels.gemm_bf16(a, b, bias, activation)))


def test_special_numbers_pass_through_a_product(any_isa: str) -> None:
    a = kernels.to_bf16(np.array([[np.nan, 0], [np.inf, 0], [-np.inf, 0], [-2, 1]], np.float32))
    b = kernels.to_bf16(np.ones((2, 20), np.float32))
    for unit in units():
        out = np.empty((4, 20), np.float32)
        _native.matmul_bf16(a, b, out, activation="relu", unit=unit)
        np.testing.assert_array_equal(out[:, 19], [np.nan, np.inf, 0, 0])


def test_the_unit_is_one_of_the_level(any_isa: str) -> None:
    assert _native.bf16_unit() in units()
    a = np.zeros((2, 2), np.uint16)
    if any_isa != "amx":
        with pytest.raises(ValueError, match="bfloat16 unit: 'tiles' needs the ISA level 'amx'"):
            _native.matmul_bf16(a, a, np.empty((2, 2), np.float32), unit="tiles")
    with pytest.raises(ValueError, match="bfloat16 unit"):
        _native.matmul_bf16(a, a, np.empty((2, 2), np.float32), unit="tile")


def test_errors_name_the_argument() -> None:
    weights = kernels.to_bf16(np.ones((3, 2), np.float32))
    with pytest.raises(ValueError, match="a: expected 3 columns"):
        kernels.gemm_bf16(np.ones((2, 4)), weights)
    with pytest.raises(ValueError, match="a: expected 3 columns"):
        kernels.gemm_bf16(np.ones((2, 4), np.uint16), weights)
    with pytest.raises(TypeError, match="out: expected a float32"):
        kernels.gemm_bf16(np.ones((2, 3), np.float32), weights, out=np.ones((2, 2), np.uint16))
    with pytest.raises(TypeError, match="out: expected a float32"):
        kernels.gemm_bf16(np.ones((2, 3), np.uint16), weights, out=np.ones((2, 2), np.int16))
    with pytest.raises(TypeError, match="weights: expected uint16"):
        kernels.gemm_bf16(np.ones((2, 3)), np.ones((3, 2), np.float32))
    with pytest.raises(ValueError, match="bias: expected shape"):
        kernels.gemm_bf16(np.ones((2, 3)), weights, bias=[1.0])
    with pytest.raises(ValueError, match="activation: expected an elementwise one"):
        kernels.gemm_bf16(np.ones((2, 3)), weights, activation="softmax")
