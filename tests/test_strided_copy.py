"""Copies between arrays of any strides: NumPy's own, guards, the same bits everywhere."""

from itertools import permutations

import numpy as np
import pytest

from everywhere import same_everywhere
from hotloop import _native
from tolerance import guarded, guards_intact

# Tiles of 16 by 16, thin ones, and pieces of 1024.
SHAPES = [(), (1,), (5,), (1500,), (16, 16), (3, 40), (33, 17), (1, 7), (2, 3, 5), (4, 18, 20), (3, 2, 17, 5)]
SLICES = [
    (slice(1, None), slice(None, -1)),
    (slice(None, None, 2), slice(3, 11, 3)),
    (slice(None, None, -1), slice(None, None, -2)),
    (slice(2, 2), slice(None)),
]


def numbers(shape: tuple[int, ...], dtype: type = np.float32, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-(2**30), 2**30, shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
@pytest.mark.parametrize("shape", [*SHAPES, (0, 3), (3, 0, 2)], ids=str)
def test_transposed(isa: str, shape: tuple[int, ...], dtype: type) -> None:
    x = numbers(shape, dtype)
    for axes in permutations(range(len(shape))):
        expected = x.transpose(axes)
        y, whole = guarded(expected.shape, dtype)
        _native.strided_copy(expected, y)
        np.testing.assert_array_equal(y, expected)
        assert guards_intact(whole)


@pytest.mark.parametrize("where", SLICES, ids=str)
def test_slices_out_of_an_array_and_into_zeros(isa: str, where: tuple[slice, ...]) -> None:
    x = numbers((17, 40))
    y, whole = guarded(x[where].shape)
    _native.strided_copy(x[where], y)
    np.testing.assert_array_equal(y, x[where])
    assert guards_intact(whole)
    back, whole = guarded(x.shape)
    _native.clear(back)
    np.testing.assert_array_equal(back, np.zeros_like(x))
    _native.strided_copy(y, back[where])
    expected = np.zeros_like(x)
    expected[where] = x[where]
    np.testing.assert_array_equal(back, expected)
    _native.strided_copy(y, back[where], accumulate=True)
    np.testing.assert_array_equal(back, 2 * expected)
    assert guards_intact(whole)


@pytest.mark.parametrize("accumulate", [False, True])
def test_the_reference_is_numpys(accumulate: bool) -> None:
    x, start = numbers((3, 5, 4)).transpose(2, 0, 1)[::-1], numbers((4, 3, 5), seed=1)
    y = start.copy()
    _native.strided_copy_ref(x, y, accumulate)
    np.testing.assert_array_equal(y, start + x if accumulate else x)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_transposed_and_added(isa: str, shape: tuple[int, ...]) -> None:
    x = numbers(shape).T
    start = numbers(x.shape, seed=1)
    y, whole = guarded(x.shape)
    y[...] = start
    _native.strided_copy(x, y, accumulate=True)
    np.testing.assert_array_equal(y, start + x)
    assert guards_intact(whole)


def test_bits_are_the_same_everywhere() -> None:
    arrays = [numbers((40, 70, 90)), numbers((300_000,)), numbers((3, 100_000))]

    def compute() -> list[np.ndarray]:
        out = []
        for x in arrays:
            for source in (x, x.T, x[::-2]):
                y = np.ones(source.shape, np.float32)
                _native.strided_copy(source, y, accumulate=True)
                out.append(y)
        return out

    same_everywhere(compute)


def test_nan_and_minus_zero_are_copied_as_they_are(isa: str) -> None:
    words = np.array([0x7F800001, 0x80000000, 0xFFC12345, 1] * 80, np.uint32).view(np.float32)
    for x in (words, words.reshape(16, 20).T):
        y = np.empty(x.shape, np.float32)
        _native.strided_copy(x, y)
        assert y.tobytes() == x.tobytes()


def test_what_does_not_fit_is_refused() -> None:
    x, y = np.ones((2, 3), np.float32), np.ones((3, 2), np.float32)
    with pytest.raises(ValueError, match="y: expected x's shape"):
        _native.strided_copy(x, y)
    with pytest.raises(ValueError, match="y: expected as many axes as x"):
        _native.strided_copy(x, y[0])
    with pytest.raises(ValueError, match="y: expected a writable array of x's dtype"):
        _native.strided_copy(x, x.astype(np.int32))
    with pytest.raises(ValueError, match="accumulate: expected float32 to add"):
        _native.strided_copy(x.astype(np.int32), x.astype(np.int32), accumulate=True)
    with pytest.raises(ValueError, match="none of y twice"):
        _native.strided_copy(x, np.lib.stride_tricks.as_strided(y, (2, 3), (0, 4)))
