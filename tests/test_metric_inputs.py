"""What reaches metrics: NaN that stays visible, shapes that fit a user's own metric, classes for weights."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop import losses, metrics

CLASSES = {
    name: kind for name, kind in metrics.CLASSES.items() if kind not in (metrics.LossMetric, metrics.Accuracy)
}
LOSSES = {name: kind() for name, kind in losses.CLASSES.items()}


def columns_for(name: str) -> int:
    return 4 if "Categorical" in name else 1


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", CLASSES)
def test_predictions_that_are_nan_give_nan(name: str, weighted: bool) -> None:
    # A training that diverged still has metrics: nothing is raised, and nothing is hidden.
    metric, k = CLASSES[name](), columns_for(name)
    y = np.array([0, 1, 1, 0]) if k == 1 else np.array([0, 1, 2, 3])
    w = np.array([1.0, 2.0, 0.0, 1.0]) if weighted else None
    for rows in ([0], [1, 2], [0, 1, 2, 3]):
        p = np.linspace(0.1, 0.9, 4 * k, dtype=np.float32).reshape(4, k)
        assert np.isfinite(metric(y, p, w)).all()
        p[rows, -1] = np.nan
        found = np.asarray(metric(y, p, w))
        assert np.isnan(found).all(), found
        p[rows] = np.nan
        assert np.isnan(metric(y, p, w)).all()
        assert np.isnan(metric(y, p, np.zeros(4))).all()


@pytest.mark.parametrize("average", ["auto", "micro", "macro", "weighted", None])
@pytest.mark.parametrize("kind", [metrics.Precision, metrics.Recall, metrics.F1Score, metrics.AUC])
def test_averages_over_classes_with_nan(kind: Any, average: str | None) -> None:
    p = np.linspace(0.1, 0.9, 12).reshape(4, 3)
    p[1] = np.nan
    for y in ([0, 1, 2, 1], [0, 1, 1, 1]):
        assert np.isnan(kind(average=average)(y, p)).all()
    p[:, 2] = np.nan  # of a class that no row is of
    p[1] = 0.5
    assert average is None or np.isnan(kind(average=average)([0, 1, 1, 1], p))
    p = np.linspace(0.1, 0.9, 12).reshape(4, 3)
    # Of several labels only the column that has a NaN is undefined.
    p[1] = [0.2, np.nan, 0.3]
    found = kind(average=average)([[1, 1, 0], [0, 1, 1], [1, 0, 1], [0, 0, 0]], p)
    np.testing.assert_array_equal(np.isnan(found), [False, True, False] if average is None else True)


def test_class_numbers_and_matrices_with_nan() -> None:
    assert np.isnan(metrics.Accuracy()([1, 2], [1.0, np.nan]))
    matrix = metrics.confusion_matrix([0, 1, 2], np.full((3, 3), np.nan))
    assert matrix.shape == (3, 3)
    assert np.isnan(matrix).all()
    assert np.isnan(metrics.SparseTopKCategoricalAccuracy(3)([1, 2], np.full((2, 10), np.nan)))
    # Targets that do not vary made a score of 0 of it.
    assert np.isnan(metrics.R2Score()([1.0, 1.0], [1.0, np.nan]))
    assert np.isnan(metrics.R2Score(None)([[1.0, 1.0], [1.0, 2.0]], [[1.0, 1.0], [np.nan, 2.0]])[0])


@pytest.mark.parametrize("name", LOSSES)
def test_losses_as_metrics_with_nan(name: str) -> None:
    loss, k = LOSSES[name], 3
    y = np.array([0, 1]) if loss.targets == "sparse" else np.eye(k)[:2]
    p = np.full((2, k), 0.3)
    p[0, 2] = np.nan
    for weights in (None, [1.0, 1.0], [0.0, 0.0]):
        assert np.isnan(metrics.LossMetric(loss)(y, p, weights))


def test_a_model_that_diverged_reports_nan() -> None:
    model = hl.Sequential([hl.layers.Dense(3, "softmax", input_shape=(2,))])
    names = ["accuracy", "f1", "auc", "top_k_categorical_accuracy", metrics.ConfusionMatrix()]
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=names)
    model.layers[-1].set_weights([np.full((2, 3), np.nan, np.float32), np.zeros(3, np.float32)])
    logs = model.evaluate(np.ones((6, 2)), np.arange(6) % 3, verbose=0, return_dict=True)
    assert all(np.isnan(value).all() for value in logs.values()), logs


# -- shapes


class Largest(metrics.Metric):
    """A user's metric: the largest error of a row."""

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        return float(np.abs(y_true - y_pred).max())


def error(y_true: Any, y_pred: Any) -> Any:
    return np.abs(y_true - y_pred)


@pytest.mark.parametrize("target_shape", [(64,), (64, 1)])
@pytest.mark.parametrize("door", ["evaluate", "fit", "train_on_batch", "quantized"])
def test_users_metrics_get_targets_of_the_predictions_shape(door: str, target_shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 4)).astype(np.float32)
    y = x[:, 0].reshape(target_shape)
    model = hl.Sequential([hl.layers.Dense(1, input_shape=(4,))])
    model.compile(hl.optimizers.SGD(1e-9), "mse", metrics=["mae", error, Largest()], weighted_metrics=[error])
    want = np.abs(model.predict(x)[:, 0] - x[:, 0])
    doors: dict[str, Callable[[], Any]] = {
        "evaluate": lambda: model.evaluate(x, y, verbose=0, return_dict=True),
        "fit": lambda: {k: v[0] for k, v in model.fit(x, y, verbose=0, shuffle=False).history.items()},
        "train_on_batch": lambda: model.train_on_batch(x, y, return_dict=True),
        "quantized": lambda: hl.quantize_model(model, "bf16").evaluate(x, y, return_dict=True),
    }
    logs = doors[door]()
    rel = 0.05 if door == "quantized" else 1e-5
    for name in ("mae", "error", "weighted_error"):
        assert logs[name] == pytest.approx(want.mean(), rel=rel)
    assert logs["largest"] == pytest.approx(want.max(), rel=rel)


