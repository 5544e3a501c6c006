"""Whose state an optimizer keeps: the first model's that is compiled with it; others get a twin of it."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import hotloop as hl
from nets import blobs

OPTIMIZERS = {
    "sgd": lambda: hl.optimizers.SGD(0.05, momentum=0.9),
    "rmsprop": lambda: hl.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "adam": lambda: hl.optimizers.Adam(0.01, amsgrad=True),
    "adamw": lambda: hl.optimizers.AdamW(hl.optimizers.schedules.CosineDecay(0.01, 100)),
}


def compiled(optimizer, width=16):
    hl.set_seed(0)
    model = hl.Sequential(
        [hl.layers.Dense(width, "relu", input_shape=(6,)), hl.layers.Dense(3, "softmax")], name="fold"
    )
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


def learn(model, x, y, **options):
    model.fit(x, y, epochs=2, verbose=0, **options)
    return model.get_weights()


def assert_same(ours, theirs):
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_every_fold_begins_anew(rng, kind):
    x, y = blobs(rng, 100)
    alone = learn(compiled(OPTIMIZERS[kind]()), x, y)
    optimizer = OPTIMIZERS[kind]()
    models = []
    for _ in range(3):
        model = compiled(optimizer)
        assert model.optimizer.iterations == 0
        assert_same(learn(model, x, y), alone)
        models.append(model)
    assert [model.optimizer.iterations for model in models] == [8, 8, 8]
    assert models[0].optimizer is optimizer
    assert models[1].optimizer.get_config() == optimizer.get_config()


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_the_first_model_goes_on_as_if_there_were_no_other(rng, kind, tmp_path):
    x, y = blobs(rng, 100)
    alone = compiled(OPTIMIZERS[kind]())
    learn(alone, x, y)
    shared = OPTIMIZERS[kind]()
    first = compiled(shared)
    learn(first, x, y)
    learn(compiled(shared, width=40), x, y)  # whose arena has another size
    first.save(tmp_path / "first.hotloop")
    wanted = learn(alone, x, y)
    assert_same(learn(first, x, y), wanted)
    assert_same(learn(hl.load_model(tmp_path / "first.hotloop"), x, y), wanted)


def test_models_that_share_a_layer_have_moments_of_their_own(rng):
    x, y = blobs(rng, 100)
    results = []
    for shared in (True, False):
        hl.set_seed(0)
        inputs = hl.Input((6,))
        hidden = hl.layers.Dense(8, "relu", name="hidden")(inputs)
        optimizers = [hl.optimizers.Adam(0.01)] * 2 if shared else [hl.optimizers.Adam(0.01) for _ in "ab"]
        models = []
        for name, optimizer in zip("ab", optimizers, strict=True):
            models.append(hl.Model(inputs, hl.layers.Dense(3, "softmax", name=name)(hidden), name=name))
            models[-1].compile(optimizer, "sparse_categorical_crossentropy")
        for _ in range(3):
            for model in models:
                model.train_on_batch(x, y)
        results.append([w for model in models for w in model.get_weights()])
    assert_same(*results)


@pytest.mark.parametrize("later", [False, True], ids=["the first model", "a twin's"])
def test_the_same_object_again_keeps_its_models_state(rng, later):
    x, y = blobs(rng, 100)
    optimizer = hl.optimizers.Adam(0.01)
    if later:
        learn(compiled(optimizer), x, y)
    model = compiled(optimizer)
    learn(model, x, y)
    moments = model.optimizer.slots["m"].copy()
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    assert model.optimizer.iterations == 8
    np.testing.assert_array_equal(model.optimizer.slots["m"], moments)
    model.compile(hl.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    assert model.optimizer.iterations == 0


def test_learning_rates_that_callbacks_set_stay_in_their_training(rng):
    x, y = blobs(rng, 60)
    optimizer = hl.optimizers.SGD(0.5)
    reduce = hl.callbacks.ReduceLROnPlateau("loss", factor=0.1, patience=1, min_delta=1e9)
    first = compiled(optimizer)
    first.fit(x, y, epochs=3, callbacks=[reduce], verbose=0)
    assert optimizer.learning_rate == pytest.approx(0.005)
    assert compiled(optimizer).optimizer.learning_rate == 0.5
    optimizer.learning_rate = 0.25  # by the user, and meant
    assert first.optimizer.learning_rate == compiled(optimizer).optimizer.learning_rate == 0.25


def test_settings_come_along_and_do_not_hang_together():
    optimizer = hl.optimizers.Adam(0.01, weight_decay=0.1, clipnorm=1.0)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    first, second = compiled(optimizer), compiled(optimizer)
    twin = second.optimizer
    assert first.optimizer is optimizer
    assert twin is not optimizer
    assert twin.get_config() == optimizer.get_config()
    twin.exclude_from_weight_decay(var_names=["kernel"])
    assert optimizer.uses_weight_decay("dense/kernel")


def test_copies_and_pickles_own_their_state(rng):
    x, y = blobs(rng, 100)
    model = compiled(hl.optimizers.Adam(0.01))
    learn(model, x, y)
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert again.optimizer.iterations == 8
        again.compile(again.optimizer, "sparse_categorical_crossentropy")  # goes on
        assert again.optimizer.iterations == 8
        assert compiled(again.optimizer).optimizer.iterations == 0
        assert again.optimizer.iterations == 8


def test_an_optimizer_that_failed_to_compile_is_still_free(rng):
    optimizer = hl.optimizers.Adam()
    model = compiled("sgd")
    with pytest.raises(ValueError, match="unknown metric"):
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuray"])
    assert compiled(optimizer).optimizer is optimizer


@pytest.mark.parametrize("owner_lives", [True, False])
def test_the_same_object_again_brings_what_the_user_changed(rng, owner_lives):
    x, y = blobs(rng, 100)
    optimizer = hl.optimizers.AdamW(0.001)
    first = compiled(optimizer)
    second = compiled(optimizer)
    learn(second, x, y)
    moments = second.optimizer.slots["m"].copy()
    optimizer.learning_rate = 0.5
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    if not owner_lives:
        del first
        gc.collect()
    second.compile(optimizer, "sparse_categorical_crossentropy")
    assert (second.optimizer is optimizer) is not owner_lives
    assert second.optimizer.learning_rate == 0.5
    assert not second.optimizer.uses_weight_decay("dense/bias")
    assert second.optimizer.iterations == 8
    np.testing.assert_array_equal(second.optimizer.slots["m"], moments)
    if owner_lives:
        assert optimizer.iterations == 0
        assert not optimizer.slots


def test_the_same_object_unchanged_leaves_what_callbacks_made_of_the_rate(rng):
    x, y = blobs(rng, 60)
    optimizer = hl.optimizers.SGD(0.5)
    models = [compiled(optimizer), compiled(optimizer)]
    reduce = hl.callbacks.ReduceLROnPlateau("loss", factor=0.1, patience=1, min_delta=1e9)
    for model in models:
        model.fit(x, y, epochs=3, callbacks=[reduce], verbose=0)
        model.compile(optimizer, "sparse_categorical_crossentropy")
        assert model.optimizer.learning_rate == pytest.approx(0.005)


def test_an_optimizer_whose_model_is_gone_is_the_next_ones(rng):
    x, y = blobs(rng, 100)
    optimizer = hl.optimizers.Adam(0.01)
    alone = learn(compiled(hl.optimizers.Adam(0.01)), x, y)
    for _ in range(2):
        model = compiled(optimizer)
        assert model.optimizer is optimizer
        assert optimizer.iterations == 0
        assert_same(learn(model, x, y), alone)
        del model
        gc.collect()


def test_a_twin_keeps_nothing_of_the_first_models_state_alive(rng):
    x, y = blobs(rng, 100)
    optimizer = hl.optimizers.Adam(0.01)
    first, second = compiled(optimizer), compiled(optimizer)
    learn(first, x, y)
    gone = weakref.ref(optimizer)
    del first, optimizer
    gc.collect()
    assert gone() is None
    learn(second, x, y)
