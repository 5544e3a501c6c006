"""Losses written with hotloop.ops that hotloop has a kernel of too, or whose gradient is known by hand."""

from typing import Any

import numpy as np

import hotloop as hl
from hotloop import ops


def squared(y: Any, p: Any) -> Any:
    return ops.mean(ops.square(y - p), axis=-1)


def huber(y: Any, p: Any) -> Any:
    error = ops.abs(y - p)
    return ops.mean(ops.where(error <= 1.0, 0.5 * ops.square(error), error - 0.5), axis=-1)


def elementwise_huber(y: Any, p: Any) -> Any:
    error = ops.abs(y - p)
    return ops.where(error <= 1.0, 0.5 * ops.square(error), error - 0.5)


def huber_of_the_batch(y: Any, p: Any) -> Any:
    return ops.mean(elementwise_huber(y, p))


def quantile(y: Any, p: Any, q: float = 0.8) -> Any:
    error = y - p
    return ops.mean(ops.maximum(q * error, (q - 1) * error), axis=-1)


def focal(y: Any, p: Any, gamma: float = 2.0) -> Any:
    right = ops.clip(ops.where(y > 0.5, p, 1 - p), 1e-7, 1.0)
    return ops.mean(-((1 - right) ** gamma) * ops.log(right), axis=-1)


def spread(y: Any, p: Any) -> Any:
    """One number a batch that no row has alone: what the mean leaves, and how unequal the errors are."""
    error = y - p
    return ops.mean(ops.square(error)) + ops.var(ops.mean(error, axis=-1))


class Huber(hl.losses.Loss):
    """As a class."""

    def __init__(self, delta: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.delta = delta

    def call(self, y_true: Any, y_pred: Any) -> Any:
        error, delta = ops.abs(y_true - y_pred), self.delta
        return ops.where(error <= delta, ops.square(error) / 2, delta * (error - delta / 2))


def regression(seed: int = 1, features: int = 5, outputs: int = 3, activation: str = "linear") -> hl.Model:
    """A small network whose weights a seed decides."""
    hl.set_seed(seed)
    layers = [hl.layers.Dense(8, "tanh", input_shape=(features,)), hl.layers.Dense(outputs, activation)]
    return hl.Sequential(layers)


def data(rng: np.random.Generator, rows: int = 50) -> tuple[np.ndarray, np.ndarray]:
    x = rng.normal(size=(rows, 5)).astype(np.float32)
    return x, rng.normal(size=(rows, 3)).astype(np.float32) * 2