@pytest.mark.parametrize("column", [False, True])
def test_users_metrics_get_class_numbers_of_the_rows(column: bool) -> None:
    def hits(y_true: Any, y_pred: Any) -> Any:
        return y_true == y_pred.argmax(axis=-1)

    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(30, 4)), rng.integers(0, 3, 30)
    model = hl.Sequential([hl.layers.Dense(3, "softmax", input_shape=(4,))])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy", hits])
    _, accuracy, own = model.evaluate(x, y[:, None] if column else y, verbose=0)
    assert own == accuracy == np.mean(model.predict(x).argmax(1) == y)


def test_a_function_called_alone_gets_equal_shapes_too() -> None:
    metric = metrics.get(error)
    assert metric([1.0, 2.0], [[1.0], [4.0]]) == metric([[1.0], [2.0]], [[1.0], [4.0]]) == 1.0


# -- class weights


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        ("binary_crossentropy", [[1, 1, 0], [0, 1, 0], [0, 0, 1]]),  # two labels in a row
        ("binary_crossentropy", [[1, 0, 0], [0, 0, 0], [0, 0, 1]]),  # none
        ("hinge", [[1, -1, -1], [-1, 1, 1], [-1, -1, 1]]),
        ("categorical_crossentropy", [[1, 0, 0], [0, 0.5, 0.5], [0, 0, 1]]),  # which one?
        ("mse", [[1, 0, 0], [0, 2, 0], [0, 0, 1]]),
        ("mse", [[0.1, 0.2, 0.3]] * 3),
        ("mse", [0.2, 1.0, 0.0]),  # no classes
        ("mae", [0.0, 1.0, 2.0]),
        ("mse", [1.0, -1.0, 0.0]),
        ("binary_crossentropy", [0.3, 1.0, 0.0]),  # soft labels
    ],
)
def test_class_weights_of_rows_without_a_class_are_refused(loss: str, y: list[Any]) -> None:
    labels, x = np.array(y), np.ones((3, 2))
    last = "softmax" if loss == "categorical_crossentropy" else "sigmoid"
    model = hl.Sequential([hl.layers.Dense(np.atleast_2d(labels.T).shape[0], last, input_shape=(2,))])
    model.compile("sgd", loss)
    before = model.get_weights()
    for call in (model.fit, model.train_on_batch):
        with pytest.raises(ValueError, match=r"class_weight: expected .*sample_weight"):
            call(x, labels, class_weight={0: 2.0})
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("loss", "y", "numbers"),
    [
        ("binary_crossentropy", [0, 1, 1], [0, 1, 1]),
        ("binary_crossentropy", [[0.0], [1.0], [1.0]], [0, 1, 1]),
        ("mse", [0.0, 1.0, 1.0], [0, 1, 1]),  # two classes, learned by their squares
        ("binary_crossentropy", [[1, 0, 0], [0, 1, 0], [1, 0, 0]], [0, 1, 0]),
        ("categorical_crossentropy", [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [1, 0, 0]], [0, 1, 0]),
    ],
)
def test_class_weights_of_rows_with_a_class(loss: str, y: list[Any], numbers: list[int]) -> None:
    labels, x = np.array(y), np.random.default_rng(0).normal(size=(3, 2))
    last = "softmax" if loss == "categorical_crossentropy" else "sigmoid"
    model = hl.Sequential([hl.layers.Dense(np.atleast_2d(labels.T).shape[0], last, input_shape=(2,))])
    model.compile(hl.optimizers.SGD(0.0), loss)
    rows = losses.get(loss).values(labels, model.predict(x))
    got = model.train_on_batch(x, labels, class_weight={0: 3.0})
    assert got == pytest.approx(np.mean(rows * np.array([3.0, 1.0])[numbers]), rel=1e-5)


def test_a_metric_of_the_users_is_not_tried_on_made_up_numbers() -> None:
    """Nothing is predicted positive there, and what divides by that would end training before it began."""

    class Positives(hl.metrics.Metric):
        def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
            return 1.0 / int((np.asarray(y_pred) > 0.5).sum())

    class Margin(hl.losses.MeanSquaredError):
        def values(self, y_true: Any, y_pred: Any) -> Any:
            return 1 / np.asarray(y_pred)[:, 0]

    model = hl.Sequential([hl.layers.Dense(1, "sigmoid", input_shape=(2,))])
    model.set_weights([np.zeros((2, 1), np.float32), np.ones(1, np.float32)])
    with np.errstate(all="raise"):
        for metric in (Positives(), hl.metrics.LossMetric(Margin())):
            model.compile(hl.optimizers.SGD(0.0), "mse", metrics=[metric])
            logs = model.fit(np.ones((4, 2)), np.ones(4), verbose=0).history
            assert len(logs) == 2
