"""The NumPy network that the demo and the benchmarks compare with is itself right."""

import numpy as np
import pytest

from hotloop.demo.numpy_baseline import NumpyMLP

SIZES = [5, 7, 6, 3]


def loss_in_double(weights: list[np.ndarray], x: np.ndarray, y: np.ndarray) -> float:
    values = x.astype(np.float64)
    for layer in range(0, len(weights), 2):
        values = values @ weights[layer] + weights[layer + 1]
        if layer < len(weights) - 2:
            values = np.maximum(values, 0)
    values -= values.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(values).sum(axis=1))
    return float((log_sum - values[np.arange(len(y)), y]).mean())


def test_gradient_equals_finite_differences(rng):
    x, y = rng.standard_normal((9, 5)).astype(np.float32), rng.integers(0, 3, 9)
    model = NumpyMLP(SIZES, seed=1)
    weights = [weight.astype(np.float64) for weight in model.weights]
    loss = model.train_step(x, y)
    assert loss == pytest.approx(loss_in_double(weights, x, y), rel=1e-6)
    for weight, gradient in zip(weights, model._gradients, strict=True):
        for index in np.ndindex(weight.shape):
            kept, step = weight[index], 1e-6
            weight[index] = kept + step
            above = loss_in_double(weights, x, y)
            weight[index] = kept - step
            below = loss_in_double(weights, x, y)
            weight[index] = kept
            assert gradient[index] == pytest.approx((above - below) / (2 * step), abs=2e-6)


def test_adam_follows_its_definition(rng):
    model = NumpyMLP(SIZES, learning_rate=0.01)
    x, y = rng.standard_normal((8, 5)).astype(np.float32), rng.integers(0, 3, 8)
    values = model._values.astype(np.float64)
    mean = square = np.zeros_like(values)
    for step in range(1, 6):
        model.train_step(x, y)
        gradient = model._gradient.astype(np.float64)
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        rate = 0.01 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        values = values - rate * mean / (np.sqrt(square) + 1e-7)
        np.testing.assert_allclose(model._values, values, rtol=0, atol=2e-6)


def test_last_batch_that_is_not_full_and_pixels_with_dropout(rng):
    x = rng.integers(0, 256, (70, 5), dtype=np.uint8)
    y = (x[:, 0] > 128).astype(np.int64)
    model = NumpyMLP([5, 32, 2], scale=1 / 255, dropout=0.1, learning_rate=0.01)
    losses = model.fit(x, y, epochs=60)
    assert losses[-1] < losses[0]
    probabilities = model.predict(x)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert (probabilities.argmax(axis=1) == y).mean() > 0.9
