"""Layers that are frozen or thawed after compile: the next step minds it, and nothing is forgotten."""

import itertools

import numpy as np
import pytest

import hotloop as hl
from nets import blobs, classifier


@pytest.fixture(autouse=True)
def _seed():
    hl.set_seed(0)


def step(model, x, y, how):
    if how == "fit":
        model.fit(x, y, verbose=0)
    else:
        model.train_on_batch(x, y)


@pytest.mark.parametrize("how", ["fit", "train_on_batch"])
def test_freezing_and_thawing_need_no_compile(rng, how):
    x, y = blobs(rng, 64)
    model = classifier()
    step(model, x, y, how)
    first, last = model.layers
    for frozen, learning in ((first, last), (last, first)):
        frozen.trainable, learning.trainable = False, True
        assert model.trainable_weights == learning.weights
        lines: list[str] = []
        model.summary(print_fn=lines.append)
        assert f"Trainable params: {learning.count_params()}" in "\n".join(lines)
        before = [layer.get_weights() for layer in (frozen, learning)]
        step(model, x, y, how)
        for old, new in zip(before[0], frozen.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
        assert not np.array_equal(before[1][0], learning.get_weights()[0])


def test_a_frozen_model_stands_still_and_counts_its_steps(rng):
    x, y = blobs(rng, 64)
    model = classifier(optimizer=hl.optimizers.AdamW(weight_decay=0.5))
    model.trainable = False
    before = model.get_weights()
    model.fit(x, y, epochs=2, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert model.optimizer.iterations == 4
    assert model.trainable_weights == []


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
def test_the_same_as_if_it_had_been_compiled_frozen(rng, optimizer):
    x, y = blobs(rng, 64)
    results = []
    for early in (True, False):
        hl.set_seed(1)
        model = classifier(optimizer=optimizer)
        model.layers[0].trainable = False
        if early:
            model.compile(optimizer, "sparse_categorical_crossentropy")
        model.fit(x, y, epochs=3, verbose=0)
        results.append(model.get_weights())
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_moments_of_frozen_weights_wait(rng, tmp_path):
    x, y = blobs(rng, 64)
    model = classifier(optimizer=hl.optimizers.SGD(0.1, momentum=0.9))
    model.fit(x, y, verbose=0)
    kernel = model.layers[0].kernel
    velocity = kernel.of(model.optimizer.slots["velocity"]).copy()
    model.layers[0].trainable = False
    model.fit(x, y, epochs=3, verbose=0)
    np.testing.assert_array_equal(kernel.of(model.optimizer.slots["velocity"]), velocity)
    model.save(tmp_path / "frozen.hotloop")
    again = hl.load_model(tmp_path / "frozen.hotloop")
    for each in (model, again):
        layer = each.layers[0]
        layer.trainable = True
        before = layer.kernel.numpy()
        each.train_on_batch(x, y)
        gradient = layer.kernel.of(each.gradients)
        np.testing.assert_allclose(
            layer.kernel.numpy(),
            before + np.float32(0.9) * velocity - np.float32(0.1) * gradient,
            rtol=1e-5,
            atol=1e-7,
        )


def test_a_frozen_batch_normalization_predicts(rng):
    x, y = blobs(rng, 64)
    norm = hl.layers.BatchNormalization(momentum=0.5, input_shape=(6,))
    model = hl.Sequential([norm, hl.layers.Dense(3, "softmax")])
    model.compile(hl.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    model.fit(x, y, verbose=0)
    norm.trainable = False
    before = norm.get_weights()
    loss = model.train_on_batch(x, y)
    for old, new in zip(before, norm.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert loss == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-6)
    norm.trainable = True
    assert model.train_on_batch(x, y) != pytest.approx(loss, rel=1e-6)
    assert not np.array_equal(norm.get_weights()[2], before[2])


def test_callbacks_may_thaw_between_epochs(rng):
    x, y = blobs(rng, 64)
    model = classifier()
    first = model.layers[0]
    first.trainable = False
    kernels = [first.get_weights()[0]]

    def thaw(epoch, logs):
        kernels.append(first.get_weights()[0])
        first.trainable = epoch >= 1

    model.fit(x, y, epochs=3, callbacks=[hl.callbacks.LambdaCallback(on_epoch_end=thaw)], verbose=0)
    same = [np.array_equal(a, b) for a, b in itertools.pairwise(kernels)]
    assert same == [True, True, False]


def test_a_model_without_a_shape_can_be_frozen(rng):
    x, y = blobs(rng, 64)
    model = hl.Sequential([hl.layers.Dense(4, "relu"), hl.layers.Dense(3, "softmax")])
    model.trainable = False
    assert not model.trainable
    model.layers[1].trainable = True
    assert model.trainable
    model.compile("adam", "sparse_categorical_crossentropy")
    model.train_on_batch(x, y)
    assert [weight.path.split("/")[1] for weight in model.trainable_weights] == ["kernel", "bias"]
