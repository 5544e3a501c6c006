"""Dropout: the mask against Philox written in NumPy, its rate, its scale, and the same bits everywhere."""

import numpy as np
import pytest

from everywhere import same_everywhere
from hotloop import _native
from tolerance import assert_close, guarded, guards_intact

SIZES = [0, 1, 15, 16, 17, 63, 64, 65, 127, 128, 129, 1000]
DROPOUT_STREAM = 2


def philox(key: int, counter: list[np.ndarray]) -> list[np.ndarray]:
    """Philox4x32-10 of Salmon et al.: four words of counters, 32 bits each in an uint64 array."""
    shift, low = np.uint64(32), np.uint64(0xFFFFFFFF)
    a, b, c, d = counter
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * a, np.uint64(0xCD9E8D57) * c
        a, b = (p1 >> shift) ^ b ^ np.uint64(k0), p1 & low
        c, d = (p0 >> shift) ^ d ^ np.uint64(k1), p0 & low
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return [a, b, c, d]


def expected_mask(n: int, rate: float, seed: int, step: int, stream: int) -> np.ndarray:
    i = np.arange(n, dtype=np.uint64)
    first = i // np.uint64(64) * np.uint64(16) + i % np.uint64(16)
    words = philox(seed, [first, *(np.full(n, v, np.uint64) for v in (step, stream, DROPOUT_STREAM))])
    word = np.choose((i % np.uint64(64) // np.uint64(16)).astype(int), words)
    return (word >> np.uint64(8)) < round((1 - float(np.float32(rate))) * 2**24)


def test_philox_is_the_papers() -> None:
    # Known answers of the authors' own test vectors.
    zero, ones = np.zeros(1, np.uint64), np.full(1, 0xFFFFFFFF, np.uint64)
    assert [f"{w[0]:08x}" for w in philox(0, [zero] * 4)] == ["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]
    assert [f"{w[0]:08x}" for w in philox(2**64 - 1, [ones] * 4)] == [
        "408f276d",
        "41c83b0e",
        "a20bc7c6",
        "6d5451fd",
    ]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_mask_scale_and_reference(isa: str, n: int, rate: float, rng: np.random.Generator) -> None:
    x = rng.normal(size=n).astype(np.float32)
    seed, step, stream = 0x123456789ABCDEF0, 77, 3
    y, whole = guarded((n,))
    _native.dropout(x, y, rate, seed, step, stream)
    mask = expected_mask(n, rate, seed, step, stream)
    np.testing.assert_array_equal(y != 0, mask)
    assert_close(y, np.where(mask, x / (1 - rate), 0.0), ulps=3)
    assert guards_intact(whole)
    reference = np.empty_like(x)
    _native.dropout_ref(x, reference, rate, seed, step, stream)
    assert_close(y, reference, ulps=2)


def test_bits_are_the_same_everywhere(rng: np.random.Generator) -> None:
    x = rng.normal(size=70_001).astype(np.float32)

    def compute() -> list[np.ndarray]:
        y = np.empty_like(x)
        _native.dropout(x, y, 0.3, 5, 6, 7)
        return [y]

    same_everywhere(compute)


def test_kept_part_and_independence() -> None:
    n, x = 1 << 20, np.ones(1 << 20, np.float32)
    masks = []
    for seed, step, stream in [(1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 1, 2), (1 + 2**32, 1, 1)]:
        y = np.empty_like(x)
        _native.dropout(x, y, 0.25, seed, step, stream)
        # Five standard deviations of a mean of n draws.
        assert abs((y != 0).mean() - 0.75) < 5 * np.sqrt(0.75 * 0.25 / n)
        masks.append((y != 0).astype(np.float64) - 0.75)
    for i, a in enumerate(masks):
        for b in masks[:i]:
            assert abs((a * b).mean()) < 5 * 0.75 * 0.25 / np.sqrt(n)
        assert abs((a[1:] * a[:-1]).mean()) < 5 * 0.75 * 0.25 / np.sqrt(n)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_ends_of_the_rate(isa: str, rate: float) -> None:
    x = np.arange(1, 101, dtype=np.float32)
    y = np.empty_like(x)
    _native.dropout(x, y, rate)
    np.testing.assert_array_equal(y, x * (1 - rate))


def test_dropped_elements_are_zero_even_where_x_is_not_finite(isa: str) -> None:
    x = np.full(1000, np.nan, np.float32)
    _native.dropout(x, x, 0.5, 1)
    np.testing.assert_array_equal(np.isnan(x), expected_mask(1000, 0.5, 1, 0, 0))


def test_accumulate_adds(isa: str, rng: np.random.Generator) -> None:
    x, start = rng.normal(size=(2, 100)).astype(np.float32)
    plain, total = np.empty_like(x), start.copy()
    _native.dropout(x, plain, 0.5, 9)
    _native.dropout(x, total, 0.5, 9, accumulate=True)
    np.testing.assert_array_equal(total, start + plain)


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_rates_outside_are_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="rate: expected 0 to 1"):
        _native.dropout(np.ones(3, np.float32), np.ones(3, np.float32), rate)
