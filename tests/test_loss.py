"""Losses and their gradients: references in double, finite differences, PyTorch, the same bits everywhere."""

from typing import Any, NamedTuple

import numpy as np
import pytest

from everywhere import same_everywhere
from hotloop import _native, kernels
from tolerance import EPS32, guarded, guards_intact


class Case(NamedTuple):
    kind: str
    options: dict[str, Any]

    def __str__(self) -> str:
        return "-".join([self.kind, *(f"{k}={v}" for k, v in self.options.items())])


SPARSE = "sparse_categorical_crossentropy"
CASES = [
    *[Case(kind, {}) for kind in _native.losses()],
    *[Case("huber", {"delta": 0.3}), Case("huber", {"delta": 5.0})],
    *[Case("binary_crossentropy", {"from_logits": True}), Case(SPARSE, {"from_logits": True})],
    *[
        Case("binary_crossentropy", {"label_smoothing": 0.2}),
        Case("categorical_crossentropy", {"from_logits": True}),
    ],
    Case("binary_crossentropy", {"from_logits": True, "label_smoothing": 0.1}),
    Case("categorical_crossentropy", {"label_smoothing": 0.1}),
    Case("categorical_crossentropy", {"from_logits": True, "label_smoothing": 0.3}),
]
cases = pytest.mark.parametrize("case", CASES, ids=str)
SHAPES = [(0, 3), (1, 1), (50, 1), (33, 2), (32, 10), (5, 15), (4, 16), (17, 17), (3, 100), (2, 1025)]
PROBABILITIES = ("categorical_crossentropy", SPARSE, "binary_crossentropy", "kl_divergence", "poisson")


