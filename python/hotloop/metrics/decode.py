"""From targets and predictions to class numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.core import errors
from hotloop.losses.rows import Doubles, classes, row_weights

Array = npt.NDArray[Any]


@dataclass
class Labels:
    """True and predicted labels of ``m`` rows, with their weights.

    ``true`` and ``predicted`` are class numbers of shape ``(m,)``; or, where a row may have several labels,
    booleans of shape ``(m, count)``. ``undefined`` says of which classes nothing can be said, because
    predictions are NaN.
    """

    true: Array
    predicted: Array
    count: int
    weights: Doubles | None
    undefined: npt.NDArray[np.bool_]

    @property
    def several(self) -> bool:
        """Whether a row may have several labels."""
        return self.true.ndim == 2


def predictions(y_pred: npt.ArrayLike, what: str) -> Array:
    """Return predictions as an array with at least one row, without a last axis of 1."""
    array = np.asarray(y_pred)
    if array.dtype.kind not in "biuf":
        raise errors.bad_type(f"{what}: y_pred", "an array of numbers", y_pred)
    if array.ndim > 1 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim == 0 or array.size == 0:
        raise errors.bad_value(f"{what}: y_pred", "at least one row", f"shape {array.shape}")
    return array


def is_scores(y_pred: npt.ArrayLike) -> bool:
    """Whether predictions have a column for each class; class numbers and binary scores have none."""
    array = np.asarray(y_pred)
    return array.ndim > 1 and array.shape[-1] > 1 and array.dtype.kind == "f"


def has_nan(array: Array) -> bool:
    """Whether something is NaN: then nothing can be said of who is right."""
    return array.dtype.kind == "f" and bool(np.isnan(array.min()))


def argmax(scores: Array) -> Array:
    """Return the first largest column of each row, as class numbers."""
    if scores.shape[-1] == 2:
        return (scores[..., 1] > scores[..., 0]).astype(np.intp)
    return np.asarray(scores.argmax(axis=-1))


def true_classes(y_true: npt.ArrayLike, shape: tuple[int, ...], what: str) -> Array:
    """Return targets as class numbers, for predictions of ``shape`` with a column for each class.

    Targets are class numbers, or one-hot rows of the predictions' shape.
    """
    target = np.asarray(y_true)
    if target.shape == shape and shape[-1] > 1:
        return argmax(target)
    return classes(target, shape, f"{what}: y_true")


def label_columns(target: Array) -> npt.NDArray[np.bool_]:
    """Return which columns are a row's labels.

    A row of zeros and ones, or of -1 and 1, has its ones as labels: several, or none. Any other row is a
    distribution and has one, the first largest; none where a number is NaN.
    """
    yes = target == 1
    known = (yes | (target == 0)).all(axis=-1) | (yes | (target == -1)).all(axis=-1)
    first = np.asarray(target.argmax(axis=-1))[..., None]
    largest = np.take_along_axis(target, first, axis=-1)
    columns = (np.arange(target.shape[-1]) == first) & (largest == largest)
    return np.asarray(np.where(known[..., None], yes, columns))


def single_labels(target: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Return the class of each row, and for which rows only :func:`label_columns` can say it."""
    if target.shape[-1] == 2:
        first, second = target[..., 0], target[..., 1]
        differ = (first > second) | (second > first)  # not where one is NaN
        return argmax(target), ~(differ & ((first > 0) | (second > 0)))
    true = _lone_columns(target)
    if true is not None:
        return true, ~(_at(target, true) > 0)
    true = argmax(target)
    largest = _at(target, true)
    return true, ~(largest > 0) | (np.count_nonzero(target == largest[..., None], axis=-1) != 1)


def _lone_columns(target: Array) -> Array | None:
    """Return the column of each row that is not 0, if each row has just one: quicker than to look for it."""
    filled, columns = target != 0, target.shape[-1]
    if not target.size or np.count_nonzero(filled) * columns != target.size:
        return None
    found = np.flatnonzero(filled) - np.arange(0, target.size, columns)
    if found.min() < 0 or found.max() >= columns:
        return None
    return found.reshape(target.shape[:-1])


def _one_hot_classes(target: Array, shape: tuple[int, ...]) -> Array | None:
    """Return the classes of one-hot rows of ``shape``; None where they are not that."""
    true = _lone_columns(target) if target.shape == shape and len(shape) > 1 else None
    return true if true is not None and (_at(target, true) == 1).all() else None


