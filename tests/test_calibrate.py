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


def test_histogram_grows_without_losing_counts() -> None:
    observer = HistogramObserver(bins=64)
    for chunk in chunks():
        observer.update(chunk)
    assert observer.counts.sum() == 3000
    everything = np.concatenate(chunks())
    assert observer.left <= everything.min()
    assert observer.left + observer.width > everything.max()
    edges = np.linspace(observer.left, observer.left + observer.width, 65)
    direct = np.histogram(everything, edges)[0]
    # Only values within a rounding of an edge may sit in the neighbouring bin.
    assert np.abs(np.cumsum(direct) - np.cumsum(observer.counts)).max() <= 2


@pytest.mark.parametrize("percentile", [90.0, 99.0, 99.9])
def test_percentile_observer_against_numpy(percentile: float) -> None:
    observer = PercentileObserver(percentile)
    values = np.random.default_rng(1).normal(size=100_000).astype(np.float32)
    for chunk in np.split(values, 10):
        observer.update(chunk)
    low, high = observer.range()
    step = observer.width / observer.counts.size
    assert high == pytest.approx(np.percentile(values, percentile), abs=1.5 * step)
    assert low == pytest.approx(np.percentile(values, 100 - percentile), abs=1.5 * step)


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
