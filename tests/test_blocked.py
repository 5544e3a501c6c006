"""Ops without a gradient: where they keep a layer from learning training is refused by their names, which
evaluating and predicting are not; stop_gradient says that nothing is to learn."""

import numpy as np
import pytest

import hotloop as hl
from hotloop import ops

RNG = np.random.default_rng(6)
X = RNG.normal(size=(40, 4)).astype(np.float32)
Y = RNG.normal(size=(40, 3)).astype(np.float32)
L = hl.layers


def as_float(function):
    return lambda x: ops.cast(function(x), "float32")


FLAT = {
    "floor": ops.floor,
    "ceil": ops.ceil,
    "round": ops.round,
    "trunc": ops.trunc,
    "sign": ops.sign,
    "cast": as_float(lambda x: ops.cast(x, "int32")),
    "argmax": as_float(lambda x: ops.argmax(x, axis=-1, keepdims=True)),
    "greater": as_float(lambda x: x > 0),
    "equal": as_float(lambda x: ops.equal(x, 0.0)),
    "isfinite": as_float(ops.isfinite),
    "not_equal": lambda x: ops.where(ops.cast(x, "bool"), 1.0, 0.0),
    "full_like": ops.ones_like,
}


def model_of(function, below=None, optimizer="sgd", **options):
    """A layer, the function, and a layer."""
    hl.set_seed(2)
    x = hl.Input((4,))
    below = below or L.Dense(5, name="below", **options)
    h = L.Lambda(function, name="between")(below(x))
    model = hl.Model(x, L.Dense(3, name="above")(h))
    model.compile(optimizer, "mse")
    return model


def gradients(model, x=X, y=Y):
    """By path, found by a step of SGD with a rate of 1."""
    before = model.get_weights()
    model.compile(hl.optimizers.SGD(1.0), "mse")
    model.train_on_batch(x, y)
    return [b - a for a, b in zip(model.get_weights(), before, strict=True)]


