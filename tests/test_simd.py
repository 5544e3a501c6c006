"""The vocabulary's fma rounds once, whether the machine has the instruction or the level emulates it."""

from fractions import Fraction

import numpy as np
import pytest

from hotloop import _native

LARGEST = float(np.finfo(np.float32).max)
TINY = 2.0**-149  # the smallest subnormal


def fma_exactly(a: float, b: float, c: float) -> np.float32:
    """a * b + c in rational arithmetic, rounded to the nearest float32, ties to even."""
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if exact == 0:  # IEEE 754: the sum of two zeros of one sign keeps it, else it is +0.
        return np.float32(np.float32(a) * np.float32(b) + np.float32(c))
    magnitude = abs(exact)
    exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    if magnitude < Fraction(2) ** exponent:
        exponent -= 1
    unit = Fraction(2) ** (max(exponent, -126) - 23)
    rounded = round(magnitude / unit) * unit  # Python rounds a Fraction's ties to even.
    sign = 1 if exact > 0 else -1
    return np.float32(sign * (float("inf") if rounded >= 2**128 else float(rounded)))


def fma(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """All three of shape (n,): n products of one row, one column and depth 1, each added to its c."""
    out = c[:, None].copy()
    for i in range(len(a)):
        _native.gemm(a[i : i + 1, None], b[i : i + 1, None], out[i : i + 1], accumulate=True)
    return out[:, 0]


def check(triples: np.ndarray) -> None:
    a, b, c = np.asarray(triples, np.float32).T
    expected = np.array([fma_exactly(*map(float, triple)) for triple in zip(a, b, c, strict=True)])
    np.testing.assert_array_equal(fma(a, b, c).view(np.int32), expected.view(np.int32))


def near_ties(rng: np.random.Generator, count: int) -> np.ndarray:
    """Sums a hair's breadth from a tie, so near that double precision takes them for one.

    c has a full significand, and the product is half a unit in its last place, times 1, 1 - 2**-2p or
    1 + 2**-3p: (1 + 2**-p)(1 - 2**-p) and (1 + 2**-p)(1 - 2**-p + 2**-2p).
    """
    c = rng.integers(2**23, 2**24, count).astype(np.float64) * 2.0 ** rng.integers(-60, 60, count)
    half_unit = 2.0 ** (np.floor(np.log2(c)) - 24)
    below, above = 2.0 ** -rng.integers(15, 24, count), 2.0 ** -rng.integers(10, 12, count)
    kind = rng.integers(0, 3, count)
    a = np.choose(kind, [np.ones(count), 1 + below, 1 + above])
    b = np.choose(kind, [np.ones(count), 1 - below, 1 - above + above**2])
    sign = rng.choice([-1.0, 1.0], (2, count))
    return np.stack([a * sign[0], b * half_unit, c * sign[1]], axis=1)


def test_the_near_ties_are_hard(rng):
    triples = near_ties(rng, 1500)
    np.testing.assert_array_equal(triples, triples.astype(np.float32))
    a, b, c = triples.T
    expected = np.array([fma_exactly(*triple) for triple in triples.tolist()])
    wrong = (a * b + c).astype(np.float32) != expected
    assert wrong.sum() > 200  # a sum in double that is rounded again


def test_fma_rounds_once_on_random_numbers(isa, rng):
    triples = rng.normal(size=(500, 3))
    triples *= 2.0 ** rng.integers(-30, 30, (500, 3))
    check(triples)


def test_fma_rounds_once_near_ties(isa, rng):
    check(near_ties(rng, 1500))


def test_fma_cancels_exactly(isa, rng):
    a, b = rng.normal(size=(2, 300)).astype(np.float32)
    check(np.stack([a, b, -(a * b)], axis=1))  # what is left is the product's rounding error


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_fma_at_the_ends_of_the_range(isa, sign):
    small = [2.0**-75, 2.0**-74, 3 * 2.0**-76, 2.0**-100, 1.5 * 2.0**-63]
    cases = [(a, sign * b, c) for a in small for b in small for c in (0.0, TINY, -TINY, 2.0**-126, 5 * TINY)]
    large = [2.0**64, 2.0**63, LARGEST, 1.0, 2.0**103]
    cases += [(a, sign * b, c) for a in large for b in large for c in (0.0, LARGEST, -LARGEST, 2.0**103)]
    cases += [(0.0, sign, c) for c in (0.0, -0.0, 1.0, TINY)]
    cases += [
        (1.0, sign, -sign),
        (2.0**-149, sign * 2.0**-149, 1.0),
        (2.0**-149, sign * 2.0**-149, -(2.0**-126)),
    ]
    check(np.array(cases))


def test_fma_of_infinity_and_nan(isa):
    inf, nan = np.inf, np.nan
    a = np.array([inf, inf, nan, 1, 1, -inf, inf], np.float32)
    b = np.array([1, 0, 1, nan, 1, 2, 2], np.float32)
    c = np.array([1, 1, 1, 1, inf, inf, -inf], np.float32)
    np.testing.assert_array_equal(fma(a, b, c), np.array([inf, nan, nan, nan, inf, nan, nan], np.float32))


def test_two_steps_in_a_row_are_two_fmas(isa, rng):
    a, b = rng.normal(size=(2, 400, 2)).astype(np.float32)
    out = np.empty((400, 1), np.float32)
    for i in range(400):
        _native.gemm(a[i : i + 1], b[i][:, None], out[i : i + 1])
    zero = np.zeros(400, np.float32)
    expected = fma(a[:, 1], b[:, 1], fma(a[:, 0], b[:, 0], zero))
    np.testing.assert_array_equal(out[:, 0], expected)
