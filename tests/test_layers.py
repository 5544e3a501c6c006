"""Layers: shapes, weights, configuration, and outputs and gradients against PyTorch and NumPy."""

import json

import numpy as np
import pytest

import hotloop as hl
from hotloop.ops.layer import Layer

ALL_LAYERS = [
    hl.layers.Activation("tanh"),
    hl.layers.Activation(hl.activations.leaky_relu.configured(negative_slope=0.05)),
    hl.layers.Add(),
    hl.layers.BatchNormalization(momentum=0.9, epsilon=1e-4, center=False, gamma_regularizer="l1"),
    hl.layers.Concatenate(),
    hl.layers.Dense(3, "gelu", kernel_regularizer=hl.regularizers.L1L2(0.1, 0.2), bias_initializer="ones"),
    hl.layers.Dense(3, use_bias=False, input_shape=(4,), trainable=False),
    hl.layers.Dropout(0.25, seed=3),
    hl.layers.ELU(0.5),
    hl.layers.Flatten(),
    hl.layers.LeakyReLU(0.1),
    hl.layers.Multiply(),
    hl.layers.ReLU(max_value=6),
    hl.layers.ReLU(negative_slope=0.1),
    hl.layers.Rescaling(0.5, -1),
    hl.layers.Reshape((2, -1)),
    hl.layers.Softmax(),
]


def predict(layer: Layer, x: np.ndarray) -> np.ndarray:
    return hl.Sequential([hl.Input(x.shape[1:]), layer]).predict(x)


@pytest.mark.parametrize("layer", ALL_LAYERS, ids=repr)
def test_layer_config_round_trip(layer):
    config = json.loads(json.dumps(hl.layers.serialize(layer)))
    again = hl.layers.deserialize(config)
    assert type(again) is type(layer)
    assert hl.layers.serialize(again) == hl.layers.serialize(layer)


@pytest.mark.parametrize("name", hl.activations.NAMES)
@pytest.mark.parametrize("shape", [(6,), (3, 4)], ids=str)
def test_dense_equals_numpy_for_every_activation(name, shape, rng):
    x = rng.normal(size=(5, *shape)).astype(np.float32)
    layer = hl.layers.Dense(8, activation=name, bias_initializer="random_normal")
    got = predict(layer, x)
    want = hl.activations.get(name)(x @ layer.kernel.value + layer.bias.value)
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-6)


def test_dense_weights_are_views_into_the_arena():
    layer = hl.layers.Dense(3, input_shape=(4,))
    model = hl.Sequential([layer, hl.layers.Dense(2)])
    assert [w.path for w in model.weights] == [
        f"{layer.name}/kernel",
        f"{layer.name}/bias",
        f"{model.layers[1].name}/kernel",
        f"{model.layers[1].name}/bias",
    ]
    model.predict(np.zeros((1, 4)))
    store = model.store
    assert all(w.store is store and w.offset % 16 == 0 for w in model.weights)
    assert store.values.ctypes.data % 64 == 0
    layer.kernel.value[...] = 7
    assert np.count_nonzero(store.values == 7) == 12
    assert np.asarray(layer.kernel).shape == (4, 3)


def test_get_and_set_weights_in_kerass_order():
    layer = hl.layers.BatchNormalization(input_shape=(3,))
    model = hl.Sequential([layer])
    assert [w.name for w in layer.weights] == ["gamma", "beta", "moving_mean", "moving_variance"]
    assert [w.name for w in layer.trainable_weights] == ["gamma", "beta"]
    assert [w.name for w in layer.non_trainable_weights] == ["moving_mean", "moving_variance"]
    values = [np.full(3, i, np.float32) for i in (2, 1, 4, 9)]
    layer.set_weights(values)
    for got, want in zip(model.get_weights(), values, strict=True):
        np.testing.assert_array_equal(got, want)
    y = model.predict(np.full((1, 3), 10, np.float32))
    np.testing.assert_allclose(y, 2 * 6 / np.sqrt(9.001) + 1, rtol=1e-6)