@pytest.mark.parametrize("name", FLAT)
def test_what_has_no_gradient_is_named_before_anything_is_trained(name):
    model = model_of(FLAT[name])
    before, loss = model.get_weights(), model.evaluate(X, Y, verbose=0)
    words = rf"layer 'between': {name} has no gradient.*weights of layer 'below'; freeze.*stop_gradient"
    for train in (
        lambda: model.fit(X, Y, verbose=0),
        lambda: model.train_on_batch(X, Y),
        lambda: hl.profile(model, X, Y, seconds=0.01),
    ):
        with pytest.raises(ValueError, match=words):
            train()
    assert model.optimizer.iterations == 0
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert model.evaluate(X, Y, verbose=0) == loss
    model.get_layer("below").trainable = False
    model.fit(X, Y, verbose=0)
    same = [np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert same[:2] == [True, True]
    assert not same[3]


def test_it_is_named_in_layers_of_layers_activations_and_losses():
    class Steps(L.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = L.Dense(5)

        def call(self, inputs):
            return ops.floor(self.inner(inputs))

    def steps(x):
        return ops.floor(x)

    def steps_off(y, p):
        return ops.mean(ops.square(y - ops.round(p)), axis=-1)

    x = hl.Input((4,))
    for model, loss, words in [
        (
            hl.Model(x, L.Dense(3)(Steps(name="steps")(x))),
            "mse",
            "layer 'steps': floor .* of layer 'steps/inner'",
        ),
        (hl.Model(x, L.Dense(3, steps, name="end")(x)), "mse", "layer 'end': floor .* of layer 'end'"),
        (hl.Model(x, L.Dense(3, name="end")(x)), steps_off, "^loss 'steps_off': round .* of layer 'end'"),
    ]:
        model.compile("sgd", loss)
        with pytest.raises(ValueError, match=words):
            model.fit(X, Y, verbose=0)
        model.evaluate(X, Y, verbose=0)


@pytest.mark.parametrize(
    "function",
    [
        lambda h: ops.where(h > 0, h, 0.1 * h),
        lambda h: h * ops.cast(h > 0, "float32"),
        lambda h: h - ops.floor(h),
        lambda h: h + ops.stop_gradient(ops.round(h) - h),
        lambda h: h / ops.cast(1 + ops.argmax(h, axis=-1, keepdims=True), "float32"),
    ],
)
def test_another_way_to_the_loss_is_enough(function):
    model = model_of(function)
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    assert all(np.abs(a - b).max() > 0 for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("floor", r"write x \+ stop_gradient\(floor\(x\) - x\), which has the gradient of x, or"),
        ("argmax", r"weigh by hotloop.ops.softmax\(x\) what argmax\(x\) would choose, or"),
        ("full_like", "or"),
    ],
)
def test_what_may_be_written_instead_fits(name, instead):
    with pytest.raises(
        ValueError, match=rf"freeze that layer \(trainable = False\), {instead} write by stop"
    ):
        model_of(FLAT[name]).fit(X, Y, verbose=0)


def test_a_condition_alone_is_no_way():
    model = model_of(lambda h: ops.where(h > 0, 1.0, -1.0))
    with pytest.raises(ValueError, match="layer 'between': greater has no gradient"):
        model.fit(X, Y, verbose=0)


def test_straight_through_gives_the_gradient_of_what_was_rounded():
    model = model_of(lambda h: h + ops.stop_gradient(ops.round(h) - h))
    kernel, bias, kernel_above, bias_above = map(np.float64, model.get_weights())
    h = np.rint(X @ kernel + bias)
    dy = 2 * (h @ kernel_above + bias_above - Y) / Y.size
    dh = dy @ kernel_above.T
    for found, wanted in zip(gradients(model), [X.T @ dh, dh.sum(0), h.T @ dy, dy.sum(0)], strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_weights_learn_by_any_of_a_layers_calls():
    layer, x = L.Dense(4, name="twice"), hl.Input((4,))
    model = hl.Model(x, L.Dense(3)(layer(ops.floor(layer(x)))))
    model.compile("sgd", "mse")
    before = model.get_weights()[0]
    model.fit(X, Y, verbose=0)
    assert np.abs(model.get_weights()[0] - before).max() > 0


def test_what_has_nothing_to_learn_may_lie_before_it():
    model = model_of(ops.floor, below=L.BatchNormalization(center=False, scale=False, name="below"))
    mean = model.get_weights()[0]
    model.fit(X, Y, verbose=0)
    assert np.abs(model.get_layer("below").moving_mean.numpy() - mean).max() > 0


def test_outputs_without_a_loss_may_have_none():
    x = hl.Input((4,))
    h = L.Dense(3, name="scores")(x)
    steps = L.Lambda(ops.floor, name="steps")(L.Dense(2, name="other")(h))
    model = hl.Model(x, [h, steps])
    model.compile("sgd", loss={"scores": "mse"})
    before = model.get_weights()
    model.fit(X, {"scores": Y}, verbose=0)
    after = model.get_weights()
    assert [np.array_equal(a, b) for a, b in zip(before, after, strict=True)] == [False, False, True, True]


def test_behind_stop_gradient_gradients_are_zero_and_the_rest_learns_on():
    model = model_of(ops.stop_gradient)
    found = gradients(model)
    assert not found[0].any()
    assert not found[1].any()
    assert all(each.any() for each in found[2:])


@pytest.mark.parametrize(
    "optimizer",
    [
        hl.optimizers.SGD(0.1, momentum=0.9, weight_decay=0.1),
        hl.optimizers.Adam(0.1, weight_decay=0.1, global_clipnorm=0.5),
        hl.optimizers.AdamW(0.1, weight_decay=0.1),
    ],
)
def test_behind_stop_gradient_weights_decay(optimizer):
    """A gradient of zeros, as with Keras on JAX: decay and moments go on. (Keras on TensorFlow and PyTorch
    has no gradient there, and leaves such weights as they are.)"""
    model = model_of(ops.stop_gradient, optimizer=optimizer)
    kernel = model.get_weights()[0]
    model.fit(X, Y, batch_size=10, epochs=1, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], kernel * (1 - 0.1 * 0.1) ** 4, rtol=1e-5)


def test_behind_stop_gradient_regularizers_pull():
    """They are a part of the loss that does not come through the layers behind."""
    model = model_of(ops.stop_gradient, kernel_regularizer=hl.regularizers.L2(0.05))
    kernel = model.get_weights()[0]
    np.testing.assert_allclose(gradients(model)[0], 0.1 * kernel, rtol=1e-4, atol=1e-6)
