"""Labels that a function of the user's would repeat in silence are refused, as by losses with kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop import ops

RNG = np.random.default_rng(5)


def squared(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


def crossentropy(y_true: Any, y_pred: Any) -> Any:
    return -ops.mean(ops.cast(y_true, "float32") * ops.log(ops.clip(y_pred, 1e-7, 1.0)), axis=-1)


def chosen(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.where(y_true > 0, y_pred, 0.5 * ops.square(y_pred)), axis=-1)


def largest(y_true: Any, y_pred: Any) -> Any:
    return ops.max(ops.maximum(y_pred, 2.0 * y_true), axis=-1)


SHAPES = [((1,), (3,)), ((2,), (1,)), ((4, 1), (4, 3)), ((1, 3), (4, 3))]


@pytest.mark.parametrize("function", [squared, crossentropy, chosen, largest])
@pytest.mark.parametrize(("labels", "outputs"), SHAPES)
def test_labels_that_would_be_repeated_are_refused(function: Any, labels: Any, outputs: Any) -> None:
    x = RNG.normal(size=(20, *outputs)).astype(np.float32)
    y = RNG.uniform(size=(20, *labels)).astype(np.float32)
    model = hl.Sequential([hl.layers.Dense(outputs[-1], "sigmoid", input_shape=outputs)])
    message = rf"{function.__name__}': .*: y_true: expected shape \(None, .*one of them repeated; give"
    before = model.get_weights()
    model.compile("sgd", loss=function)
    with pytest.raises(ValueError, match=f"loss '{message}"):
        model.fit(x, y, verbose=0)
    with pytest.raises(ValueError, match=f"loss '{message}"):
        hl.losses.FunctionLoss(function)(y, x)
    with pytest.raises(ValueError, match=f"metric '{message}"):
        hl.metrics.FunctionMetric(function)(y, x)
    with pytest.raises(ValueError, match="expected shape"):
        hl.losses.MeanSquaredError()(y, x)  # as those with kernels do
    for ours, was in zip(model.get_weights(), before, strict=True):
        assert np.array_equal(ours, was)


def quantiles(y_true: Any, y_pred: Any) -> Any:
    error = ops.broadcast_to(y_true, y_pred.shape) - y_pred
    q = np.array([0.1, 0.5, 0.9], np.float32)
    return ops.mean(ops.maximum(q * error, (q - 1) * error), axis=-1)


def first(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(y_true[:, 1:] * ops.square(y_pred - y_true[:, :1]), axis=-1)


def classes(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.square(y_pred - (y_true == np.arange(3, dtype=np.float32))), axis=-1)


def of_the_row(y_true: Any, y_pred: Any) -> Any:
    return ops.square(y_true - ops.mean(y_pred, axis=-1, keepdims=True))


def expected_quantiles(y: Any, p: Any) -> Any:
    q, error = np.array([0.1, 0.5, 0.9]), y - p
    return np.maximum(q * error, (q - 1) * error).mean()


@pytest.mark.parametrize(
    ("function", "labels", "expected"),
    [
        (quantiles, RNG.normal(size=(20, 1)), expected_quantiles),
        (first, RNG.normal(size=(20, 2)), lambda y, p: (y[:, 1:] * np.square(p - y[:, :1])).mean()),
        (classes, RNG.integers(0, 3, (20, 1)), lambda y, p: np.square(p - (y == np.arange(3))).mean()),
        (of_the_row, RNG.normal(size=(20, 1)), lambda y, p: np.square(y[:, 0] - p.mean(axis=1)).mean()),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_labels_of_a_shape_of_their_own_are_not(function: Any, labels: Any, expected: Any) -> None:
    x = RNG.normal(size=(20, 4)).astype(np.float32)
    model = hl.Sequential([hl.layers.Dense(3, input_shape=(4,))])
    model.compile("sgd", loss=function)
    p = model.predict(x).astype(float)
    assert model.train_on_batch(x, labels) == pytest.approx(expected(labels, p), rel=1e-5)
