"""Metrics against scikit-learn: weights, ties, missing classes, several outputs; and how names resolve."""

import time
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from hotloop import losses, metrics

SEEDS = st.integers(0, 2**32 - 1)
CLOSE = {"rel": 1e-12, "abs": 1e-12}


def _quiet(function: Any, *arguments: Any, **options: Any) -> Any:
    """Call scikit-learn without its warnings about undefined scores."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments, **options)


def _equal(ours: Any, theirs: Any) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12, equal_nan=True)


@st.composite
def labelled(draw: Any) -> dict[str, Any]:
    """Classes, scores that often tie, and weights that are sometimes 0."""
    rng = np.random.default_rng(draw(SEEDS))
    rows, classes = draw(st.integers(1, 40)), draw(st.integers(2, 6))
    used = draw(st.integers(1, classes))  # some classes may never be the true one
    scores = rng.random((rows, classes)).astype(np.float32)
    if draw(st.booleans()):
        scores = np.round(scores * 3) / 3
    weights = rng.integers(0, 4, rows).astype(float) * 0.5 if draw(st.booleans()) else None
    if weights is not None:
        weights[0] = 1.0
    return {"y": rng.integers(0, used, rows), "p": scores, "w": weights, "classes": classes}


@given(labelled())
def test_accuracies(case: dict[str, Any]) -> None:
    y, p, w, classes = case["y"], case["p"], case["w"], case["classes"]
    expected = sk.accuracy_score(y, p.argmax(1), sample_weight=w)
    _equal(metrics.SparseCategoricalAccuracy()(y, p, w), expected)
    _equal(metrics.SparseCategoricalAccuracy()(y[:, None], p, w), expected)
    _equal(metrics.CategoricalAccuracy()(np.eye(classes)[y], p, w), expected)
    _equal(metrics.Accuracy()(y, p.argmax(1), w), expected)
    bits = (y > 0).astype(int)
    expected = sk.accuracy_score(bits, p[:, 0] > 0.5, sample_weight=w)
    for targets in (bits, bits[:, None], bits > 0, 2 * bits - 1):
        _equal(metrics.BinaryAccuracy()(targets, p[:, 0], w), expected)
    for k in range(1, classes + 2):
        theirs = _quiet(
            sk.top_k_accuracy_score,
            y,
            p if classes > 2 else p[:, 1],
            k=k,
            sample_weight=w,
            labels=range(classes),
        )
        if classes > 2:
            _equal(metrics.TopKCategoricalAccuracy(k)(y, p, w), theirs)
            _equal(metrics.SparseTopKCategoricalAccuracy(k)(np.eye(classes)[y], p, w), theirs)


@pytest.mark.parametrize("average", ["micro", "macro", "weighted", None])
@pytest.mark.parametrize("zero_division", [0, 1, np.nan])
@given(case=labelled())
@settings(max_examples=30)
def test_precision_recall_f1(average: str | None, zero_division: float, case: dict[str, Any]) -> None:
    y, p, w = case["y"], case["p"], case["w"]
    options: dict[str, Any] = {"average": average, "zero_division": zero_division}
    theirs = dict(options, sample_weight=w)
    if average is None:
        theirs["labels"] = range(case["classes"])
    for kind, score in (
        (metrics.Precision, sk.precision_score),
        (metrics.Recall, sk.recall_score),
        (metrics.F1Score, sk.f1_score),
    ):
        expected = _quiet(score, y, p.argmax(1), **theirs)
        _equal(kind(**options)(y, p, w), expected)
        if average not in (None, "macro"):
            _equal(kind(**options)(y, p.argmax(1), w), expected)


@given(labelled())
def test_binary_precision_recall_f1(case: dict[str, Any]) -> None:
    y, p, w = case["y"] % 2, case["p"][:, 0], case["w"]
    for kind, score in (
        (metrics.Precision, sk.precision_score),
        (metrics.Recall, sk.recall_score),
        (metrics.F1Score, sk.f1_score),
    ):
        expected = _quiet(score, y, (p > 0.5).astype(int), sample_weight=w, zero_division=0)
        _equal(kind()(y, p, w), expected)
        _equal(kind()(y[:, None], p[:, None], w), expected)
        _equal(kind()(y, np.stack([1 - p, np.where(p > 0.5, 2, 0)], 1), w), expected)
        expected = _quiet(score, y, (p > 0.7).astype(int), sample_weight=w, average="macro", zero_division=0)
        threshold = {"threshold": 0.7} if kind is metrics.F1Score else {"thresholds": 0.7}
        _equal(kind(average="macro", **threshold)(y, p, w), expected)


@pytest.mark.parametrize("average", ["micro", "macro", "weighted", None])
@given(seed=SEEDS, weighted=st.booleans())
@settings(max_examples=30)
def test_several_labels_a_row(average: str | None, seed: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    y, p = rng.integers(0, 2, (12, 4)), rng.random((12, 4))
    w = rng.random(12) if weighted else None
    options: dict[str, Any] = {"average": average, "zero_division": 0}
    picked = (p > 0.6).astype(int)
    expected = sk.f1_score(y, picked, sample_weight=w, **options)
    _equal(metrics.F1Score(average, 0.6)(y, p, w), expected)
    expected = sk.precision_score(y, picked, sample_weight=w, **options)
    _equal(metrics.Precision(0.6, average=average)(y, p, w), expected)
    expected = sk.recall_score(y, picked, sample_weight=w, **options)
    _equal(metrics.Recall(0.6, average=average)(y, p, w), expected)


def test_one_class_of_many(rng: np.random.Generator) -> None:
    y, p = rng.integers(0, 5, 100), rng.random((100, 5))
    each = sk.recall_score(y, p.argmax(1), average=None)
    assert metrics.Recall(class_id=3)(y, p) == pytest.approx(each[3])
    with pytest.raises(ValueError, match="class_id: expected below 5, got 5"):
        metrics.Recall(class_id=5)(y, p)


@given(labelled())
def test_binary_areas(case: dict[str, Any]) -> None:
    y, p, w = case["y"] % 2, case["p"][:, 0], case["w"]
    kept = np.ones(len(y), bool) if w is None else w > 0
    ours = metrics.AUC()(y, p, w)
    if len(np.unique(y[kept])) == 1:
        assert np.isnan(ours)
    else:
        _equal(ours, sk.roc_auc_score(y, p, sample_weight=w))
        _equal(metrics.AUC()(y[:, None], p[:, None], w), ours)
    if y[kept].any():
        _equal(metrics.AUC("PR")(y, p, w), sk.average_precision_score(y, p, sample_weight=w))
    else:
        assert metrics.AUC("PR")(y, p, w) == 0.0


@pytest.mark.parametrize("average", ["macro", "weighted", None])
@given(case=labelled())
@settings(max_examples=60)
def test_areas_of_several_classes(average: str | None, case: dict[str, Any]) -> None:
    y, p, w, classes = case["y"], case["p"].astype(float) + 1e-3, case["w"], case["classes"]
    p = p / p.sum(1, keepdims=True)
    ours = metrics.AUC(average=average)(y, p, w)
    _equal(metrics.AUC(average=average)(np.eye(classes)[y], p, w), ours)
    weight = np.ones(len(y)) if w is None else w
    totals = np.bincount(y, weight, classes)
    if (
        classes > 2
        and len(np.unique(y)) > 1
        and ((totals > 0) | (np.bincount(y, minlength=classes) == 0)).all()
    ):
        options = {"multi_class": "ovr", "average": average, "labels": range(classes), "sample_weight": w}
        _equal(ours, _quiet(sk.roc_auc_score, y, p, **options))
    precision = metrics.AUC("PR", average=average)(y, p, w)
    if classes > 2:
        one_hot = np.eye(classes, dtype=int)[y]
        expected = _quiet(sk.average_precision_score, one_hot, p, average=average, sample_weight=w)
        _equal(precision, expected)


def test_area_does_not_depend_on_the_order_of_ties(rng: np.random.Generator) -> None:
    y, p = rng.integers(0, 2, 200), rng.integers(0, 3, 200) / 2
    areas = {metrics.AUC()(y[order], p[order]) for order in (rng.permutation(200) for _ in range(5))}
    assert len(areas) == 1
    assert metrics.AUC()([0, 1, 0, 1], [0.5] * 4) == 0.5


@given(labelled())
@settings(max_examples=40)
def test_areas_pool_all_columns_as_keras_does(case: dict[str, Any]) -> None:
    y, p, w, classes = case["y"], case["p"], case["w"], case["classes"]
    one_hot = np.eye(classes, dtype=int)[y]
    for curve, area in (("ROC", sk.roc_auc_score), ("PR", sk.average_precision_score)):
        pooled = area(one_hot.ravel(), p.ravel(), sample_weight=None if w is None else np.repeat(w, classes))
        for targets in (y, one_hot):
            _equal(metrics.AUC(curve)(targets, p, w), pooled)
        _equal(metrics.AUC(curve, average="micro")(y, p, w), pooled)
        columns = metrics.AUC(curve, average="macro")(y, p, w)
        _equal(metrics.AUC(curve, multi_label=True)(y, p, w), columns)


def test_pooled_area_by_hand() -> None:
    y = np.eye(3)[[0, 0, 0, 1, 2]]
    p = [[0.5, 0.3, 0.2], [0.6, 0.3, 0.1], [0.4, 0.35, 0.25], [0.5, 0.2, 0.3], [0.6, 0.3, 0.1]]
    # Of the 5 x 10 pairs of a true and another entry 26 are in order, and 4 are equal.
    assert metrics.AUC()(y, p) == pytest.approx(0.56)
    assert metrics.AUC(multi_label=True)(y, p) == pytest.approx(0.15277777777777776)


@pytest.mark.parametrize(
    "options", [{}, {"multi_label": True}, {"average": "weighted"}, {"average": None}, {"curve": "PR"}]
)
def test_areas_of_logits_are_those_of_their_softmax(
    options: dict[str, Any], rng: np.random.Generator
) -> None:
    y, logits = rng.integers(0, 3, 60), 3 * rng.normal(size=(60, 3)) + 5 * rng.normal(size=(60, 1))
    powers = np.exp(logits)
    metric = metrics.AUC(**options)
    want = metric(y, powers / powers.sum(axis=1, keepdims=True))
    for loss in (losses.SparseCategoricalCrossentropy, losses.CategoricalCrossentropy):
        _equal(metrics.resolve(metric, loss(from_logits=True), 3)(y, logits), want)
    assert not np.allclose(metric(y, logits), want)  # called alone it takes scores as they are
    with pytest.raises(ValueError, match="average: expected one area a column"):
        metrics.AUC(multi_label=True, average="micro")


@pytest.mark.parametrize("normalize", [None, "true", "pred", "all"])
@given(case=labelled())
@settings(max_examples=40)
def test_confusion_matrix(normalize: str | None, case: dict[str, Any]) -> None:
    y, p, w, classes = case["y"], case["p"], case["w"], case["classes"]
    options = {"sample_weight": w, "normalize": normalize}
    expected = sk.confusion_matrix(y, p.argmax(1), labels=range(classes), **options)
    ours = metrics.confusion_matrix(y, p, **options)
    _equal(ours, expected)
    if w is None and normalize is None:
        assert ours.dtype == np.int64
    _equal(metrics.confusion_matrix(y, p.argmax(1), num_classes=classes, **options), expected)
    _equal(metrics.ConfusionMatrix(classes, normalize=normalize)(y, p, w), expected)


@given(seed=SEEDS, rows=st.integers(2, 20), outputs=st.integers(1, 3), weighted=st.booleans())
def test_regression(seed: int, rows: int, outputs: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    y, p = rng.normal(size=(rows, outputs)), rng.normal(size=(rows, outputs))
    y[:, 0] = np.round(y[:, 0]) if seed % 2 else 1.0  # sometimes an output that does not vary
    w = rng.random(rows) if weighted else None
    _equal(metrics.MeanSquaredError()(y, p, w), sk.mean_squared_error(y, p, sample_weight=w))
    _equal(metrics.MeanAbsoluteError()(y, p, w), sk.mean_absolute_error(y, p, sample_weight=w))
    root = np.sqrt(sk.mean_squared_error(y, p, sample_weight=w))
    _equal(metrics.RootMeanSquaredError()(y, p, w), root)
    for ours, theirs in (
        ("uniform_average", "uniform_average"),
        ("variance_weighted_average", "variance_weighted"),
        (None, "raw_values"),
    ):
        expected = sk.r2_score(y, p, sample_weight=w, multioutput=theirs)
        _equal(metrics.R2Score(ours)(y, p, w), expected)


def test_r2_of_one_row_is_undefined() -> None:
    assert np.isnan(metrics.R2Score()([1.0], [2.0]))
    assert metrics.R2Score()([1.0, 1.0], [1.0, 1.0]) == 1.0


def test_loss_as_metric_is_a_weighted_mean(rng: np.random.Generator) -> None:
    y, p, w = rng.integers(0, 3, 10), rng.uniform(0.1, 1, (10, 3)), rng.random(10)
    loss = losses.SparseCategoricalCrossentropy()
    ours = metrics.get("sparse_categorical_crossentropy")
    assert ours.name == "sparse_categorical_crossentropy"
    assert ours(y, p, w) == pytest.approx(np.average(loss.values(y, p), weights=w))
    assert metrics.get(loss)(y, p) == pytest.approx(loss(y, p))
    assert ours(y, p, np.zeros(10)) == 0.0


def test_positions_count_as_rows(rng: np.random.Generator) -> None:
    y, p = rng.integers(0, 3, (6, 4)), rng.random((6, 4, 3))
    w = rng.random(6)
    for metric in (metrics.SparseCategoricalAccuracy(), metrics.F1Score("macro"), metrics.AUC()):
        flat = metric(y.ravel(), p.reshape(-1, 3), np.repeat(w, 4))
        assert metric(y, p, w) == pytest.approx(flat)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("mse", metrics.MeanSquaredError),
        ("RMSE", metrics.RootMeanSquaredError),
        ("r2_score", metrics.R2Score),
        ("f1", metrics.F1Score),
        ("f1_score", metrics.F1Score),
        ("auc", metrics.AUC),
        ("AUC", metrics.AUC),
        ("Precision", metrics.Precision),
        ("top_k_categorical_accuracy", metrics.TopKCategoricalAccuracy),
        ("huber", metrics.LossMetric),
    ],
)
def test_names(name: str, kind: type[metrics.Metric]) -> None:
    metric = metrics.get(name)
    assert type(metric) is kind
    assert metric.name == name.lower()


@pytest.mark.parametrize(
    ("loss", "outputs", "kind"),
    [
        ("sparse_categorical_crossentropy", 10, metrics.SparseCategoricalAccuracy),
        ("categorical_crossentropy", 10, metrics.CategoricalAccuracy),
        ("binary_crossentropy", 1, metrics.BinaryAccuracy),
        ("binary_crossentropy", 5, metrics.BinaryAccuracy),
        ("hinge", 1, metrics.BinaryAccuracy),
        ("mse", 1, metrics.BinaryAccuracy),
        ("mse", 3, metrics.CategoricalAccuracy),
    ],
)
def test_accuracy_follows_the_loss(loss: str, outputs: int, kind: type[metrics.Metric]) -> None:
    metric = metrics.resolve("accuracy", losses.get(loss), outputs)
    assert type(metric) is kind
    assert metric.name == "accuracy"


def test_margins_and_logits_are_cut_at_zero() -> None:
    for loss in (losses.Hinge(), losses.BinaryCrossentropy(from_logits=True)):
        assert metrics.resolve("acc", loss, 1)([0, 1], [[-0.2], [0.3]]) == 1.0
    entropy = metrics.resolve("ce", losses.BinaryCrossentropy(from_logits=True), 1)
    assert entropy([0, 1], [[-0.2], [0.3]]) == pytest.approx(np.log1p(np.exp([-0.2, -0.3])).mean())
    assert type(metrics.resolve("auc", losses.Hinge(), 1)) is metrics.AUC


def test_a_function_is_a_metric() -> None:
    def close(y_true: Any, y_pred: Any) -> Any:
        return np.abs(y_true - y_pred) < 0.5

    metric = metrics.get(close)
    assert metric.name == "close"
    assert metric([1.0, 2.0], [1.1, 3.0]) == 0.5
    assert metrics.get(metrics.serialize(metric))([1.0, 2.0], [1.1, 3.0]) == 0.5


@pytest.mark.parametrize("kind", [k for k in metrics.CLASSES.values() if k is not metrics.LossMetric])
def test_config_round_trip(kind: type[metrics.Metric]) -> None:
    one = kind(name="mine")
    again = metrics.get(metrics.serialize(one))
    assert type(again) is kind
    assert again.get_config() == one.get_config()


def test_loss_metric_round_trip() -> None:
    again = metrics.get(metrics.serialize(metrics.get(losses.Huber(0.5))))
    assert again([0.0], [1.0]) == pytest.approx(0.375)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: metrics.F1Score("makro"), "did you mean 'macro'"),
        (lambda: metrics.F1Score(zero_division=0.5), "zero_division"),
        (lambda: metrics.AUC("roc"), "did you mean 'ROC'"),
        (lambda: metrics.R2Score("mean"), "class_aggregation"),
        (lambda: metrics.TopKCategoricalAccuracy(0), "k: expected at least 1"),
        (lambda: metrics.SparseCategoricalAccuracy()([0, 3], np.ones((2, 3))), "classes from 0 to 2"),
        (lambda: metrics.SparseCategoricalAccuracy()([0], np.ones((2, 3))), "y_true: expected shape"),
        (lambda: metrics.SparseCategoricalAccuracy()([0, 1], [0.1, 0.2]), "a number for each class"),
        (lambda: metrics.BinaryAccuracy()([0, 2], [0.1, 0.2]), "labels 0 and 1"),
        (lambda: metrics.AUC()([], []), "at least one row"),
        (lambda: metrics.Precision()([0, 1], [0, -1]), "at least 0"),
        (lambda: metrics.Precision(average="binary")([0, 1], np.ones((2, 3))), "two classes, got 3"),
        (lambda: metrics.F1Score()([0, 1], [0.1, 0.9], [1.0]), "sample_weight"),
        (lambda: metrics.confusion_matrix([0, 5], [0, 1], num_classes=3), "num_classes=3"),
        (lambda: metrics.confusion_matrix([0, 1], [0, 1], normalize="rows"), "normalize"),
        (lambda: metrics.MeanSquaredError()([1, 2], [1, 2, 3]), "y_true"),
    ],
)
def test_bad_arguments(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize(("rows", "classes"), [(20_000, 2), (60_000, 10)])
def test_accuracy_takes_little_time(rows: int, classes: int, rng: np.random.Generator) -> None:
    y, p = rng.integers(0, classes, rows), rng.random((rows, classes)).astype(np.float32)
    metric, seconds = metrics.SparseCategoricalAccuracy(), []
    for _ in range(5):
        begin = time.perf_counter()
        metric(y, p)
        seconds.append(time.perf_counter() - begin)
    assert min(seconds) < 0.02  # usually a tenth of that; an epoch of these takes far longer
