"""Pruning through functions of hotloop.ops: units pass through what goes place by place."""

from typing import Any

import numpy as np
import pytest

import hotloop as hl
from own_things import L, X

K = hl.ops


def swish(x: Any) -> Any:
    return x * K.sigmoid(x)


def mixing(x: Any) -> Any:
    return x - K.mean(x, axis=-1, keepdims=True)


def own_activation(x: Any) -> Any:
    return L.Dense(8, swish, name="a")(x)


def operators(x: Any) -> Any:
    hidden = L.Dense(8, name="a")(x)
    return K.relu(hidden) * 2.0 + K.exp(-hidden) * K.sum(x, axis=-1, keepdims=True)


def gated(x: Any) -> Any:
    return L.Dense(8, name="a")(x) * L.Dense(1, "sigmoid", name="gate")(x)


def function_of_a_layer(x: Any) -> Any:
    return L.Activation(swish)(L.Dense(8, name="a")(x))


@pytest.mark.parametrize("hidden", [own_activation, operators, gated, function_of_a_layer])
def test_the_smaller_model_is_the_masked_one(hidden: Any) -> None:
    x = hl.Input((3,))
    model = hl.Model(x, L.Dense(2, name="last")(hidden(x)))
    chosen = hl.compress.select_units(model, 0.5)
    assert list(chosen) == ["a"]
    assert len(chosen["a"]) == 4
    smaller = hl.compress.remove_units(model, chosen)
    assert smaller.get_layer("a").units == 4
    hl.compress.mask_units(model, chosen)
    np.testing.assert_array_equal(smaller.predict(X), model.predict(X))


def test_constants_of_a_number_a_unit_keep_all() -> None:
    x = hl.Input((3,))
    times = L.Dense(4, name="a")(x) * np.arange(4, dtype=np.float32)
    with pytest.raises(ValueError, match=r"'a': its units reach an op that mixes units, .* layer 'multiply"):
        hl.prune_model(hl.Model(x, L.Dense(2)(times)))


def test_what_mixes_is_named() -> None:
    x = hl.Input((3,))
    model = hl.Model(x, L.Dense(2)(L.Dense(4, mixing, name="a")(x)))
    with pytest.raises(
        ValueError, match=r"'a': its units reach an op that mixes units, .* its own activation"
    ):
        hl.prune_model(model)
