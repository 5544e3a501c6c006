"""The formulas of math/ against double precision over the whole float range; the same bits everywhere."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from everywhere import same_everywhere
from hotloop import _native
from tolerance import guarded, guards_intact

Formula = Callable[[np.ndarray], np.ndarray]

# Name -> the formula in double and the largest error allowed, in units of the result's last place.
FORMULAS: dict[str, tuple[Formula, float]] = {
    "exp": (np.exp, 1.1),
    "expm1": (np.expm1, 1.6),
    "log": (np.log, 1.0),
    "log1p": (np.log1p, 1.0),
    "tanh": (np.tanh, 3.0),
    "sigmoid": (lambda x: np.exp(-np.logaddexp(0, -x)), 3.0),
    "softplus": (lambda x: np.logaddexp(0, x), 2.0),
    "normal_cumulative": (np.vectorize(lambda x: 0.5 * math.erfc(-x / math.sqrt(2)), otypes=[float]), 6.0),
    "normal_density": (lambda x: np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi), 4.0),
}
SPECIAL = np.array(
    [
        0.0,
        -0.0,
        np.inf,
        -np.inf,
        np.nan,
        88.7,
        -88.7,
        104,
        -104,
        1e-45,
        -1e-45,
        1e-39,
        -1e-39,
        1,
        -1,
        3e38,
        -3e38,
    ],
    dtype=np.float32,
)


def samples() -> np.ndarray:
    """Specials, bit patterns from all over, and the stretches where the formulas have their corners."""
    rng = np.random.default_rng(3)
    patterns = rng.integers(0, 2**32, size=60_000, dtype=np.uint32).view(np.float32)
    patterns = patterns[~np.isnan(patterns)]
    near = rng.normal(size=20_000).astype(np.float32)
    wide = rng.uniform(-110, 110, size=20_000).astype(np.float32)
    return np.concatenate([SPECIAL, patterns, near, wide])


def apply(name: str, x: np.ndarray) -> np.ndarray:
    y = np.empty_like(x)
    _native.apply_formula(name, x, y)
    return y


@pytest.mark.parametrize("name", FORMULAS)
def test_formula_in_units_of_the_last_place(isa: str, name: str) -> None:
    formula, limit = FORMULAS[name]
    x = samples()
    y = apply(name, x)
    with np.errstate(all="ignore"):
        exact = formula(x.astype(np.float64))
        rounded = exact.astype(np.float32)
        unit = np.spacing(np.minimum(np.abs(rounded), np.finfo(np.float32).max)).astype(np.float64)
        error = np.abs(y.astype(np.float64) - exact) / unit
    error[(y == rounded) | (np.isnan(y) & np.isnan(exact))] = 0
    worst = int(np.argmax(np.where(np.isnan(error), np.inf, error)))
    assert error[worst] <= limit, f"{name}({x[worst]!r}) = {y[worst]!r}, expected {exact[worst]!r}"


@pytest.mark.parametrize("name", FORMULAS)
def test_same_bits_everywhere(name: str) -> None:
    x = samples()
    (y,) = same_everywhere(lambda: [np.nan_to_num(apply(name, x), nan=7.0)])
    assert (np.isnan(apply(name, x)) == (y == 7.0))[np.isnan(x)].all()


@pytest.mark.parametrize("name", ["expm1", "log1p", "tanh"])
def test_sign_of_zero_and_small_numbers_survive(isa: str, name: str) -> None:
    x = np.array([0.0, -0.0, 1e-45, -1e-45, 3e-39, -3e-39, 1e-30, -1e-30], dtype=np.float32)
    np.testing.assert_array_equal(apply(name, x).view(np.uint32), x.view(np.uint32))


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 1024, 1025])
def test_nothing_outside_is_written(isa: str, n: int) -> None:
    y, whole = guarded((n,))
    _native.apply_formula("exp", np.zeros(n, np.float32), y)
    assert (y == 1).all()
    assert guards_intact(whole)


def test_unknown_formula() -> None:
    with pytest.raises(ValueError, match=r"formula: expected one of exp, .* got 'gamma'"):
        _native.apply_formula("gamma", np.zeros(1, np.float32), np.zeros(1, np.float32))
