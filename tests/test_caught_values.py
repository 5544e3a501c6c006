"""Weights and arrays that a function catches: weights are symbolic in it, arrays what they were then."""

import copy

import numpy as np
import pytest

import hotloop as hl
from hotloop import ops

X = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)


class ByValue(hl.layers.Layer):
    """Uses its weight as Keras's layers do."""

    def build(self, input_shape):
        self.w = self.add_weight((input_shape[-1], 1), initializer="ones", name="w")

    def call(self, inputs):
        return ops.matmul(inputs, self.w.value)


def test_the_value_of_a_weight_learns():
    model = hl.Sequential([ByValue(input_shape=(4,))])
    model.compile(hl.optimizers.SGD(0.1), "mse")
    model.fit(X, X[:, :1], epochs=2, verbose=0)
    assert np.abs(model.get_weights()[0] - 1).min() > 1e-3
    twin = copy.deepcopy(model)
    twin.set_weights([np.zeros((4, 1))])
    assert not twin.predict(X).any()
    before = hl.freeze(model)
    expected = before.run(X)
    model.set_weights([np.zeros((4, 1))])
    np.testing.assert_array_equal(before.run(X), expected)


def test_a_copy_of_a_weight_is_refused_where_a_function_is_traced():
    dense = hl.layers.Dense(2)
    dense(hl.Input((4,)))
    for function in (
        lambda x: x @ dense.kernel.numpy(),
        lambda x: x @ np.asarray(dense.kernel),
        lambda x: x @ dense.get_weights()[0],
    ):
        with pytest.raises(TypeError, match=r"weight 'dense.*/kernel': use functions of hotloop.ops"):
            hl.layers.Lambda(function)(hl.Input((4,)))
    assert isinstance(dense.kernel.value, np.ndarray)
    with pytest.raises(ValueError, match=r"weight 'dense.*/kernel' of another layer"):
        hl.layers.Lambda(lambda x: x @ dense.kernel.value)(hl.Input((4,)))


def test_what_comes_of_a_weight_is_refused_beside_a_symbolic_tensor():
    inner, other = hl.layers.Dense(4), hl.layers.Dense(4)
    x = hl.Input((4,))
    inner(x)
    total = ops.sum(inner.kernel)
    assert type(total) is np.ndarray
    value = inner.kernel.value
    for made in (total, ops.square(total), ops.reshape(inner.kernel, (-1,))[:4], value[0], ops.sum(value)):
        with pytest.raises(ValueError, match=r"weight 'dense.*/kernel' beside a symbolic tensor"):
            other(x) + made
    with pytest.raises(ValueError, match=r"weight 'dense.*/bias' beside a symbolic tensor"):
        other(x) + inner.bias.value
    assert (other(x) + inner.kernel.numpy()[0]).shape == (None, 4)


def test_arrays_count_as_they_were():
    array = np.ones(4, np.float32)
    x = hl.Input((4,))
    models = [
        hl.Sequential([hl.layers.Lambda(lambda v: v * array, input_shape=(4,))]),
        hl.Model(x, x * array),
        hl.Model(x, ops.concatenate([x * 1.0, x * ops.reshape(array, (1, 4))], axis=1)[:, 4:]),
    ]
    [model.predict(X, verbose=0) for model in models]
    sessions = [hl.freeze(model) for model in models]
    array[:] = 7
    for model, session in zip(models, sessions, strict=True):
        np.testing.assert_array_equal(session.run(X), X)
        np.testing.assert_array_equal(model.predict(X, verbose=0), X)
    scale = np.float32([2])
    models[0].compile("sgd", lambda a, b: ops.mean(scale * ops.square(a - b), axis=-1))
    first = models[0].evaluate(X, 0 * X, verbose=0)
    scale[:] = 100
    assert models[0].evaluate(X, 0 * X, verbose=0) == first


def test_the_weight_of_a_loss_is_named():
    model = hl.Sequential([hl.layers.Dense(2, input_shape=(4,), name="one")])
    kernel = model.weights[0]
    model.compile("sgd", lambda a, b: ops.mean(ops.square(a - b)) + ops.sum(kernel.value))
    with pytest.raises(ValueError, match="got <Parameter one/kernel"):
        model.fit(X, X[:, :2], verbose=0)


def test_a_tensor_is_compared_with_itself_by_its_numbers():
    x, z = hl.Input((4,)), hl.Input((3,))
    h, other = x * 1.0, x * 1.0
    root = ops.sqrt(x)
    numbers = np.float32([[1, -1, 4, -2]])
    seen = hl.Model(x, ops.where(root == root, root, 0.0))
    np.testing.assert_array_equal(seen.predict(numbers, verbose=0), [[1, 0, 2, 0]])
    unequal = hl.Model(x, ops.where(root != root, 5.0, 1.0))
    np.testing.assert_array_equal(unequal.predict(numbers, verbose=0), [[1, 5, 1, 5]])
    assert hl.Model(x, ops.cast(h == other, "float32")).predict(X[:1], verbose=0).all()
    assert [x, h, other].index(other) == 2
    assert other not in [x, h, z]
    assert h == h
    assert h != other
    assert h != z


def test_nothing_is_no_tensor():
    with pytest.raises(TypeError, match="convert_to_tensor: expected a symbolic tensor"):
        ops.convert_to_tensor(None)


class Begins(hl.layers.Layer):
    """Looks at its weight, and writes to it, where it is made."""

    def build(self, input_shape):
        self.w = self.add_weight((input_shape[-1], 1), name="w")
        self.w.assign(np.full(self.w.shape, 3.0))
        self.w.value[0] = 5 * np.ones(1, np.float32)
        self.first = self.w.numpy()

    def call(self, inputs):
        return inputs @ self.w


class Around(hl.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = Begins()

    def call(self, inputs):
        return self.inner(inputs) + self.inner(inputs)


def test_build_sees_numbers_inside_a_traced_function_too():
    layer = Around(input_shape=(4,))
    assert hl.Sequential([layer]).predict(np.ones((1, 4)), verbose=0) == 2 * (5 + 3 * 3)
    np.testing.assert_array_equal(layer.inner.first.ravel(), [5, 3, 3, 3])
