"""Targets, predictions and weights brought to the shapes that losses and metrics want."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.core import errors

Doubles = npt.NDArray[np.float64]
Array = npt.NDArray[Any]


def align(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, what: str, sparse: bool) -> tuple[Any, Doubles]:
    """Bring targets and predictions to the shapes that the formulas want.

    Parameters
    ----------
    y_true, y_pred : array_like
        Predictions ``(..., outputs)``. Targets of the same shape, or with a last axis of 1 less or more; for
        a ``sparse`` loss integer classes of shape ``(...)`` or ``(..., 1)``.
    what : str
        The loss's or metric's name, for errors.
    sparse : bool
        Whether targets are classes.

    Raises
    ------
    ValueError
        When the shapes do not fit, a class is out of range, or there are no rows.
    """
    predicted = np.asarray(y_pred, dtype=np.float64)
    target = np.asarray(y_true)
    if predicted.ndim == 1 and not sparse:
        predicted = predicted[:, None]
    if predicted.ndim < 1 or predicted.size == 0:
        raise errors.bad_value(f"{what}: y_pred", "at least one row", f"shape {predicted.shape}")
    if sparse:
        return classes(target, predicted.shape, f"{what}: y_true"), predicted
    target = match_rank(target, predicted.shape)
    if target.shape != predicted.shape:
        got = f"{target.shape}"
        mend = "integer classes go with sparse_categorical_crossentropy" if predicted.shape[-1] > 1 else ""
        raise errors.bad_value(f"{what}: y_true", f"shape {predicted.shape} as y_pred", got, mend)
    return target.astype(np.float64), predicted


def like_predictions(target: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Return targets with the last axis that predictions of ``shape`` (..., 1) have, where it is missing.

    ``(n,)`` against ``(n, 1)`` would broadcast to ``(n, n)``.
    """
    return target[..., None] if target.shape == shape[:-1] and shape[-1:] == (1,) else target


def match_rank(target: Array, shape: tuple[int, ...]) -> Array:
    """Return targets of as many axes as predictions of ``shape``, where a last axis of 1 is all that differs.

    Examples
    --------
    >>> match_rank(np.zeros(4), (4, 1)).shape, match_rank(np.zeros((4, 1)), (4,)).shape
    ((4, 1), (4,))
    """
    return target[..., 0] if target.shape == (*shape, 1) else like_predictions(target, shape)


def classes(target: npt.NDArray[Any], predicted_shape: tuple[int, ...], what: str) -> npt.NDArray[np.intp]:
    """Return targets as class numbers of shape ``predicted_shape[:-1]``, checked to be integers in range."""
    if target.shape == (*predicted_shape[:-1], 1):
        target = target[..., 0]
    if target.shape != predicted_shape[:-1]:
        mend = "one-hot labels go with categorical_crossentropy" if target.shape == predicted_shape else ""
        raise errors.bad_value(what, f"shape {predicted_shape[:-1]}", f"{target.shape}", mend)
    if target.dtype.kind not in "iufb":
        raise errors.bad_type(what, "integer classes", target)
    if target.dtype.kind == "f" and not np.array_equal(target, np.rint(target)):
        raise errors.bad_value(what, "whole class numbers", "fractions or NaN")
    if target.size:
        # What target.min() and target.max() call in the end: batches are small.
        low, high = np.minimum.reduce(target, axis=None), np.maximum.reduce(target, axis=None)
        if low < 0 or high >= predicted_shape[-1]:
            got = f"{low} to {high}"
            raise errors.bad_value(what, f"classes from 0 to {predicted_shape[-1] - 1}", got)
    return target.astype(np.intp)


def row_weights(sample_weight: npt.ArrayLike | None, shape: tuple[int, ...], what: str) -> Doubles | None:
    """Return weights that broadcast to the rows' ``shape``; one a sample is spread over its positions.

    Raises
    ------
    ValueError
        When there are not as many weights as rows, or one is NaN or infinite.
    """
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != shape[: weights.ndim] and weights.shape == (*shape, 1):
        weights = weights[..., 0]
    if weights.ndim == 0 or weights.shape != shape[: weights.ndim]:
        raise errors.bad_value(f"{what}: sample_weight", f"shape {shape}", f"{weights.shape}")
    if not np.isfinite(weights).all():
        raise errors.bad_value(f"{what}: sample_weight", "finite numbers", "others")
    return np.broadcast_to(weights.reshape(weights.shape + (1,) * (len(shape) - weights.ndim)), shape)
