"""Tables with named columns: pandas' and polars' frames and series, and Arrow's tables, as arrays of numbers.

None of the libraries is imported: what is a frame has been made by one that is there already.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.core.errors import bad_value
from hotloop.feed.elements import mend, object_numbers
from hotloop.graph.parameters import Shape

Array = npt.NDArray[Any]
Columns = list[str | int]
_CLASSES = {
    "pandas": ("DataFrame", "Series", "Index"),
    "polars": ("DataFrame", "Series"),
    "pyarrow": ("Table", "RecordBatch", "ChunkedArray", "Array"),
}
_SHOWN = 8  # names in a message


def library_of(value: Any) -> str | None:
    """Return which library a frame or series is of; None for anything else."""
    for name, classes in _CLASSES.items():
        module = sys.modules.get(name)
        known = tuple(getattr(module, c) for c in classes if hasattr(module, c)) if module else ()
        if isinstance(value, known):
            return name
    return None


def column_names(value: Any) -> Columns | None:
    """Return the names of a frame's columns; None for a series, and for what is no frame."""
    library = library_of(value)
    if library is None or not (hasattr(value, "columns") or hasattr(value, "column_names")):
        return None
    given = value.column_names if library == "pyarrow" else value.columns
    return [
        int(name)
        if isinstance(name, int | np.integer) and not isinstance(name, bool)
        else name
        if isinstance(name, str)
        else str(name)
        for name in given
    ]


def places(what: str, expected: Columns | None, given: Columns) -> list[int] | None:
    """Return where the expected columns are in a frame; None where all are in their places.

    Frames whose columns have no names but their numbers, as those made of arrays, go by place.

    Raises
    ------
    ValueError
        When some are missing or unknown, or have the same name.
    """
    if expected is None or given == expected:
        return None
    if _is_numbered(given) or (_is_numbered(expected) and not all(isinstance(name, int) for name in given)):
        return None
    missing = [name for name in expected if name not in given]
    unknown = [name for name in given if name not in expected]
    if missing or unknown:
        parts = [f"without {_listed(missing)}"] * bool(missing) + [f"with {_listed(unknown)}"] * bool(unknown)
        seen = f"the columns that fit saw, {_listed(expected)}"
        how = "select them by name, or set the model's feature_names where columns were renamed"
        raise bad_value(what, seen, f"some {', '.join(parts)}", how)
    if len(given) != len(expected):
        raise bad_value(what, "columns with names of their own", f"{_listed(given)}")
    return [given.index(name) for name in expected]


def checked_names(given: Any, shapes: Sequence[Shape]) -> list[Columns | None]:
    """Return names for each input, as somebody or a file gave them.

    Raises
    ------
    ValueError
        When they are not as many as inputs, or as the columns of one.
    """
    if not isinstance(given, list | tuple) or len(given) != len(shapes):
        raise bad_value("feature_names", f"names or None for each of {len(shapes)} inputs", repr(given)[:100])
    checked: list[Columns | None] = []
    for names, shape in zip(given, shapes, strict=True):
        known = isinstance(names, list | tuple) and all(isinstance(name, str | int) for name in names)
        if names is not None and (not known or shape != (len(names),) or len(set(names)) < len(names)):
            expected = f"a list of {shape[0]} different names" if len(shape) == 1 else "None"
            raise bad_value("feature_names", expected, repr(names)[:100])
        checked.append(None if names is None else list(names))
    return checked


def _is_numbered(names: Columns) -> bool:
    return names == list(range(len(names)))


def _listed(names: Sequence[object]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more


def frame_array(what: str, value: Any, expected: Columns | None = None) -> Array:
    """Return a frame as (rows, columns), a series as (rows,): NumPy's, of a dtype of numbers.

    Missing values become NaN. ``expected`` are the names that columns are ordered by.

    Raises
    ------
    TypeError
        For columns of texts, categories, dates and whatever else holds no real numbers, naming all of them.
    ValueError
        See :func:`places`.
    """
    names = column_names(value)
    library = str(library_of(value))
    if names is None:
        array, fault = _numbers(what, library, value)
        if array is None:
            raise TypeError(f"{what}: expected real numbers, got {type(value).__name__} of {fault}")
        return array
    order = places(what, expected, names) or range(len(names))
    if library == "pandas" and all(_is_plain(dtype) for dtype in value.dtypes):
        whole: Array = np.asarray(value)
        if whole.dtype.kind in "fiub":
            return whole if isinstance(order, range) else whole[:, order]
    arrays, faults = [], []
    for place in order:
        array, fault = _numbers(what, library, _column(library, value, place))
        arrays.append(array)
        if array is None:
            faults.append((names[place], fault))
    if faults:
        name, fault = faults[0]
        others = ", ".join(f"{other!r}: {why.partition(';')[0]}" for other, why in faults[1 : 1 + _SHOWN])
        also = f" (and {others})" if others else ""
        raise TypeError(f"{what}: column {name!r}: expected real numbers, got {fault}{also}")
    if not arrays:
        return np.empty((len(value), 0), np.float32)
    made: Array = np.stack(arrays, axis=1)  # type: ignore[arg-type]
    return made


def _is_plain(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) and dtype.kind in "fiub"


def _column(library: str, frame: Any, place: int) -> Any:
    if library == "pandas":
        return frame.iloc[:, place]
    return frame.to_series(place) if library == "polars" else frame.column(place)


def _numbers(what: str, library: str, series: Any) -> tuple[Array | None, str]:
    """Return a column's numbers, or None and what it holds instead, with the mend."""
    dtype = series.type if library == "pyarrow" else series.dtype
    text = str(dtype)
    if mend(text):
        return None, f"{text}; {mend(text)}"
    if library == "pandas":
        array = _of_pandas(series, dtype)
    elif library == "polars":
        array = series.to_numpy()
    else:
        array = np.asarray(series.to_numpy(zero_copy_only=False))
    if array.dtype.kind in "fiub":
        return array, ""
    if array.dtype == object:
        numbers, other = object_numbers(array)
        if numbers is not None:
            return numbers, ""
        return None, f"{text} that holds {other}; {mend(other)}"
    return None, f"{text}; {mend(array.dtype.name)}"


def _of_pandas(series: Any, dtype: Any) -> Array:
    """Nullable and Arrow's columns come as objects unless they are told otherwise."""
    kind = getattr(dtype, "kind", "O")
    if isinstance(dtype, np.dtype) or kind not in "fiub":
        return np.asarray(series.to_numpy())
    if series.hasnans:
        return np.asarray(series.to_numpy(np.float64, na_value=np.nan))
    plain = getattr(dtype, "numpy_dtype", None)
    return np.asarray(series.to_numpy(plain) if isinstance(plain, np.dtype) else series.to_numpy())
