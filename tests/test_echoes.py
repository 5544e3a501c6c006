"""No message echoes kilobytes, and no integer reaches the native half that it can't hold."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop import kernels
from hotloop.core import errors

L = hl.layers
X, Y = np.zeros((8, 4), np.float32), np.arange(8) % 2


def model() -> hl.Sequential:
    made = hl.Sequential([L.Input((4,)), L.Dense(2, "softmax")])
    made.compile("sgd", "sparse_categorical_crossentropy")
    return made


TAKES: dict[str, Callable[[Any], Any]] = {
    "activation": lambda v: L.Dense(2, v),
    "units": lambda v: L.Dense(v),
    "initializer": lambda v: L.Dense(2, kernel_initializer=v),
    "regularizer": lambda v: L.Dense(2, kernel_regularizer=v),
    "rate": lambda v: L.Dropout(v),
    "optimizer": lambda v: model().compile(v, "mse"),
    "loss": lambda v: model().compile("sgd", v),
    "metric": lambda v: model().compile("sgd", "mse", metrics=[v]),
    "precision": lambda v: model().compile("sgd", "mse", precision=v),
    "device": lambda v: hl.set_device(v),
    "threads": lambda v: hl.set_num_threads(v),
    "learning_rate": lambda v: hl.optimizers.SGD(v),
    "quantize precision": lambda v: hl.quantize_model(model(), v),
    "calibration": lambda v: hl.quantize_model(model(), "int8", X, v),
    "batch_size": lambda v: model().fit(X, Y, v),
    "epochs": lambda v: model().fit(X, Y, epochs=v),
    "verbose": lambda v: model().fit(X, Y, verbose=v),
    "validation_split": lambda v: model().fit(X, Y, validation_split=v, verbose=0),
    "class_weight": lambda v: model().fit(X, Y, class_weight=v, verbose=0),
    "callbacks": lambda v: model().fit(X, Y, callbacks=v, verbose=0),
    "kernel's activation": lambda v: kernels.activation(X, v),
    "kernel's scale": lambda v: kernels.quantize(X, v, 0),
    "kernel's zero point": lambda v: kernels.quantize(X, 1.0, v),
    "kernel's step": lambda v: kernels.adam_step(X.copy(), X, X.copy(), X.copy(), step=v),
}
LONG = {
    "text": "r" * 100_000,
    "list": list(range(10_000)),
    "dict": {i: i for i in range(10_000)},
    "array": np.arange(10_000.0),
    "bytes": b"r" * 100_000,
    "integer": 10**4000,
}


@pytest.mark.parametrize("what", TAKES)
def test_messages_are_short(what: str) -> None:
    for value in LONG.values():
        if isinstance(value, int) and what in ("batch_size", "epochs"):
            continue  # as many as that are allowed
        with pytest.raises((TypeError, ValueError)) as info:
            TAKES[what](value)
        assert len(str(info.value)) < 1500, str(info.value)[:200]
        assert "incompatible" not in str(info.value)


def test_brief_shows_short_values_whole() -> None:
    for value in ("relu", 3, 2.5, None, [1, 2], (3,), {"a": 1}, np.float32(2)):
        assert errors.brief(value) == repr(value)
    assert errors.brief(np.zeros((3, 40))) == "an array of shape (3, 40)"
    for value in LONG.values():
        assert len(errors.brief(value)) < 250


INTEGERS: dict[str, Callable[[int], Any]] = {
    "fit(batch_size)": lambda n: model().fit(X, Y, n, verbose=0),
    "fit(epochs)": lambda n: model().fit(X, Y, epochs=n, initial_epoch=max(n - 1, 0), verbose=0),
    "fit(validation_steps)": lambda n: model().fit(
        X, Y, validation_data=(X, Y), validation_steps=n, verbose=0
    ),
    "fit(validation_batch_size)": lambda n: model().fit(
        X, Y, validation_data=(X, Y), validation_batch_size=n, verbose=0
    ),
    "fit(validation_freq)": lambda n: model().fit(X, Y, validation_data=(X, Y), validation_freq=n, verbose=0),
    "fit(class_weight)": lambda n: model().fit(X, Y, class_weight={n: 1.0}, verbose=0),
    "evaluate(batch_size)": lambda n: model().evaluate(X, Y, n, verbose=0),
    "evaluate(steps)": lambda n: model().evaluate(X, Y, steps=n, verbose=0),
    "predict(steps)": lambda n: model().predict(X, steps=n),
    "freeze(threads)": lambda n: hl.freeze(model(), threads=n)(X),
    "quantize_model(batch_size)": lambda n: hl.quantize_model(model(), "int8", X, batch_size=n),
    "Dense(units)": lambda n: L.Dense(n),
    "Dropout(seed)": lambda n: L.Dropout(0.5, seed=n),
    "GlorotUniform(seed)": lambda n: hl.initializers.GlorotUniform(seed=n)((3, 3)),
    "Reshape": lambda n: hl.Sequential([L.Input((4,)), L.Reshape((n,))]),
    "top k": lambda n: hl.metrics.TopKCategoricalAccuracy(n),
    "patience": lambda n: hl.callbacks.EarlyStopping(patience=n),
    "set_seed": lambda n: hl.set_seed(n),
    "train_test_split(seed)": lambda n: hl.data.train_test_split(X, Y, seed=n),
}


@pytest.mark.parametrize("what", INTEGERS)
@pytest.mark.parametrize("n", [2**31, 2**40, 2**63, 2**64, 2**200, -1, -(2**31) - 1, -(2**63) - 1])
def test_any_integer_is_taken_or_refused_in_words(what: str, n: int) -> None:
    try:
        INTEGERS[what](n)
    except ValueError as error:
        text = str(error)
    else:
        return
    assert "expected" in text
    assert len(text) < 300
