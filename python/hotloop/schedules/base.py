"""What all schedules have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.core import errors
from hotloop.core.registry import Family
from hotloop.core.serialization import Configurable

Steps = npt.NDArray[np.float64]


class LearningRateSchedule(Configurable):
    """Base class: ``rates`` maps an array of steps to learning rates.

    Examples
    --------
    >>> import hotloop as hl
    >>> class Halving(hl.schedules.LearningRateSchedule):
    ...     def rates(self, steps):
    ...         return 0.5**steps
    >>> Halving()(2), Halving()([0, 1]).tolist()
    (0.25, [1.0, 0.5])
    """

    name: str | None = None

    def __call__(self, step: npt.ArrayLike) -> Any:
        """Return the learning rate at a step (a float), or at each of an array of steps (an array)."""
        steps = np.asarray(step, dtype=np.float64)
        rates = np.asarray(self.rates(np.atleast_1d(steps)), dtype=np.float64)
        return rates.reshape(steps.shape) if steps.ndim else float(rates[0])

    def rates(self, steps: Steps) -> Steps:
        """Return the learning rates of an array of steps; for a subclass to write."""
        raise NotImplementedError

    def _number(self, key: str, value: Any, **bounds: float) -> float:
        return errors.number(f"{type(self).__name__}: {key}", value, **bounds)


SCHEDULES: Family[LearningRateSchedule] = Family("schedule", LearningRateSchedule)
