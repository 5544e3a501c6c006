"""Gradient descent: stochastic, with momentum, full-batch."""

from __future__ import annotations

from typing import Any

from hotloop import schedules
from hotloop.optimizers.base import OPTIMIZERS, Optimizer


@OPTIMIZERS.register
class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if asked for.

    ``v = momentum * v - learning_rate * g; w += v``, or with ``nesterov``
    ``w += momentum * v - learning_rate * g``. Parameters not named here are those of :class:`Optimizer`.

    Parameters
    ----------
    learning_rate : float or LearningRateSchedule
    momentum : float
        In [0, 1].
    nesterov : bool

    Examples
    --------
    >>> SGD(0.1, momentum=0.9).slot_names
    ['velocity']
    """

    def __init__(
        self,
        learning_rate: float | schedules.LearningRateSchedule | dict[str, Any] = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name)
        self.momentum = self._number("momentum", momentum, at_least=0, at_most=1)
        self.nesterov = bool(nesterov)

    @property
    def native_slots(self) -> tuple[str | None, ...]:
        return ("velocity" if self.momentum else None, None, None)

    def _native_numbers(self) -> dict[str, Any]:
        return {"momentum": self.momentum, "nesterov": self.nesterov}


@OPTIMIZERS.register
class GradientDescent(SGD):
    """Full-batch gradient descent: one step an epoch on the mean gradient of all the data.

    The arguments are those of :class:`SGD`; ``fit`` leaves its ``batch_size`` aside.

    Examples
    --------
    >>> GradientDescent(0.5).full_batch
    True
    """

    full_batch = True
