"""Products of many matrices in one go: NumPy's matmul, gradients, the same bits everywhere."""

import numpy as np
import pytest

from everywhere import same_everywhere
from hotloop import _native
from tolerance import assert_close, guarded, guards_intact, of_sum

# Leading axes of a and of b, and m, k, n.
CASES = [
    ((), (), (3, 4, 5)),
    ((7,), (), (3, 4, 5)),  # rows below each other
    ((7,), (), (1, 17, 33)),
    ((), (6,), (2, 5, 3)),  # one matrix for all of the others
    ((5,), (5,), (4, 3, 2)),
    ((2, 3), (2, 3), (1, 1, 1)),
    ((2, 3), (3,), (4, 2, 5)),  # for each of the first axis the same three
    ((2, 1), (1, 4), (3, 2, 3)),
    ((33,), (), (16, 16, 20)),
    ((1,), (1,), (40, 70, 30)),
    ((3,), (), (4, 1, 1)),
]
TRANSPOSED = pytest.mark.parametrize(
    ("ta", "tb"), [(False, False), (True, False), (False, True), (True, True)]
)


def operands(case, ta=False, tb=False, seed=0):
    lead_a, lead_b, (m, k, n) = case
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(*lead_a, *((k, m) if ta else (m, k)))).astype(np.float32)
    b = rng.normal(size=(*lead_b, *((n, k) if tb else (k, n)))).astype(np.float32)
    dc = rng.normal(size=(*np.broadcast_shapes(lead_a, lead_b), m, n)).astype(np.float32)
    return a, b, dc


def turned(x, swap):
    return np.swapaxes(x, -1, -2) if swap else x


def summed_to(x, shape):
    """Sum over what broadcasting repeated."""
    x = x.sum(axis=tuple(range(x.ndim - len(shape))))
    return x.sum(axis=tuple(i for i, size in enumerate(shape) if size == 1 != x.shape[i]), keepdims=True)


def true_gradients(a, b, dc, ta, tb):
    a, b, dc = (x.astype(np.float64) for x in (a, b, dc))
    da = summed_to(dc @ np.swapaxes(turned(b, tb), -1, -2), turned(a, ta).shape)
    db = summed_to(np.swapaxes(turned(a, ta), -1, -2) @ dc, turned(b, tb).shape)
    return turned(da, ta), turned(db, tb)


@TRANSPOSED
@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_and_gradients(isa, case, ta, tb):
    a, b, dc = operands(case, ta, tb)
    m, k, n = case[2]
    c, whole = guarded(dc.shape)
    _native.matmul(a, b, c, ta, tb)
    expected = turned(a, ta).astype(np.float64) @ turned(b, tb)
    largest = np.abs(a).max() * np.abs(b).max()
    assert_close(c, expected, 0, of_sum(largest, k))
    assert guards_intact(whole)
    gradients = true_gradients(a, b, dc, ta, tb)
    rows = dc.size // n
    floors = [of_sum(np.abs(dc).max() * np.abs(x).max(), rows * max(m, n)) for x in (b, a)]
    starts = [np.zeros_like(a), np.ones_like(b)]
    for accumulate in (False, True):
        made = [guarded(x.shape) for x in (a, b)]
        for (gradient, _), start in zip(made, starts, strict=True):
            gradient[...] = start
        _native.matmul_backward(a, b, dc, made[0][0], made[1][0], ta, tb, accumulate)
        for (got, around), true, start, floor in zip(made, gradients, starts, floors, strict=True):
            assert_close(got, true + accumulate * start, 1, floor)
            assert guards_intact(around)


@TRANSPOSED
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_reference_is_numpys(case, ta, tb):
    a, b, dc = operands(case, ta, tb)
    c, da, db = np.empty_like(dc), np.zeros(a.shape), np.zeros(b.shape)
    _native.matmul_ref(a, b, c, ta, tb)
    np.testing.assert_allclose(c, turned(a, ta).astype(np.float64) @ turned(b, tb), rtol=1e-6, atol=1e-6)
    _native.matmul_gradients_ref(a, b, dc, da, db, ta, tb)
    for got, true in zip((da, db), true_gradients(a, b, dc, ta, tb), strict=True):
        np.testing.assert_allclose(got, true, rtol=1e-12, atol=1e-12)


def test_sums_are_gemm_s_chains(isa):
    """A matrix that is for all rows has the gradient that one product over all of them has, bit by bit."""
    a, b, dc = operands(((9,), (), (4, 17, 20)))
    da, db, dx, dw = np.empty_like(a), np.empty_like(b), np.empty((36, 17), "f4"), np.empty_like(b)
    _native.matmul_backward(a, b, dc, da, db)
    _native.gemm(dc.reshape(36, 20), b.T, dx)
    _native.gemm(a.reshape(36, 17).T, dc.reshape(36, 20), dw)
    assert da.tobytes() == dx.tobytes()
    assert db.tobytes() == dw.tobytes()
    one_by_one = np.zeros_like(b)
    for i in range(9):
        _native.gemm(a[i].T, dc[i], one_by_one, accumulate=True)
    assert db.tobytes() == one_by_one.tobytes()


def test_bits_are_the_same_everywhere():
    cases = [((64,), (64,), (20, 30, 40)), ((3, 50), (50,), (16, 24, 8)), ((), (30,), (40, 50, 60))]

    def compute():
        out = []
        for case in cases:
            for ta, tb in ((False, False), (True, True)):
                a, b, dc = operands(case, ta, tb)
                c, da, db = np.empty_like(dc), np.ones_like(a), np.ones_like(b)
                _native.matmul(a, b, c, ta, tb)
                _native.matmul_backward(a, b, dc, da, db, ta, tb, accumulate=True)
                out += [c, da, db]
        return out

    same_everywhere(compute)


@pytest.mark.parametrize(
    ("a", "b", "c", "words"),
    [
        ((2, 3), (4, 5), (2, 5), "expected matrices that fit"),
        ((2, 3), (3, 5), (5, 2), "expected matrices that fit"),
        ((2, 2, 3), (3, 3, 5), (3, 2, 5), "leading axes that broadcast"),
        ((2, 2, 3), (3, 5), (2, 5), "as many axes as a or b"),
        ((3,), (3, 5), (5,), "as many axes as a or b"),
    ],
)
def test_what_does_not_fit_is_refused(a, b, c, words):
    with pytest.raises(ValueError, match=words):
        _native.matmul(*(np.ones(shape, np.float32) for shape in (a, b, c)))
