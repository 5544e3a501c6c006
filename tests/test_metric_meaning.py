"""Metrics of a model read predictions as its loss does: probabilities, logits, margins, several labels."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

import hotloop as hl

LOSSES: dict[str, tuple[Any, str | None]] = {
    "probabilities": ("binary_crossentropy", "sigmoid"),
    "logits": (hl.losses.BinaryCrossentropy(from_logits=True), None),
    "hinge": ("hinge", None),
    "squared_hinge": ("squared_hinge", None),
}
CUT: list[Any] = [
    "accuracy",
    "binary_accuracy",
    "precision",
    "recall",
    "f1",
    hl.metrics.F1Score("macro", name="macro"),
    hl.metrics.BinaryAccuracy(name="own"),
    hl.metrics.ConfusionMatrix(name="matrix"),
    "auc",
]


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray]:
    """Rows whose first feature says what they are, but for some."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4)).astype(np.float32)
    x[:, 0] += np.copysign(np.float32(0.2), x[:, 0])  # rounding cannot change what is said
    return x, (x[:, 0] > 0).astype(int) ^ (rng.random(200) < 0.1)


def weak(loss: Any, activation: str | None, metrics: list[Any]) -> hl.Sequential:
    """A model whose outputs lie near the threshold, most of them below half."""
    model = hl.Sequential([hl.layers.Dense(1, activation, input_shape=(4,))])
    model.layers[-1].set_weights([np.array([[0.3], [0], [0], [0]], np.float32), np.zeros(1, np.float32)])
    model.compile("sgd", loss, metrics=metrics)
    return model


