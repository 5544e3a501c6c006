"""Labels of another shape than predictions, where a metric of NumPy sets the two against each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.losses.meeting import repeated

Array = npt.NDArray[Any]


class Whole(np.ndarray[Any, Any]):
    """Labels or predictions in whole, or what was computed of them alone, number by number.

    Attributes
    ----------
    role : {"y_true", "y_pred", ""}
        Empty of a part of one, such as a slice.
    what : str
        How messages call the metric.
    """

    role = ""
    what = ""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Compute as NumPy does, unless that repeats labels, or predictions, along an axis of the others."""
        wholes = {one.role: one for one in inputs if isinstance(one, Whole) and one.role}
        if "out" in options:
            options["out"] = tuple(map(_plain, options["out"]))
        elementwise = method == "__call__" and ufunc.signature is None
        if elementwise and len(wholes) == 2:
            raise repeated(f"{self.what}: {ufunc.__name__}", wholes["y_true"].shape, wholes["y_pred"].shape)
        made = getattr(ufunc, method)(*map(_plain, inputs), **options)
        for role, one in wholes.items():
            if elementwise and isinstance(made, np.ndarray) and made.shape == one.shape:
                return _whole(made, role, one.what)
        return made


def _plain(given: Any) -> Any:
    return given.view(np.ndarray) if isinstance(given, Whole) else given


def _whole(array: Array, role: str, what: str) -> Whole:
    made = array.view(Whole)
    made.role, made.what = role, what
    return made


def watched(what: str, target: Array, predicted: Array) -> tuple[Array, Array]:
    """Return views of labels and predictions that refuse to meet where one would be repeated for the other.

    Where their shapes are the same, or do not broadcast, they are returned as they are: most are.

    Examples
    --------
    >>> y, p = watched("metric 'own'", np.ones((4, 1)), np.ones((4, 3)))
    >>> y.role, (2.0 * y).role, y[:, :1].role
    ('y_true', 'y_true', '')
    """
    one, other = target.shape, predicted.shape
    if one == other or len(one) != len(other) or one[:1] != other[:1]:
        return target, predicted
    if any(a != b and 1 not in (a, b) for a, b in zip(one, other, strict=True)):
        return target, predicted
    return _whole(target, "y_true", what), _whole(predicted, "y_pred", what)
