"""Schedules that rise first: a linear warm-up before another schedule, and one-cycle."""

from __future__ import annotations

from typing import Any

import numpy as np

from hotloop.core import errors
from hotloop.schedules.base import SCHEDULES, LearningRateSchedule, Steps
from hotloop.schedules.lookup import get


@SCHEDULES.register
class LinearWarmup(LearningRateSchedule):
    """A straight rise over ``warmup_steps``, then another schedule (or a constant) from its step 0.

    Parameters
    ----------
    after : float or LearningRateSchedule
        What comes after the warm-up; its value at step 0 is the top.
    warmup_steps : int
    start : float
        The learning rate at step 0.

    Examples
    --------
    >>> LinearWarmup(1.0, warmup_steps=4)([0, 2, 4, 50]).tolist()
    [0.0, 0.5, 1.0, 1.0]
    """

    def __init__(
        self,
        after: float | LearningRateSchedule | dict[str, Any],
        warmup_steps: int,
        start: float = 0.0,
        name: str | None = None,
    ) -> None:
        self.after = get(after)
        self.warmup_steps = errors.integer("LinearWarmup: warmup_steps", warmup_steps, at_least=1)
        self.start = self._number("start", start, at_least=0)
        self.name = name
        self._target = self.after(0)  # once: of warm-ups in warm-ups each would ask for it twice

    def rates(self, steps: Steps) -> Steps:
        rise = self.start + (self._target - self.start) * steps / self.warmup_steps
        later = self.after.rates(np.maximum(steps - self.warmup_steps, 0.0))
        return np.where(steps < self.warmup_steps, rise, later)


@SCHEDULES.register
class OneCycle(LearningRateSchedule):
    """Up by a half cosine to ``max_learning_rate``, then down to almost nothing (Smith and Topin 2017).

    Parameters
    ----------
    max_learning_rate : float
    total_steps : int
        At least 2; after them the rate stays where it is.
    pct_start : float
        The part of the steps that goes up, between 0 and 1.
    div_factor : float
        The start is ``max_learning_rate / div_factor``.
    final_div_factor : float
        The end is the start divided by this.

    Examples
    --------
    >>> OneCycle(1.0, total_steps=101, pct_start=0.5)([0, 49.5]).round(6).tolist()
    [0.04, 1.0]
    """

    def __init__(
        self,
        max_learning_rate: float,
        total_steps: int,
        pct_start: float = 0.3,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        name: str | None = None,
    ) -> None:
        self.max_learning_rate = self._number("max_learning_rate", max_learning_rate, at_least=0)
        self.total_steps = errors.integer("OneCycle: total_steps", total_steps, at_least=2)
        self.pct_start = self._number("pct_start", pct_start, above=0, below=1)
        self.div_factor = self._number("div_factor", div_factor, at_least=1)
        self.final_div_factor = self._number("final_div_factor", final_div_factor, at_least=1)
        self.name = name

    def rates(self, steps: Steps) -> Steps:
        top, start = self.max_learning_rate, self.max_learning_rate / self.div_factor
        end, last = start / self.final_div_factor, self.total_steps - 1.0
        peak = max(self.pct_start * self.total_steps - 1.0, 0.0)
        up = np.clip(steps / peak, 0.0, 1.0) if peak else np.ones(steps.shape)
        down = np.clip((steps - peak) / (last - peak), 0.0, 1.0)
        rising = top + (start - top) / 2.0 * (1.0 + np.cos(np.pi * up))
        falling = end + (top - end) / 2.0 * (1.0 + np.cos(np.pi * down))
        return np.where(steps <= peak, rising, falling)