def _at(columns: Array, numbers: Array) -> Array:
    """Return the column of each row that ``numbers`` says."""
    return np.asarray(np.take_along_axis(columns, numbers[..., None], axis=-1)[..., 0])


def several_labels(target: Array, shape: tuple[int, ...]) -> bool:
    """Whether targets are yes or no of the predictions' ``shape``, and not just one yes in each row."""
    if (
        target.shape != shape
        or len(shape) < 2
        or shape[-1] < 2
        or _one_hot_classes(target, shape) is not None
    ):
        return False
    yes = target == 1
    all_known = (yes | (target == 0)).all() or (yes | (target == -1)).all()
    return bool(all_known and (np.count_nonzero(yes, axis=-1) != 1).any())


def binary_targets(y_true: npt.ArrayLike, shape: tuple[int, ...], what: str) -> npt.NDArray[np.bool_]:
    """Return targets as booleans of ``shape``: they are 0 and 1, or -1 and 1."""
    target = np.asarray(y_true)
    if target.shape != shape and target.shape == (*shape, 1):
        target = target[..., 0]
    if target.shape != shape:
        raise errors.bad_value(f"{what}: y_true", f"shape {shape}", f"{target.shape}")
    if target.dtype == np.bool_:
        return target
    positive = target == 1
    if not (positive | (target == 0)).all() and not (positive | (target == -1)).all():
        raise errors.bad_value(f"{what}: y_true", "labels 0 and 1, or -1 and 1", "others")
    return np.asarray(positive)


def labels(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None,
    threshold: float | None,
    what: str,
    answers: str = "values",
) -> Labels:
    """Decode whatever a classifier gives.

    Parameters
    ----------
    y_true : array_like
        Class numbers of shape ``(n,)`` or ``(n, 1)``, or one-hot rows.
    y_pred : array_like
        Floats ``(n, classes)``: the largest is predicted, or with a ``threshold`` every column above it.
        Floats ``(n,)`` or ``(n, 1)``: class 1 above the threshold (0.5 when None). Integers ``(n,)``: class
        numbers. Axes in between count as rows.
    sample_weight : array_like, optional
    threshold : float, optional
    what : str
        The metric's name, for errors.
    answers : {"values", "each", "one"}
        What the loss says of the columns. Where it says nothing ("values") the targets do: rows of zeros and
        ones of which some do not have exactly one 1 have several labels, each cut at 0.5.
    """
    predicted = predictions(y_pred, what)
    if is_scores(y_pred):
        target = np.asarray(y_true)
        lone = _one_hot_classes(target, predicted.shape) if threshold is None else None
        if threshold is None and lone is None and answers == "values":
            threshold = 0.5 if several_labels(target, predicted.shape) else None
        rows, count = predicted.shape[:-1], predicted.shape[-1]
        weights = row_weights(sample_weight, rows, what)
        flat = None if weights is None else weights.reshape(-1)
        if threshold is not None:
            several = binary_targets(y_true, predicted.shape, what).reshape(-1, count)
            columns = predicted.reshape(-1, count)
            undefined = np.asarray(np.isnan(columns).any(axis=0))
            return Labels(several, columns > threshold, count, flat, undefined)
        true = (true_classes(target, predicted.shape, what) if lone is None else lone).reshape(-1)
        return Labels(true, argmax(predicted).reshape(-1), count, flat, np.full(count, has_nan(predicted)))
    weights = row_weights(sample_weight, predicted.shape, what)
    flat = None if weights is None else weights.reshape(-1)
    if predicted.dtype.kind == "f":
        true = binary_targets(y_true, predicted.shape, what).reshape(-1).astype(np.intp)
        yes = (predicted > (0.5 if threshold is None else threshold)).reshape(-1)
        return Labels(true, yes.astype(np.intp), 2, flat, np.full(2, has_nan(predicted)))
    if predicted.min() < 0:
        raise errors.bad_value(f"{what}: y_pred", "class numbers of at least 0", predicted.min())
    target = np.asarray(y_true)
    largest = target.max() if target.size and target.dtype.kind in "iuf" else 0
    count = max(2, int(predicted.max()) + 1, int(np.nan_to_num(largest)) + 1)
    true = classes(target, (*predicted.shape, count), f"{what}: y_true").reshape(-1)
    return Labels(true, predicted.astype(np.intp).reshape(-1), count, flat, np.zeros(count, np.bool_))
