"""float32 to int32: towards zero, to the nearest where it does not fit, NaN to 0, the same everywhere."""

import numpy as np
import pytest

from everywhere import same_everywhere
from hotloop import _native
from tolerance import guarded, guards_intact


def hard_numbers() -> np.ndarray:
    rng = np.random.default_rng(0)
    near = np.float32([0, 0.5, 1, 1.5, 2.5, 2**22, 2**23, 2**24, 2**31, 2**32, 1e30, np.inf])
    near = np.concatenate([near, np.nextafter(near, np.float32(0)), np.nextafter(near, np.float32(np.inf))])
    anything = rng.integers(0, 2**32, 4000, dtype=np.uint32).view(np.float32)
    usual = rng.uniform(-1000, 1000, 1000).astype(np.float32)
    return np.concatenate([near, -near, [np.float32(np.nan)], anything, usual])


def expected(x: np.ndarray) -> np.ndarray:
    whole = np.trunc(np.where(np.isnan(x), np.float32(0), x).astype(float))
    return np.clip(whole, -(2**31), 2**31 - 1)


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 5073])
def test_values(isa: str, n: int) -> None:
    x = hard_numbers()[:n]
    y, whole = guarded(x.shape, np.int32)
    _native.cast_to_int(x, y)
    np.testing.assert_array_equal(y, expected(x))
    assert guards_intact(whole)
    _native.cast_to_int_ref(x, y)
    np.testing.assert_array_equal(y, expected(x))


def test_bits_are_the_same_everywhere() -> None:
    x = np.resize(hard_numbers(), 250_001)

    def compute() -> list[np.ndarray]:
        y = np.empty(x.shape, np.int32)
        _native.cast_to_int(x, y)
        return [y]

    same_everywhere(compute)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="y: expected 2 elements"):
        _native.cast_to_int(np.ones(2, np.float32), np.ones(3, np.int32))
    with pytest.raises(ValueError, match="y: expected a C-contiguous int32 array"):
        _native.cast_to_int(np.ones(2, np.float32), np.ones(2, np.float32))
