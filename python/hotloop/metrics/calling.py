"""Calls of metrics that users wrote: what they are handed, and what they may return."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.core import errors
from hotloop.metrics.whole import watched

Array = npt.NDArray[Any]


def call_metric(
    name: str, function: Callable[..., Any], target: Array, predicted: Array, *weights: Array | None
) -> Any:
    """Call a metric with arrays that it can't write to: they may be the user's, and other metrics read them.

    Raises
    ------
    TypeError, ValueError
        When it writes to them, repeats labels for several outputs, or returns anything but numbers; whatever
        else it raises.
    """
    given = *watched(f"metric {name!r}", _read_only(target), _read_only(predicted)), *map(_read_only, weights)
    try:
        result = function(*given)
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        mend = "a metric reads the user's own arrays: change a copy, as by y_true = y_true.copy()"
        raise ValueError(f"metric {name!r}: {error}; {mend}") from error
    _require_numbers(name, result)
    return result


def _read_only(array: Array | None) -> Any:
    if array is None:
        return None
    view = array.view()
    view.flags.writeable = False
    return view


def _require_numbers(name: str, result: Any) -> None:
    """Refuse what is neither a number nor an array of numbers, such as None or text, or is empty."""
    if type(result) is float:
        return
    what, mend = f"metric {name!r}: result", "return what is computed of y_true and y_pred"
    try:
        values = np.asarray(result)
    except (TypeError, ValueError):  # lists of several lengths
        raise errors.bad_type(what, "numbers", result, mend) from None
    if values.dtype.kind not in "biuf":
        raise errors.bad_type(what, "numbers", result, mend)
    if values.size == 0:
        raise errors.bad_value(what, "at least one number", f"shape {values.shape}", mend)


def are_rows(values: Array, predicted: tuple[int, ...]) -> bool:
    """Whether there is a value, or several, for each row of predictions, or for each of their positions."""
    if values.ndim == 0 or not predicted:
        return False
    return values.shape[0] == predicted[0] or values.shape[0] in np.cumprod(predicted)


def refuse_table(name: str, values: Array, *shapes: tuple[int, ...]) -> None:
    """Refuse what NumPy makes of ``(n,)`` against ``(n, 1)``: every row of the one against every row of the
    other."""
    rows = shapes[1][0] if shapes[1] else 0
    if rows > 1 and values.shape[:2] == (rows, rows) and all(shape[1:2] != (rows,) for shape in shapes):
        got = f"shape {values.shape} of {shapes[0]} and {shapes[1]}, which sets every row against every row"
        mend = "give both as many axes, as by y_pred[:, 0] or y_true[:, None]"
        raise errors.bad_value(f"metric {name!r}: result", "one value a row", got, mend)
