"""What users give as data, brought to the arrays that programs read: checked once, copied only if need be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop import _native, device
from hotloop.core.errors import bad_type, bad_value
from hotloop.feed.elements import mend, object_numbers, require_known
from hotloop.feed.frames import Columns, column_names, frame_array, library_of
from hotloop.graph.parameters import Shape

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
Predicted = Floats | Any  # an array; where there are several outputs a list of them, on a GPU CuPy's

LET_IN = "let them in by allow_nonfinite=True, of compile, fit, freeze and a quantised model's predict"


def as_array(what: str, value: Any, columns: Columns | None = None) -> Array:
    """Return anything that is an array of numbers, or a list of some, as a NumPy array of a numeric dtype.

    What lies on a GPU stays there, as CuPy's array of the same memory. ``columns`` are the names by which a
    frame's are put in order.

    Raises
    ------
    TypeError
        For texts, dates, complex numbers, sparse matrices, objects that are no arrays and whatever else holds
        no real numbers.
    ValueError
        When rows differ in length, or a frame has other columns.
    """
    if type(value) is np.ndarray and value.dtype.kind in "fiub":
        return value
    if value is None:
        raise bad_type(what, "an array", value)
    value = device.adopt(value)
    if library_of(value) is not None:
        return frame_array(what, value, columns)
    require_known(what, value)
    try:
        array = value if type(value) is np.ndarray or device.on_gpu(value) else np.asarray(value)
    except (RuntimeError, TypeError, ValueError) as error:
        kind = ValueError if isinstance(error, ValueError) else TypeError
        text = f"{what}: expected an array, got {type(value).__name__} that is none ({error})"
        raise kind(text) from None
    if array is not value and isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise bad_value(what, "an array without masked entries", "masked ones", "fill them: x.filled(0)")
    if array.dtype.kind in "fiub":
        return array
    other = ""
    if array.dtype == object:
        numbers, other = object_numbers(array)
        if numbers is not None:
            return numbers
    raise TypeError(
        f"{what}: expected real numbers, got {type(value).__name__} of {array.dtype}"
        f"{f' that holds {other}' if other else ''}; {mend(other or array.dtype.name)}".rstrip("; ")
    )


def require_here(what: str, array: Array, where: device.Host) -> None:
    """Refuse an array on the GPU for a model that is not there; what lies on the host can always be uploaded.

    Raises
    ------
    TypeError
        Saying how to bring the two together.
    """
    if where is device.HOST and device.on_gpu(array):
        raise TypeError(
            f"{what}: expected an array in the CPU's memory, where the model is, got an array on a GPU; "
            "move it with cupy.asnumpy, or the model with model.device = 'cuda'"
        )


def as_floats(what: str, array: Array) -> Floats:
    """Return float32 and C-contiguous, itself when it is that already; on the device where it is."""
    if array.dtype == np.float32:
        return contiguous(array)
    with np.errstate(over="ignore"):
        if type(array) is np.ndarray:
            return np.ascontiguousarray(array, np.float32)
        return contiguous(array.astype(np.float32, order="C"))


def contiguous(array: Array) -> Array:
    """Return it C-contiguous, on the device where it is."""
    if type(array) is not np.ndarray and device.on_gpu(array):
        made: Array = device.gpu().contiguous(array)
        return made
    return np.ascontiguousarray(array)


def require_finite(what: str, array: Floats, allow_nonfinite: bool, columns: Columns | None = None) -> None:
    """Refuse NaN and infinity, naming the place, and the column of a frame.

    Raises
    ------
    ValueError
        When there is one and ``allow_nonfinite`` is False.
    """
    if allow_nonfinite:
        return
    native = _native if type(array) is np.ndarray else device.backend_of(array).native
    if native.all_finite(array):
        return
    array = device.to_host(array)
    place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    if columns is not None:
        row, column = place
        raise bad_value(
            f"{what}: column {columns[column]!r}",
            "finite numbers",
            f"{array[place]} in row {row}",
            f"fill what is missing (fillna) or drop its rows (dropna), or {LET_IN}",
        )
    raise bad_value(
        what,
        "finite numbers",
        f"{array[place]} at index {place}",
        f"clean the data or {LET_IN}",
    )


def input_array(
    what: str,
    value: Any,
    shape: Shape,
    allow_nonfinite: bool,
    where: device.Host = device.HOST,
    columns: Columns | None = None,
) -> Array:
    """Return one input as (rows, features), float32 or uint8, C-contiguous.

    uint8 stays as it is; booleans, integers and other floats become float32. Where one sample is one number,
    an array of shape (rows,) will do. For a model that is on a GPU (``where``) it may lie there as well. A
    frame's columns are put in the order of ``columns``, where these are known.

    Raises
    ------
    ValueError, TypeError
        For another shape, no rows, no numbers, NaN or infinity.
    """
    array = as_array(what, value, columns)
    if type(array) is not np.ndarray:
        require_here(what, array, where)
    if shape == (1,) and array.ndim == 1:
        array = array[:, None]
    if array.ndim == 0 or array.shape[1:] != shape:
        expected = f"shape ({', '.join(['rows', *map(str, shape)])})"
        mend = ""
        if array.shape == shape:
            mend = "one sample needs a batch axis: x[None]"
        elif array.ndim > 1 and math.prod(array.shape[1:]) == math.prod(shape):
            mend = "reshape it, or begin the model with a Flatten or Reshape layer"
        raise bad_value(what, expected, f"shape {array.shape}", mend)
    if array.shape[0] == 0:
        raise bad_value(what, "at least one row", "none")
    if array.dtype == np.uint8:
        return contiguous(array).reshape(array.shape[0], -1)
    floats = as_floats(what, array)
    require_finite(what, floats, allow_nonfinite, _names_of(value, columns) if floats.ndim == 2 else None)
    return floats.reshape(array.shape[0], -1)


def _names_of(value: Any, columns: Columns | None) -> Columns | None:
    """The names of the columns of what became an array, in its order; None where they have none."""
    given = None if type(value) is np.ndarray else column_names(value)
    return columns if given is not None and columns is not None and set(given) == set(columns) else given


def split_by_name(what: str, value: Any, names: Sequence[str], shapes: Sequence[Shape]) -> list[Any]:
    """Return what was given for several inputs or outputs in the order of ``names``.

    One name takes the value itself, or a list or dict of one; several take a list, a tuple or a dict.

    Raises
    ------
    ValueError
        When names are missing or unknown, or the number is another one.
    """
    if isinstance(value, Mapping):
        unknown = [key for key in value if key not in names]
        missing = [name for name in names if name not in value]
        if unknown or missing:
            raise bad_value(what, f"a dict with the keys {list(names)}", f"{list(value)}")
        return [value[name] for name in names]
    if len(names) == 1:
        wrapped = isinstance(value, list | tuple) and len(value) == 1
        return [value[0] if wrapped and len(getattr(value[0], "shape", ())) == len(shapes[0]) + 1 else value]
    if not isinstance(value, list | tuple) or len(value) != len(names):
        got = f"{len(value)}" if isinstance(value, list | tuple) else type(value).__name__
        raise bad_value(what, f"a list of {len(names)} arrays, for {', '.join(names)}", got)
    return list(value)


def input_arrays(
    value: Any,
    names: Sequence[str],
    shapes: Sequence[Shape],
    allow_nonfinite: bool,
    label: str = "",
    where: device.Host = device.HOST,
    columns: Sequence[Columns | None] | None = None,
) -> list[Array]:
    """Return all inputs as programs read them: see :func:`split_by_name` and :func:`input_array`.

    ``label`` stands in front of their names in messages; ``columns`` has an entry for each input.
    """
    given = split_by_name(f"{label}x", value, names, shapes)
    arrays = {}
    for i, (name, array, shape) in enumerate(zip(names, given, shapes, strict=True)):
        what = f"{label}x" if len(names) == 1 else f"{label}x[{name!r}]"
        arrays[what] = input_array(
            what, array, shape, allow_nonfinite, where, None if columns is None else columns[i]
        )
    require_same_rows(arrays)
    return list(arrays.values())


def output_arrays(
    out: Any, names: Sequence[str], shapes: Sequence[Shape], inputs: Sequence[Array]
) -> list[Floats]:
    """Return the arrays that results go to, checked; of the kind that the inputs are.

    Raises
    ------
    TypeError
        When one is no float32 array, or lies elsewhere than the inputs.
    ValueError
        When there are more or fewer than outputs, when one has another shape, is read-only or not
        C-contiguous, or shares memory with an input or another output.
    """
    rows = inputs[0].shape[0]
    wanted = [(rows, *shape) for shape in shapes]
    given = [out] if len(names) == 1 and _is_array(out) else out
    if not isinstance(given, list | tuple) or len(given) != len(names):
        expected = "an array" if len(names) == 1 else f"a list of {len(names)} arrays"
        raise bad_type("out", expected, out)
    there = any(device.on_gpu(array) for array in inputs)
    for i, (name, array, shape) in enumerate(zip(names, given, wanted, strict=True)):
        what = "out" if len(names) == 1 else f"out[{name!r}]"
        if not _is_array(array) or array.dtype != np.float32:
            kind = array.dtype if _is_array(array) else type(array).__name__
            raise TypeError(f"{what}: expected a float32 array, got {kind}")
        if device.on_gpu(array) != there:
            places = ("in the CPU's memory", "on the GPU")
            mend = "cupy.empty" if there else "numpy.empty"
            raise TypeError(
                f"{what}: expected an array {places[there]}, where the inputs are, got one "
                f"{places[not there]}; make it with {mend}, or move the inputs"
            )
        if array.shape != shape:
            raise bad_value(what, f"shape {shape}", f"shape {array.shape}")
        require_writable(what, array)
        others = [other for other in [*inputs, *given[:i]] if device.on_gpu(other) == there]
        if any(device.backend_of(array).may_share(array, other) for other in others):
            raise bad_value(what, "memory of its own", "an array that overlaps an input or another output")
    return list(given)


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) or device.on_gpu(value)


def require_writable(what: str, array: Array) -> None:
    """Refuse to write what is read-only, strided or misaligned.

    Raises
    ------
    ValueError
        Naming it.
    """
    read_only = not device.on_gpu(array) and not array.flags.writeable
    if not array.flags.c_contiguous or not device.is_aligned(array) or read_only:
        lack = "read-only" if read_only else "not contiguous or not aligned"
        raise bad_value(what, "a writable C-contiguous array", f"one that is {lack}")


def require_same_rows(arrays: Mapping[str, Array]) -> int:
    """Return the number of rows that all arrays have.

    Raises
    ------
    ValueError
        When they differ.
    """
    rows = {name: array.shape[0] if array.ndim else 0 for name, array in arrays.items()}
    if len(set(rows.values())) > 1:
        raise ValueError(
            f"data: expected equally many rows, got {', '.join(f'{n}: {r}' for n, r in rows.items())}"
        )
    return next(iter(rows.values()))
