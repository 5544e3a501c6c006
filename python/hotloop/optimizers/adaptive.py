"""RMSprop, Adam and AdamW."""

from __future__ import annotations

from typing import Any

from hotloop import schedules
from hotloop.optimizers.base import OPTIMIZERS, Optimizer


@OPTIMIZERS.register
class RMSprop(Optimizer):
    """Gradients divided by the root of their running mean square (Hinton 2012), as Keras has it.

    ``s = rho * s + (1 - rho) * g^2; w -= learning_rate * g / sqrt(s + epsilon)``, where ``centered`` takes
    the squared running mean of g from s. A g beyond 2^63 counts as that, so that its square fits a float32.
    Parameters not named here are those of :class:`Optimizer`.

    Parameters
    ----------
    learning_rate : float or LearningRateSchedule
    rho : float
        In [0, 1).
    momentum : float
        In [0, 1].
    epsilon : float
    centered : bool

    Examples
    --------
    >>> RMSprop(momentum=0.9).slot_names
    ['velocity', 'momentum']
    """

    kind = "rmsprop"

    def __init__(
        self,
        learning_rate: float | schedules.LearningRateSchedule | dict[str, Any] = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name)
        self.rho = self._number("rho", rho, at_least=0, below=1)
        self.momentum = self._number("momentum", momentum, at_least=0, at_most=1)
        self.epsilon = self._number("epsilon", epsilon, at_least=0)
        self.centered = bool(centered)

    @property
    def native_slots(self) -> tuple[str | None, ...]:
        return (
            "velocity",
            "momentum" if self.momentum else None,
            "average_gradient" if self.centered else None,
        )

    def _native_numbers(self) -> dict[str, Any]:
        return {
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": self.centered,
        }


@OPTIMIZERS.register
class Adam(Optimizer):
    """Adam (Kingma and Ba 2014), AMSGrad (Reddi et al. 2018) if asked for; epsilon stands where Keras has it.

    Gradients beyond 2^63 count as that, so that their squares fit a float32. Parameters not named here are
    those of :class:`Optimizer`.

    Parameters
    ----------
    learning_rate : float or LearningRateSchedule
    beta_1, beta_2 : float
        In [0, 1).
    epsilon : float
    amsgrad : bool

    Examples
    --------
    >>> Adam(amsgrad=True).slot_names
    ['m', 'v', 'v_hat']
    """

    kind = "adam"

    def __init__(
        self,
        learning_rate: float | schedules.LearningRateSchedule | dict[str, Any] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name)
        self.beta_1 = self._number("beta_1", beta_1, at_least=0, below=1)
        self.beta_2 = self._number("beta_2", beta_2, at_least=0, below=1)
        self.epsilon = self._number("epsilon", epsilon, at_least=0)
        self.amsgrad = bool(amsgrad)

    @property
    def native_slots(self) -> tuple[str | None, ...]:
        return ("m", "v", "v_hat" if self.amsgrad else None)

    def _native_numbers(self) -> dict[str, Any]:
        return {
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "amsgrad": self.amsgrad,
        }


@OPTIMIZERS.register
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019).

    Examples
    --------
    >>> AdamW().weight_decay
    0.004
    """

    def __init__(
        self,
        learning_rate: float | schedules.LearningRateSchedule | dict[str, Any] = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(
            learning_rate,
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
            self._number("weight_decay", weight_decay, at_least=0),
            clipnorm,
            clipvalue,
            global_clipnorm,
            name or "adamw",
        )
