"""Softmax and its kin along a row: references in double, finite differences, the same bits everywhere."""

from typing import Any

import numpy as np
import pytest

from everywhere import same_everywhere
from hotloop import _native, kernels
from hotloop.ir.activation import ROWWISE
from tolerance import EPS32, guarded, guards_intact

kinds = pytest.mark.parametrize("kind", sorted(ROWWISE))
SHAPES = [(1, 1), (3, 2), (32, 10), (5, 15), (4, 16), (7, 17), (3, 100), (2, 1025)]


def even(kind: str, cols: int) -> int:
    return cols + cols % 2 if kind == "glu" else cols


def forward(kind: str, x: np.ndarray) -> np.ndarray:
    y = np.empty((x.shape[0], x.shape[1] // 2 if kind == "glu" else x.shape[1]), np.float32)
    _native.row_activation_forward(kind, x, y)
    return y


def backward(kind: str, x: np.ndarray, dy: np.ndarray, dx: np.ndarray, **options: Any) -> np.ndarray:
    given = (x, None) if kind == "glu" else (None, forward(kind, x))
    _native.row_activation_backward(kind, *given, dy, dx, **options)
    return dx


def case(kind: str, rows: int, cols: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(rows * 1000 + cols)
    x = rng.normal(0, 3, size=(rows, even(kind, cols))).astype(np.float32)
    return x, rng.normal(size=forward(kind, x).shape).astype(np.float32)


@kinds
@pytest.mark.parametrize(("rows", "cols"), SHAPES)
def test_against_double(isa: str, threads: int, kind: str, rows: int, cols: int) -> None:
    x, dy = case(kind, rows, cols)
    value, slope = _native.row_activation_ref(kind, x.astype(float), dy.astype(float))
    y, whole = guarded(value.shape)
    _native.row_activation_forward(kind, x, y)
    assert guards_intact(whole)
    # Sums of `cols` terms lie between the input and the result.
    largest = np.abs(x).max() + np.log(x.shape[1])
    np.testing.assert_allclose(y, value, rtol=1e-6, atol=2 * EPS32 * largest)
    dx, whole = guarded(x.shape)
    backward(kind, x, dy, dx)
    assert guards_intact(whole)
    terms = np.sqrt(x.shape[1]) * np.abs(dy).max() * 4
    np.testing.assert_allclose(dx, slope, rtol=1e-5, atol=2 * EPS32 * max(largest, 4) * terms)
    plain, start = dx.copy(), np.random.default_rng(0).normal(size=x.shape).astype(np.float32)
    dx[...] = start
    np.testing.assert_array_equal(backward(kind, x, dy, dx, accumulate=True), start + plain)


@kinds
def test_reference_gradient_is_that_of_the_value(kind: str) -> None:
    rng = np.random.default_rng(4)
    x, dy, step = rng.normal(size=(3, 8)), rng.normal(size=(3, 4 if kind == "glu" else 8)), 1e-6
    _, slope = _native.row_activation_ref(kind, x, dy)
    for column in range(8):
        moved = [x.copy(), x.copy()]
        moved[0][:, column] += step
        moved[1][:, column] -= step
        above, below = (_native.row_activation_ref(kind, m, dy)[0] for m in moved)
        expected = ((above - below) * dy).sum(axis=1) / (2 * step)
        np.testing.assert_allclose(slope[:, column], expected, rtol=1e-6, atol=1e-8)


@kinds
@pytest.mark.parametrize("cols", [10, 16, 100])
def test_same_bits_everywhere(kind: str, cols: int) -> None:
    rows = 60_000 // cols  # large enough for a team
    x, dy = case(kind, rows, cols)
    same_everywhere(lambda: [forward(kind, x), backward(kind, x, dy, np.empty_like(x))])


def test_a_row_depends_on_itself_alone() -> None:
    x, _ = case("softmax", 40, 10)
    whole = forward("softmax", x)
    for row in range(40):
        np.testing.assert_array_equal(forward("softmax", x[row : row + 1]), whole[row : row + 1])


def test_extremes_stay_finite(isa: str) -> None:
    x = np.array([[3e38, -3e38, 0.0], [-1e30, -1e30, -1e30], [88.7, 104, -104]], np.float32)
    for kind in ("softmax", "log_softmax", "sparsemax"):
        assert np.isfinite(forward(kind, x)).all() or kind == "log_softmax"
    np.testing.assert_allclose(forward("softmax", x).sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(forward("sparsemax", x).sum(axis=1), 1, rtol=1e-6)
    with_nan = np.array([[1.0, np.nan, 2.0]], np.float32)
    assert np.isnan(forward("softmax", with_nan)).all()


def test_sparsemax_of_large_rows_and_ties(isa: str) -> None:
    rng = np.random.default_rng(0)
    for x in (
        np.zeros((1, 50)),
        np.repeat(rng.normal(size=(1, 10)), 5, axis=1),
        rng.normal(0, 1e-3, (2, 3000)),
    ):
        x = x.astype(np.float32)
        value, _ = _native.row_activation_ref("sparsemax", x.astype(float), np.zeros(x.shape))
        np.testing.assert_allclose(forward("sparsemax", x), value, atol=2e-6)


def test_softmax_kernel_on_any_axis() -> None:
    x = np.random.default_rng(7).normal(size=(2, 3, 4)).astype(np.float32)
    for axis in (0, 1, 2, -1, -3):
        e = np.exp(x.astype(float) - x.max(axis=axis, keepdims=True))
        expected = e / e.sum(axis=axis, keepdims=True)
        np.testing.assert_allclose(kernels.softmax(x, axis=axis), expected, rtol=1e-6)
        out = np.empty_like(x)
        assert kernels.softmax(x, axis=axis, out=out) is out
        np.testing.assert_allclose(out, expected, rtol=1e-6)
    assert kernels.softmax(np.empty((0, 5))).shape == (0, 5)
    assert kernels.softmax(np.empty((5, 0))).shape == (5, 0)
    with pytest.raises(ValueError, match="axis: expected an axis of the 3 dimensions"):
        kernels.softmax(x, axis=3)
    with pytest.raises(ValueError, match="at least one dimension"):
        kernels.activation(1.0, "softmax")
    with pytest.raises(ValueError, match="even last axis"):
        kernels.activation(np.zeros((2, 3)), "glu")


@kinds
def test_kernel_gradient_matches_native(kind: str) -> None:
    x, dy = case(kind, 4, 6)
    expected = backward(kind, x, dy, np.empty_like(x))
    np.testing.assert_array_equal(kernels.activation_gradient(x, dy, kind), expected)
    np.testing.assert_array_equal(
        kernels.activation_gradient(x.reshape(2, 2, 6), dy.reshape(2, 2, -1), kind), expected.reshape(2, 2, 6)
    )


LONG = 3 * 2**16 + 21  # three blocks of a long row's sums, and some


@pytest.mark.parametrize("level", [0.0, -0.1, -1.0, -3.3])
def test_sums_of_long_rows_do_not_stagnate(level: float) -> None:
    """All but one number are equal, so that each addition to a chain of floats errs to the same side."""
    cols = 2**23 + 5
    x = np.full((1, cols), level, np.float32)
    x[0, 7] = 0
    y = forward("softmax", x)
    total = 1 + (cols - 1) * np.exp(np.float64(np.float32(level)))
    # A block's chains are of 4096 additions, and then come 128 blocks.
    assert y[0, 0] == pytest.approx(
        np.exp(np.float64(np.float32(level))) / total, rel=(4096 + 128) * EPS32 / 2
    )
    assert float(y.sum(dtype=np.float64)) == pytest.approx(1, rel=(4096 + 128) * EPS32 / 2)


@kinds
def test_long_rows_against_double_and_with_the_same_bits(kind: str) -> None:
    x, dy = case(kind, 2, LONG)
    y, dx = same_everywhere(lambda: [forward(kind, x), backward(kind, x, dy, np.empty_like(x))])
    value, slope = _native.row_activation_ref(kind, x.astype(float), dy.astype(float))
    np.testing.assert_allclose(y, value, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(dx, slope, rtol=1e-5, atol=1e-5 * np.abs(slope).max() + 1e-5)
