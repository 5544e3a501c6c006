"""Add, multiply, rescale and columns copied: NumPy's results, gradients, guards, the same bits everywhere."""

import numpy as np
import pytest

from everywhere import same_everywhere
from hotloop import _native
from tolerance import EPS32, assert_close, guarded, guards_intact

SIZES = [0, 1, 15, 16, 17, 63, 64, 65, 1000]
COUNTS = pytest.mark.parametrize("count", [1, 2, 3, 5])


def inputs_of(count: int, n: int) -> list[np.ndarray]:
    return list(np.random.default_rng(count).normal(size=(count, n)).astype(np.float32))


@COUNTS
@pytest.mark.parametrize("n", SIZES)
def test_add_and_multiply(isa: str, count: int, n: int) -> None:
    inputs = inputs_of(count, n)
    for kernel, operation in ((_native.add_forward, np.add), (_native.multiply_forward, np.multiply)):
        y, whole = guarded((n,))
        kernel(inputs, y)
        expected = inputs[0]
        for other in inputs[1:]:
            expected = operation(expected, other)
        np.testing.assert_array_equal(y, expected)
        assert guards_intact(whole)


@COUNTS
@pytest.mark.parametrize("accumulate", [False, True])
def test_multiply_backward(isa: str, count: int, accumulate: bool) -> None:
    n = 77
    inputs = inputs_of(count, n)
    inputs[-1][::3] = 0  # The product of the others is not the whole product divided by this one.
    dy, start = np.random.default_rng(9).normal(size=(2, n)).astype(np.float32)
    for which in range(count):
        dx, whole = guarded((n,))
        dx[...] = start
        _native.multiply_backward(inputs, which, dy, dx, accumulate)
        others = np.prod([dy, *(x for i, x in enumerate(inputs) if i != which)], axis=0, dtype=np.float64)
        assert_close(dx, others + (start if accumulate else 0), ulps=count + 1, floor=4 * EPS32)
        assert guards_intact(whole)


@pytest.mark.parametrize("n", SIZES)
def test_rescale(isa: str, n: int) -> None:
    (x, start) = inputs_of(2, n)
    scale, offset = np.float32(1 / 255), np.float32(-0.5)
    y, whole = guarded((n,))
    _native.rescale_forward(x, y, scale, offset)
    # One rounding of the exact result: the product of two float32 is exact in double.
    np.testing.assert_array_equal(y, (x.astype(float) * float(scale) + float(offset)).astype(np.float32))
    assert guards_intact(whole)
    _native.rescale_backward(x, y, scale)
    np.testing.assert_array_equal(y, x * scale)
    y[...] = start
    _native.rescale_backward(x, y, scale, accumulate=True)
    np.testing.assert_array_equal(y, start + x * scale)


@pytest.mark.parametrize("n", SIZES)
def test_copy_or_add(isa: str, n: int) -> None:
    x, start = inputs_of(2, n)
    y, whole = guarded((n,))
    _native.copy_or_add(x, y)
    np.testing.assert_array_equal(y, x)
    y[...] = start
    _native.copy_or_add(x, y, accumulate=True)
    np.testing.assert_array_equal(y, start + x)
    _native.copy_or_add(y, y)
    np.testing.assert_array_equal(y, start + x)
    assert guards_intact(whole)


@pytest.mark.parametrize("rows", [0, 1, 3])
@pytest.mark.parametrize("cols", [0, 1, 15, 16, 17, 40])
@pytest.mark.parametrize("accumulate", [False, True])
def test_copy_columns(isa: str, rows: int, cols: int, accumulate: bool) -> None:
    x = np.random.default_rng(1).normal(size=(rows, cols + 3)).astype(np.float32)
    y, whole = guarded((rows, cols + 7))
    y[...] = np.random.default_rng(2).normal(size=y.shape)
    expected = y.copy()
    expected[:, 5 : 5 + cols] = x[:, 2 : 2 + cols] + (expected[:, 5 : 5 + cols] if accumulate else 0)
    _native.copy_columns(x, y, 2, 5, cols, accumulate)
    np.testing.assert_array_equal(y, expected)
    assert guards_intact(whole)


def test_bits_are_the_same_everywhere() -> None:
    a, b, c = inputs_of(3, 200_400)

    def compute() -> list[np.ndarray]:
        out = [np.empty_like(a) for _ in range(5)]
        _native.add_forward([a, b, c], out[0])
        _native.multiply_forward([a, b, c], out[1])
        _native.multiply_backward([a, b, c], 1, c, out[2])
        _native.rescale_forward(a, out[3], 0.1, 0.2)
        _native.copy_columns(a.reshape(-1, 100), out[4].reshape(-1, 100), 0, 0, 100)
        return out

    same_everywhere(compute)


def test_arrays_that_do_not_fit_are_refused() -> None:
    x, y = np.ones(3, np.float32), np.ones(4, np.float32)
    with pytest.raises(ValueError, match="inputs: expected 4 elements"):
        _native.add_forward([x, x], y)
    with pytest.raises(ValueError, match="inputs: expected at least one"):
        _native.add_forward([], y)
    with pytest.raises(ValueError, match="which: expected 0 to 0, got 1"):
        _native.multiply_backward([y], 1, y, y.copy())
    with pytest.raises(ValueError, match="cols: expected columns that both"):
        _native.copy_columns(np.ones((2, 3), np.float32), np.ones((2, 3), np.float32), 1, 0, 3)
