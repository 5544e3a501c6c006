"""Optimizers: Keras's classes, arguments and defaults; one native pass over the arena applies them.

The objects here only hold the numbers and the state arrays. The formulas stand at the native kernel.
"""

from __future__ import annotations

from typing import Any

from hotloop import schedules
from hotloop.core import serialization
from hotloop.core.naming import public_names
from hotloop.optimizers.adaptive import Adam, AdamW, RMSprop
from hotloop.optimizers.base import OPTIMIZERS, Optimizer
from hotloop.optimizers.sgd import SGD, GradientDescent

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "GradientDescent",
    "Optimizer",
    "RMSprop",
    "get",
    "schedules",
    "serialize",
]


def __dir__() -> list[str]:
    return public_names(globals())


CLASSES = OPTIMIZERS.classes
_ALIASES: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "gradient_descent": GradientDescent,
    "gradientdescent": GradientDescent,
    "gd": GradientDescent,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
}


def get(identifier: Any) -> Optimizer:
    """Resolve a name, a class, a :func:`serialize` dict or an optimizer.

    Raises
    ------
    ValueError
        For an unknown name; the nearest known one is named.

    Examples
    --------
    >>> get("adam").learning_rate
    0.001
    """
    found: Optimizer = serialization.resolve(OPTIMIZERS, identifier, _ALIASES)
    return found


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """Return what :func:`get` turns back into the same optimizer, its state apart.

    Examples
    --------
    >>> get(serialize(SGD(0.5))).learning_rate
    0.5
    """
    return serialization.serialize(optimizer)
