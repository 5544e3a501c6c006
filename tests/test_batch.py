"""The batch feed: shuffled orders, gathered rows, and the look for what is not finite, or no class."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everywhere import same_everywhere
from hotloop import _native
from tolerance import guarded, guards_intact


@pytest.mark.parametrize("n", [0, 1, 2, 15, 16, 17, 1000])
def test_order_is_a_permutation(n: int) -> None:
    order = _native.shuffled_order(3, 4, n)
    assert order.dtype == np.int32
    np.testing.assert_array_equal(np.sort(order), np.arange(n))


def test_order_depends_on_seed_and_epoch_alone() -> None:
    order = _native.shuffled_order(1, 2, 500)
    np.testing.assert_array_equal(order, _native.shuffled_order(1, 2, 500))
    for seed, epoch in [(1, 3), (2, 2), (2**63, 2)]:
        assert (order != _native.shuffled_order(seed, epoch, 500)).mean() > 0.9
    # Pinned: a later version must shuffle alike.
    assert _native.shuffled_order(0, 0, 10).tolist() == [2, 8, 3, 6, 9, 5, 4, 7, 0, 1]


def test_every_permutation_is_equally_likely() -> None:
    counts: dict[bytes, int] = {}
    for epoch in range(24_000):
        key = _native.shuffled_order(7, epoch, 4).tobytes()
        counts[key] = counts.get(key, 0) + 1
    assert len(counts) == 24
    # Chi-squared with 23 degrees of freedom: above 50 once in a thousand; the seed is fixed.
    assert sum((c - 1000) ** 2 / 1000 for c in counts.values()) < 50


def test_order_refuses_what_int32_cannot_count() -> None:
    with pytest.raises(ValueError, match="n: expected 0 to 2147483647 rows, got -1"):
        _native.shuffled_order(0, 0, -1)
    with pytest.raises(ValueError, match="n: expected 0 to 2147483647 rows"):
        _native.shuffled_order(0, 0, 2**31)


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.int32])
@pytest.mark.parametrize("row_size", [0, 1, 2, 3, 4, 5, 8, 15, 16, 17, 33, 784])
@pytest.mark.parametrize("rows", [0, 1, 7])
def test_gathered_rows(isa: str, dtype: type, row_size: int, rows: int, rng: np.random.Generator) -> None:
    source = rng.integers(0, 256, size=(9, row_size)).astype(dtype)
    source.flags.writeable = False
    out_dtype = np.int32 if dtype == np.int32 else np.float32
    index = rng.integers(0, 9, size=rows).astype(np.int32)
    for chosen, expected in [(index, source[index]), (None, source[2 : 2 + rows])]:
        out, whole = guarded((rows, row_size), out_dtype)
        _native.gather_rows(source, out, chosen, first=2)
        np.testing.assert_array_equal(out, expected.astype(out_dtype))
        assert guards_intact(whole)


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.int32])
def test_gathered_rows_are_the_same_everywhere(dtype: type, rng: np.random.Generator) -> None:
    source = rng.integers(0, 256, size=(301, 784)).astype(dtype)
    index = rng.integers(0, 301, size=257).astype(np.int32)

    def compute() -> list[np.ndarray]:
        out = np.empty((257, 784), np.int32 if dtype == np.int32 else np.float32)
        _native.gather_rows(source, out, index)
        return [out]

    np.testing.assert_array_equal(same_everywhere(compute)[0], source[index])


def test_gather_refuses_rows_that_are_not_there() -> None:
    source, out = np.zeros((3, 2), np.float32), np.zeros((2, 2), np.float32)
    for bad in (-1, 3):
        with pytest.raises(ValueError, match=f"index: expected rows 0 to 2, got {bad}"):
            _native.gather_rows(source, out, np.array([0, bad], np.int32))
    with pytest.raises(ValueError, match="first: expected 2 rows from here among 3, got 2"):
        _native.gather_rows(source, out, first=2)
    with pytest.raises(ValueError, match="first: expected"):
        _native.gather_rows(source, out, first=2**63 - 1)
    with pytest.raises(ValueError, match="out: expected rows as long as source's"):
        _native.gather_rows(source, np.zeros((2, 3), np.float32))


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 63, 64, 65, 127, 16384, 16384 + 129])
@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf])
def test_finite(isa: str, n: int, bad: float) -> None:
    x = np.full(n + 1, np.inf, np.float32)[1:]  # not aligned
    x[:] = np.resize(np.array([0.0, -0.0, 1e-45, -3e38, 3.4028235e38], np.float32), n)
    assert _native.all_finite(x)
    for place in {0, n // 2, n - 17, n - 16, n - 1} if n else set():
        if 0 <= place < n:
            kept, x[place] = x[place], bad
            assert not _native.all_finite(x)
            x[place] = kept


def test_finite_in_large_arrays(threads: int) -> None:
    x = np.ones((1 << 20) + 33, np.float32)
    assert _native.all_finite(x)
    for place in (0, x.size // 3, x.size // 2, x.size - 1):
        x[place] = np.nan
        assert not _native.all_finite(x)
        x[place] = 0


@given(st.lists(st.floats(width=32), max_size=70))
def test_finite_is_numpys(values: list[float]) -> None:
    x = np.array(values, np.float32)
    assert _native.all_finite(x) == bool(np.isfinite(x).all())


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("shape", [(1,), (37,), (37, 1), (5, 3, 2)])
def test_class_numbers_are_the_labels(dtype: type, shape: tuple[int, ...]) -> None:
    labels = np.random.default_rng(0).integers(0, 4, shape).astype(dtype)
    labels.flat[-1] = 3
    numbers = _native.class_numbers(labels, 4)
    assert numbers.dtype == np.int32
    assert not np.shares_memory(numbers, labels)
    np.testing.assert_array_equal(numbers, labels.reshape(shape[0], -1))
    for place in {0, labels.size // 2, labels.size - 1}:
        for bad in (-1, 4, np.iinfo(dtype).min, np.iinfo(dtype).max, *([2**32] if dtype is np.int64 else [])):
            kept, labels.flat[place] = labels.flat[place], bad
            assert _native.class_numbers(labels, 4) is None
            labels.flat[place] = kept


@pytest.mark.parametrize(
    "labels",
    [
        np.zeros(6, np.int32)[::2],
        np.asfortranarray(np.zeros((3, 2), np.int32)),
        np.zeros(13, np.uint8)[1:].view(np.int32),
        np.zeros(3, ">i4"),
        np.zeros(3, np.uint8),
        np.zeros(3, np.float32),
        np.zeros(3, bool),
        np.zeros(0, np.int32),
    ],
    ids=["strided", "columns first", "unaligned", "byte order", "uint8", "float", "bool", "empty"],
)
def test_other_labels_want_a_closer_look(labels: np.ndarray) -> None:
    assert _native.class_numbers(labels, 4) is None
