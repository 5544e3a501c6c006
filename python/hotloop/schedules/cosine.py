"""Cosine decay, once or with restarts."""

from __future__ import annotations

import math

import numpy as np

from hotloop.core import errors
from hotloop.schedules.base import SCHEDULES, LearningRateSchedule, Steps


@SCHEDULES.register
class CosineDecay(LearningRateSchedule):
    """A half cosine down to ``alpha`` times the top, after a linear warm-up if asked for.

    Parameters
    ----------
    initial_learning_rate : float
        Where it starts.
    decay_steps : int
        Steps of the decay, warm-up not counted.
    alpha : float
        What is left at the end, as a part of the top.
    name : str, optional
    warmup_target : float, optional
        The top that the warm-up goes to; None for no warm-up.
    warmup_steps : int

    Examples
    --------
    >>> CosineDecay(0.0, 10, warmup_target=1.0, warmup_steps=4)([0, 2, 4, 14]).tolist()
    [0.0, 0.5, 1.0, 0.0]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str | None = None,
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate, at_least=0)
        self.decay_steps = self._number("decay_steps", decay_steps, above=0)
        self.alpha = self._number("alpha", alpha, at_least=0)
        self.name = name
        self.warmup_target = (
            None if warmup_target is None else self._number("warmup_target", warmup_target, at_least=0)
        )
        self.warmup_steps = errors.integer("CosineDecay: warmup_steps", warmup_steps, at_least=0)

    def rates(self, steps: Steps) -> Steps:
        if self.warmup_target is None:
            return self._decay(steps, self.initial_learning_rate)
        slope = (self.warmup_target - self.initial_learning_rate) / max(1, self.warmup_steps)
        decayed = self._decay(np.maximum(steps - self.warmup_steps, 0.0), self.warmup_target)
        return np.where(steps < self.warmup_steps, self.initial_learning_rate + slope * steps, decayed)

    def _decay(self, steps: Steps, top: float) -> Steps:
        completed = np.minimum(steps, self.decay_steps) / self.decay_steps
        return top * ((1.0 - self.alpha) * 0.5 * (1.0 + np.cos(np.pi * completed)) + self.alpha)


@SCHEDULES.register
class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decays one after another, each ``t_mul`` times as long and ``m_mul`` times as high.

    Source: Loshchilov and Hutter, SGDR, 2016.

    Examples
    --------
    >>> CosineDecayRestarts(1.0, 10)([0, 5, 10, 20]).round(6).tolist()
    [1.0, 0.5, 1.0, 0.5]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str | None = None,
    ) -> None:
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate, at_least=0)
        self.first_decay_steps = self._number("first_decay_steps", first_decay_steps, above=0)
        self.t_mul = self._number("t_mul", t_mul, at_least=1)
        self.m_mul = self._number("m_mul", m_mul, above=0)
        self.alpha = self._number("alpha", alpha, at_least=0)
        self.name = name

    def rates(self, steps: Steps) -> Steps:
        completed = steps / self.first_decay_steps
        if self.t_mul == 1.0:
            restarts = np.floor(completed)
            completed = completed - restarts
        else:
            # The logarithm may miss a restart by one rounding: 1e-9 of a period puts it on the right side.
            growth = np.log1p(completed * (self.t_mul - 1.0)) / math.log(self.t_mul)
            restarts = np.floor(growth + 1e-9)
            length = np.power(self.t_mul, restarts)
            completed = np.maximum(0.0, (completed - (1.0 - length) / (1.0 - self.t_mul)) / length)
        cosine = 0.5 * np.power(self.m_mul, restarts) * (1.0 + np.cos(np.pi * completed))
        return self.initial_learning_rate * ((1.0 - self.alpha) * cosine + self.alpha)
