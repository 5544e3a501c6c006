"""Losses as classes, written as for Keras: their arguments, their sums, and what their bases can't do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop import ops

RNG = np.random.default_rng(3)
Y = np.ones((6, 1), np.float32)


def total(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.square(y_true - y_pred))


def columns(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.square(y_true - y_pred), axis=0)


# What Keras 3.15 gives for six weights of 2, and without weights.
SCALAR = {
    "sum_over_batch_size": (2.0, 1.0),
    "mean": (2.0, 1.0),
    "sum": (12.0, 1.0),
    "mean_with_sample_weight": (1.0, 1.0),
    None: ([2.0] * 6, 1.0),
}


@pytest.mark.parametrize("reduction", SCALAR)
def test_one_number_for_all_rows_is_reduced_as_in_keras(reduction: Any) -> None:
    loss = hl.losses.FunctionLoss(total, reduction=reduction)
    weighted, alone = SCALAR[reduction]
    assert np.array_equal(loss(Y, 0 * Y, sample_weight=[2] * 6), weighted)
    assert loss(Y, 0 * Y) == alone
    assert np.ndim(loss(Y, 0 * Y)) == 0


def test_a_number_for_each_column_is_none_for_each_row() -> None:
    y, p = np.ones((6, 3), np.float32), np.zeros((6, 3), np.float32)
    assert hl.losses.FunctionLoss(columns, reduction="sum")(y, p) == 3.0
    assert hl.losses.FunctionLoss(columns)(y, p) == 1.0
    assert hl.losses.FunctionLoss(columns, reduction=None)(y, p).tolist() == [1.0] * 3
    with pytest.raises(ValueError, match=r"columns: sample_weight: expected shape \(3,\), got \(6,\)"):
        hl.losses.FunctionLoss(columns)(y, p, [2.0] * 6)


def test_training_takes_no_weights_for_a_sum_of_one_number() -> None:
    model = hl.Sequential([hl.layers.Dense(1, input_shape=(2,))])
    model.compile("sgd", loss=hl.losses.FunctionLoss(total, reduction="sum"))
    x = RNG.normal(size=(6, 2)).astype(np.float32)
    for options in ({"sample_weight": np.ones(6)}, {"class_weight": {0: 1.0}}):
        (what,) = options
        with pytest.raises(ValueError, match=f"{what}: loss 'total': expected one number a row"):
            model.fit(x, Y, verbose=0, **options)
    model.fit(x, Y, verbose=0)


class Named(hl.losses.Loss):
    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return ops.square(y_true - y_pred)


def test_arguments_of_the_base_are_keras() -> None:
    assert Named("own").name == "own"
    loss = Named("own", "sum", "float32")
    assert (loss.name, loss.reduction, loss(Y, 0 * Y)) == ("own", "sum", 6.0)
    assert Named(dtype=None).name == "named"
    with pytest.raises(ValueError, match="Named: name: expected a name, got 'sum'; write reduction='sum'"):
        Named("sum")
    with pytest.raises(ValueError, match="Named: dtype: expected 'float32', as all losses are, got"):
        Named(dtype="float16")
    with pytest.raises(TypeError, match="Named: name: expected a string, got int"):
        Named(3)
    with pytest.raises(TypeError):
        hl.losses.MeanSquaredError("sum")  # type: ignore[misc]


def test_the_call_of_a_kernel_says_what_to_write() -> None:
    class Scaled(hl.losses.MeanSquaredError):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return 2.0 * super().call(y_true, y_pred)

    message = r"loss 'mean_squared_error': call of MeanSquaredError: it is a kernel.*; write its formula with"
    with pytest.raises(TypeError, match=message):
        Scaled()(Y, Y)
    model = hl.Sequential([hl.layers.Dense(1, input_shape=(2,))])
    model.compile("sgd", loss=Scaled())
    with pytest.raises(TypeError, match=message):
        model.fit(np.zeros((6, 2), np.float32), Y, verbose=0)
