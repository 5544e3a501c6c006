"""The check before timing: what is fast and wrong has no place in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class DisagreementError(AssertionError):
    """Two sides of a row computed different things, so their times can't be compared."""


def same_values(results: Mapping[str, npt.ArrayLike], expected: npt.ArrayLike, tolerance: float) -> None:
    """Every side's result equals the expected one.

    Parameters
    ----------
    results : mapping of str to array
        By side.
    expected : array
    tolerance : float
        How far any element may be off, in units of the expected values' root mean square.

    Raises
    ------
    DisagreementError
        Another shape, not finite, or further off.

    Examples
    --------
    >>> same_values({"a": [1.0, 2.0]}, [1.0, 2.0], 1e-6)
    >>> same_values({"a": [1.0, 2.1]}, [1.0, 2.0], 1e-6)
    Traceback (most recent call last):
    hotloop.benchmark.checks.DisagreementError: a: off by 0.063 of the root mean square, 1e-06 is allowed
    """
    truth = np.asarray(expected, np.float64)
    size = float(np.sqrt(np.mean(np.square(truth)))) or 1.0
    for side, result in results.items():
        values = np.asarray(result, np.float64)
        if values.shape != truth.shape:
            raise DisagreementError(f"{side}: expected shape {truth.shape}, got {values.shape}")
        error = float(np.abs(values - truth).max()) / size if values.size else 0.0
        if not error <= tolerance:  # False for NaN too
            raise DisagreementError(
                f"{side}: off by {error:.2g} of the root mean square, {tolerance:g} is allowed"
            )


def same_path(
    start: Sequence[Array], ours: Sequence[Array], theirs: Mapping[str, Sequence[Array]], tolerance: float
) -> None:
    """After the same steps from the same weights, every side has moved to the same place.

    Parameters
    ----------
    start, ours : sequence of arrays
        Weights before the steps and after them.
    theirs : mapping of str to sequence of arrays
        The peers' weights after the steps, by side, in the same order and shapes.
    tolerance : float
        Mean distance allowed, as a share of how far weights moved on average. Single weights may differ by
        whole steps: Adam's first steps divide gradients near zero by their own size.

    Raises
    ------
    DisagreementError
        A side went elsewhere.
    """
    for side, weights in theirs.items():
        for layer, (before, mine, other) in enumerate(zip(start, ours, weights, strict=True)):
            moved = float(np.abs(mine - before).mean()) + 1e-7
            apart = float(np.abs(np.asarray(other) - mine).mean())
            if not apart <= tolerance * moved:
                raise DisagreementError(
                    f"{side}: weights {layer} are {apart / moved:.2g} of the way apart, "
                    f"{tolerance:g} is allowed"
                )
