"""Schedules by what a user or a file gives for one."""

from __future__ import annotations

from typing import Any

from hotloop.core import errors, serialization
from hotloop.schedules.base import SCHEDULES, LearningRateSchedule
from hotloop.schedules.decay import Constant


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
        found: LearningRateSchedule = serialization.resolve(SCHEDULES, identifier)
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