def test_set_weights_changes_nothing_when_one_does_not_fit():
    layer = hl.layers.Dense(3, input_shape=(4,))
    model = hl.Sequential([layer])
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"bias.*\(3,\).*\(2,\)"):
        layer.set_weights([np.ones((4, 3)), np.ones(2)])
    with pytest.raises(ValueError, match="2 arrays, got 1"):
        model.set_weights([np.ones((4, 3))])
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_names_are_kerass():
    hl.set_seed(0)
    layers = [hl.layers.Dense(1), hl.layers.Dense(1), hl.layers.BatchNormalization(), hl.layers.ReLU()]
    assert [layer.name for layer in layers] == ["dense", "dense_1", "batch_normalization", "re_lu"]


def test_adding_a_layer_does_not_shift_the_others():
    def first_and_last(extra: bool) -> list[np.ndarray]:
        hl.set_seed(5)
        middle = [hl.layers.Dense(4, name="extra")] if extra else []
        model = hl.Sequential(
            [hl.layers.Dense(4, name="a", input_shape=(4,)), *middle, hl.layers.Dense(4, name="b")]
        )
        return [model.get_layer("a").kernel.numpy(), model.get_layer("b").kernel.numpy()]

    for plain, longer in zip(first_and_last(False), first_and_last(True), strict=True):
        np.testing.assert_array_equal(plain, longer)


def test_layers_of_one_name_in_two_models_differ():
    kernels = [
        hl.Sequential([hl.layers.Dense(4, name="same", input_shape=(4,))]).get_weights()[0] for _ in "ab"
    ]
    assert not np.array_equal(*kernels)


def test_flatten_reshape_rescaling_softmax(rng):
    x = rng.normal(size=(3, 2, 4)).astype(np.float32)
    np.testing.assert_array_equal(predict(hl.layers.Flatten(), x), x.reshape(3, 8))
    np.testing.assert_array_equal(predict(hl.layers.Reshape((-1, 2)), x), x.reshape(3, 4, 2))
    np.testing.assert_allclose(predict(hl.layers.Rescaling(2, 1), x), 2 * x + 1, rtol=1e-6)
    e = np.exp(x - x.max(-1, keepdims=True))
    np.testing.assert_allclose(predict(hl.layers.Softmax(), x), e / e.sum(-1, keepdims=True), rtol=1e-6)


def test_merging_layers_equal_numpy(rng):
    a, b, c = (rng.normal(size=(5, 2, 3)).astype(np.float32) for _ in range(3))
    inputs = [hl.Input((2, 3)) for _ in range(3)]
    wants = {"Add": a + b + c, "Multiply": a * b * c, "Concatenate": np.concatenate([a, b, c], axis=-1)}
    for name, want in wants.items():
        model = hl.Model(inputs, hl.layers.get(name)()(inputs))
        np.testing.assert_allclose(model.predict([a, b, c]), want, rtol=1e-6)


def test_dropout_is_off_in_prediction_and_scales_in_training():
    x = np.ones((4000, 8), np.float32)
    model = hl.Sequential([hl.layers.Dropout(0.5, input_shape=(8,)), hl.layers.Dense(8, name="d")])
    model.get_layer("d").set_weights([np.eye(8), np.zeros(8)])
    np.testing.assert_array_equal(model.predict(x), x)
    model.compile(hl.optimizers.SGD(0.0), "mse")
    # E[(d - 1)^2] is 1 where d is 0 or 2 with equal chance.
    assert model.fit(x, x, verbose=0, batch_size=4000).history["loss"][0] == pytest.approx(1.0)
    assert model.evaluate(x, x, verbose=0) == 0


