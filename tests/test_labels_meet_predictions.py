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


def absolute(y_true: Any, y_pred: Any) -> Any:
    return np.mean(np.abs(y_true - y_pred), axis=-1)


def logarithm(y_true: Any, y_pred: Any) -> Any:
    return -np.sum(np.log(np.clip(y_pred, 1e-7, 1.0)) * (2 * y_true), axis=-1)


class Own(hl.metrics.Metric):
    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        return float(np.square(y_true - y_pred).mean())


@pytest.mark.parametrize("metric", [absolute, logarithm, Own()], ids=["absolute", "logarithm", "class"])
@pytest.mark.parametrize(("labels", "outputs"), SHAPES)
def test_metrics_of_numpy_do_not_repeat_them_either(metric: Any, labels: Any, outputs: Any) -> None:
    x = RNG.normal(size=(20, *outputs)).astype(np.float32)
    y = RNG.uniform(size=(20, *labels)).astype(np.float32)
    model = hl.Sequential([hl.layers.Dense(outputs[-1], "sigmoid", input_shape=outputs)])
    model.compile("sgd", loss=lambda y, p: ops.mean(ops.square(p), axis=-1), metrics=[metric])
    with pytest.raises(
        ValueError, match=r"metric '.*y_true: expected shape \(20, .*one of them repeated; give"
    ):
        model.evaluate(x, y, verbose=0)


def sliced(y_true: Any, y_pred: Any) -> Any:
    out = np.empty_like(y_pred)
    np.subtract(y_pred, y_true[:, :1], out=out)
    assert isinstance(np.add(out, 1.0), np.ndarray)
    return np.where(y_true[:, :1] > 0, np.square(out), 0.0).mean(axis=-1) + (y_true**2).sum(axis=1)


def test_metrics_of_numpy_may_slice_labels_and_repeat_them_by_name() -> None:
    y, p = RNG.normal(size=(20, 1)), RNG.normal(size=(20, 3)).astype(np.float32)

    def spread(y_true: Any, y_pred: Any) -> Any:
        return np.abs(np.broadcast_to(y_true, y_pred.shape) - y_pred).max(axis=-1)

    wanted = np.where(y > 0, np.square(p - y), 0.0).mean(axis=1) + np.square(y)[:, 0]
    assert hl.metrics.FunctionMetric(sliced)(y, p) == pytest.approx(wanted.mean(), rel=1e-5)
    assert hl.metrics.FunctionMetric(spread)(y, p) == pytest.approx(np.abs(y - p).max(axis=1).mean())


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
