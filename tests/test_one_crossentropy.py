"""One cross-entropy: every report of it gives the number that is trained on, however sure the model is."""

from typing import Any

import numpy as np
import pytest

import hotloop as hl
from tolerance import EPS32

L = hl.layers
SPARSE, DENSE, BINARY = (
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "binary_crossentropy",
)
STEEP = [0.0, 1.0, 20.0, 60.0, 90.0, 300.0]  # how far the wrong class is ahead; exp(-90) is below float32


def labels(loss: str, rows: int) -> np.ndarray:
    """The wrong class for each row of a model by :func:`steep_output`."""
    return {SPARSE: np.ones(rows, int), DENSE: np.eye(2)[np.ones(rows, int)], BINARY: np.zeros(rows)}[loss]


def steep_output(loss: str, name: str | None = None) -> Any:
    """A last layer whose loss is log(1 + exp(x)) for an input x and the wrong class."""
    if loss == BINARY:
        return L.Dense(1, "sigmoid", kernel_initializer="ones", name=name)
    layer = L.Dense(2, "softmax", name=name)
    layer.given = [np.float32([[1, 0]]), np.zeros(2, np.float32)]
    return layer


def steep_model(loss: str, **compile_: Any) -> hl.Sequential:
    layer = steep_output(loss)
    model = hl.Sequential([L.Input((1,)), layer])
    if hasattr(layer, "given"):
        layer.set_weights(layer.given)
    model.compile(hl.optimizers.SGD(1e-30), loss, **compile_)
    return model


X = np.float32(STEEP)[:, None]
EXACT = np.logaddexp(0, np.float64(STEEP))
BY_LOSS = pytest.mark.parametrize("loss", [SPARSE, DENSE, BINARY])
CLOSE = 4 * EPS32


@BY_LOSS
@pytest.mark.parametrize("metric", ["crossentropy", "own"])
def test_metric_and_loss_are_one_number(loss: str, metric: str) -> None:
    metric = loss if metric == "own" else metric
    model = steep_model(loss, metrics=[metric, "accuracy"], weighted_metrics=[metric])
    y = labels(loss, len(X))
    for x, exact in [(X, EXACT.mean()), *((X[i : i + 1], EXACT[i]) for i in range(len(X)))]:
        for logs in (
            model.evaluate(x, y[: len(x)], verbose=0, return_dict=True),
            model.train_on_batch(x, y[: len(x)], return_dict=True),
            {k: v[0] for k, v in model.fit(x, y[: len(x)], verbose=0, shuffle=False).history.items()},
        ):
            assert logs["loss"] == pytest.approx(exact, rel=CLOSE)
            assert logs[metric] == pytest.approx(exact, rel=CLOSE)
            assert logs[f"weighted_{metric}"] == pytest.approx(exact, rel=CLOSE)


@pytest.mark.parametrize("loss", [DENSE, BINARY])
def test_a_smoothed_loss_beside_a_plain_metric(loss: str) -> None:
    kind = hl.losses.CategoricalCrossentropy if loss == DENSE else hl.losses.BinaryCrossentropy
    model = steep_model(loss)
    model.compile("sgd", kind(label_smoothing=0.5), metrics=["crossentropy", kind(label_smoothing=0.5)])
    value, plain, smoothed = model.evaluate(X, labels(loss, len(X)), verbose=0)
    assert plain == pytest.approx(EXACT.mean(), rel=CLOSE)
    assert value == pytest.approx((EXACT - 0.25 * np.float64(STEEP)).mean(), rel=CLOSE)
    assert smoothed == pytest.approx(value, rel=CLOSE)


@BY_LOSS
def test_an_outputs_own_loss_is_what_it_adds_to_the_sum(loss: str) -> None:
    inputs = hl.Input((1,))
    first, second = steep_output(loss, "first"), L.Dense(1, name="second")
    model = hl.Model(inputs, [first(inputs), second(inputs)])
    if hasattr(first, "given"):
        first.set_weights(first.given)
    model.compile("sgd", [loss, "mse"], loss_weights=[1.0, 0.0])
    logs = model.evaluate(X, [labels(loss, len(X)), np.zeros(len(X))], verbose=0, return_dict=True)
    assert logs["first_loss"] == pytest.approx(EXACT.mean(), rel=CLOSE)
    assert logs["loss"] == pytest.approx(EXACT.mean(), rel=CLOSE)


