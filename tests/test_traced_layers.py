"""Layers written with hl.ops: Lambda, subclasses with build and call, and what they must not do."""

import numpy as np
import pytest

import hotloop as hl
from hotloop import ops

RNG = np.random.default_rng(5)
X = RNG.normal(size=(40, 6)).astype(np.float32)
Y = RNG.normal(size=(40, 3)).astype(np.float32)


class MyDense(hl.layers.Layer):
    """Dense and tanh, by hand."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")

    def call(self, inputs):
        return ops.tanh(inputs @ self.kernel + self.bias)


def trained(layer, **options):
    model = hl.Sequential([layer, hl.layers.Dense(3, kernel_initializer="ones")])
    model.compile(optimizer=hl.optimizers.SGD(0.1), loss="mse", **options)
    model.build((None, 6))
    first = model.layers[0]
    first.set_weights([w * 0 + 0.1 for w in first.get_weights()])
    model.fit(X, Y, epochs=3, batch_size=8, shuffle=False, verbose=0)
    return model


def test_a_layer_by_hand_learns_what_the_built_in_one_does():
    by_hand, built_in = trained(MyDense(4)), trained(hl.layers.Dense(4, activation="tanh"))
    for one, other in zip(by_hand.get_weights(), built_in.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        by_hand.predict(X, verbose=0), built_in.predict(X, verbose=0), rtol=1e-4, atol=1e-5
    )


def test_weights_have_names_shapes_and_initial_values():
    layer = MyDense(4, name="mine")
    layer(hl.Input((6,)))
    assert [p.path for p in layer.weights] == ["mine/kernel", "mine/bias"]
    assert layer.count_params() == 28
    kernel, bias = layer.get_weights()
    assert not bias.any()
    assert 0.1 < kernel.std() < 1
    assert [p.path for p in layer.trainable_weights] == ["mine/kernel", "mine/bias"]


def test_weights_that_are_not_trainable_stay():
    class Shifted(hl.layers.Layer):
        def build(self, input_shape):
            self.shift = self.add_weight(shape=(6,), initializer="ones", trainable=False)
            self.scale = self.add_weight(initializer="ones")

        def call(self, inputs):
            return (inputs + self.shift) * self.scale

    model = hl.Sequential([Shifted(input_shape=(6,)), hl.layers.Dense(3)])
    assert [p.name for p in model.layers[0].weights] == ["variable", "variable_1"]
    model.compile(loss="mse")
    model.fit(X, Y, epochs=2, verbose=0)
    shift, scale, *_ = model.get_weights()
    assert (shift == 1).all()
    assert scale != 1
    model.layers[0].trainable = False
    model.compile(loss="mse")
    model.fit(X, Y, epochs=2, verbose=0)
    assert model.get_weights()[1] == scale


def test_layers_among_the_attributes_are_parts():
    class Block(hl.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = hl.layers.Dense(6, activation="relu")
            self.more = [hl.layers.Dense(6), MyDense(6)]

        def call(self, inputs):
            x = self.inner(inputs)
            for layer in self.more:
                x = x + layer(x)
            return x

    model = hl.Sequential([Block(name="block", input_shape=(6,)), hl.layers.Dense(3)])
    paths = [p.path for p in model.layers[0].weights]
    assert paths[:3] == ["block/inner/kernel", "block/inner/bias", "block/more_0/kernel"]
    assert paths[4] == "block/more_1/kernel"
    assert model.count_params() == 3 * 42 + 21
    frozen = model.layers[0].more[0]
    frozen.trainable = False
    before = model.get_weights()
    model.compile(loss="mse")
    model.fit(X, Y, epochs=2, verbose=0)
    same = [np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert same == [False, False, True, True, *[False] * 4]


def test_a_layer_that_is_called_twice_shares_its_weights():
    layer, x = MyDense(6), hl.Input((6,))
    model = hl.Model(x, hl.layers.Dense(3)(layer(layer(x))))
    assert model.count_params() == 42 + 21
    model.compile(loss="mse")
    losses = model.fit(X, Y, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_lambda_applies_a_function():
    def scaled(x, factor):
        return factor * (x - ops.mean(x, axis=-1, keepdims=True))

    x = hl.Input((6,))
    model = hl.Model(x, hl.layers.Lambda(scaled, output_shape=(6,), arguments={"factor": 2.0})(x))
    expected = 2 * (X - X.mean(axis=-1, keepdims=True))
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, atol=1e-6)


def test_lambda_takes_several_tensors_as_a_list():
    a, b = hl.Input((6,)), hl.Input((6,))
    model = hl.Model([a, b], hl.layers.Lambda(lambda xs: xs[0] * xs[1])([a, b]))
    np.testing.assert_array_equal(model.predict([X, X], verbose=0), X * X)


def test_rows_that_are_mixed_are_predicted_in_one_batch():
    x = hl.Input((6,))
    model = hl.Model(x, hl.layers.Lambda(lambda x: x - ops.mean(x, axis=0))(x))
    assert model.outputs[0].mixes_rows
    many = RNG.normal(size=(3000, 6)).astype(np.float32)
    np.testing.assert_allclose(model.predict_on_batch(many), many - many.mean(axis=0), atol=1e-6)


def refused(words, function, kind=(TypeError, ValueError), inputs=1):
    tensors = [hl.Input((6,)) for _ in range(inputs)]
    with pytest.raises(kind) as caught:
        hl.layers.Lambda(function, name="mine")(tensors)
    assert words in str(caught.value)


kept = []


def remembers(x):
    kept.append(x)
    return x + kept[0]


def test_functions_that_cannot_be_traced_are_refused():
    refused("hotloop.ops.where", lambda x: x if x > 0 else -x)
    refused("hotloop.ops.exp", lambda x: np.exp(x))
    refused("call of layer 'mine': result: expected a symbolic tensor, got NoneType", lambda x: None)
    refused("one tensor, got tuple", lambda x: (x, x))
    refused("expected a symbolic tensor, got float", lambda x: 0.0)
    hl.layers.Lambda(remembers)(hl.Input((6,)))
    refused("must keep no tensors from call to call", remembers)
    dense = hl.layers.Dense(6)
    refused("weight 'dense", lambda x: dense(x))
    with pytest.raises(TypeError, match="a function, got int"):
        hl.layers.Lambda(3)
    with pytest.raises(ValueError, match="output_shape"):
        hl.layers.Lambda(lambda x: x, output_shape=(5,))(hl.Input((6,)))


def test_layers_that_cannot_be_traced_are_refused():
    class Takes(hl.layers.Layer):
        def call(self, inputs, other):
            return inputs + other

    class Nothing(hl.layers.Layer):
        pass

    class Assigns(hl.layers.Layer):
        def build(self, input_shape):
            self.total = self.add_weight(shape=(6,), initializer="zeros")

        def call(self, inputs):
            self.total.assign(self.total + ops.sum(inputs, axis=0))
            return inputs

    x = hl.Input((6,))
    with pytest.raises(ValueError, match="several tensors come as a list"):
        Takes()(x)
    with pytest.raises(TypeError, match="assign"):
        Assigns()(x)
    with pytest.raises(NotImplementedError, match="neither call nor lower"):
        hl.Sequential([Nothing(input_shape=(6,))]).predict(X)
    layer = MyDense(3)
    layer(x)
    with pytest.raises(ValueError, match="for which its weights were made"):
        layer(hl.Input((5,)))
    with pytest.raises(ValueError, match="a name of its own"):
        layer.add_weight(name="kernel")
    with pytest.raises(ValueError, match="add_weight: dtype: expected float32"):
        layer.add_weight(dtype="float16")


def test_a_function_is_an_activation():
    def swish(x):
        return x * ops.sigmoid(x)

    by_hand, built_in = (
        trained(hl.layers.Dense(4, activation=swish)),
        trained(hl.layers.Dense(4, activation="silu")),
    )
    for one, other in zip(by_hand.get_weights(), built_in.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    x = hl.Input((6,))
    as_layer = hl.Model(x, hl.layers.Activation(swish)(x))
    np.testing.assert_allclose(as_layer.predict(X, verbose=0), X / (1 + np.exp(-X)), rtol=1e-5, atol=1e-6)
    assert by_hand.layers[0].activation.name == "swish"
    clone = hl.clone_model(by_hand)
    clone.set_weights(by_hand.get_weights())
    np.testing.assert_array_equal(clone.predict(X, verbose=0), by_hand.predict(X, verbose=0))
    assert hl.layers.Activation(lambda x: x - ops.mean(x, axis=0))(x).mixes_rows


def test_functions_that_are_no_activation_are_refused():
    x = hl.Input((6,))
    for function, words in [
        (lambda x: ops.sum(x, axis=-1), "a float32 tensor of shape"),
        (lambda x: x > 0, "bool of shape"),
        (lambda x: np.exp(x), "hotloop.ops.exp"),
        (lambda x: 3.0, "a symbolic tensor, got float"),
    ]:
        with pytest.raises((ValueError, TypeError), match=words):
            hl.layers.Dense(3, activation=function)(x)


def test_activation_objects_take_symbolic_tensors():
    x = hl.Input((6,))
    model = hl.Model(x, hl.activations.gelu(x) + hl.activations.leaky_relu(x, negative_slope=0.5))
    expected = hl.activations.gelu(X) + hl.activations.leaky_relu(X, negative_slope=0.5)
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-6, atol=1e-6)
    assert hl.activations.glu(x).shape == (None, 3)


def test_functions_are_in_no_file(tmp_path):
    x = hl.Input((6,))
    for layer in (hl.layers.Lambda(lambda x: x), hl.layers.Dense(6, activation=lambda x: x * x), MyDense(6)):
        with pytest.raises(TypeError, match=r"save: (function|layer)"):
            hl.Model(x, layer(x)).save(tmp_path / "no.hotloop")
