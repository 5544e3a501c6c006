"""Whole models for test_digests.py: what they are built of, how they are fed, and what comes after."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

import hotloop as hl
from seeded_trainings import Facts, arrays, classes, dense, digest, fitted, logs, numbers, outcome, training

L = hl.layers


@training
def large_enough_for_two_threads() -> Facts:
    x, y = numbers(20, 640, 200), classes(21, 640, 10)
    return fitted(
        dense(256, 128, 10, inputs=200, last="softmax"),
        x,
        y,
        "adam",
        "sparse_categorical_crossentropy",
        batch_size=128,
        metrics=["accuracy"],
    )


@training
def widths_beside_a_vector() -> Facts:
    x, y = numbers(22, 99, 17), numbers(23, 99, 31)
    return fitted(dense(33, 15, 64, 31, inputs=17, activation="gelu"), x, y, "adam", "mse", batch_size=13)


@training
def images_through_every_plain_layer() -> Facts:
    """uint8, rescaled, with axes of their own, normalised, dropped."""
    hl.set_seed(30)
    layers = [
        L.Input(shape=(4, 6), name="image"),
        L.Rescaling(1 / 255, offset=-0.5, name="scale"),
        L.Dense(8, name="rows"),
        L.LeakyReLU(0.1, name="leaky"),
        L.Reshape((8, -1), name="turned"),
        L.BatchNormalization(momentum=0.8, epsilon=1e-2, name="bn"),
        L.ELU(0.5, name="elu"),
        L.Flatten(name="flat"),
        L.Dropout(0.4, name="drop"),
        L.Dense(12, use_bias=False, name="wide"),
        L.BatchNormalization(center=False, scale=False, name="bare"),
        L.ReLU(6, name="six"),
        L.Dense(3, name="logits"),
        L.Softmax(name="softmax"),
    ]
    x = np.random.default_rng(31).integers(0, 256, (90, 4, 6)).astype(np.uint8)
    model, loss = hl.Sequential(layers, name="images"), "sparse_categorical_crossentropy"
    return fitted(model, x, classes(32, 90, 3), "adam", loss, metrics=["accuracy"], validation_split=0.2)


def branched() -> hl.Model:
    """Two inputs, a shared layer, a residual join, a product, a nested model, three outputs."""
    hl.set_seed(40)
    a, b = L.Input((5,), name="a"), L.Input((5,), name="b")
    shared = L.Dense(8, "tanh", name="shared")
    left, right = shared(a), shared(b)
    added = L.Add(name="add")([left, right])
    residual = L.Add(name="residual")([added, L.Dense(8, "relu", name="inner")(added)])
    times = L.Multiply(name="times")([left, residual])
    nested = hl.Sequential(
        [L.Dense(6, "silu", input_shape=(8,), name="n0"), L.Dropout(0.2, name="n1")], "nest"
    )
    joined = L.Concatenate(name="join")([nested(times), right, b])
    outputs = [
        L.Dense(3, "softmax", name="kind")(joined),
        L.Dense(1, name="size")(joined),
        L.Dense(2, "sigmoid", name="marks")(residual),
    ]
    return hl.Model([a, b], outputs, name="branched")


def branched_data(rows: int = 80) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    x = [numbers(41, rows, 5), numbers(42, rows, 5)]
    marks = (numbers(43, rows, 2) > 0).astype(np.float32)
    return x, {"kind": classes(44, rows, 3), "size": numbers(45, rows, 1), "marks": marks}


BRANCHED_LOSSES = {"kind": "sparse_categorical_crossentropy", "size": "huber", "marks": "binary_crossentropy"}


@training
def several_inputs_and_outputs() -> Facts:
    x, y = branched_data()
    weights = {"kind": 1.0, "size": 0.5, "marks": 2.0}
    metrics = {"kind": ["accuracy"], "size": ["mae"], "marks": ["binary_accuracy"]}
    validation = ([a[:20] for a in x], {key: a[:20] for key, a in y.items()})
    return fitted(
        branched(),
        x,
        y,
        "rmsprop",
        BRANCHED_LOSSES,
        loss_weights=weights,
        metrics=metrics,
        validation_data=validation,
    )


@training
def sample_weights_of_each_output() -> Facts:
    x, y = branched_data()
    weights = {"kind": np.abs(numbers(46, 80)), "size": numbers(47, 80), "marks": None}
    return fitted(branched(), x, y, "adam", BRANCHED_LOSSES, sample_weight=weights)


@training
def an_output_without_a_loss() -> Facts:
    x, y = branched_data()
    losses = {"kind": "sparse_categorical_crossentropy", "size": "mse"}
    return fitted(branched(), x, {key: y[key] for key in losses}, "sgd", losses)


@training
def weights_of_positions() -> Facts:
    hl.set_seed(48)
    model = hl.Sequential([L.Dense(6, "relu", input_shape=(4, 3), name="a"), L.Dense(2, "softmax", name="b")])
    x, y = numbers(49, 40, 4, 3), np.random.default_rng(50).integers(0, 2, (40, 4))
    weight = np.abs(numbers(51, 40, 4))
    return fitted(model, x, y, "adam", "sparse_categorical_crossentropy", sample_weight=weight)


@training
def class_and_sample_weights() -> Facts:
    model = dense(8, 3, inputs=4, last="softmax")
    options: dict[str, Any] = {"class_weight": {0: 0.5, 2: 3.0}, "sample_weight": np.abs(numbers(52, 60))}
    x, y, loss = numbers(53, 60, 4), classes(54, 60, 3), "sparse_categorical_crossentropy"
    return fitted(model, x, y, "adam", loss, shuffle=False, **options)


def normalised() -> hl.Sequential:
    hl.set_seed(60)
    layers = [
        L.Dense(12, "relu", input_shape=(6,), name="a"),
        L.BatchNormalization(name="bn"),
        L.Dropout(0.3, name="drop"),
        L.Dense(10, "tanh", name="b"),
        L.Dense(3, "softmax", name="c"),
    ]
    return hl.Sequential(layers, name="normalised")


NORMALISED_DATA = numbers(61, 100, 6), classes(62, 100, 3)


@training
def frozen_and_thawed() -> Facts:
    """Two layers frozen, then all learn, then the first alone is frozen."""
    model, (x, y) = normalised(), NORMALISED_DATA
    model.compile("adam", "sparse_categorical_crossentropy")
    histories = []
    for frozen in (["a", "bn"], [], ["a"]):
        for layer in model.layers:
            layer.trainable = layer.name not in frozen
        histories.append(model.fit(x, y, epochs=1, verbose=0))
    return outcome(model, x, *histories)


@training
def regularized() -> Facts:
    hl.set_seed(63)
    R = hl.regularizers
    layers = [
        L.Dense(9, "relu", input_shape=(5,), kernel_regularizer="l1", bias_regularizer=R.L2(0.1), name="a"),
        L.BatchNormalization(gamma_regularizer=R.L1L2(0.01, 0.02), beta_regularizer="l2", name="bn"),
        L.Dense(1, kernel_regularizer="l1_l2", name="b"),
    ]
    return fitted(hl.Sequential(layers), numbers(64, 70, 5), numbers(65, 70, 1), "adam", "mae")


@training
def callbacks_of_batches_and_epochs() -> Facts:
    """Batch hooks split an epoch into steps; others change the rate, stop, and take the best weights back."""
    model, (x, y) = normalised(), NORMALISED_DATA
    model.compile(hl.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    batches: list[Any] = []
    history = model.fit(
        x,
        y,
        epochs=12,
        verbose=0,
        validation_split=0.25,
        callbacks=[
            hl.callbacks.LambdaCallback(on_train_batch_end=lambda i, seen: batches.append((i, logs(seen)))),
            hl.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9 if epoch > 2 else rate),
            hl.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=0, min_delta=0.05),
            hl.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True),
        ],
    )
    return outcome(model, x, history, batches)


@training
def epochs_across_passes() -> Facts:
    model, (x, y) = normalised(), NORMALISED_DATA
    model.compile("adam", "sparse_categorical_crossentropy")
    first = model.fit(x, y, batch_size=24, epochs=3, steps_per_epoch=3, verbose=0)
    more = model.fit(x, y, batch_size=24, epochs=5, initial_epoch=3, steps_per_epoch=3, verbose=0)
    return outcome(model, x, first, more)


@training
def single_steps_and_evaluations() -> Facts:
    model, (x, y) = normalised(), NORMALISED_DATA
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    seen: list[Any] = []
    for begin in range(0, 100, 30):
        rows = slice(begin, begin + 30)
        seen.append(logs(model.train_on_batch(x[rows], y[rows], return_dict=True)))
        seen.append(logs(model.test_on_batch(x[rows], y[rows], return_dict=True)))
    seen.append(
        logs(model.evaluate(x, y, verbose=0, sample_weight=np.abs(numbers(66, 100)), return_dict=True))
    )
    seen += [digest(model.predict_on_batch(x[:1])), digest(model.predict(x, batch_size=7))]
    return outcome(model, x, seen)


@training
def copies_go_on() -> Facts:
    model, (x, y) = normalised(), NORMALISED_DATA
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=2, verbose=0)
    deep, clone = copy.deepcopy(model), hl.clone_model(model)
    clone.set_weights(model.get_weights())
    clone.compile("sgd", "sparse_categorical_crossentropy")
    described = hl.model_from_json(model.to_json())
    seen = [digest(*described.get_weights())]
    for other in (deep, clone):
        other.fit(x, y, epochs=1, verbose=0)
        seen.append(digest(*other.get_weights()))
    return outcome(deep, x, seen)


def pruned(model: Any, x: Any, y: Any, **options: Any) -> Facts:
    """Train, prune, train on: the optimizer's state was sliced with the weights."""
    model.fit(x, y, epochs=2, verbose=0)
    smaller = hl.prune_model(model, **options)
    cut = digest(*smaller.get_weights())
    return outcome(smaller, x, cut, smaller.fit(x, y, epochs=2, verbose=0))