@BY_LOSS
@pytest.mark.parametrize("precision", ["int8", "int8_dynamic", "bf16"])
def test_a_quantised_model_has_no_bound_either(loss: str, precision: str) -> None:
    model = steep_model(loss, metrics=["crossentropy"], weighted_metrics=["crossentropy"])
    calibration = {"calibration_data": X[-2:]} if precision == "int8" else {}
    quantised = hl.quantize_model(model, precision, **calibration)
    value, metric, weighted = quantised.evaluate(X[-1:], labels(loss, 1))
    # A step of 8 bits, or of bfloat16.
    assert value == pytest.approx(EXACT[-1], rel=2**-7)
    assert metric == pytest.approx(value, rel=CLOSE)
    assert weighted == pytest.approx(value, rel=CLOSE)
    np.testing.assert_allclose(quantised.predict(X[-1:]), model.predict(X[-1:]), atol=2**-7)


@BY_LOSS
def test_a_pruned_model_reports_what_its_model_does(loss: str) -> None:
    hl.set_seed(0)
    last = L.Dense(1, "sigmoid") if loss == BINARY else L.Dense(2, "softmax")
    model = hl.Sequential([L.Input((3,)), L.Dense(8, "relu"), last])
    model.compile("sgd", loss, metrics=["crossentropy"])
    x = np.random.default_rng(0).normal(0, 3000, size=(50, 3)).astype(np.float32)
    y = np.arange(50) % 2
    for m in (model, hl.prune_model(model, 0.5)):
        m.compile("sgd", loss, metrics=["crossentropy"])
        value, metric = m.evaluate(x, np.eye(2)[y] if loss == DENSE else y, verbose=0)
        assert value > 20
        assert metric == pytest.approx(value, rel=1e-6)


def test_behind_a_reshape_and_along_positions() -> None:
    model = hl.Sequential([L.Input((4,)), L.Dense(4), L.Reshape((2, 2)), L.Activation("softmax")])
    model.layers[0].set_weights([np.diag(np.float32([1, 1, 1, 1])), np.zeros(4, np.float32)])
    model.compile("sgd", SPARSE, metrics=["crossentropy"])
    x = np.float32([[200, 0, 0, 50], [0, 0, 0, 0]])
    value, metric = model.evaluate(x, np.array([[1, 0], [0, 0]]), verbose=0)
    assert value == pytest.approx((200 + 50 + 2 * np.log(2)) / 4)
    assert metric == pytest.approx(value, rel=CLOSE)


def test_a_softmax_that_a_regression_loss_trains() -> None:
    model = steep_model(DENSE)
    model.compile("sgd", "mse", metrics=[DENSE])
    assert model.evaluate(X, labels(DENSE, len(X)), verbose=0)[1] == pytest.approx(EXACT.mean(), rel=CLOSE)


def test_probabilities_that_come_from_elsewhere_are_clipped_alike() -> None:
    """What no softmax made has no logits: loss and metric are both cut at 1e-7, as in Keras."""
    inputs = hl.Input((2,))
    model = hl.Model(inputs, L.Rescaling(1.0)(inputs))
    model.compile("sgd", SPARSE, metrics=["crossentropy"])
    value, metric = model.evaluate(np.float32([[1, 0], [1, 0]]), [1, 1], verbose=0)
    assert value == pytest.approx(-np.log(1e-7), rel=1e-6)
    assert metric == pytest.approx(value, rel=1e-6)


def test_outputs_and_other_metrics_see_probabilities() -> None:
    def largest(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return y_pred.max(axis=-1)

    model = steep_model(SPARSE, metrics=["crossentropy", largest, "accuracy"])
    logs = model.evaluate(X, labels(SPARSE, len(X)), verbose=0, return_dict=True)
    assert logs["largest"] == pytest.approx((1 / (1 + np.exp(-np.float64(STEEP)))).mean(), rel=1e-6)
    assert (model.predict(X) <= 1).all()
