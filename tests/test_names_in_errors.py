"""Errors say which layer, activation or argument they are about, and what there is instead."""

from typing import Any

import numpy as np
import pytest

import hotloop as hl
from own_things import L, X

K = hl.ops


class Inner(L.Layer):
    def call(self, inputs: Any) -> Any:
        return K.reshape(inputs, (7,))


class Outer(L.Layer):
    def __init__(self) -> None:
        super().__init__(name="outer")
        self.inner = Inner(name="inner")

    def call(self, inputs: Any) -> Any:
        return self.inner(inputs)


def needs(x: Any, w: Any) -> Any:
    return x


class Mine(Exception):
    pass


def raises(x: Any) -> Any:
    raise Mine("so", 3)


@pytest.mark.parametrize(
    ("layer", "kind", "message"),
    [
        (
            lambda: L.Dense(2, lambda v: K.reshape(v, (7,))),
            ValueError,
            r"^activation '<lambda>': reshape: newsh",
        ),
        (
            lambda: L.Lambda(needs, name="mine"),
            TypeError,
            r"^call of layer 'mine': needs\(\) missing 1 required",
        ),
        (
            lambda: L.Lambda(lambda v: v.mean(), name="mine"),
            AttributeError,
            r"^call of layer 'mine': a symbolic",
        ),
        (lambda: Outer(), ValueError, r"^call of layer 'outer': call of layer 'inner': reshape: newshape"),
        (lambda: L.Lambda(lambda v: (v, v), name="mine"), TypeError, r"^layer 'mine': what call returns"),
    ],
)
def test_errors_name_what_was_called(layer: Any, kind: Any, message: str) -> None:
    with pytest.raises(kind, match=message):
        layer()(hl.Input((3,)))


def test_errors_stay_the_users_own() -> None:
    with pytest.raises(Mine) as caught:
        L.Lambda(raises, name="mine")(hl.Input((3,)))
    assert caught.value.args == ("call of layer 'mine': so", 3)
    assert caught.traceback[-1].name == "raises"


class Lossy(L.Layer):
    def call(self, inputs: Any) -> Any:
        self.add_loss(K.sum(inputs))
        return inputs


class Bound(L.Layer):
    def __init__(self, **options: Any) -> None:
        super().__init__(name="mine")
        self.options = options

    def build(self, input_shape: Any) -> None:
        self.factor = self.add_weight((3,), **self.options)

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor


def test_what_is_not_there_is_said_with_what_is() -> None:
    x = hl.Input((3,))
    with pytest.raises(
        AttributeError, match="layer Lossy has no 'add_loss': regularizer= of add_weight adds"
    ):
        Lossy()(x)
    assert not hasattr(Lossy(), "add_metric")
    with pytest.raises(
        ValueError, match=r"'mine': add_weight: constraint: expected None, got .*; there are none"
    ):
        Bound(constraint="non_neg")(x)
    with pytest.raises(
        TypeError, match=r"initializer: expected a name or an Init.* __call__\(self, shape, rng\)"
    ):
        Bound(initializer=lambda shape, dtype=None: np.zeros(shape))(x)
    with pytest.raises(
        TypeError, match=r"got ndarray; start with hotloop.Input\(shape\); models compute on arr"
    ):
        L.Dense(2)(X)


def test_layers_are_no_activations() -> None:
    for layer in (L.LeakyReLU(0.1), L.Activation("relu")):
        with pytest.raises(
            TypeError, match=r"activation: expected a name or a function, got .*; layers are none"
        ):
            L.Dense(8, activation=layer)


def test_a_model_without_dense_layers_has_nothing_to_prune() -> None:
    with pytest.raises(
        ValueError, match="prune: expected a model with a hidden Dense layer, got one without"
    ):
        hl.prune_model(hl.Sequential([L.Flatten(input_shape=(3,))]))
