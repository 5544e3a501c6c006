"""Losses that users write against PyTorch's autograd of the same formula, in double."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hotloop as hl
import own_losses
from hotloop import ops
from own_losses import regression

ROWS = 40


def log_likelihood(y: Any, p: Any) -> Any:
    """Of a normal distribution whose mean and logarithm of the deviation are predicted."""
    mean, log_deviation = p[:, :1], p[:, 1:2]
    return ops.squeeze(log_deviation + 0.5 * ops.square((y[:, :1] - mean) * ops.exp(-log_deviation)), axis=-1)


def correlation(y: Any, p: Any) -> Any:
    """One less the correlation of labels and predictions over the batch, column by column."""
    y, p = y - ops.mean(y, axis=0), p - ops.mean(p, axis=0)
    together = ops.mean(y * p, axis=0)
    return 1 - together * ops.rsqrt(ops.mean(ops.square(y), axis=0) * ops.mean(ops.square(p), axis=0) + 1e-6)


def smoothed(y: Any, p: Any) -> Any:
    """Cross-entropy of logits with labels that are smoothed."""
    return -ops.sum((0.9 * y + 0.1 / 3) * ops.log_softmax(p, axis=-1), axis=-1)


def torch_losses(torch: Any) -> dict[str, tuple[Any, Any]]:
    def huber(y: Any, p: Any) -> Any:
        return torch.nn.functional.huber_loss(p, y, delta=0.5)

    def quantile(y: Any, p: Any) -> Any:
        return torch.maximum(0.8 * (y - p), -0.2 * (y - p)).mean()

    def focal(y: Any, p: Any) -> Any:
        right = torch.where(y > 0.5, torch.sigmoid(p), torch.sigmoid(-p))
        return (-((1 - right) ** 2) * torch.log(right)).mean()

    def normal(y: Any, p: Any) -> Any:
        return (p[:, 1] + 0.5 * ((y[:, 0] - p[:, 0]) * torch.exp(-p[:, 1])) ** 2).mean()

    def one_less(y: Any, p: Any) -> Any:
        y, p = y - y.mean(0), p - p.mean(0)
        return (1 - (y * p).mean(0) / torch.sqrt((y**2).mean(0) * (p**2).mean(0) + 1e-6)).mean()

    def entropy(y: Any, p: Any) -> Any:
        return torch.nn.functional.cross_entropy(p, y, label_smoothing=0.1)

    def of_logits(y: Any, p: Any) -> Any:
        return own_losses.focal(y, ops.sigmoid(p))

    return {
        "huber": (own_losses.Huber(0.5), huber),
        "quantile": (own_losses.quantile, quantile),
        "focal": (of_logits, focal),
        "log_likelihood": (log_likelihood, normal),
        "correlation": (correlation, one_less),
        "smoothed": (smoothed, entropy),
    }


NAMES = ["huber", "quantile", "focal", "log_likelihood", "correlation", "smoothed"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("weighted", [False, True])
def test_values_and_gradients_are_torchs(name: str, weighted: bool, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = torch_losses(torch)[name]
    x = rng.normal(size=(ROWS, 5)).astype(np.float32)
    y = np.eye(3, dtype=np.float32)[rng.integers(0, 3, ROWS)]
    model = regression()
    model.compile(hl.optimizers.SGD(0.0), loss=ours)
    parameters = [torch.from_numpy(w.astype(float)).requires_grad_() for w in model.get_weights()]
    w1, b1, w2, b2 = parameters
    made = torch.tanh(torch.from_numpy(x.astype(float)) @ w1 + b1) @ w2 + b2
    target = torch.from_numpy(y.astype(float))
    if weighted and name != "correlation":  # which has no rows to weigh
        weights = rng.uniform(0, 2, ROWS)
        rows = [theirs(target[i : i + 1], made[i : i + 1]) for i in range(ROWS)]
        value = (torch.stack(rows) * torch.from_numpy(weights)).mean()
        found = model.train_on_batch(x, y, sample_weight=weights)
    else:
        value, found = theirs(target, made), model.train_on_batch(x, y)
    assert found == pytest.approx(value.item(), rel=2e-5)
    value.backward()
    for mine, its in zip(model.weights, parameters, strict=True):
        np.testing.assert_allclose(mine.of(model.gradients), its.grad.numpy(), rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("name", NAMES)
def test_training_is_torchs(name: str, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = torch_losses(torch)[name]
    x = rng.normal(size=(ROWS, 5)).astype(np.float32)
    y = np.eye(3, dtype=np.float32)[rng.integers(0, 3, ROWS)]
    model = regression()
    model.compile(hl.optimizers.SGD(0.05, momentum=0.9), loss=ours)
    parameters = [torch.from_numpy(w.astype(float)).requires_grad_() for w in model.get_weights()]
    w1, b1, w2, b2 = parameters
    optimizer = torch.optim.SGD(parameters, lr=0.05, momentum=0.9)
    inputs, target = torch.from_numpy(x.astype(float)), torch.from_numpy(y.astype(float))
    for _ in range(3):
        for at in range(0, ROWS, 16):
            optimizer.zero_grad()
            made = torch.tanh(inputs[at : at + 16] @ w1 + b1) @ w2 + b2
            theirs(target[at : at + 16], made).backward()
            optimizer.step()
    model.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0)
    for mine, its in zip(model.get_weights(), parameters, strict=True):
        np.testing.assert_allclose(mine, its.detach().numpy(), rtol=2e-4, atol=2e-5)
