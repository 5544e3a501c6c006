"""Softmax and cross-entropy in one pass, with the gradient."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hotloop.core.errors import bad_value, number
from hotloop.device import HOST, adopt, to_host
from hotloop.kernels import operands
from hotloop.kernels.operands import HOST_TYPES

F32 = npt.NDArray[np.float32]


def softmax_cross_entropy(
    logits: npt.ArrayLike,
    labels: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    label_smoothing: float = 0.0,
) -> tuple[F32, F32]:
    """Return each row's cross-entropy and its gradient with respect to the logits.

    ``loss = log(sum(exp(x))) * sum(y) - sum(y * x)`` and ``gradient = softmax(x) * sum(y) - y``, both times
    the row's weight; no logarithm of a rounded-off probability is taken.

    Parameters
    ----------
    logits : array_like of float32, shape (rows, classes)
        Strided and read-only arrays are right; a contiguous one is not copied.
    labels : array_like of int, shape (rows,), or of float32, shape (rows, classes)
        A class's number from 0, or its weight in each row (one-hot).
    sample_weight : array_like of float32, shape (rows,), optional
        All ones if not given.
    label_smoothing : float
        From 0 to 1: this much of every row of one-hot labels is spread over all classes.

    Returns
    -------
    losses : ndarray of float32, shape (rows,)
    gradient : ndarray of float32, shape (rows, classes)
        Of the sum of the losses.

    Raises
    ------
    TypeError
        An operand is not numeric, or labels of one dimension are not integers.
    ValueError
        Shapes do not fit together, a label is out of range, or label_smoothing is used with numbered classes.

    Examples
    --------
    >>> losses, gradient = softmax_cross_entropy([[0.0, 0.0]], [1])
    >>> losses, gradient
    (array([0.6931472], dtype=float32), array([[ 0.5, -0.5]], dtype=float32))
    """
    where = (
        HOST
        if type(logits) in HOST_TYPES and type(labels) in HOST_TYPES and type(sample_weight) in HOST_TYPES
        else operands.common_device(logits=logits, labels=labels, sample_weight=sample_weight)
    )
    x = operands.matrix("logits", logits, np.float32, where)
    smoothing = number("label_smoothing", label_smoothing, at_least=0, at_most=1)
    weight = (
        None
        if sample_weight is None
        else operands.vector("sample_weight", sample_weight, np.float32, len(x), where=where)
    )
    given = np.asarray(labels) if where is HOST else adopt(labels)
    if (given.ndim if hasattr(given, "ndim") else np.ndim(given)) == 1:
        kind, target = "sparse_categorical_crossentropy", where.upload(_numbered(to_host(given), *x.shape))
        if smoothing:
            raise bad_value(
                "label_smoothing", "0 with numbered classes", label_smoothing, "pass one-hot labels"
            )
    else:
        kind, target = "categorical_crossentropy", operands.matrix("labels", labels, np.float32, where)
        if target.shape != x.shape:
            raise bad_value("labels", f"shape {x.shape} or ({len(x)},)", f"an array of shape {target.shape}")
    losses, gradient = where.empty(len(x)), where.empty(x.shape)
    where.native.loss(kind, x, target, weight, losses, gradient, from_logits=True, label_smoothing=smoothing)
    return losses, gradient


def _numbered(labels: npt.NDArray[np.generic], rows: int, classes: int) -> npt.NDArray[np.int32]:
    if labels.shape != (rows,):
        raise bad_value("labels", f"shape ({rows},)", f"an array of shape {labels.shape}")
    if labels.dtype.kind not in "iu" and labels.size:
        mend = "convert them to int32, or pass one-hot rows"
        raise TypeError(f"labels: expected integers, got an array of dtype {labels.dtype}; {mend}")
    numbers = np.ascontiguousarray(labels, np.int32)
    if labels.dtype != np.int32 and not np.array_equal(numbers, labels):
        raise bad_value("labels", f"0 to {classes - 1}", f"{labels.min()} to {labels.max()}")
    return numbers
