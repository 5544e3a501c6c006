"""Losses in double against their formulas, written out element by element, and against PyTorch."""

import math

import numpy as np
import pytest

from hotloop import _native, losses

EPS = 1e-7


def _clip(p: float) -> float:
    return min(max(p, EPS), 1 - EPS)


def _elementwise(kind: str, y: float, p: float) -> float:
    formulas = {
        "mean_squared_error": lambda: (y - p) ** 2,
        "mean_absolute_error": lambda: abs(y - p),
        "mean_absolute_percentage_error": lambda: 100 * abs(y - p) / max(abs(y), EPS),
        "mean_squared_logarithmic_error": lambda: (
            (math.log(max(y, EPS) + 1) - math.log(max(p, EPS) + 1)) ** 2
        ),
        "huber": lambda: (y - p) ** 2 / 2 if abs(y - p) <= 1 else abs(y - p) - 0.5,
        "log_cosh": lambda: math.log(math.cosh(p - y)),
        "poisson": lambda: p - y * math.log(p + EPS),
        "hinge": lambda: max(1 - y * p, 0),
        "squared_hinge": lambda: max(1 - y * p, 0) ** 2,
        "binary_crossentropy": lambda: -(y * math.log(_clip(p)) + (1 - y) * math.log(1 - _clip(p))),
    }
    return float(formulas[kind]())


@pytest.mark.parametrize(
    "kind",
    [
        "mean_squared_error",
        "mean_absolute_error",
        "mean_absolute_percentage_error",
        "mean_squared_logarithmic_error",
        "huber",
        "log_cosh",
        "poisson",
        "hinge",
        "squared_hinge",
        "binary_crossentropy",
    ],
)
def test_elementwise_formulas(kind: str, rng: np.random.Generator) -> None:
    p = rng.uniform(0, 3, (6, 4))
    y = rng.uniform(0, 3, (6, 4))
    if "hinge" in kind:
        y = rng.choice([-1.0, 1.0], (6, 4))
    if kind == "binary_crossentropy":
        p, y = p / 3, y / 3
    expected = [
        np.mean([_elementwise(kind, a, b) for a, b in zip(ys, ps, strict=True)])
        for ys, ps in zip(y, p, strict=True)
    ]
    loss = losses.get(kind)
    np.testing.assert_allclose(loss.values(y, p), expected, rtol=1e-12)
    assert loss(y, p) == pytest.approx(np.mean(expected), rel=1e-12)
    weights = rng.uniform(0, 2, 6)
    # Keras's sum_over_batch_size divides by the number of rows, not by the sum of the weights.
    assert loss(y, p, weights) == pytest.approx(np.dot(weights, expected) / 6, rel=1e-12)


def test_row_formulas(rng: np.random.Generator) -> None:
    y, p = rng.uniform(0.1, 1, (5, 3)), rng.uniform(0.1, 1, (5, 3))
    y, p = y / y.sum(1, keepdims=True), p / p.sum(1, keepdims=True)
    np.testing.assert_allclose(losses.HalfSquaredError().values(y, p), ((y - p) ** 2).sum(1) / 2)
    np.testing.assert_allclose(losses.KLDivergence().values(y, p), (y * np.log(y / p)).sum(1))
    np.testing.assert_allclose(losses.CategoricalCrossentropy().values(y, p), -(y * np.log(p)).sum(1))
    one_hot = np.eye(3)[[0, 2, 1, 1, 0]]
    hinge = np.maximum(0, ((1 - one_hot) * p).max(1) - (one_hot * p).sum(1) + 1)
    np.testing.assert_allclose(losses.CategoricalHinge().values(one_hot, p), hinge)


