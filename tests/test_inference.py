"""The performance report: scikit-learn's numbers, honest sizes, sane timings."""

import json
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

import hotloop as hl


def classifier(classes: int, activation: str | None, loss: Any) -> hl.Model:
    hl.set_seed(3)
    model = hl.Sequential(
        [hl.layers.Dense(8, "relu", input_shape=(5,)), hl.layers.Dense(classes, activation)]
    )
    model.compile("adam", loss)
    return model


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(120, 5)).astype(np.float32)


def expected(y: np.ndarray, predicted: np.ndarray, scores: np.ndarray, **auc: Any) -> dict[str, float]:
    return {
        "accuracy": sk.accuracy_score(y, predicted),
        "precision": sk.precision_score(y, predicted, average="macro", zero_division=0),
        "recall": sk.recall_score(y, predicted, average="macro", zero_division=0),
        "f1": sk.f1_score(y, predicted, average="macro", zero_division=0),
        "auc": sk.roc_auc_score(y, scores, **auc),
    }


@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("from_logits", [False, True])
def test_performance_multiclass_metrics(x: np.ndarray, one_hot: bool, from_logits: bool) -> None:
    kind = hl.losses.CategoricalCrossentropy if one_hot else hl.losses.SparseCategoricalCrossentropy
    model = classifier(3, None if from_logits else "softmax", kind(from_logits=from_logits))
    y = np.random.default_rng(1).integers(0, 3, 120)
    report = hl.evaluate_performance(model, x, np.eye(3)[y] if one_hot else y, seconds=0.01)
    scores = model.predict(x)
    # Areas compare rows, so logits of a softmax become probabilities first.
    parts = np.exp(scores.astype(float)) if from_logits else scores
    want = expected(y, scores.argmax(1), parts / parts.sum(1, keepdims=True), multi_class="ovr")
    assert report.metrics == pytest.approx(want, abs=1e-9)


@pytest.mark.parametrize(
    ("activation", "loss", "threshold"),
    [
        ("sigmoid", "binary_crossentropy", 0.5),
        (None, hl.losses.BinaryCrossentropy(from_logits=True), 0.0),
        (None, "hinge", 0.0),
    ],
)
def test_performance_binary_metrics(x: np.ndarray, activation: Any, loss: Any, threshold: float) -> None:
    model = classifier(1, activation, loss)
    y = np.random.default_rng(1).integers(0, 2, 120)
    labels = 2 * y - 1 if loss == "hinge" else y
    report = hl.evaluate_performance(model, x, labels, seconds=0.01)
    scores = model.predict(x)[:, 0]
    assert report.metrics == pytest.approx(expected(y, (scores > threshold).astype(int), scores), abs=1e-9)


def test_performance_regression_metrics(x: np.ndarray) -> None:
    model = classifier(2, None, "mse")
    y = np.random.default_rng(1).normal(size=(120, 2))
    scores = model.predict(x)
    assert hl.evaluate_performance(model, x, y, seconds=0.01).metrics == pytest.approx(
        {
            "mse": sk.mean_squared_error(y, scores),
            "mae": sk.mean_absolute_error(y, scores),
            "r2": sk.r2_score(y, scores),
        },
        rel=1e-6,
    )


def test_performance_without_labels_or_compile(x: np.ndarray) -> None:
    model = hl.Sequential([hl.layers.Dense(3, "softmax", input_shape=(5,))])
    assert hl.evaluate_performance(model, x, seconds=0.01).metrics == {}
    y = np.arange(120) % 3
    assert "accuracy" in hl.evaluate_performance(model, x, y, seconds=0.01).metrics
    assert "mse" in hl.evaluate_performance(model, x, np.eye(3)[y], seconds=0.01).metrics


def test_performance_report(x: np.ndarray) -> None:
    model = classifier(3, "softmax", "sparse_categorical_crossentropy")
    y = np.arange(120) % 3
    fast = hl.quantize_model(model, "int8", x)
    hl.set_num_threads(1)
    try:
        whole = hl.evaluate_performance(model, x, y, batch_sizes=(1, 7, 256), seconds=0.02)
        small = hl.evaluate_performance(fast, x, y, batch_sizes=(1, 7, 256), seconds=0.02)
    finally:
        hl.set_num_threads(2)
    assert whole.parameters == small.parameters == 75
    assert whole.parameter_bytes == 300
    assert small.parameter_bytes == fast.nbytes
    assert whole.file_bytes > whole.parameter_bytes
    assert (whole.precision, small.precision) == ("float32", "int8")
    for report in (whole, small):
        assert report.threads == 1
        for size in (1, 7, 256):
            assert 0 < report.latency_us[size]["p50"] <= report.latency_us[size]["p99"]
            assert report.throughput[size] > 0
            assert report.calls[size] >= 1
        text = str(report)
        for word in ("accuracy", "f1", "latency, batch 1", "throughput, batch 256", "rows/s", report.isa):
            assert word in text
        plain = report.to_dict()
        assert json.loads(json.dumps(plain)) == plain
        assert set(plain) == set(report) == set(dict(report))
        assert report["metrics"] == report.metrics
    with pytest.raises(KeyError):
        whole["nothing"]


def test_performance_absent_class_is_none_in_json(x: np.ndarray) -> None:
    model = classifier(3, "softmax", "sparse_categorical_crossentropy")
    report = hl.evaluate_performance(model, x, np.zeros(120, int), seconds=0.01)
    assert np.isnan(report.metrics["auc"])
    assert report.to_dict()["metrics"]["auc"] is None


def test_performance_file_bytes(x: np.ndarray) -> None:
    """What predicting needs: the optimizer's state does not count; a function can't be in a file."""
    model = classifier(3, "softmax", "sparse_categorical_crossentropy")
    y = np.arange(120) % 3
    before = hl.evaluate_performance(model, x, seconds=0.01).file_bytes
    model.fit(x, y, verbose=0)
    assert hl.evaluate_performance(model, x, seconds=0.01).file_bytes == pytest.approx(before, abs=64)
    model.compile("sgd", model.loss, metrics=[lambda y, p: np.zeros(len(y))])
    report = hl.evaluate_performance(model, x, seconds=0.01)
    assert report.file_bytes is None
    assert "can't be saved" in str(report)


def test_performance_one_row() -> None:
    model = classifier(3, "softmax", "sparse_categorical_crossentropy")
    report = hl.evaluate_performance(model, np.ones((1, 5)), [2], batch_sizes=[4], seconds=0.01)
    assert list(report.latency_us) == [4]


def test_performance_errors(x: np.ndarray) -> None:
    model = classifier(3, "softmax", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="batch_sizes"):
        hl.evaluate_performance(model, x, batch_sizes=[0])
    with pytest.raises(ValueError, match="seconds"):
        hl.evaluate_performance(model, x, seconds=0)
    with pytest.raises(ValueError, match="at least one row"):
        hl.evaluate_performance(model, x[:0])
    with pytest.raises(ValueError, match="shape"):
        hl.evaluate_performance(model, x[:, :3])
    with pytest.raises(TypeError, match="one array"):
        hl.evaluate_performance(model, [x, x])
    with pytest.raises(ValueError, match=r"expected shape \(120,\)"):
        hl.evaluate_performance(model, x, np.zeros(5, int))
