"""Models whose layers share single parameters with a function, and the same models in NumPy, in double.

Each is a layer, and a function of the weights in their order and of x that makes what the layer does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import hotloop as hl
from hotloop import ops

Doubles = np.ndarray[Any, np.dtype[np.float64]]
FEATURES = 4


class Tied(hl.layers.Layer):
    """A layer, and a function that reads one of its parameters before or behind it."""

    def __init__(self, how: str, part: hl.layers.Layer) -> None:
        super().__init__()
        self.how, self.part = how, part

    def call(self, inputs: Any) -> Any:
        name, place = self.how.split()
        made = self.part(inputs)  # it has weights from here on
        read = getattr(self.part, name)
        if place == "before":
            product = inputs @ read if name == "kernel" else inputs * read
            return ops.square(product) + self.part(inputs)
        if name != "kernel":
            return made * read
        back = made @ ops.transpose(read)
        return self.part(back) if place == "between" else back


def tied_dense(how: str, units: int = 3) -> hl.layers.Layer:
    return Tied(how, hl.layers.Dense(units, bias_initializer="ones"))


def tied_norm(how: str) -> hl.layers.Layer:
    return Tied(how, hl.layers.BatchNormalization(beta_initializer="ones"))


def dense(how: str) -> Callable[[Sequence[Doubles], Doubles], Doubles]:
    def call(weights: Sequence[Doubles], x: Doubles) -> Doubles:
        kernel, bias = weights
        made = x @ kernel + bias
        if how == "kernel behind":
            return made @ kernel.T
        if how == "kernel before":
            return (x @ kernel) ** 2 + made
        if how == "kernel between":
            return made @ kernel.T @ kernel + bias
        return made * bias

    return call


def norm(how: str) -> Callable[[Sequence[Doubles], Doubles], Doubles]:
    def call(weights: Sequence[Doubles], x: Doubles) -> Doubles:
        gamma, beta, *_ = weights
        made = gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-3) + beta
        name, place = how.split()
        read = {"gamma": gamma, "beta": beta}[name]
        return (x * read) ** 2 + made if place == "before" else made * read

    return call


DENSE = ("kernel behind", "kernel before", "kernel between", "bias behind")
NORM = ("gamma behind", "gamma before", "beta behind", "beta before")
TIED: dict[str, tuple[Callable[[str], hl.layers.Layer], Callable[..., Doubles]]] = {
    **{how: (tied_dense, dense(how)) for how in DENSE},
    **{how: (tied_norm, norm(how)) for how in NORM},
}


def tied_model(name: str, **options: Any) -> hl.Model:
    """Return the model of that name, to be trained by plain gradient descent."""
    hl.set_seed(1)
    model = hl.Sequential([hl.Input((FEATURES,)), TIED[name][0](name)])
    model.compile(hl.optimizers.SGD(0.05), "mse", **options)
    return model