def test_sparse_is_categorical_of_one_hot(rng: np.random.Generator) -> None:
    labels, p = rng.integers(0, 5, 20), rng.uniform(0.01, 1, (20, 5))
    one_hot = np.eye(5)[labels]
    for from_logits in (False, True):
        sparse = losses.SparseCategoricalCrossentropy(from_logits)
        dense = losses.CategoricalCrossentropy(from_logits)
        expected = dense.values(one_hot, p)
        for given in (labels, labels[:, None], labels.astype(np.float32), labels.astype(np.uint8)):
            np.testing.assert_allclose(sparse.values(given, p), expected, rtol=1e-12)


def test_logits_against_probabilities(rng: np.random.Generator) -> None:
    z = rng.normal(0, 3, (30, 4))
    probabilities = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    labels = rng.integers(0, 4, 30)
    np.testing.assert_allclose(
        losses.SparseCategoricalCrossentropy(True).values(labels, z),
        losses.SparseCategoricalCrossentropy().values(labels, probabilities),
        rtol=1e-9,
    )
    y = rng.integers(0, 2, (30, 4))
    np.testing.assert_allclose(
        losses.BinaryCrossentropy(True).values(y, z),
        losses.BinaryCrossentropy().values(y, 1 / (1 + np.exp(-z))),
        rtol=1e-9,
    )


def test_extreme_logits_are_finite() -> None:
    z = np.array([[1000.0, -1000.0], [-1000.0, 1000.0]])
    assert losses.SparseCategoricalCrossentropy(True).values([0, 0], z).tolist() == [0.0, 2000.0]
    assert losses.BinaryCrossentropy(True).values([[1, 0], [1, 0]], z).tolist() == [0.0, 1000.0]
    assert losses.BinaryCrossentropy()([[1.0]], [[0.0]]) == pytest.approx(-math.log(EPS))


def test_label_smoothing() -> None:
    p = np.array([[0.7, 0.2, 0.1]])
    y = np.array([[1.0, 0.0, 0.0]])
    smooth = y * 0.7 + 0.1
    expected = -(smooth * np.log(p)).sum()
    assert losses.CategoricalCrossentropy(label_smoothing=0.3)(y, p) == pytest.approx(expected)
    half = y * 0.7 + 0.15
    expected = -(half * np.log(p) + (1 - half) * np.log(1 - p)).mean()
    assert losses.BinaryCrossentropy(label_smoothing=0.3)(y, p) == pytest.approx(expected)


def test_hinge_makes_signs_of_bits(rng: np.random.Generator) -> None:
    bits, p = rng.integers(0, 2, (9, 1)), rng.normal(size=(9, 1))
    for loss in (losses.Hinge(), losses.SquaredHinge()):
        assert loss(bits, p) == loss(2 * bits - 1, p) == loss(bits[:, 0], p)
    for kind in (np.uint8, bool, np.float32):
        assert losses.Hinge().prepare(np.array([0, 1], dtype=kind)).tolist() == [-1, 1]


