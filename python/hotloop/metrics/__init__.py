"""Metrics over a whole set, exact, with Keras's names and scikit-learn's numbers.

A metric is an object without state, called on all targets and predictions at once; training records every
row's prediction, so that nothing has to be averaged over batches.
"""

from __future__ import annotations

from typing import Any

from hotloop import losses
from hotloop.core import errors, serialization
from hotloop.core.custom_objects import missing, named
from hotloop.core.naming import public_names
from hotloop.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from hotloop.metrics.base import METRICS, FunctionMetric, LossMetric, Metric, require_call
from hotloop.metrics.classification import F1Score, Precision, Recall
from hotloop.metrics.confusion import ConfusionMatrix, confusion_matrix
from hotloop.metrics.ranking import AUC
from hotloop.metrics.regression import MeanAbsoluteError, MeanSquaredError, R2Score, RootMeanSquaredError

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "ConfusionMatrix",
    "F1Score",
    "FunctionMetric",
    "LossMetric",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Metric",
    "Precision",
    "R2Score",
    "Recall",
    "RootMeanSquaredError",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "confusion_matrix",
    "get",
    "resolve",
    "serialize",
]


def __dir__() -> list[str]:
    return public_names(globals())


CLASSES = METRICS.classes
_CROSSENTROPIES = (
    losses.BinaryCrossentropy,
    losses.CategoricalCrossentropy,
    losses.SparseCategoricalCrossentropy,
)
_ALIASES: dict[str, type[Metric]] = {
    **{kind().name: kind for kind in CLASSES.values()},
    "acc": Accuracy,
    "f1": F1Score,
    "roc_auc": AUC,
    "mse": MeanSquaredError,
    "rmse": RootMeanSquaredError,
    "mae": MeanAbsoluteError,
    "r2": R2Score,
}


def get(identifier: Any) -> Metric:
    """Resolve a name, a class, a :func:`serialize` dict, a metric, a loss or a function.

    A name becomes the metric's name in the logs, as in Keras. Names of losses give their mean.

    Parameters
    ----------
    identifier : str, dict, Metric, Loss or callable
        A callable is ``(y_true, y_pred) -> one value a row``.

    Raises
    ------
    ValueError
        For an unknown name; the nearest known one is named.

    Examples
    --------
    >>> get("mae")
    MeanAbsoluteError(name='mae')
    """
    identifier = named(identifier)
    if isinstance(identifier, str):
        key = identifier if identifier in CLASSES else identifier.lower()
        if key in CLASSES:
            return CLASSES[key]()
        if key in _ALIASES:
            return _ALIASES[key](name=key)
        if key == "average_precision":
            return AUC("PR", name=key)
        if key in losses.ALIASES:
            return LossMetric(losses.get(key), name=key)
        raise missing("metric", identifier, [*_ALIASES, "average_precision", *losses.ALIASES])
    if isinstance(identifier, losses.Loss):
        return LossMetric(identifier)
    if isinstance(identifier, Metric | type | dict):
        if isinstance(identifier, type) and not issubclass(identifier, Metric):
            raise errors.class_given("metric", identifier, "Metric")
        found: Metric = serialization.resolve(METRICS, identifier)
        require_call(found)
        return found
    if callable(identifier):
        return FunctionMetric(identifier)
    raise errors.bad_type("metric", "a name, a metric, a loss or a function", identifier)


def resolve(identifier: Any, loss: losses.Loss, outputs: int) -> Metric:
    """Resolve a metric for a model: what "accuracy" and "crossentropy" mean, and what predictions are, the
    loss and the outputs say.

    Parameters
    ----------
    identifier : str, dict, Metric, Loss or callable
        As for :func:`get`.
    loss : Loss
        What the model is trained with.
    outputs : int
        The size of the predictions' last axis.

    Returns
    -------
    Metric
        For "accuracy" (or "acc") the binary one for a single output or a binary loss, else the categorical
        or sparse categorical one. For "crossentropy" (or "ce"), and for a cross-entropy by its name, the one
        that takes logits where the loss does. Every metric knows from :meth:`Metric.for_loss` where
        predictions are cut: at 0 where they are margins or logits.

    Examples
    --------
    >>> resolve("acc", losses.get("sparse_categorical_crossentropy"), outputs=10)
    SparseCategoricalAccuracy(name='acc')
    """
    key = identifier.lower() if isinstance(identifier, str) else None
    sparse = loss.targets == "sparse"
    binary = not sparse and (outputs == 1 or loss.answers == "each")
    if key in ("accuracy", "acc"):
        if binary:
            return BinaryAccuracy(name=key).for_loss(loss)
        return SparseCategoricalAccuracy(key) if sparse else CategoricalAccuracy(key)
    kind: type[losses.Loss] | None = losses.ALIASES.get(key) if key is not None else None
    if key in ("crossentropy", "ce"):
        if sparse:
            kind = losses.SparseCategoricalCrossentropy
        else:
            kind = losses.BinaryCrossentropy if binary else losses.CategoricalCrossentropy
    if kind is not None and issubclass(kind, _CROSSENTROPIES):
        return LossMetric(kind(bool(loss.options["from_logits"])), name=key)
    return get(identifier).for_loss(loss)


def serialize(metric: Metric) -> dict[str, Any]:
    """Return what :func:`get` turns back into the same metric.

    Examples
    --------
    >>> serialize(get("mae"))
    {'class_name': 'MeanAbsoluteError', 'config': {'name': 'mae'}}
    """
    return serialization.serialize(metric)
