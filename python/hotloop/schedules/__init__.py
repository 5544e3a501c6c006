"""Learning rates as functions of the step: Keras's classes and formulas, and a few more.

A schedule is called with a step or an array of steps (counted from 0) and returns as many learning rates, in
double.
"""

from __future__ import annotations

from typing import Any

from hotloop.core import errors, serialization
from hotloop.core.naming import public_names
from hotloop.schedules.base import LearningRateSchedule
from hotloop.schedules.cosine import CosineDecay, CosineDecayRestarts
from hotloop.schedules.decay import (
    Constant,
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
    StepDecay,
)
from hotloop.schedules.warmup import LinearWarmup, OneCycle

__all__ = [
    "CLASSES",
    "Constant",
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "LinearWarmup",
    "OneCycle",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "StepDecay",
    "get",
    "serialize",
]


def __dir__() -> list[str]:
    return public_names(globals())


CLASSES: dict[str, type[LearningRateSchedule]] = {
    kind.__name__: kind
    for kind in (
        Constant,
        StepDecay,
        PiecewiseConstantDecay,
        ExponentialDecay,
        InverseTimeDecay,
        PolynomialDecay,
        CosineDecay,
        CosineDecayRestarts,
        LinearWarmup,
        OneCycle,
    )
}


def get(identifier: Any) -> LearningRateSchedule:
    """Resolve a number (a constant), a :func:`serialize` dict or a schedule.

    Raises
    ------
    ValueError
        For an unknown class name; the nearest known one is named.
    TypeError
        For anything else.

    Examples
    --------
    >>> get(0.1)(7)
    0.1
    """
    if isinstance(identifier, dict | LearningRateSchedule):
        found: LearningRateSchedule = serialization.resolve(
            "schedule", LearningRateSchedule, CLASSES, identifier
        )
        return found
    return Constant(errors.number("learning rate", identifier, at_least=0))


def serialize(schedule: LearningRateSchedule) -> dict[str, Any]:
    """Return what :func:`get` turns back into the same schedule.

    Examples
    --------
    >>> serialize(Constant(0.1))
    {'class_name': 'Constant', 'config': {'learning_rate': 0.1, 'name': None}}
    """
    return serialization.serialize(schedule)