def expected(x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    yes = x[:, 0] > 0
    return {
        "accuracy": sk.accuracy_score(y, yes),
        "binary_accuracy": sk.accuracy_score(y, yes),
        "precision": sk.precision_score(y, yes),
        "recall": sk.recall_score(y, yes),
        "f1": sk.f1_score(y, yes),
        "macro": sk.f1_score(y, yes, average="macro"),
        "own": sk.accuracy_score(y, yes),
        "matrix": sk.confusion_matrix(y, yes),
        "auc": sk.roc_auc_score(y, x[:, 0]),
    }


def check(logs: dict[str, Any], want: dict[str, Any]) -> None:
    for name, value in want.items():
        np.testing.assert_allclose(logs[name], value, rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("kind", LOSSES)
def test_every_door_cuts_where_the_loss_says(
    kind: str, data: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    (x, y), want = data, expected(*data)
    model = weak(*LOSSES[kind], CUT)
    labels = [y, y[:, None]] + ([2 * y - 1] if "hinge" in kind else [])
    for given in labels:
        check(model.evaluate(x, given, verbose=0, return_dict=True), want)
    model.save(tmp_path / "model")
    for other in (hl.load_model(tmp_path / "model"), pickle.loads(pickle.dumps(model))):
        check(other.evaluate(x, y, verbose=0, return_dict=True), want)
    small = hl.quantize_model(model, "bf16")
    logs = small.evaluate(x, y, return_dict=True)
    check(logs, {name: want[name] for name in want if name != "auc"})
    # Both begin with the predictions before any step; the learning rate is too small to move an answer.
    model.optimizer.learning_rate = 1e-9
    check(model.train_on_batch(x, y, return_dict=True), want)
    history = model.fit(x, y, validation_data=(x, y), verbose=0, shuffle=False).history
    check({name: values[0] for name, values in history.items()}, want)
    check({name: history[f"val_{name}"][0] for name in want}, want)


@pytest.mark.parametrize("kind", LOSSES)
def test_the_report_cuts_there_too(kind: str, data: tuple[np.ndarray, np.ndarray]) -> None:
    (x, y), want = data, expected(*data)
    found = hl.evaluate_performance(weak(*LOSSES[kind], []), x, y, seconds=0.01).metrics
    assert found["accuracy"] == want["accuracy"]
    assert found["f1"] == pytest.approx(want["macro"])
    assert found["auc"] == pytest.approx(want["auc"])


def test_a_threshold_that_was_given_stays(data: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = data
    given = [
        hl.metrics.BinaryAccuracy("a", threshold=0.5),
        hl.metrics.Precision(0.5, name="p"),
        hl.metrics.Recall(0.5, name="r"),
        hl.metrics.F1Score(threshold=0.5, name="f"),
        hl.metrics.ConfusionMatrix(threshold=0.5, name="c"),
    ]
    model = weak(*LOSSES["logits"], given)
    logits = model.predict(x)[:, 0]
    yes = logits > 0.5
    want = {
        "a": sk.accuracy_score(y, yes),
        "p": sk.precision_score(y, yes),
        "r": sk.recall_score(y, yes),
        "f": sk.f1_score(y, yes),
        "c": sk.confusion_matrix(y, yes),
    }
    check(model.evaluate(x, y, verbose=0, return_dict=True), want)
    # The user's objects are not changed by being compiled, and called alone they cut at 0.5.
    own = [hl.metrics.Recall(), hl.metrics.BinaryAccuracy(), hl.metrics.ConfusionMatrix()]
    weak(*LOSSES["logits"], own).evaluate(x, y, verbose=0)
    for metric, value in zip(own, (want["r"], want["a"], want["c"]), strict=True):
        np.testing.assert_array_equal(metric(y, logits), value)


def test_a_cross_entropy_by_its_name_takes_logits_where_the_loss_does(
    data: tuple[np.ndarray, np.ndarray],
) -> None:
    x, y = data
    logs = weak(*LOSSES["logits"], ["binary_crossentropy", "bce", "ce"]).evaluate(x, y, verbose=0)
    assert logs[1:] == pytest.approx([logs[0]] * 3, rel=1e-6)


# -- several labels a row

Y = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]])
P = np.array([[0.6, 0.9, 0.1], [0.1, 0.6, 0.9], [0.9, 0.1, 0.6]])


@pytest.mark.parametrize("average", ["micro", "macro", "weighted", None])
def test_rows_of_several_labels_are_cut_label_by_label(average: str | None) -> None:
    assert hl.metrics.F1Score()(Y, P) == hl.metrics.Precision()(Y, P) == hl.metrics.Recall()(Y, P) == 1.0
    rng = np.random.default_rng(1)
    for k in (2, 5):
        y, p, w = rng.integers(0, 2, (40, k)), rng.random((40, k)), rng.random(40)
        y[0] = 0  # a row without a label, and one with all
        y[1] = 1
        for kind, score in (
            (hl.metrics.Precision, sk.precision_score),
            (hl.metrics.Recall, sk.recall_score),
            (hl.metrics.F1Score, sk.f1_score),
        ):
            want = score(y, p > 0.5, average=average, sample_weight=w, zero_division=0)
            for given in (y, y.astype(bool), y.astype(np.float32), 2 * y - 1):
                np.testing.assert_allclose(kind(average=average)(given, p, w), want, rtol=1e-12)


def test_one_hot_rows_are_classes_without_a_loss_and_with_a_categorical_one() -> None:
    rng = np.random.default_rng(2)
    y, p = rng.integers(0, 3, 30), rng.random((30, 3))
    want = sk.f1_score(y, p.argmax(1), average="macro")
    loss = hl.losses.CategoricalCrossentropy()
    for metric in (hl.metrics.F1Score(), hl.metrics.F1Score().for_loss(loss)):
        assert metric(np.eye(3)[y], p) == pytest.approx(want)
    soft = np.eye(3)[y] * 0.7 + 0.1
    assert hl.metrics.F1Score()(soft, p) == pytest.approx(want)
    # The same rows behind a binary cross-entropy are labels of their own: the loss says so, not the data.
    each = hl.metrics.F1Score().for_loss(hl.losses.BinaryCrossentropy())
    assert each(np.eye(3)[y], p) == pytest.approx(sk.f1_score(np.eye(3)[y], p > 0.5, average="macro"))


@pytest.mark.parametrize("from_logits", [False, True])
def test_models_of_several_labels(from_logits: bool) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(50, 3)).astype(np.float32)
    y = (x + 0.3 * rng.normal(size=(50, 3)) > 0.1).astype(int)
    model = hl.Sequential([hl.layers.Dense(3, None if from_logits else "sigmoid", input_shape=(3,))])
    model.layers[-1].set_weights([0.5 * np.eye(3, dtype=np.float32), np.zeros(3, np.float32)])
    names = ["f1", "precision", "recall", "accuracy"]
    loss = hl.losses.BinaryCrossentropy(from_logits)
    model.compile("sgd", loss, metrics=names)
    yes, logs = x > 0, model.evaluate(x, y, verbose=0, return_dict=True)
    macro = {"average": "macro"}
    want = [
        sk.f1_score(y, yes, **macro),
        sk.precision_score(y, yes, **macro),
        sk.recall_score(y, yes, **macro),
    ]
    assert [logs[name] for name in names] == pytest.approx([*want, (y == yes).mean()])
    report = hl.evaluate_performance(model, x, y, seconds=0.01).metrics
    assert report["f1"] == pytest.approx(want[0])
    assert report["auc"] == pytest.approx(sk.roc_auc_score(y, x))
    model.compile("sgd", loss, metrics=[hl.metrics.ConfusionMatrix()])
    with pytest.raises(ValueError, match="one class a row, got 3 labels a row; count one label at a time"):
        model.fit(x, y, verbose=0)
    if not from_logits:  # without a loss the labels say it
        model = hl.clone_model(model)
        assert hl.evaluate_performance(model, x, y, seconds=0.01).metrics.keys() == report.keys()


def test_no_confusion_matrix_of_several_labels() -> None:
    with pytest.raises(ValueError, match=r"got 3 labels a row; .*confusion_matrix\(y\[:, 0\], p\[:, 0\]\)"):
        hl.metrics.confusion_matrix(Y, P)
    assert hl.metrics.confusion_matrix(Y[:, 0], P[:, 0]).tolist() == [[1, 0], [0, 2]]