@training
def pruned_and_tuned(criterion: str = "magnitude", scope: str = "layer") -> Facts:
    model, data = normalised(), NORMALISED_DATA
    model.compile("adam", "sparse_categorical_crossentropy")
    return pruned(
        model,
        *data,
        pruning_rate=0.4,
        criterion=criterion,
        scope=scope,
        data=data if scope != "layer" else None,
    )


training(pruned_and_tuned, "pruned by taylor, all layers together", "taylor", "global")


@training
def pruned_through_branches() -> Facts:
    model = branched()
    model.compile("adam", BRANCHED_LOSSES)
    return pruned(model, *branched_data(), pruning_rate=0.5)


def quantized(precision: str, branches: bool) -> Facts:
    """The bytes that come out, of the model and of a session, in one row and in all."""
    if branches:
        model, (x, y) = branched(), branched_data()
        model.compile("adam", BRANCHED_LOSSES)
    else:
        model, (x, y) = normalised(), NORMALISED_DATA
        model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=8, verbose=0)
    fast = hl.quantize_model(model, precision, calibration_data=x, fallback="never")
    session, plain = hl.freeze(fast), hl.freeze(model)
    one = [a[:1] for a in x] if branches else x[:1]
    return {
        "weights": digest(*model.get_weights()),
        "predictions": digest(*arrays(fast.predict(x))),
        "one row": digest(*arrays(fast.predict_on_batch(one))),
        "session": digest(*arrays(session.run(x)), *arrays(session.run(one))),
        "float session": digest(*arrays(plain.run(x)), *arrays(plain.run(one))),
        "bytes": digest(fast.nbytes),
    }


for _precision in ("int8", "int8_dynamic"):
    for _branches in (False, True):
        training(quantized, f"{_precision}{', branches' * _branches}", _precision, _branches)