def test_batch_normalization_uses_batch_statistics_only_while_training(rng):
    x = (rng.normal(size=(64, 3)) * 5 + 2).astype(np.float32)
    model = hl.Sequential([hl.layers.BatchNormalization(momentum=0.5, input_shape=(3,))])
    model.compile(hl.optimizers.SGD(0.0), "mse")
    model.fit(x, x, batch_size=64, shuffle=False, verbose=0)
    layer = model.layers[0]
    np.testing.assert_allclose(layer.moving_mean.value, 0.5 * x.mean(0), rtol=1e-4)
    np.testing.assert_allclose(layer.moving_variance.value, 0.5 + 0.5 * x.var(0), rtol=1e-4)
    moved = [w.numpy() for w in (layer.moving_mean, layer.moving_variance)]
    layer.trainable = False
    model.compile("sgd", "mse")
    model.fit(x, x, batch_size=64, verbose=0)
    for before, weight in zip(moved, (layer.moving_mean, layer.moving_variance), strict=True):
        np.testing.assert_array_equal(before, weight.value)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: hl.layers.Dense(0), r"Dense.*units: expected at least 1, got 0"),
        (lambda: hl.layers.Dense(2.5), r"units: expected an integer"),
        (lambda: hl.layers.Dense(2, "rellu"), r"unknown activation 'rellu'; did you mean 'relu'"),
        (lambda: hl.layers.Dense(2, kernel_initializer="he_norml"), r"did you mean 'he_normal'"),
        (lambda: hl.layers.Dense(2, kernel_initialiser="zeros"), r"did you mean 'kernel_initializer'"),
        (lambda: hl.layers.Dropout(1.0), r"Dropout.*rate"),
        (lambda: hl.layers.Dense(2, "glu")(hl.Input(())), r"at least one axis"),
        (lambda: hl.layers.Dense(3, "glu")(hl.Input((2,))), r"even"),
        (lambda: hl.layers.Reshape((3, -1))(hl.Input((4,))), r"target_shape.*4 numbers"),
        (lambda: hl.layers.Reshape((-1, -1)), r"at most one of them -1"),
        (lambda: hl.layers.Add()([hl.Input((4,)), hl.Input((3,))]), r"one shape.*\(None, 4\), \(None, 3\)"),
        (lambda: hl.layers.Add()(hl.Input((4,))), r"at least 2"),
        (lambda: hl.layers.Concatenate(axis=1)([hl.Input((2, 4)), hl.Input((2, 4))]), r"axis.*last axis"),
        (lambda: hl.layers.Concatenate()([hl.Input((2, 4)), hl.Input((3, 4))]), r"last axis only"),
        (lambda: hl.layers.BatchNormalization(axis=1)(hl.Input((3, 4))), r"axis: expected -1 or 2"),
        (lambda: hl.layers.ReLU(max_value=3), r"max_value None, or 6"),
        (lambda: hl.layers.Dense(2)(np.zeros((2, 2))), r"symbolic tensor"),
        (lambda: hl.layers.Dense(2)([hl.Input((2,)), hl.Input((2,))]), r"one tensor, got 2"),
        (lambda: hl.Input((0,)), r"at least 1"),
        (lambda: hl.Input((2,), dtype="uint"), r"did you mean 'uint8'"),
        (lambda: hl.layers.get("Dens"), r"did you mean 'Dense'"),
        (lambda: hl.layers.Dense(2).kernel, r"no weights yet"),
    ],
)
def test_bad_arguments_are_refused_by_name(make, match):
    with pytest.raises((ValueError, TypeError), match=match):
        make()


def test_layer_refuses_an_input_of_another_width():
    layer = hl.layers.Dense(2)
    layer(hl.Input((3,)))
    with pytest.raises(ValueError, match=r"shape \(None, 3\).*got \(None, 4\)"):
        layer(hl.Input((4,)))


def test_softmax_of_samples_that_are_single_numbers():
    layers = [hl.layers.Reshape((), input_shape=(1,)), hl.layers.Activation("softmax")]
    predicted = hl.Sequential(layers).predict(np.arange(3, dtype=np.float32)[:, None], verbose=0)
    np.testing.assert_array_equal(predicted, np.ones(3, np.float32))
