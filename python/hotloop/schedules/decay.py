"""Constant, stepwise, exponential, inverse-time and polynomial decay."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hotloop.core import errors
from hotloop.schedules.base import SCHEDULES, LearningRateSchedule, Steps


@SCHEDULES.register
class Constant(LearningRateSchedule):
    """One learning rate for ever.

    Examples
    --------
    >>> Constant(0.1)([0, 5]).tolist()
    [0.1, 0.1]
    """

    def __init__(self, learning_rate: float, name: str | None = None) -> None:
        self.learning_rate = self._number("learning_rate", learning_rate, at_least=0)
        self.name = name

    def rates(self, steps: Steps) -> Steps:
        return np.full(steps.shape, self.learning_rate)


@SCHEDULES.register
class StepDecay(LearningRateSchedule):
    """``initial_learning_rate * factor ** floor(step / step_size)``.

    Examples
    --------
    >>> StepDecay(0.1, step_size=100, factor=0.5)([0, 99, 100]).tolist()
    [0.1, 0.1, 0.05]
    """

    def __init__(
        self, initial_learning_rate: float, step_size: int, factor: float = 0.1, name: str | None = None
    ) -> None:
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate, at_least=0)
        self.step_size = errors.integer("StepDecay: step_size", step_size, at_least=1)
        self.factor = self._number("factor", factor, above=0)
        self.name = name

    def rates(self, steps: Steps) -> Steps:
        return self.initial_learning_rate * self.factor ** np.floor(steps / self.step_size)


@SCHEDULES.register
class PiecewiseConstantDecay(LearningRateSchedule):
    """``values[0]`` up to and including step ``boundaries[0]``, then ``values[1]``, and so on.

    Examples
    --------
    >>> PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1])([10, 11, 21]).tolist()
    [1.0, 0.5, 0.1]
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str | None = None) -> None:
        if len(values) != len(boundaries) + 1:
            got = f"{len(values)} values and {len(boundaries)} boundaries"
            raise errors.bad_value("PiecewiseConstantDecay", "one value more than boundaries", got)
        self.boundaries = [self._number("boundaries", boundary) for boundary in boundaries]
        self.values = [self._number("values", value, at_least=0) for value in values]
        if any(b <= a for a, b in zip(self.boundaries, self.boundaries[1:], strict=False)):
            raise errors.bad_value("PiecewiseConstantDecay: boundaries", "rising numbers", self.boundaries)
        self.name = name

    def rates(self, steps: Steps) -> Steps:
        return np.asarray(self.values)[np.searchsorted(self.boundaries, steps, side="left")]


class _Decay(LearningRateSchedule):
    """What exponential and inverse-time decay have in common: functions of ``step / decay_steps``."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str | None = None,
    ) -> None:
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate, at_least=0)
        self.decay_steps = self._number("decay_steps", decay_steps, above=0)
        self.decay_rate = self._number("decay_rate", decay_rate, at_least=0)
        self.staircase = bool(staircase)
        self.name = name

    def _progress(self, steps: Steps) -> Steps:
        progress = steps / self.decay_steps
        return np.floor(progress) if self.staircase else progress


@SCHEDULES.register
class ExponentialDecay(_Decay):
    """``initial_learning_rate * decay_rate ** (step / decay_steps)``; ``staircase`` rounds the exponent down.

    Examples
    --------
    >>> ExponentialDecay(0.1, 100, 0.5)([0, 100, 200]).tolist()
    [0.1, 0.05, 0.025]
    """

    def rates(self, steps: Steps) -> Steps:
        return self.initial_learning_rate * np.power(self.decay_rate, self._progress(steps))


@SCHEDULES.register
class InverseTimeDecay(_Decay):
    """``initial_learning_rate / (1 + decay_rate * step / decay_steps)``; ``staircase`` floors the quotient.

    Examples
    --------
    >>> InverseTimeDecay(0.1, 10, 1.0)([0, 10]).tolist()
    [0.1, 0.05]
    """

    def rates(self, steps: Steps) -> Steps:
        return self.initial_learning_rate / (1.0 + self.decay_rate * self._progress(steps))


@SCHEDULES.register
class PolynomialDecay(LearningRateSchedule):
    """From the initial to the end learning rate along ``(1 - step / decay_steps) ** power``.

    With ``cycle`` the span is stretched to its next multiple once it is over, so that the rate rises again.

    Examples
    --------
    >>> PolynomialDecay(1.0, 10, end_learning_rate=0.0)([0, 5, 10, 99]).tolist()
    [1.0, 0.5, 0.0, 0.0]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str | None = None,
    ) -> None:
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate, at_least=0)
        self.decay_steps = self._number("decay_steps", decay_steps, above=0)
        self.end_learning_rate = self._number("end_learning_rate", end_learning_rate, at_least=0)
        self.power = self._number("power", power, above=0)
        self.cycle = bool(cycle)
        self.name = name

    def rates(self, steps: Steps) -> Steps:
        if self.cycle:
            span = self.decay_steps * np.maximum(1.0, np.ceil(steps / self.decay_steps))
        else:
            span = np.full(steps.shape, self.decay_steps)
            steps = np.minimum(steps, span)
        fall = self.initial_learning_rate - self.end_learning_rate
        return fall * np.power(1.0 - steps / span, self.power) + self.end_learning_rate
