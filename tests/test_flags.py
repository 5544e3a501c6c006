"""training and mask among the arguments of a call, as much of Keras's code has them."""

import inspect
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from own_things import L, X, Y, compiled


class Block(L.Layer):
    """As Keras's own examples write it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense = L.Dense(5)
        self.norm = L.BatchNormalization()
        self.drop = L.Dropout(0.5, seed=1)
        self.inner = hl.Sequential([L.Dense(3), L.Dropout(0.2, seed=2)])

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        x = self.norm(self.dense(inputs, training=training, mask=mask), training=training)
        return self.inner(self.drop(x, training=training), training=training, mask=mask)


class Plain(Block):
    def call(self, inputs: Any) -> Any:
        return self.inner(self.drop(self.norm(self.dense(inputs))))


def test_what_is_handed_to_layers_changes_nothing() -> None:
    models = [compiled(kind(name="block")) for kind in (Block, Plain)]
    models[1].set_weights(models[0].get_weights())
    for model in models:
        model.seed = 5
        model.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    one, other = models
    for left, right in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    np.testing.assert_array_equal(one.predict(X), other.predict(X))
    assert len(one.layers[0].dense.nodes) == 1


def called(body: Any) -> Any:
    kinds = inspect.signature(body)

    class Own(L.Layer):
        def __init__(self) -> None:
            super().__init__(name="mine")
            self.drop = L.Dropout(0.5)

        def call(self, inputs: Any, training: Any = kinds.parameters["training"].default) -> Any:
            return body(self, inputs, training)

    return Own()(hl.Input((3,)))


@pytest.mark.parametrize(
    "body",
    [
        lambda self, x, training=None: x * 2.0 if training else x,
        lambda self, x, training=False: hl.ops.where(training, x, 0.0),
        lambda self, x, training=None: self.drop(x) if training is not False else x,
    ],
)
def test_calls_that_go_by_it_are_refused(body: Any) -> None:
    message = (
        "layer 'mine': call: expected the same computation whatever `training` is, got another one for tr"
    )
    with pytest.raises(ValueError, match=message):
        called(body)


@pytest.mark.parametrize("given", [True, False])
def test_layers_are_not_told_of_it_otherwise(given: bool) -> None:
    message = (
        "training: expected None, or what the call round it was given, got (True|False); one graph serves"
    )
    with pytest.raises(ValueError, match=message):
        called(lambda self, x, training=None: self.drop(x, training=given))
    with pytest.raises(ValueError, match=message):
        L.Dropout(0.5)(hl.Input((3,)), training=given)
    with pytest.raises(ValueError, match=message):
        hl.Sequential([L.Dense(3, input_shape=(3,))])(hl.Input((3,)), training=given)


def test_functions_of_lambda_layers_too() -> None:
    with pytest.raises(ValueError, match="layer 'mine': call: expected the same computation whatever"):
        L.Lambda(lambda x, training=False: x * 2.0 if training else x, name="mine")(hl.Input((3,)))
    unused = L.Lambda(lambda x, training=False, mask=None: x * 2.0)
    np.testing.assert_array_equal(hl.Sequential([hl.Input((3,)), unused]).predict(X), 2.0 * X)
    chosen = L.Lambda(lambda x, training=False: x * 2.0 if training else x, arguments={"training": True})
    np.testing.assert_array_equal(hl.Sequential([hl.Input((3,)), chosen]).predict(X), 2.0 * X)


def test_masks_are_none_and_models_predict() -> None:
    model = hl.Sequential([L.Dense(3, input_shape=(3,))])
    np.testing.assert_array_equal(model(X, training=False, mask=None), model.predict_on_batch(X))
    with pytest.raises(ValueError, match="training: expected None, or what"):
        model(X, training=True)
    for what in (model, L.Dense(2)):
        with pytest.raises(ValueError, match="mask: expected None, as there are no masks yet"):
            what(hl.Input((3,)), mask=hl.Input((3,)))


def test_several_tensors_come_as_a_list() -> None:
    x = hl.Input((3,))
    for layer in (L.Add(), L.Lambda(lambda v: v)):
        with pytest.raises(
            ValueError, match="inputs: expected one argument, got 2 of them; several tensors com"
        ):
            layer(x, x)
