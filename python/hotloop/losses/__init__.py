"""Losses: Keras's classes, formulas and defaults, here in double on NumPy arrays.

Training runs the native kernels of the same formulas. Predictions are ``(..., outputs)`` and a loss gives one
value for each row, the mean (or the sum, where the formula says so) over the last axis. Calling a loss gives
the mean over the rows, each times its sample weight, or what its ``reduction`` says.

A Python function ``(y_true, y_pred)``, and a subclass of :class:`Loss` that has a ``call``, are losses too,
written with :mod:`hotloop.ops`: see :class:`FunctionLoss`.
"""

from __future__ import annotations

from typing import Any

from hotloop.core import serialization
from hotloop.core.custom_objects import named
from hotloop.core.errors import bad_type, class_given
from hotloop.core.naming import public_names
from hotloop.losses.base import LOSSES, Loss
from hotloop.losses.classification import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    Hinge,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from hotloop.losses.function import FunctionLoss
from hotloop.losses.regression import (
    HalfSquaredError,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
)

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "FunctionLoss",
    "HalfSquaredError",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "get",
    "serialize",
]


def __dir__() -> list[str]:
    return public_names(globals())


CLASSES = LOSSES.classes
ALIASES: dict[str, type[Loss]] = {
    **{kind.native: kind for kind in CLASSES.values()},
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "bce": BinaryCrossentropy,
    "kld": KLDivergence,
    "kullback_leibler_divergence": KLDivergence,
    "logcosh": LogCosh,
}


def get(identifier: Any) -> Loss:
    """Resolve a name, a class, a :func:`serialize` dict, a loss or a function.

    Raises
    ------
    ValueError
        For an unknown name; the nearest known one is named.
    TypeError
        For anything else, and a subclass of :class:`Loss` that has no ``call``.

    Examples
    --------
    >>> get("mse")
    MeanSquaredError(name='mean_squared_error')
    """
    identifier = named(identifier)
    if callable(identifier) and not isinstance(identifier, Loss | type):
        return FunctionLoss(identifier)
    if isinstance(identifier, type) and not issubclass(identifier, Loss):
        raise class_given("loss", identifier, "Loss")
    found: Loss = serialization.resolve(LOSSES, identifier, ALIASES)
    if not (found.native or found.is_traced):
        mend = "write it with hotloop.ops"
        raise bad_type(f"loss {found.name!r}", "a class with call(self, y_true, y_pred)", found, mend)
    return found


def serialize(loss: Loss) -> dict[str, Any]:
    """Return what :func:`get` turns back into the same loss.

    Examples
    --------
    >>> serialize(Huber(delta=2.0))
    {'class_name': 'Huber', 'config': {'name': 'huber', 'delta': 2.0}}
    """
    return serialization.serialize(loss)
