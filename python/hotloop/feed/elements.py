"""What is an array of numbers, or a list of some; nothing else is ever taken apart element by element."""

from __future__ import annotations

import array
import numbers
from decimal import Decimal
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.core.errors import bad_type

_DEEPEST = 64  # lists in lists: more axes than an array has
_PLAIN = (numbers.Number, np.generic, str, bytes, type(None))
_WHOLE = (np.ndarray, range, array.array, memoryview, bytearray)
_PROTOCOLS = (
    "__array__",
    "__array_interface__",
    "__array_struct__",
    "__cuda_array_interface__",
    "__dlpack__",
)


def require_known(what: str, value: Any) -> None:
    """Refuse objects that only look like a sequence, before anything of them is read.

    Known are arrays of any library, buffers, numbers, and lists and tuples of these.

    Raises
    ------
    TypeError
        For generators, data sets, loaders, sets, and whatever else has ``__getitem__`` or ``__iter__`` alone.
    """
    if isinstance(value, list | tuple):
        level: Any = value
        for _ in range(_DEEPEST):
            kinds = set(map(type, level))
            nested = tuple(kind for kind in kinds if issubclass(kind, list | tuple))
            for kind in kinds.difference(nested):
                if not _is_known(kind):
                    other = next(item for item in level if type(item) is kind)
                    if not _is_buffer(other):
                        raise bad_type(f"{what}: in a list", _EXPECTED, other, _MEND)
            if not nested:
                return
            level = list(chain.from_iterable(item for item in level if isinstance(item, nested)))
    elif not _is_known(type(value)) and not _is_buffer(value):
        raise bad_type(what, _EXPECTED, value, "call its toarray()" if hasattr(value, "toarray") else _MEND)


_EXPECTED = "an array of numbers, a frame, or a list of numbers or arrays"
_MEND = (
    "generators, data sets and loaders are not read: put their rows into one array, "
    "or call train_on_batch for each of their batches"
)


def _is_known(kind: type) -> bool:
    return issubclass(kind, _PLAIN + _WHOLE) or any(hasattr(kind, name) for name in _PROTOCOLS)


def _is_buffer(value: Any) -> bool:
    try:
        memoryview(value)
    except TypeError:
        return False
    return True


def object_numbers(given: npt.NDArray[Any]) -> tuple[npt.NDArray[Any] | None, str]:
    """Return an array of objects as one of numbers, or None and what else it holds.

    None and pandas' NA become NaN. Whole numbers and booleans become integers, others float64.
    """
    flat = given.ravel()
    missing = np.array([_is_missing(item) for item in flat], bool)
    items = flat[~missing] if missing.any() else flat
    kinds = set(map(type, items))
    for kind in kinds:
        if not issubclass(kind, _REAL) or issubclass(kind, np.timedelta64):
            return None, _name(kind)
    whole = all(issubclass(kind, _WHOLE_NUMBERS) for kind in kinds) and not missing.any()
    try:
        made = np.full(flat.shape, np.nan) if missing.any() else np.empty(flat.shape, int if whole else float)
        made[~missing] = items
    except (OverflowError, TypeError, ValueError) as error:
        return None, f"objects that are none ({error})"
    return made.reshape(given.shape), ""


_WHOLE_NUMBERS = (bool, int, np.integer, np.bool_)
# Decimal is no Real to Python, but a number all the same.
_REAL = (numbers.Real, np.bool_, Decimal)


def _is_missing(item: Any) -> bool:
    return item is None or type(item).__name__ == "NAType"


def _name(kind: type) -> str:
    if issubclass(kind, str | bytes):
        return "text"
    return kind.__name__


def mend(kind: str) -> str:
    """Return how values of this dtype or class become numbers; empty where they may be numbers already."""
    kind = kind.lower()
    if kind.startswith(("category", "categorical", "enum", "dictionary")):
        return "encode categories as columns of 0 and 1, as pandas.get_dummies does"
    if kind.startswith(("date", "time", "period", "duration", "interval")):
        return "turn it into numbers, such as the seconds or days since some date"
    if kind.startswith(("str", "bytes", "large_string", "utf8", "text")) and not kind.startswith("struct"):
        return (
            "classes become numbers by numpy.unique(values, return_inverse=True)[1], categories columns of 0 "
            "and 1 by pandas.get_dummies, numbers kept as text numbers by astype('float32')"
        )
    if kind.startswith("complex"):
        return "split it into its real and its imaginary part"
    return ""
