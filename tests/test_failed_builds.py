"""A layer whose build or call raises is as it was: it may be called again, and on another shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop import ops
from own_things import L

RNG = np.random.default_rng(23)
X = RNG.normal(size=(16, 4)).astype(np.float32)


class Fails(L.Layer):
    """Raises where it is told to, having made weights and parts by then."""

    def __init__(self, at: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.at = at
        self.first = self.add_weight((), "ones", name="first")
        self.inner = L.Dense(3)
        self.net = hl.Sequential([L.Dense(3), L.BatchNormalization()])
        self.made: list[L.Layer] = []

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((input_shape[-1],), "ones", name="scale")
        for _ in range(2):
            self.made.append(L.Dense(3))
        self.late = L.Dense(3)
        self.made[0](hl.Input((input_shape[-1],)))
        if self.at == "build":
            raise RuntimeError("in build")

    def call(self, inputs: Any) -> Any:
        x = self.net(self.inner(inputs * self.scale * self.first))
        for layer in (*self.made[1:], self.late):
            x = layer(x)
        if self.at == "call":
            raise RuntimeError("in call")
        return np.exp(x) if self.at == "numpy" else x


def state(layer: Any) -> Any:
    parts = [(part.name, part.path, part.built, list(part.nodes)) for part in layer.with_parts()]
    return parts, [w.path for w in layer.weights], set(vars(layer)), layer.net.built, list(layer.made)


@pytest.mark.parametrize("at", ["build", "call", "numpy"])
def test_a_layer_is_as_it_was(at: str) -> None:
    layer = Fails(at, name="own")
    before = state(layer)
    for _ in range(2):
        with pytest.raises((RuntimeError, TypeError), match=r"in build|in call|numpy\.exp"):
            layer(hl.Input((5,)))
        assert state(layer) == before
    layer.at = ""
    model = hl.Sequential([hl.Input((4,)), layer])
    assert [w.path for w in layer.weights[:3]] == ["own/first", "own/scale", "own/inner/kernel"]
    assert layer.count_params() == 1 + 4 + 15 + (12 + 12) + (15 + 12) + 12
    assert model.predict(X).shape == (16, 3)
    layer.at = "call"  # built, and right so far
    built = state(layer)
    with pytest.raises(RuntimeError, match="in call"):
        layer(hl.Input((4,)))
    assert state(layer) == built
    np.testing.assert_array_equal(model.predict(X).shape, (16, 3))


def test_a_chain_takes_a_layer_that_failed_before() -> None:
    for wrap in (lambda layer: layer, lambda layer: hl.Sequential([L.Dense(5), layer])):
        model, layer = hl.Sequential([hl.Input((4,)), L.Dense(4)]), Fails("call")
        item = wrap(layer)
        before = [len(each.nodes) for each in getattr(item, "layers", [item])]
        with pytest.raises(RuntimeError, match="in call"):
            model.add(item)
        assert [len(each.nodes) for each in getattr(item, "layers", [item])] == before
        assert len(model.layers) == 1
        layer.at = ""
        model.add(item)
        assert model.predict(X).shape == (16, 3)


def test_a_chain_that_waits_for_its_shape_waits_on() -> None:
    layer = Fails()
    model = hl.Sequential([L.Dense(3), layer, L.Lambda(lambda x: x @ np.ones((3, 2), np.float32))])
    model.compile("sgd", "mse")
    before = state(layer)
    with pytest.raises(ValueError, match="expected"):
        model.fit(X, X[:, :3], verbose=0)
    assert not model.built
    assert state(layer) == before
    layer.at = "call"
    with pytest.raises(RuntimeError, match="in call"):
        model.build((None, 4))
    assert state(layer) == before
    layer.at = ""
    model.fit(RNG.normal(size=(16, 7)), X[:, :2], verbose=0)
    assert model.layers[0].weights[0].shape == (7, 3)


def test_a_built_in_layer_may_be_called_on_another_shape() -> None:
    wrong = True
    dense = L.Dense(3, lambda x: np.exp(x) if wrong else ops.exp(x))
    with pytest.raises(TypeError, match=r"hotloop\.ops\.exp"):
        dense(hl.Input((5,)))
    assert not dense.built
    wrong = False
    assert hl.Sequential([hl.Input((4,)), dense]).predict(X).shape == (16, 3)
