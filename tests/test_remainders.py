"""mod, floor_divide and roots by power: NumPy's numbers, infinities and signs of zeros among them."""

import numpy as np
import pytest

import hotloop as hl
from hotloop import ops
from hotloop.ir.elementwise import Code, Step
from test_small_program import run

INF = float("inf")
SPECIAL = [0, -0.0, 1, -1, 0.1, -0.1, 3, 5, 7, 1e9, -1e9, 2**24, 1e-45, -1e-45, 1e-38, 3.4e38, -3.4e38]


def pairs(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Special numbers against each other, bits from all over, and usual numbers."""
    special = np.meshgrid(*[np.float32([*SPECIAL, 1e-10, -1e-10, INF, -INF, np.nan])] * 2)
    bits = [rng.integers(0, 2**32, 200_000, np.uint32).view(np.float32) for _ in range(2)]
    usual = [rng.normal(size=50_000) * 1000, rng.normal(size=50_000)]
    whole = [rng.integers(-(2**24), 2**24, 50_000), rng.integers(-300, 300, 50_000)]
    each = zip(special, bits, usual, whole, strict=True)
    a, b = (np.concatenate([np.float32(one).ravel() for one in parts]) for parts in each)
    return a, b


def same_bits(got: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_array_equal(got, expected)
    numbers = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(got)[numbers], np.signbit(expected)[numbers])


def test_mod_has_the_bits_of_numpys(isa: str, rng: np.random.Generator) -> None:
    a, b = pairs(rng)
    with np.errstate(all="ignore"):
        same_bits(run(Code(2, (Step("mod", (0, 1)),), (2,)), a, b)[0], np.mod(a, b))


def test_quotients_are_exact_up_to_2_to_the_24(isa: str, rng: np.random.Generator) -> None:
    """Against float64, where NumPy's own are exact so far; in float32 they are not."""
    a, b = pairs(rng)
    with np.errstate(all="ignore"):
        exact = np.floor_divide(a.astype(np.float64), b.astype(np.float64))
        got = run(Code(2, (Step("floor_divide", (0, 1)),), (2,)), a, b)[0]
        small = ~(np.abs(exact) >= 2**24)
        same_bits(got[small], exact[small].astype(np.float32))
        large = exact[~small].astype(np.float32)
        np.testing.assert_allclose(got[~small], large, rtol=2**-22)


@pytest.mark.parametrize(
    ("function", "a", "b", "expected"),
    [
        ("mod", 1e9, 3.0, 1.0),
        ("mod", 1.0, 0.1, 0.1),
        ("mod", 5.0, INF, 5.0),
        ("mod", -5.0, INF, INF),
        ("mod", 6.0, -3.0, -0.0),
        ("floor_divide", 1.0, 0.1, 9.0),
        ("floor_divide", -5.0, INF, -1.0),
        ("floor_divide", 5.0, INF, 0.0),
        ("power", -INF, 0.5, INF),
        ("power", -0.0, 0.5, 0.0),
        ("power", -INF, -0.5, 0.0),
        ("power", -0.0, -0.5, INF),
    ],
)
def test_numbers_of_either_kind(function: str, a: float, b: float, expected: float) -> None:
    """A number, an array and a symbolic tensor beside a number or an array."""
    x = hl.Input((1,))
    compute = getattr(ops, function)
    column = np.float32([[a]])
    made = [compute(column, b), compute([[a]], [[b]]), compute(a, b)]
    if np.isfinite(a):
        made += [hl.Model(x, compute(x, other)).predict(column, verbose=0) for other in (b, np.float32([b]))]
    for one in made:
        np.testing.assert_allclose(np.ravel(one), [expected], rtol=1e-6)
        assert np.signbit(one) == np.signbit(expected)


def test_integers_have_remainders_too() -> None:
    a, b = np.arange(-20, 20, dtype=np.int32), np.int32([7, -7] * 20)
    for function in ("mod", "floor_divide"):
        got = getattr(ops, function)(a, b)
        assert got.dtype == np.int32
        np.testing.assert_array_equal(got, getattr(np, function)(a, b))
    with pytest.raises(ValueError, match="mod: expected numbers, got truth values"):
        ops.mod([True], [True])


def test_the_gradient_of_a_root_by_power_is_that_of_the_root() -> None:
    x = np.float32([[0.25, 4.0, 0.0, 9.0]])
    model = hl.Sequential([hl.layers.Lambda(lambda v: v**0.5 * 2.0, input_shape=(4,))])
    np.testing.assert_array_equal(model.predict(x, verbose=0), np.sqrt(x) * 2)
