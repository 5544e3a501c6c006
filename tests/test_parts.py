"""Parts of layers: which attributes are some, what they are called, and who may rename them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop import ops
from own_things import L, forget

RNG = np.random.default_rng(17)
X = RNG.normal(size=(32, 4)).astype(np.float32)


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    forget()
    for cls in (Residual, Named, Nested, Parent):
        hl.saving.register_serializable()(cls)
    yield
    forget()


class Residual(L.Layer):
    """With models as attributes: one that waits for its shape, one that has it, one with an input."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.net = hl.Sequential([L.Dense(5, "relu"), L.BatchNormalization(), L.Dense(4)])
        self.more = [hl.Sequential([L.Dense(4, input_shape=(4,))])]
        x = hl.Input((4,))
        self.gate = hl.Model(x, ops.sigmoid(L.Dense(4)(x)))

    def call(self, inputs: Any) -> Any:
        return self.gate(inputs) * (inputs + self.more[0](self.net(inputs)))


class Named(L.Layer):
    """With a part that the user has named."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.d = L.Dense(4, name="enc")

    def call(self, inputs: Any) -> Any:
        return self.d(inputs)


class Nested(L.Layer):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layers = {"deep": [(L.Dense(4), {"er": L.Dense(4)})], "flat": L.Dense(4)}
        self.layers_flat = L.Dense(4)
        self.around: list[Any] = [1.5, "text"]
        self.around.append(self.around)

    def call(self, inputs: Any) -> Any:
        first, others = self.layers["deep"][0]
        return self.layers_flat(self.layers["flat"](others["er"](first(inputs))))


class Child(L.Layer):
    parent: Any

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((4,), "ones", name="scale")

    def call(self, inputs: Any) -> Any:
        return inputs * self.scale


class Parent(L.Layer):
    """Its children know it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.traced, self.native = Child(), L.Dense(4)
        self.traced.parent = self.native.parent = self  # type: ignore[attr-defined]

    def call(self, inputs: Any) -> Any:
        return self.native(self.traced(inputs))


class Reads(L.Layer):
    """Reads a layer's kernel without having made it."""

    def __init__(self, dense: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense = dense

    def call(self, inputs: Any) -> Any:
        return ops.matmul(inputs, ops.transpose(self.dense.kernel))


PATHS = {
    Residual: [
        *("own/net_0/kernel", "own/net_0/bias"),
        *(f"own/net_1/{name}" for name in ("gamma", "beta", "moving_mean", "moving_variance")),
        *("own/net_2/kernel", "own/net_2/bias", "own/more_0_0/kernel", "own/more_0_0/bias"),
        *("own/gate_0/kernel", "own/gate_0/bias"),
    ],
    Named: ["own/d/kernel", "own/d/bias"],
    Nested: [
        *("own/layers_deep_0_0/kernel", "own/layers_deep_0_0/bias"),
        *("own/layers_deep_0_1_er/kernel", "own/layers_deep_0_1_er/bias"),
        *(
            "own/layers_flat/kernel",
            "own/layers_flat/bias",
            "own/layers_flat_/kernel",
            "own/layers_flat_/bias",
        ),
    ],
    Parent: ["own/traced/scale", "own/native/kernel", "own/native/bias"],
}


def model_of(cls: type[L.Layer]) -> hl.Sequential:
    model = hl.Sequential([cls(name="own", input_shape=(4,)), L.Dense(2, name="last")])
    model.compile(hl.optimizers.SGD(0.1, momentum=0.9), "mse")
    return model


@pytest.mark.parametrize("cls", PATHS)
def test_parts_have_paths_learn_and_come_back(cls: type[L.Layer], tmp_path: Path) -> None:
    model = model_of(cls)
    layer = model.layers[0]
    assert [weight.path for weight in layer.weights] == PATHS[cls]
    before = model.get_weights()
    model.fit(X, X[:, :2], epochs=3, verbose=0)
    changed = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert all(changed)
    model.save(tmp_path / "model")
    loaded = hl.load_model(tmp_path / "model")
    clone = hl.clone_model(model)
    clone.set_weights(model.get_weights())
    for twin in (loaded, clone, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert [weight.path for weight in twin.layers[0].weights] == PATHS[cls]
        np.testing.assert_array_equal(twin.predict(X, verbose=0), model.predict(X, verbose=0))
    model.fit(X, X[:, :2], verbose=0)
    loaded.fit(X, X[:, :2], verbose=0)
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    layer.trainable = False
    assert not layer.trainable_weights
    assert len(layer.non_trainable_weights) == len(PATHS[cls])


def test_a_model_in_a_layer_computes_what_it_does_outside() -> None:
    model = model_of(Residual)
    layer = model.layers[0]
    first = hl.Model(model.inputs, model.layers[0].output)
    expected = layer.gate.predict(X) * (X + layer.more[0].predict(layer.net.predict(X)))
    np.testing.assert_allclose(first.predict(X), expected, rtol=1e-5, atol=1e-6)
    layer.net.trainable = False
    before = layer.net.get_weights()
    model.fit(X, X[:, :2], verbose=0)
    for one, other in zip(before, layer.net.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_layers_that_a_graph_has_keep_their_names() -> None:
    x = hl.Input((4,))
    named, automatic = L.Dense(8, "relu", name="enc"), L.Dense(8, "relu")
    name = automatic.name
    made = [Reads(dense, name=f"dec_{dense.name}")(dense(x)) for dense in (named, automatic)]
    model = hl.Model(x, made)
    assert model.get_layer("enc") is named
    assert model.get_layer(name) is automatic
    assert [w.path for w in model.weights] == ["enc/kernel", "enc/bias", f"{name}/kernel", f"{name}/bias"]


def test_parts_of_two_layers_belong_to_the_first() -> None:
    shared = L.Dense(4)

    class Uses(L.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.dense = shared

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    model = hl.Sequential([Uses(name="one", input_shape=(4,)), Uses(name="two")])
    assert [w.path for w in model.weights] == ["one/dense/kernel", "one/dense/bias"]
    before = model.get_weights()
    model.layers[0].trainable = False  # the second still learns
    model.compile("sgd", "mse")
    model.fit(X, X, verbose=0)
    assert not np.array_equal(before[0], model.get_weights()[0])


def test_parts_that_the_user_named_keep_their_names() -> None:
    model = model_of(Named)
    part = model.layers[0].d
    assert (part.name, part.path) == ("enc", "own/d")
    model.layers[0].rename("other")
    assert (part.name, part.path) == ("enc", "other/d")
    both = hl.Sequential([Named(input_shape=(4,)), Named()])
    assert len({w.path for w in both.weights}) == 4


def test_weights_of_what_is_no_part_are_refused() -> None:
    class Hides(L.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.hidden = {L.Dense(4)}

        def call(self, inputs: Any) -> Any:
            (dense,) = self.hidden
            return dense(inputs)

    with pytest.raises(ValueError, match="as an attribute, or in a list, tuple or dict that is one, set in"):
        Hides()(hl.Input((4,)))
