"""Layers and models of users' classes: what goes wrong in them is said in a sentence."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from own_things import L, Scale, X


class Nothing(L.Layer):
    def __init__(self) -> None:
        self.units = 3

    def call(self, inputs: Any) -> Any:
        return inputs


class LateWeight(L.Layer):
    def __init__(self) -> None:
        self.weight = self.add_weight((3,))
        super().__init__()


class LateFrozen(L.Layer):
    def __init__(self) -> None:
        self.trainable = False
        super().__init__()


class LatePart(L.Layer):
    def __init__(self, **kwargs: Any) -> None:
        self.part = L.Dense(3)
        super().__init__(**kwargs)

    def call(self, inputs: Any) -> Any:
        return self.part(inputs)


class LateModel(hl.Sequential):
    def __init__(self) -> None:
        self.add(L.Dense(3))
        super().__init__()


class NoModel(hl.Sequential):
    def __init__(self) -> None:
        self.units = 3


def chain(*layers: Any) -> hl.Sequential:
    return hl.Sequential([hl.Input((3,)), *layers, L.Dense(2, name="last")])


def test_a_forgotten_constructor_is_named() -> None:
    for make, kind in (
        (lambda: chain(Nothing()), "layer Nothing"),
        (LateWeight, "layer LateWeight"),
        (LateModel, "model LateModel"),
        (lambda: NoModel().predict(X), "model NoModel"),
        (lambda: NoModel().fit(X, X), "model NoModel"),
        (lambda: repr(Nothing()), "layer Nothing"),
    ):
        with pytest.raises(AttributeError, match=rf"{kind}: expected super\(\).__init__\(\) first, got"):
            make()
    with pytest.raises(AttributeError, match=r"layer LateFrozen: 'trainable' was set before super\(\)"):
        LateFrozen()
    with pytest.raises(AttributeError, match="'Nothing' object has no attribute 'width'"):
        Nothing().width  # noqa: B018
    with pytest.raises(AttributeError, match="'Dense' object has no attribute 'width'"):
        L.Dense(2).width  # noqa: B018


class Broken(hl.Sequential):
    @property
    def broken(self) -> Any:
        return self.nothing.there  # type: ignore[attr-defined]


def test_an_error_in_a_property_of_theirs_is_the_one_they_see() -> None:
    model = Broken([L.Dense(2, input_shape=(3,))])
    with pytest.raises(AttributeError, match="'Broken' object has no attribute 'nothing'"):
        model.broken  # noqa: B018


class Numbers(L.Layer):
    def __init__(self, name_of_it: str, value: Any) -> None:
        super().__init__()
        setattr(self, name_of_it, value)

    def call(self, inputs: Any) -> Any:
        return inputs


def test_attributes_that_are_hotloops_own_are_told() -> None:
    """Not by what goes wrong later, without them."""
    for name in ("nodes", "parameters"):
        with pytest.raises(
            TypeError, match=f"layer Numbers: {name}, which is hotloop's own: expected a list"
        ):
            Numbers(name, 8)
    with pytest.raises(AttributeError, match="every layer has 'output_shape', which can't be set; call an"):
        Numbers("output_shape", (3,))
    with pytest.raises(AttributeError, match="every model has 'graph', which can't be set"):
        Broken().graph = 3  # type: ignore[misc, assignment]
    layer = Numbers("units", 8)
    layer.built = True  # as Keras's layers do in build
    assert chain(layer).predict(X).shape == (40, 2)


def test_what_does_no_harm_before_it_is_kept() -> None:
    model = chain(LatePart(name="mine"))
    assert [weight.path for weight in model.layers[0].weights] == ["mine/part/kernel", "mine/part/bias"]
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(twin.predict(X), model.predict(X))


class Block(L.Layer):
    """With a hidden layer inside, whose units a config of the model says nothing of."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.one, self.two = L.Dense(8, "relu"), L.Dense(3)

    def call(self, inputs: Any) -> Any:
        return inputs + self.two(self.one(inputs))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            [L.Dense(3, name="a"), Scale(0.5, name="mine")],
            "'a': its units reach an op .*: layer 'mine/inner'",
        ),
        ([L.Dense(8, name="a"), L.Lambda(lambda x: x - hl.ops.max(x), name="mine")], "'a': .*: layer 'mine'"),
        (
            [L.Dense(8, name="a", activation=lambda x: x - hl.ops.max(x))],
            "'a': .* does not say where each goes: its own activation",
        ),
        ([Block(name="block")], r"no layer of \['last'\] has units that can go"),
    ],
)
def test_a_layer_that_cannot_be_pruned_is_named(layers: list[Any], message: str) -> None:
    model = chain(*copy.deepcopy(layers))
    with pytest.raises(ValueError, match=message):
        hl.prune_model(model, 0.5)


def test_a_layer_that_was_asked_for_and_cannot_be_pruned_is_named() -> None:
    model = chain(
        L.Dense(8, "relu", name="a"), L.Dense(3, name="b"), Scale(0.5, name="mine"), Block(name="block")
    )
    with pytest.raises(ValueError, match=r"layer 'b' can't be pruned: .*: layer 'mine/inner'"):
        hl.prune_model(model, 0.5, layers=["b"])
    for name in ("mine", "block", "block/one"):
        with pytest.raises(ValueError, match=f"layer '{name}' can't be pruned: it is no Dense layer of the"):
            hl.prune_model(model, 0.5, layers=[name])
    with pytest.raises(ValueError, match=r"layer 'b': unit 0 can't go: .*: layer 'mine/inner'"):
        hl.compress.remove_units(model, {"b": [0]})
    assert hl.prune_model(model, 0.5, layers=["a"]).get_layer("a").units == 4