def data(case: Case, rows: int, cols: int) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and targets of the sort the loss is made for."""
    rng = np.random.default_rng(100 * rows + cols)
    prediction = rng.normal(0, 2, size=(rows, cols)).astype(np.float32)
    if case.kind in PROBABILITIES and not case.options.get("from_logits"):
        prediction = rng.uniform(0.01, 0.99, size=(rows, cols)).astype(np.float32)
    labels = rng.integers(0, cols, size=rows).astype(np.int32)
    if case.kind == SPARSE:
        return prediction, labels
    if case.kind in ("categorical_crossentropy", "categorical_hinge", "kl_divergence"):
        return prediction, (labels[:, None] == np.arange(cols)).astype(np.float32)
    if case.kind in ("binary_crossentropy", "hinge", "squared_hinge"):
        return prediction, rng.integers(0, 2, size=(rows, cols)).astype(np.float32)
    if case.kind in ("poisson", "mean_squared_logarithmic_error"):
        return np.abs(prediction) + np.float32(0.01), rng.uniform(0, 5, size=(rows, cols)).astype(np.float32)
    return prediction, rng.normal(size=(rows, cols)).astype(np.float32)


def run(
    case: Case, prediction: np.ndarray, target: np.ndarray, weight: np.ndarray | None = None, **options: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    loss, gradient = np.empty(len(prediction), np.float32), np.empty_like(prediction)
    probability = np.zeros_like(prediction)
    kernel = options.pop("kernel", _native.loss)
    wants = probability if case.options.get("from_logits") else None
    kernel(case.kind, prediction, target, weight, loss, gradient, wants, **case.options, **options)
    return loss, gradient, probability


def test_every_loss_is_there() -> None:
    assert len(_native.losses()) == 16


@cases
@pytest.mark.parametrize(("rows", "cols"), SHAPES)
def test_against_double(isa: str, case: Case, rows: int, cols: int) -> None:
    prediction, target = data(case, rows, cols)
    weight = np.random.default_rng(1).uniform(0, 2, size=rows).astype(np.float32)
    got = run(case, prediction, target, weight, gradient_scale=0.25)
    expected = run(case, prediction, target, weight, gradient_scale=0.25, kernel=_native.loss_ref)
    # A sum of `cols` terms rounds along the way; its terms are as large as the row's loss or log(1e7).
    floor = 4 * EPS32 * (np.sqrt(cols) + 16)
    for ours, exact in zip(got, expected, strict=True):
        np.testing.assert_allclose(ours, exact, rtol=4e-6, atol=floor)


@cases
def test_reference_gradient_is_that_of_the_loss(case: Case) -> None:
    prediction, target = data(case, 6, 5)
    rng, step = np.random.default_rng(0), 1e-6
    for row in range(6):
        x = prediction[row : row + 1].astype(float) + rng.uniform(0, 1e-3, size=(1, 5))
        y = target[row : row + 1] if case.kind == SPARSE else target[row].astype(float)
        _, gradient = _native.loss_row_ref(case.kind, x, y, **case.options)
        for column in range(5):
            move = np.zeros_like(x)
            move[0, column] = step
            above, below = (
                _native.loss_row_ref(case.kind, x + h, y, **case.options)[0] for h in (move, -move)
            )
            assert gradient[column] == pytest.approx((above - below) / (2 * step), rel=1e-5, abs=1e-6)


@cases
@pytest.mark.parametrize("cols", [1, 10, 16, 37])
def test_same_bits_everywhere(case: Case, cols: int) -> None:
    rows = 60_000 // cols  # large enough for a team
    prediction, target = data(case, rows, cols)
    same_everywhere(lambda: run(case, prediction, target))


@cases
def test_a_row_depends_on_itself_alone(case: Case) -> None:
    prediction, target = data(case, 37, 10)
    whole = run(case, prediction, target)
    for first in (0, 5, 36):
        part = run(case, prediction[first:], target[first:])
        for ours, all_of_them in zip(part, whole, strict=True):
            np.testing.assert_array_equal(ours, all_of_them[first:])


@cases
@pytest.mark.parametrize(("rows", "cols"), [(17, 1), (3, 10), (2, 33)])
def test_nothing_outside_is_written(isa: str, case: Case, rows: int, cols: int) -> None:
    prediction, target = data(case, rows, cols)
    logits = bool(case.options.get("from_logits"))
    outputs = [guarded(shape) for shape in ((rows,), (rows, cols), (rows, cols))]
    (loss, _), (gradient, _), (probability, _) = outputs
    _native.loss(
        case.kind, prediction, target, None, loss, gradient, probability if logits else None, **case.options
    )
    assert all(guards_intact(whole) for _, whole in outputs)
    expected = run(case, prediction, target)
    np.testing.assert_array_equal(loss, expected[0])
    alone, whole = guarded((rows,))
    _native.loss(case.kind, prediction, target, None, alone, **case.options)
    assert guards_intact(whole)
    np.testing.assert_array_equal(alone, loss)  # with or without a gradient


def test_probabilities_are_clipped_as_keras_clips_them(isa: str) -> None:
    prediction = np.array([[0.0, 1.0], [1.0, 0.0]], np.float32)
    for kind, target in (
        ("categorical_crossentropy", np.eye(2, dtype=np.float32)[[0, 0]]),
        (SPARSE, np.int32([0, 0])),
    ):
        loss, gradient, _ = run(Case(kind, {}), prediction, target)
        np.testing.assert_allclose(loss, [-np.log(1e-7), -np.log(1 - 1.1920929e-7)], rtol=1e-6)
        np.testing.assert_array_equal(gradient, 0)
    loss, gradient, _ = run(Case("binary_crossentropy", {}), prediction, prediction[::-1].copy())
    np.testing.assert_allclose(loss, (-np.log(1e-7) - np.log(1.1920929e-7)) / 2, rtol=1e-6)
    np.testing.assert_array_equal(gradient, 0)


def test_hinge_takes_0_and_1_as_minus_1_and_1(isa: str) -> None:
    p, y = np.random.default_rng(0).normal(size=(2, 20, 3)).astype(np.float32)
    y = np.sign(y)
    for kind in ("hinge", "squared_hinge"):
        signed, binary = run(Case(kind, {}), p, y), run(Case(kind, {}), p, (y + 1) / 2)
        for ours, other in zip(signed, binary, strict=True):
            np.testing.assert_array_equal(ours, other)


def test_large_logits_stay_finite(isa: str) -> None:
    x = np.array([[1e30, -1e30], [-1e4, 1e4], [104, -104]], np.float32)
    for kind, target in ((SPARSE, np.int32([0, 1, 0])), ("binary_crossentropy", (x > 0).astype(np.float32))):
        loss, gradient, probability = run(Case(kind, {"from_logits": True}), x, target)
        assert np.isfinite(gradient).all()
        np.testing.assert_allclose(loss, 0, atol=1e-6)
        np.testing.assert_allclose(probability, (x > 0).astype(np.float32), atol=1e-6)


@cases
def test_nan_shows(isa: str, case: Case) -> None:
    prediction, target = data(case, 3, 4)
    prediction[1, 2] = np.nan
    if case.kind == SPARSE:
        target[1] = 2
    loss, _, _ = run(case, prediction, target)
    assert np.isnan(loss).tolist() == [False, True, False]


def test_pytorch_agrees() -> None:
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    witnesses = {
        "mean_squared_error": functional.mse_loss,
        "mean_absolute_error": functional.l1_loss,
        "huber": functional.huber_loss,
        "binary_crossentropy": functional.binary_cross_entropy_with_logits,
        "categorical_crossentropy": lambda p, y, reduction: functional.cross_entropy(
            p, y, reduction=reduction
        ),
    }
    rows, cols = 64, 10
    for kind, witness in witnesses.items():
        logits = "crossentropy" in kind
        case = Case(kind, {"from_logits": True} if logits else {})
        prediction, target = data(case, rows, cols)
        leaf = torch.tensor(prediction.astype(np.float64), requires_grad=True)
        total = witness(leaf, torch.tensor(target.astype(np.float64)), reduction="mean")
        total.backward()
        loss, gradient, _ = run(case, prediction, target, gradient_scale=1 / rows)
        assert loss.mean() == pytest.approx(total.item(), rel=1e-5)
        np.testing.assert_allclose(gradient, leaf.grad.numpy(), rtol=1e-5, atol=1e-8)


def test_softmax_cross_entropy_kernel() -> None:
    rng = np.random.default_rng(3)
    logits, labels = rng.normal(size=(20, 14)).astype(np.float32)[::2, ::-2], rng.integers(0, 7, size=10)
    loss, gradient = kernels.softmax_cross_entropy(logits, labels)
    p = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=float)
    p /= p.sum(axis=1, keepdims=True)
    one_hot = np.eye(7)[labels]
    np.testing.assert_allclose(loss, -np.log(p[np.arange(10), labels]), rtol=1e-5)
    np.testing.assert_allclose(gradient, p - one_hot, rtol=1e-5, atol=1e-7)
    dense = kernels.softmax_cross_entropy(logits, one_hot)
    np.testing.assert_allclose(dense[0], loss, rtol=1e-6)
    np.testing.assert_allclose(dense[1], gradient, atol=1e-7)
    weighted = kernels.softmax_cross_entropy(logits, labels, sample_weight=np.full(10, 2))
    np.testing.assert_array_equal(weighted[0], 2 * loss)
    np.testing.assert_array_equal(weighted[1], 2 * gradient)


def test_bad_input_is_refused() -> None:
    x = np.zeros((3, 4), np.float32)
    with pytest.raises(ValueError, match="labels: expected 0 to 3, got 4 in row 1"):
        kernels.softmax_cross_entropy(x, [1, 4, 2])
    with pytest.raises(ValueError, match="labels: expected 0 to 3, got 0 to 4294967296"):
        kernels.softmax_cross_entropy(x, [0, 2**32, 2])
    with pytest.raises(ValueError, match=r"labels: expected shape \(3,\)"):
        kernels.softmax_cross_entropy(x, [1, 2])
    with pytest.raises(TypeError, match="labels: expected integers"):
        kernels.softmax_cross_entropy(x, [0.5, 1.0, 2.0])
    with pytest.raises(ValueError, match=r"labels: expected shape \(3, 4\)"):
        kernels.softmax_cross_entropy(x, np.zeros((3, 5)))
    with pytest.raises(ValueError, match="label_smoothing"):
        kernels.softmax_cross_entropy(x, [0, 1, 2], label_smoothing=0.1)
    with pytest.raises(ValueError, match="loss: expected one of mean_squared_error"):
        _native.loss("mse", x, x, None, np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="labels: expected 0 to 3, got -1 in row 0"):
        _native.loss(SPARSE, x, np.int32([-1, 0, 0]), None, np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="probability: expected none"):
        _native.loss("mean_squared_error", x, x, None, np.zeros(3, np.float32), None, np.zeros_like(x))


@cases
def test_long_rows_against_double_and_with_the_same_bits(case: Case) -> None:
    """Rows of more than 65536 numbers are summed in blocks."""
    prediction, target = data(case, 2, 2 * 2**16 + 33)
    got = same_everywhere(lambda: run(case, prediction, target))
    expected = run(case, prediction, target, kernel=_native.loss_ref)
    for ours, exact in zip(got, expected, strict=True):
        np.testing.assert_allclose(ours, exact, rtol=2e-5, atol=1e-5 * float(np.abs(exact).max()) + 1e-6)


def test_losses_of_many_equal_numbers_do_not_stagnate() -> None:
    cols = 2**23 + 5
    x, y = np.full((1, cols), 0.3, np.float32), np.zeros((1, cols), np.float32)
    # A block's chains are of 4096 additions, and then come 128 blocks.
    rel = (4096 + 128) * EPS32 / 2
    for kind in ("mean_squared_error", "half_squared_error", "mean_absolute_error"):
        loss, gradient = np.empty(1, np.float32), np.empty_like(x)
        exact = float(_native.loss_row_ref(kind, x[:, :1].astype(float), y[0, :1].astype(float))[0])
        _native.loss(kind, x, y, None, loss, gradient)
        assert loss[0] == pytest.approx(exact * (cols if kind == "half_squared_error" else 1), rel=rel)
    loss, gradient = np.empty(1, np.float32), np.empty_like(x)
    _native.loss(SPARSE, x, np.zeros(1, np.int32), None, loss, gradient, from_logits=True)
    assert loss[0] == pytest.approx(np.log(cols), rel=1e-6)
    _native.loss(SPARSE, x, np.zeros(1, np.int32), None, loss, gradient)
    assert loss[0] == pytest.approx(np.log(cols), rel=1e-3)
