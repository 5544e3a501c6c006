"""Metrics that users write: what they are handed, what they may return and what they are called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop.metrics import FunctionMetric, Metric

RNG = np.random.default_rng(11)
X = RNG.normal(size=(64, 4)).astype(np.float32)
Y = RNG.normal(size=(64, 1)).astype(np.float32)


def compiled(**options: Any) -> hl.Sequential:
    made = hl.Sequential([hl.layers.Dense(1, input_shape=(4,))])
    made.compile(**{"optimizer": "sgd", "loss": "mse", **options})
    return made


def writes_labels(y_true: Any, y_pred: Any) -> Any:
    y_true[y_true < 0] = 0
    return y_true[:, 0]


def writes_predictions(y_true: Any, y_pred: Any) -> Any:
    y_pred[:] = 0
    return y_true[:, 0]


class WritesLabels(Metric):
    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        y_true *= 2
        return 0.0


class WritesSampleWeights(Metric):
    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        if sample_weight is not None:
            sample_weight *= 2
        return 0.0


@pytest.mark.parametrize("call", ["fit", "evaluate", "train_on_batch"])
@pytest.mark.parametrize(
    "metric",
    [
        pytest.param(metric, id=getattr(metric, "__name__", metric.__class__.__name__))
        for metric in (writes_labels, writes_predictions, WritesLabels(), WritesSampleWeights())
    ],
)
def test_no_metric_changes_what_the_user_or_another_metric_reads(metric: Any, call: str) -> None:
    x, y, weights = X.copy(), Y.copy(), np.ones(64, np.float32)
    model = compiled(weighted_metrics=[metric, "mae"])
    options = {"verbose": 0, "shuffle": False} if call == "fit" else {}
    options = {"verbose": 0} if call == "evaluate" else options
    with pytest.raises(ValueError, match=r"metric '.*read-only; .*copy"):
        getattr(model, call)(x, y, sample_weight=weights, **options)
    for array, before in ((x, X), (y, Y), (weights, np.ones(64))):
        assert np.array_equal(array, before)
        assert array.flags.writeable


def test_no_function_changes_the_arrays_that_its_metric_is_called_with() -> None:
    y = Y.copy()
    with pytest.raises(ValueError, match=r"metric '.*read-only; .*copy"):
        FunctionMetric(writes_labels)(y, Y)
    assert np.array_equal(y, Y)
    assert y.flags.writeable
