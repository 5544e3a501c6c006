"""bfloat16: conversion bit for bit, and products that equal float32's on the widened weights."""

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


def test_errors_name_the_argument() -> None:
    weights = kernels.to_bf16(np.ones((3, 2), np.float32))
    with pytest.raises(ValueError, match="a: expected 3 columns"):
        kernels.gemm_bf16(np.ones((2, 4)), weights)
    with pytest.raises(TypeError, match="weights: expected uint16"):
        kernels.gemm_bf16(np.ones((2, 3)), np.ones((3, 2), np.float32))
    with pytest.raises(ValueError, match="bias: expected shape"):
        kernels.gemm_bf16(np.ones((2, 3)), weights, bias=[1.0])
    with pytest.raises(ValueError, match="activation: expected an elementwise one"):
        kernels.gemm_bf16(np.ones((2, 3)), weights, activation="softmax")
