"""Sums, means, largest, smallest and argmax along one axis: NumPy's results, gradients, the same bits."""

import numpy as np
import pytest

from everywhere import same_everywhere
from hotloop import _native
from tolerance import EPS32, assert_close, guarded, guards_intact, of_sum

KINDS = ("sum", "mean", "max", "min")
NUMPY = {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min}
# The last axis alone, at vectors' ends and more rows than are taken at once; axes before others; one number.
SHAPES = [
    (1, 1, 1),
    (3, 1, 1),
    (9, 15, 1),
    (6, 16, 1),
    (5, 17, 1),
    (2, 333, 1),
    (1, 70_000, 1),
    (1, 300, 7),
    (3, 5, 16),
    (2, 129, 17),
    (2, 3, 64),
    (1, 2, 150),
    (40, 3, 2),
]
EMPTY = [(0, 3, 1), (0, 3, 5), (2, 3, 0)]


def numbers(shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    """With many that are equal."""
    return np.random.default_rng(seed).integers(-50, 50, shape).astype(np.float32) / 8


def forward(kind: str, x: np.ndarray) -> np.ndarray:
    y, whole = guarded((x.shape[0], x.shape[2]))
    _native.reduce_forward(kind, x, y)
    assert guards_intact(whole)
    return y


def argmax(x: np.ndarray) -> np.ndarray:
    y, whole = guarded((x.shape[0], x.shape[2]), np.int32)
    _native.argmax(x, y)
    assert guards_intact(whole)
    return y


def test_values(isa: str) -> None:
    for shape in SHAPES + EMPTY:
        x = numbers(shape)
        for kind in KINDS:
            expected = (
                NUMPY[kind](x, axis=1, dtype=np.float64) if kind in KINDS[:2] else NUMPY[kind](x, axis=1)
            )
            floor = of_sum(7.0, shape[1]) if kind == "sum" else of_sum(7.0 / shape[1], shape[1])
            assert_close(forward(kind, x), expected, ulps=1, floor=floor if kind in KINDS[:2] else 0)
        np.testing.assert_array_equal(argmax(x), np.argmax(x, axis=1))


@pytest.mark.parametrize("kind", ["sum", "mean"])
@pytest.mark.parametrize("shape", [(1, 2_000_000, 1), (5, 65_537, 1), (1, 1_000_000, 3), (1, 65_537, 70)])
def test_long_rows_and_columns_do_not_drift(isa: str, kind: str, shape: tuple[int, int, int]) -> None:
    """Chains of 128 additions, which lose what 128 roundings to one side do."""
    x = np.full(shape, 0.1, np.float32)
    exact = np.float64(np.float32(0.1)) * (shape[1] if kind == "sum" else 1)
    assert np.abs(forward(kind, x) / exact - 1).max() < 4 * 128 * EPS32 / 2


def test_the_order_of_long_sums() -> None:
    """One row of chains of 128 vectors, 128 chains in one, added up by NumPy; and 65536 rows at a time."""

    def chain(parts: np.ndarray) -> np.ndarray:
        return np.add.accumulate(np.concatenate([0 * parts[:1], parts]), axis=0, dtype=np.float32)[-1]

    x = np.random.default_rng(2).normal(size=3 * 128 * 128 * 16 + 5 * 128 * 16).astype(np.float32)
    chains = [chain(one.reshape(-1, 16)) for one in np.split(x, len(x) // (128 * 16))]
    whole = [chain(np.array(chains[i : i + 128])) for i in range(0, len(chains), 128)]
    lanes = np.array(whole[-1] + chain(np.array(whole[:-1])))
    for width in (8, 4, 2, 1):
        lanes = lanes[:width] + lanes[width : 2 * width]
    np.testing.assert_array_equal(forward("sum", x.reshape(1, -1, 1)).ravel(), lanes)
    five = np.broadcast_to(x, (5, len(x))).reshape(5, -1, 1).copy()
    np.testing.assert_array_equal(forward("sum", five).ravel(), np.repeat(lanes, 5))
    columns = x.reshape(1, -1, 2)
    parts = [forward("sum", columns[:, i : i + 65_536]) for i in range(0, columns.shape[1], 65_536)]
    np.testing.assert_array_equal(forward("sum", columns), chain(np.array(parts)))


def test_the_reference_is_numpys() -> None:
    for shape in SHAPES + EMPTY:
        x = numbers(shape)
        y, place = np.empty((shape[0], shape[2]), np.float32), np.empty((shape[0], shape[2]), np.int32)
        for kind in KINDS:
            _native.reduce_forward_ref(kind, x, y)
            np.testing.assert_array_equal(y, NUMPY[kind](x.astype(np.float64), axis=1).astype(np.float32))
        _native.argmax_ref(x, place)
        np.testing.assert_array_equal(place, np.argmax(x, axis=1))


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients(isa: str, kind: str, accumulate: bool) -> None:
    for shape in SHAPES + EMPTY:
        x, start = numbers(shape), numbers(shape, 1)
        dy = numbers((shape[0], shape[2], 1), 2)[..., 0]
        dx, whole = guarded(shape)
        dx[...] = start
        _native.reduce_backward(kind, x, dy, dx, accumulate)
        assert guards_intact(whole)
        expected = start.copy()
        _native.reduce_backward_ref(kind, x, dy, expected, accumulate)
        assert_close(dx, expected, ulps=2, floor=14 * EPS32 if accumulate else 0)


def test_the_reference_s_gradients_are_finite_differences() -> None:
    """In double, over numbers of which the first of equals is the one that counts: NumPy's argmax."""
    for shape in [(2, 5, 1), (1, 4, 3)]:
        x = numbers(shape)
        x[:, 3] = x[:, 1]  # equals
        dy = numbers((shape[0], shape[2], 1), 2)[..., 0]
        for kind in KINDS:
            dx = np.empty_like(x)
            _native.reduce_backward_ref(kind, x, dy, dx)
            direction = np.random.default_rng(5).normal(size=shape)
            if kind in ("max", "min"):  # what is the first of equals stays so under a step that favours it
                first = (np.argmax if kind == "max" else np.argmin)(x, axis=1)[:, None]
                favour = (1 if kind == "max" else -1) * (np.abs(direction).max() + 1)
                step = np.zeros(shape)
                np.put_along_axis(step, first, favour, axis=1)
                slopes = NUMPY[kind](x + 1e-6 * (direction + step), axis=1) - NUMPY[kind](
                    x.astype(float), axis=1
                )
                direction += step
                numeric = (slopes / 1e-6 * dy).sum()
            else:
                ends = [NUMPY[kind](x + step * direction, axis=1) for step in (1e-6, -1e-6)]
                numeric = ((ends[0] - ends[1]) / 2e-6 * dy).sum()
            assert numeric == pytest.approx((dx * direction).sum(), rel=1e-6, abs=1e-6)


def test_nan_infinity_and_minus_zero(isa: str) -> None:
    nan, inf = np.nan, np.inf
    for inner in (1, 3, 64):
        for n in (5, 40):
            x = np.full((4, n, inner), -inf, np.float32)
            x[1, 3] = nan
            x[2, 4], x[2, 2], x[2, 0] = nan, nan, inf
            x[3, 1], x[3, 2] = -0.0, 0.0
            np.testing.assert_array_equal(argmax(x), np.argmax(x, axis=1))
            np.testing.assert_array_equal(forward("max", x), np.max(x, axis=1))
            np.testing.assert_array_equal(forward("min", x), np.min(x, axis=1))
            dx = np.empty_like(x)
            _native.reduce_backward("max", x, np.ones((4, inner), np.float32), dx)
            np.testing.assert_array_equal(np.argmax(dx, axis=1), np.argmax(x, axis=1))
            np.testing.assert_array_equal(dx.sum(axis=1), np.ones((4, inner)))


def test_places_beyond_what_a_float_counts(isa: str) -> None:
    n = (1 << 24) + 40
    x = np.zeros((1, n, 1), np.float32)
    x[0, [n - 2, n - 3, n - 21], 0] = 1
    assert argmax(x)[0, 0] == n - 21


def test_bits_are_the_same_everywhere() -> None:
    shapes = [(500, 203, 1), (3, 129, 300), (1, 200_000, 1), (1, 3000, 70), (700, 9, 20)]
    inputs = [np.random.default_rng(4).normal(size=shape).astype(np.float32) for shape in shapes]

    def compute() -> list[np.ndarray]:
        out = []
        for x in inputs:
            y, dx = np.empty((x.shape[0], x.shape[2]), np.float32), np.empty_like(x)
            for kind in KINDS:
                _native.reduce_forward(kind, x, y)
                _native.reduce_backward(kind, x, y, dx)
                out += [y.copy(), dx.copy()]
            place = np.empty(y.shape, np.int32)
            _native.argmax(x, place)
            out.append(place)
        return out

    same_everywhere(compute)


def test_a_row_s_sum_is_the_same_beside_any_other_rows(isa: str) -> None:
    x = np.random.default_rng(6).normal(size=(11, 70_001, 1)).astype(np.float32)
    whole = forward("sum", x)
    for r in range(len(x)):
        assert forward("sum", x[r : r + 1])[0, 0] == whole[r, 0]


def test_what_does_not_fit_is_refused() -> None:
    x, y = np.ones((2, 3, 4), np.float32), np.ones((2, 4), np.float32)
    with pytest.raises(ValueError, match="reduce: kind: expected one of sum, mean, max, min, got 'product'"):
        _native.reduce_forward("product", x, y)
    with pytest.raises(ValueError, match=r"y: expected shape \(2, 4\)"):
        _native.reduce_forward("sum", x, y.T.copy())
    with pytest.raises(ValueError, match="dx: expected 24 elements"):
        _native.reduce_backward("sum", x, y, y)
    with pytest.raises(ValueError, match="expected 1 to 2\\^31 - 1 numbers to find the largest of, got 0"):
        _native.argmax(x[:, :0].copy(), y.astype(np.int32))
    with pytest.raises(ValueError, match="expected three dimensions"):
        _native.reduce_forward("max", y, y)