def test_any_label_of_a_row_is_right_among_the_largest() -> None:
    p = [[0.1, 0.2, 0.3, 0.4]] * 4
    y = [[0, 0, 0, 1], [1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    for k, hits in ((1, 1), (2, 2), (3, 3), (4, 3)):
        assert hl.metrics.TopKCategoricalAccuracy(k)(y, p) == hits / 4
    assert hl.metrics.CategoricalAccuracy()(y, p) == 1 / 4
    # Labels whose scores are minus infinity or equal keep to the same order.
    q = [[-np.inf, -np.inf, 1.0, -np.inf]]
    assert hl.metrics.TopKCategoricalAccuracy(2)([[1, 0, 0, 1]], q) == 1.0
    assert hl.metrics.TopKCategoricalAccuracy(3)([[1, 0, 0, 0]], q) == 0.0


def test_soft_labels_that_tie_have_one_class() -> None:
    """A row that is not of zeros and ones is a distribution: its first largest class is the label."""
    p = np.eye(3)[[0, 1, 2, 2]]
    for soft in ([1 / 3] * 3, [0.5, 0.5, 0.0], [2.0, 2.0, 0.0]):
        assert hl.metrics.CategoricalAccuracy()([soft] * 4, p) == 1 / 4
        assert hl.metrics.TopKCategoricalAccuracy(1)([soft] * 4, p) == 1 / 4
    # What a row is does not depend on the others.
    y = [[0.5, 0.5, 0], [1, 1, 0], [0, 0, 0], [0, 0.5, 0.5]]
    assert hl.metrics.CategoricalAccuracy()(y, p) == 2 / 4
    assert hl.metrics.TopKCategoricalAccuracy(2)(y, p) == 3 / 4


@pytest.mark.parametrize("low", [0, -1])
@pytest.mark.parametrize("columns", [2, 4])
def test_one_row_alone_is_judged_as_among_thousands(low: int, columns: int) -> None:
    """The shorter way for rows of one label gives what the longer way does, row by row."""
    rng = np.random.default_rng(6)
    y = np.where(rng.random((60, columns)) < 0.3, 1, low).astype(np.float32)
    y[::4], y[1::4] = np.eye(columns)[rng.integers(0, columns, 15)], rng.dirichlet(np.ones(columns), 15)
    y[2, 0], y[3, :2] = np.nan, 0.5
    p = rng.integers(0, 3, (60, columns)).astype(np.float32)  # with ties
    for metric in (hl.metrics.CategoricalAccuracy(), hl.metrics.TopKCategoricalAccuracy(columns // 2)):
        hits = [metric(y[i : i + 1], p[i : i + 1]) for i in range(60)]
        assert metric(y, p) == sum(hits) / 60
        assert metric(y.reshape(5, 12, columns), p.reshape(5, 12, columns)) == sum(hits) / 60
        assert metric(y[2:3], p[2:3]) == 0.0


def test_positions_of_one_output_are_rows() -> None:
    rng = np.random.default_rng(4)
    y, p = rng.integers(0, 2, (6, 5)), rng.random((6, 5, 1)).astype(np.float32)
    for metric in (hl.metrics.F1Score(), hl.metrics.AUC(), hl.metrics.BinaryAccuracy(), hl.metrics.Recall()):
        assert metric(y, p) == metric(y[..., None], p) == pytest.approx(metric(y.ravel(), p.ravel()))


def test_what_rows_have_is_settled_by_the_first_labels_after_compile() -> None:
    """Where the loss says nothing, one row of a later set does not turn the meaning of all others."""
    one_hot = np.eye(3, dtype=np.float32)[np.arange(30) % 3]
    mixed = one_hot.copy()
    mixed[0] = [1, 1, 0]
    model = hl.Sequential([hl.layers.Dense(3, use_bias=False, input_shape=(3,))])
    model.set_weights([0.4 * np.eye(3, dtype=np.float32)])  # the largest is right, and below a half
    model.compile("sgd", "mse", metrics=["f1", "precision", "recall", hl.metrics.ConfusionMatrix()])
    for labels in (one_hot, mixed, one_hot):
        *scores, matrix = model.evaluate(one_hot, labels, verbose=0)[1:]
        assert scores == [1.0, 1.0, 1.0]
        np.testing.assert_array_equal(matrix, 10 * np.eye(3))
    model.compile("sgd", "mse", metrics=["f1", hl.metrics.F1Score(threshold=0.3, name="said")])
    with pytest.warns(UserWarning, match="metric 'f1': .*1 of 30 rows .*cut at 0.5.* threshold=0.5"):
        assert model.evaluate(one_hot, mixed, verbose=0)[1] == 0.0
    assert model.evaluate(one_hot, one_hot, verbose=0)[1:] == [0.0, 1.0]
