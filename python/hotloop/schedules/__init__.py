"""Learning rates as functions of the step: Keras's classes and formulas, and a few more.

A schedule is called with a step or an array of steps (counted from 0) and returns as many learning rates, in
double.
"""

from hotloop.core.naming import public_names
from hotloop.schedules.base import SCHEDULES, LearningRateSchedule
from hotloop.schedules.cosine import CosineDecay, CosineDecayRestarts
from hotloop.schedules.decay import (
    Constant,
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
    StepDecay,
)
from hotloop.schedules.lookup import get, serialize
from hotloop.schedules.warmup import LinearWarmup, OneCycle

__all__ = [
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


CLASSES = SCHEDULES.classes
