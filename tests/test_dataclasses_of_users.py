"""Things of classes that compare by fields, and so can't be hashed, are known by which they are."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

import hotloop as hl
from own_things import L, X, Y


@dataclasses.dataclass
class Swish:
    beta: float = 1.0

    def __call__(self, x: Any) -> Any:
        return x * hl.ops.sigmoid(self.beta * x)


@dataclasses.dataclass
class Power(hl.losses.Loss):
    power: float = 2.0

    def __post_init__(self) -> None:
        super().__init__()

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return hl.ops.power(hl.ops.abs(y_true - y_pred), self.power)


@dataclasses.dataclass
class Two(L.Layer):
    units: int = 2

    def __post_init__(self) -> None:
        super().__init__()
        self.dense = L.Dense(self.units)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


def test_dataclasses_are_activations_losses_and_layers() -> None:
    twice = Swish(2.0)
    np.testing.assert_allclose(hl.activations.get(twice)(X), X / (1 + np.exp(-2 * X)), rtol=1e-5, atol=1e-6)
    twice.beta = 0.0
    np.testing.assert_array_equal(hl.activations.get(twice)(X), X / 2)
    assert Power(3.0)([[0.0]], [[2.0]]) == 8.0
    x = hl.Input((3,))
    one, other = Two(), Two()  # with equal fields
    model = hl.Model(x, one(x) + other(L.Dense(3, Swish())(x)))
    assert len(model.layers) == 5
    assert model.count_params() == 8 + 8 + 12
    model.compile("sgd", Power(), metrics=[Power(1.0)])
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    assert not any(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_what_can_not_be_hashed_can_be_registered() -> None:
    hl.saving.register_serializable(name="half")(half := Swish(0.5))
    config = L.Dense(3, activation=half).get_config()
    assert config["activation"] == {"function": "Custom>half"}
    assert L.Dense.from_config(config).activation.function is half  # type: ignore[attr-defined]
