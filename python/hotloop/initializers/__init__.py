"""Initial values of weights: Keras's classes, formulas and defaults.

An initializer is called with a shape and a NumPy generator and returns float32. With ``seed=`` it draws from
a generator of its own instead, so that every call gives the same values.
"""

from __future__ import annotations

from typing import Any

from hotloop.core import serialization
from hotloop.core.naming import public_names, snake_case
from hotloop.initializers.base import INITIALIZERS, Initializer
from hotloop.initializers.constant import Constant, Identity, Ones, Zeros
from hotloop.initializers.random import Orthogonal, RandomNormal, RandomUniform, TruncatedNormal
from hotloop.initializers.scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "get",
    "serialize",
]


def __dir__() -> list[str]:
    return public_names(globals())


CLASSES = INITIALIZERS.classes
_ALIASES: dict[str, type[Initializer]] = {
    **{snake_case(name): kind for name, kind in CLASSES.items()},
    "uniform": RandomUniform,
    "normal": RandomNormal,
    "xavier_uniform": GlorotUniform,
    "xavier_normal": GlorotNormal,
}


def get(identifier: Any) -> Initializer:
    """Resolve a name, a class, a :func:`serialize` dict or an initializer.

    Raises
    ------
    ValueError
        For an unknown name; the nearest known one is named.

    Examples
    --------
    >>> get("he_normal")
    HeNormal(seed=None)
    """
    found: Initializer = serialization.resolve(INITIALIZERS, identifier, _ALIASES)
    return found


def serialize(initializer: Initializer) -> dict[str, Any]:
    """Return what :func:`get` turns back into the same initializer.

    Examples
    --------
    >>> serialize(Constant(0.5))
    {'class_name': 'Constant', 'config': {'value': 0.5}}
    """
    return serialization.serialize(initializer)
