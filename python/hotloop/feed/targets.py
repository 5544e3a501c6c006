"""Labels and weights, brought to what a loss takes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hotloop import _native, device
from hotloop.core.errors import bad_type, bad_value
from hotloop.feed.arrays import Array, Floats, as_array, as_floats, require_finite
from hotloop.graph.parameters import Shape
from hotloop.losses.rows import classes, match_rank

if TYPE_CHECKING:
    from hotloop.losses import Loss

PROBABILITIES = ("binary_crossentropy", "categorical_crossentropy")


def target_array(what: str, y: Array, loss: Loss, shape: Shape, allow_nonfinite: bool) -> Array:
    """Return labels as the kernel of ``loss`` reads them.

    Parameters
    ----------
    what : str
        For messages.
    y : ndarray, or CuPy's
        Classes of shape (rows, ...) for a sparse loss, where ``shape`` is (..., classes); else numbers of
        shape (rows, *shape), where a last axis of one number may be missing, or
        too many.
    loss : Loss
    shape : tuple of int
        Of one sample of the output.
    allow_nonfinite : bool

    Returns
    -------
    ndarray
        int32 (rows, positions) or float32 (rows, features); the latter on the GPU where the labels are.

    Raises
    ------
    ValueError, TypeError
        For another shape, classes out of range, fractions as classes, NaN or infinity.
    """
    if y.ndim == 0:
        raise bad_value(what, "an array with a row for each sample", "a single number")
    rows = y.shape[0]
    if loss.targets == "sparse":
        y = device.to_host(y)
        if shape and y.shape[1:] == shape[:-1]:
            # Most labels: checked and converted in one pass.
            plain: Array | None = _native.class_numbers(y, shape[-1])
            if plain is not None:
                return plain
        numbers = classes(y, (rows, *shape), what).astype(np.int32)
        return np.ascontiguousarray(numbers).reshape(rows, -1)
    y = match_rank(y, (rows, *shape))
    if y.shape[1:] != shape:
        expected = f"shape {shape_of_rows(shape)}, as the output has"
        mend = ""
        if loss.native == "categorical_crossentropy" and y.ndim == len(shape):
            mend = "integer classes go with sparse_categorical_crossentropy"
        raise bad_value(what, expected, f"shape {y.shape}", mend)
    floats = as_floats(what, loss.prepare(y))
    require_finite(what, floats, allow_nonfinite)
    if loss.native in PROBABILITIES and rows:
        low, high = device.backend_of(floats).native.min_max(floats)
        if low < 0 or high > 1:
            raise bad_value(what, f"labels from 0 to 1 for {loss.name}", f"{low:g} to {high:g}")
    return floats.reshape(rows, math.prod(shape))


def label_array(what: str, y: Array, labels: Shape, shape: Shape, allow_nonfinite: bool) -> Floats:
    """Return labels as a loss reads them that is written with hotloop.ops: float32 (rows, numbers).

    Parameters
    ----------
    what, y, allow_nonfinite
        As for :func:`target_array`.
    labels, shape : tuple of int
        Of one sample of the labels that the loss was first called for, and of the output.

    Raises
    ------
    ValueError, TypeError
        For another shape, NaN or infinity.
    """
    y = match_rank(y, (y.shape[0], *shape))
    if y.shape[1:] != labels:
        expected = f"shape {shape_of_rows(labels)}, as the first labels had"
        raise bad_value(what, expected, f"shape {y.shape}", "compile anew for labels of another shape")
    floats = as_floats(what, y)
    require_finite(what, floats, allow_nonfinite)
    return floats.reshape(y.shape[0], math.prod(labels))


def shape_of_rows(sample: Shape) -> str:
    """How messages show the shape of rows, of which there may be any number.

    >>> shape_of_rows(()), shape_of_rows((3, 2))
    ('(rows,)', '(rows, 3, 2)')
    """
    return f"({', '.join(['rows', *map(str, sample)])}{'' if sample else ','})"


def class_numbers(y: Array, loss: Loss) -> npt.NDArray[np.int64]:
    """Return the class of each row, for class weights.

    Raises
    ------
    ValueError
        Where a row has no class, or several: labels of several outputs are one-hot rows, or, for a loss of
        one class of several, distributions with one largest entry; others are whole numbers.
    """
    mend = "give each row its weight with sample_weight"
    if y.ndim > 1 and y.shape[-1] > 1:
        largest = y.max(axis=-1, keepdims=True)
        one = np.count_nonzero(y == largest, axis=-1) == 1
        if loss.answers != "one":
            one &= (largest[:, 0] == 1) & (np.count_nonzero(y, axis=-1) == 1)
        if not one.all():
            got = f"row {int(np.argmin(one))} with several, none, or numbers that are no classes"
            raise bad_value("class_weight", f"labels of one class a row for {loss.name}", got, mend)
        return np.asarray(y.argmax(axis=-1))
    numbers = y.reshape(y.shape[0], -1)[:, 0]
    if y.dtype.kind == "f" and not np.array_equal(numbers, np.rint(numbers)):
        raise bad_value("class_weight", "whole class numbers as labels", "fractions", mend)
    return numbers.astype(np.int64)


def class_weights(class_weight: Any, y: Array, shape: Shape, loss: Loss) -> npt.NDArray[np.float64]:
    """Return a weight for each row by its class; a class that is not named weighs 1.

    Raises
    ------
    TypeError, ValueError
        When it is no dict of class numbers to weights, a class does not exist, or a row has not just one.
    """
    if not isinstance(class_weight, Mapping):
        raise bad_type("class_weight", "a dict of class number to weight", class_weight)
    if y.ndim > 2 or (y.ndim == 2 and y.shape[1] != 1 and y.shape[1:] != shape):
        raise bad_value(
            "class_weight", "one label a sample", f"y of shape {y.shape}", "use sample_weight instead"
        )
    count = max(shape[-1] if shape else 1, 2)
    table = np.ones(count)
    for key, value in class_weight.items():
        if isinstance(key, bool) or not isinstance(key, int | np.integer) or not 0 <= key < count:
            raise bad_value("class_weight", f"class numbers from 0 to {count - 1} as keys", repr(key))
        try:
            with np.errstate(over="ignore"):
                table[key] = np.float32(value)
        except (TypeError, ValueError):
            raise bad_type(f"class_weight[{key}]", "a number", value) from None
        if not 0 <= table[key] < math.inf:
            raise bad_value(f"class_weight[{key}]", "a finite number of at least 0", value)
    numbers = class_numbers(y, loss)
    if numbers.size and (numbers.min() < 0 or numbers.max() >= count):
        got = f"{numbers.min()} to {numbers.max()}"
        mend = "give each row its weight with sample_weight"
        raise bad_value("class_weight", f"labels from 0 to {count - 1}", got, mend)
    return table[numbers]


def sample_weights(
    what: str, sample_weight: Any, rows: int, names: Sequence[str], positions: Sequence[Shape]
) -> list[Floats]:
    """Return the weights of each output that has a loss; none at all when none are given.

    Parameters
    ----------
    what : str
        For messages.
    sample_weight : array_like, or a list or dict of them
        One for all outputs, or one for each, where None stands for ones.
    rows : int
    names, positions : of those outputs
        The latter are the shapes of one sample's weights, where it may have several.

    Returns
    -------
    list of float32 ndarray
        (rows,), or with a weight for each position of an output, (rows, *positions).

    Raises
    ------
    ValueError, TypeError
        For another shape or an unknown output, and where one is NaN or infinite.
    """
    if sample_weight is None:
        return []
    if isinstance(sample_weight, Mapping):
        unknown = [name for name in sample_weight if name not in names]
        if unknown:
            raise bad_value(what, f"the outputs {list(names)} as keys", repr(unknown[0]))
        given = [sample_weight.get(name) for name in names]
    elif _is_one_each(sample_weight, len(names)):
        given = list(sample_weight)
    else:
        given = [sample_weight] * len(names)
    made: dict[tuple[int, Shape], Floats] = {}  # what is given for all outputs is looked at once
    weights = []
    for name, places, one in zip(names, positions, given, strict=True):
        key = id(one), places
        if key not in made:
            text = what if one is sample_weight or len(names) == 1 else f"{what}[{name!r}]"
            made[key] = np.ones(rows, np.float32) if one is None else _weights(text, one, rows, places)
        weights.append(made[key])
    return weights


def _is_one_each(given: Any, outputs: int) -> bool:
    """Whether it is a list of weights for each output, not a list of numbers."""
    if not isinstance(given, list | tuple) or len(given) != outputs:
        return False
    kinds = (list, tuple) if outputs > 1 else ()
    return all(one is None or isinstance(one, kinds) or getattr(one, "ndim", 0) > 0 for one in given)


def _weights(what: str, given: Any, rows: int, positions: Shape) -> Floats:
    array = device.to_host(as_array(what, given))
    if array.ndim > 1 and array.shape[-1] == 1 and array.shape not in ((rows, *positions), (rows,)):
        array = array[..., 0]
    if array.shape not in ((rows,), (rows, *positions)):
        expected = f"shape ({rows},), a weight for each row"
        if positions:
            expected += f", or {(rows, *positions)}, one for each position"
        raise bad_value(what, expected, f"shape {array.shape}")
    floats = as_floats(what, array)
    require_finite(what, floats, False)
    return floats