@pytest.mark.parametrize("kind", losses.CLASSES.values())
@pytest.mark.parametrize("from_logits", [False, True])
def test_against_the_native_reference(
    kind: type[losses.Loss], from_logits: bool, rng: np.random.Generator
) -> None:
    options = {"from_logits": True} if from_logits and "Crossentropy" in kind.__name__ else {}
    loss = kind(**options)
    predictions = rng.uniform(0.05, 1, (20, 4)).astype(np.float32)
    predictions /= predictions.sum(1, keepdims=True)
    if loss.targets == "sparse":
        targets = rng.integers(0, 4, 20).astype(np.int32)
    else:
        targets = rng.integers(0, 2, (20, 4)).astype(np.float32)
    native = np.empty(20, np.float32)
    _native.loss_ref(loss.native, predictions, targets, None, native, **loss.options)
    np.testing.assert_allclose(loss.values(targets, predictions), native, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_against_torch(smoothing: float, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    p, y = rng.normal(size=(40, 6)), rng.normal(size=(40, 6))
    tp, ty = torch.from_numpy(p), torch.from_numpy(y)
    assert losses.MeanSquaredError()(y, p) == pytest.approx(functional.mse_loss(tp, ty).item())
    assert losses.MeanAbsoluteError()(y, p) == pytest.approx(functional.l1_loss(tp, ty).item())
    huber = functional.huber_loss(tp, ty, delta=0.7).item()
    assert losses.Huber(0.7)(y, p) == pytest.approx(huber)
    labels = rng.integers(0, 6, 40)
    one_hot = np.eye(6)[labels]
    expected = functional.cross_entropy(tp, torch.from_numpy(labels), label_smoothing=smoothing).item()
    assert losses.CategoricalCrossentropy(True, smoothing)(one_hot, p) == pytest.approx(expected)
    if not smoothing:
        assert losses.SparseCategoricalCrossentropy(True)(labels, p) == pytest.approx(expected)
    bits = rng.integers(0, 2, (40, 6))
    expected = functional.binary_cross_entropy_with_logits(tp, torch.from_numpy(bits.astype(float))).item()
    assert losses.BinaryCrossentropy(True)(bits, p) == pytest.approx(expected)


def test_positions_count_as_rows(rng: np.random.Generator) -> None:
    labels, p = rng.integers(0, 3, (4, 5)), rng.uniform(0.1, 1, (4, 5, 3))
    loss = losses.SparseCategoricalCrossentropy()
    assert loss.values(labels, p).shape == (4, 5)
    assert loss(labels, p) == pytest.approx(loss(labels.ravel(), p.reshape(20, 3)))
    weights = rng.uniform(size=4)
    assert loss(labels, p, weights) == pytest.approx((loss.values(labels, p) * weights[:, None]).mean())


@pytest.mark.parametrize(
    ("loss", "y", "p", "words"),
    [
        ("mse", np.zeros((3, 2)), np.zeros((4, 2)), r"y_true: expected shape \(4, 2\) as y_pred"),
        ("mse", np.zeros(3), np.zeros((3, 2)), "integer classes go with sparse"),
        ("mse", np.zeros((0, 2)), np.zeros((0, 2)), "at least one row"),
        ("sparse_categorical_crossentropy", [0, 3], np.ones((2, 3)), "classes from 0 to 2, got 0 to 3"),
        ("sparse_categorical_crossentropy", [0, -1], np.ones((2, 3)), "classes from 0 to 2, got -1 to 0"),
        ("sparse_categorical_crossentropy", [0.5, 1], np.ones((2, 3)), "whole class numbers"),
        ("sparse_categorical_crossentropy", [np.nan, 1], np.ones((2, 3)), "whole class numbers"),
        ("sparse_categorical_crossentropy", np.eye(3), np.ones((3, 3)), "one-hot labels go with cat"),
    ],
)
def test_bad_shapes_and_labels(loss: str, y: object, p: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        losses.get(loss)(y, p)


def test_bad_weights() -> None:
    for bad in ([1.0], [1.0, np.nan, 1.0], 2.0):
        with pytest.raises(ValueError, match="mean_squared_error: sample_weight"):
            losses.MeanSquaredError()([1, 2, 3], [1, 2, 3], bad)


@pytest.mark.parametrize("kind", losses.CLASSES.values())
def test_config_round_trip(kind: type[losses.Loss]) -> None:
    one = kind(name="mine")
    again = losses.get(losses.serialize(one))
    assert type(again) is kind
    assert again.get_config() == one.get_config()
    assert losses.get(kind.native).native == kind.native
    assert set(one.options) == {"from_logits", "label_smoothing", "delta"}


def test_aliases() -> None:
    for alias, name in {
        "mse": "mean_squared_error",
        "MAE": "mean_absolute_error",
        "bce": "binary_crossentropy",
    }.items():
        assert losses.get(alias).name == name
    with pytest.raises(ValueError, match="delta"):
        losses.Huber(0)
    with pytest.raises(ValueError, match="label_smoothing"):
        losses.BinaryCrossentropy(label_smoothing=1.5)
