"""Classes and functions as users write them, for tests of saving by names."""

from typing import Any

import numpy as np

import hotloop as hl
from hotloop.core import custom_objects

L = hl.layers
RNG = np.random.default_rng(3)
X = RNG.normal(size=(40, 3)).astype(np.float32)
Y = RNG.normal(size=(40, 2)).astype(np.float32)


def forget() -> None:
    """As in another process, in which no user has registered anything."""
    for name in [name for name in custom_objects._registered if not name.startswith("hotloop.")]:
        custom_objects._names.pop(custom_objects._key(custom_objects._registered.pop(name)), None)


def swish(x: Any) -> Any:
    return x * hl.ops.sigmoid(x)


def scaled(x: Any, by: float = 1.0) -> Any:
    return x * by


def off_by(y_true: Any, y_pred: Any) -> Any:
    return np.abs(y_true - y_pred).mean(axis=-1)


class Scale(L.Layer):
    def __init__(self, factor: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor
        self.inner = L.Dense(3, name="inner")

    def build(self, input_shape: Any) -> None:
        self.shift = self.add_weight(shape=(input_shape[-1],), name="shift")

    def call(self, inputs: Any) -> Any:
        return self.factor * self.inner(inputs) + self.shift

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


class Twice(hl.Sequential):
    pass


class Quantile(hl.losses.Loss):
    def __init__(self, q: float = 0.9, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.q = q

    def call(self, y_true: Any, y_pred: Any) -> Any:
        error = y_true - y_pred
        return hl.ops.maximum(self.q * error, (self.q - 1.0) * error)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "q": self.q}


def cubic(y_true: Any, y_pred: Any) -> Any:
    return hl.ops.power(hl.ops.abs(y_true - y_pred), 3.0)


class Power(hl.losses.MeanSquaredError):
    pass


class Largest(hl.metrics.Metric):
    def __init__(self, power: float = 1.0, name: str | None = None) -> None:
        super().__init__(name)
        self.power = power

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        return float((np.abs(y_true - y_pred) ** self.power).max())


class Slow(hl.optimizers.SGD):
    pass


class Fading(hl.schedules.ExponentialDecay):
    pass


class Twos(hl.initializers.Constant):
    pass


class Heavy(hl.regularizers.L2):
    pass


THINGS = (swish, scaled, off_by, cubic, Scale, Twice, Quantile, Power, Largest, Slow, Fading, Twos, Heavy)


def compiled(*layers: Any, **options: Any) -> hl.Sequential:
    model = hl.Sequential([hl.Input((3,)), *layers, L.Dense(2, name="last")])
    model.compile(**{"optimizer": "sgd", "loss": "mse", **options})
    return model
