"""Observers: the ranges of streams, in a memory that stays the same."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotloop.compress.calibrate import (
    HistogramObserver,
    MeanSquareObserver,
    Observer,
    PercentileObserver,
    affine_scale,
)


def chunks(seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=500) * 10.0**k + k).astype(np.float32) for k in (-1, 0, 1, 0, 2, -2)]


@pytest.mark.parametrize("make", [Observer, PercentileObserver, MeanSquareObserver])
def test_observer_range_covers_zero_on_its_grid(make: Callable[[], Observer]) -> None:
    observer = make()
    for chunk in chunks():
        observer.update(chunk)
    grid = observer.scale()
    assert 0 <= grid.zero_point <= 255
    assert grid.dequantize(grid.quantize(np.zeros(1)))[0] == 0.0


def test_histogram_counts_are_exact_whatever_the_order() -> None:
    """Bins are 1/256 of their values wide at most, from the first chunk on: no later one can spoil them."""
    forwards, backwards = HistogramObserver(), HistogramObserver()
    for chunk in chunks():
        forwards.update(chunk)
    for chunk in reversed(chunks()):
        backwards.update(chunk)
    np.testing.assert_array_equal(forwards.counts, backwards.counts)
    everything = np.concatenate(chunks())
    seen = np.flatnonzero(forwards.counts)
    low, high = forwards.edges(seen)
    assert (high - low <= np.maximum(np.abs(low), np.abs(high)) / 256).all()
    direct = ((everything >= low[:, None]) & (everything <= high[:, None])).sum(axis=1)
    np.testing.assert_array_equal(direct, forwards.counts[seen])
    assert forwards.counts.sum() == 3000


@pytest.mark.parametrize("percentile", [51.0, 90.0, 99.0, 99.9, 100.0])
def test_percentile_observer_against_numpy(percentile: float) -> None:
    observer = PercentileObserver(percentile)
    values = np.random.default_rng(1).normal(size=100_000).astype(np.float32)
    for chunk in np.split(values, 10):
        observer.update(chunk)
    low, high = observer.range()
    # A bin, and the gap between neighbours in the sample.
    limit = {"rel": 1 / 256, "abs": 2e-4}
    assert high == pytest.approx(np.percentile(values, percentile), **limit)
    assert low == pytest.approx(np.percentile(values, 100 - percentile), **limit)


@pytest.mark.parametrize("outlier", [1e6, -1e6, 3e38, 1e2])
@pytest.mark.parametrize("place", [0, 50_000, 99_999])
def test_percentile_does_not_see_one_far_outlier(outlier: float, place: int) -> None:
    """Wherever in the stream it comes: equal bins over all that was seen would give 484 for 3.7 here."""
    values = np.random.default_rng(0).normal(size=100_000).astype(np.float32)
    values[place] = outlier
    observer = PercentileObserver(99.99)
    for chunk in np.split(values, [1, 10, 40_000, 99_999]):
        observer.update(chunk)
    low, high = observer.range()
    assert high == pytest.approx(np.percentile(values, 99.99), rel=1 / 256)
    assert low == pytest.approx(np.percentile(values, 0.01), rel=1 / 256)
    assert 3.4 < high < 4.2
    assert -4.2 < low < -3.4


def test_mean_square_observer_beats_the_full_range_on_outliers() -> None:
    values = np.random.default_rng(1).normal(size=1_000_000).astype(np.float32)
    values[7] = 12.0
    plain, clever = Observer(), MeanSquareObserver()
    for observer in (plain, clever):
        observer.update(values)

    def error(observer: Observer) -> float:
        grid = observer.scale()
        return float(np.mean((grid.dequantize(grid.quantize(values)) - values) ** 2))

    assert error(clever) < 0.7 * error(plain)


@pytest.mark.parametrize("make", [Observer, PercentileObserver, MeanSquareObserver])
@pytest.mark.parametrize("value", [0.0, 3.5, -2.0, 1e30, 1e-30])
def test_observer_of_one_value(make: Callable[[], Observer], value: float) -> None:
    observer = make()
    observer.update(np.full(10, value, np.float32))
    grid = observer.scale()
    assert np.isfinite(np.float32(1) / np.float32(grid.scale))
    got = grid.dequantize(grid.quantize(np.array([value])))[0]
    assert got == pytest.approx(value, rel=0.01, abs=1e-15)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=1, max_size=20), min_size=1, max_size=5
    )
)
def test_observers_take_any_finite_numbers(stream: list[list[float]]) -> None:
    for make in (Observer, PercentileObserver, MeanSquareObserver):
        observer = make()
        for chunk in stream:
            observer.update(np.array(chunk, np.float32))
        low, high = observer.range()
        assert min(map(min, stream)) <= max(low, high)
        assert low <= high
        assert observer.scale().scale > 0


def test_affine_scale() -> None:
    assert affine_scale(0, 0).scale == 1.0
    grid = affine_scale(-1.0, 1.0)
    assert grid.zero_point in (127, 128)
    assert affine_scale(2.0, 4.0).zero_point == 0
    assert affine_scale(-4.0, -2.0).zero_point == 255
