"""The one place where tests get their tolerances from: derived from the arithmetic, not guessed."""

import numpy as np

EPS32 = float(np.finfo(np.float32).eps)


def of_sum(largest_product: float, terms: int) -> float:
    """Bound on the error of a float32 sum of `terms` products, none larger than `largest_product`.

    Each of the `terms` additions may round by half a unit in the last place of a partial sum that is at most
    ``terms * largest_product``; in practice errors average out, so the bound used is
    ``largest_product * (terms * eps + eps)``.
    """
    return largest_product * (terms * EPS32 + EPS32)


def assert_close(actual: np.ndarray, expected: np.ndarray, ulps: float, floor: float = 0.0) -> None:
    """Elementwise: |actual - expected| <= ulps * eps * |expected| + floor, and both have the same shape."""
    assert actual.shape == expected.shape
    expected = np.asarray(expected, dtype=np.float64)
    with np.errstate(invalid="ignore"):  # equal infinities
        error = np.abs(actual.astype(np.float64) - expected)
    limit = ulps * EPS32 * np.abs(expected) + floor
    bad = ~(error <= limit) & ~(np.isnan(actual) & np.isnan(expected)) & ~(actual == expected)
    assert not bad.any(), (
        f"{bad.sum()} of {bad.size} differ; worst at {np.argwhere(bad)[0]}: got {actual[bad][0]!r}, "
        f"expected {expected[bad][0]!r}, limit {limit[bad][0]:.3g}"
    )


def guarded(shape: tuple[int, ...], dtype: type = np.float32) -> tuple[np.ndarray, np.ndarray]:
    """Return an array inside a larger one full of a sentinel, and that larger one, for `guards_intact`."""
    size = int(np.prod(shape))
    whole = np.full(size + 64, 77, dtype=dtype)
    return whole[32 : 32 + size].reshape(shape), whole


def guards_intact(whole: np.ndarray) -> bool:
    """Whether nothing was written outside the array that `guarded` gave out."""
    return bool((whole[:32] == 77).all() and (whole[-32:] == 77).all())
