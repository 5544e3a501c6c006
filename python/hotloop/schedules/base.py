"""What all schedules have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop import errors

Steps = npt.NDArray[np.float64]


class LearningRateSchedule:
    """Base class: ``rates`` maps an array of steps to learning rates."""

    name: str | None = None

    def __call__(self, step: npt.ArrayLike) -> Any:
        """Return the learning rate at a step (a float), or at each of an array of steps (an array)."""
        steps = np.asarray(step, dtype=np.float64)
        rates = np.asarray(self.rates(np.atleast_1d(steps)), dtype=np.float64)
        return rates.reshape(steps.shape) if steps.ndim else float(rates[0])

    def rates(self, steps: Steps) -> Steps:
        """Return the learning rates of an array of steps; for a subclass to write."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            key: errors.serialize(value) if isinstance(value, LearningRateSchedule) else value
            for key, value in vars(self).items()
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LearningRateSchedule:
        """Build it from what :meth:`get_config` gave."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"

    def _number(self, key: str, value: Any, **bounds: float) -> float:
        return errors.number(f"{type(self).__name__}: {key}", value, **bounds)
