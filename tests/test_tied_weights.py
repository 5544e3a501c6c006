"""A parameter that two ops share gets both gradients, and one that stands beside it only its own."""

import numpy as np
import pytest

import hotloop as hl
from tied_models import FEATURES, TIED, tied_dense, tied_model

X = np.random.default_rng(2).normal(size=(24, FEATURES)).astype(np.float32)


def slopes(name, weights, x):
    """The gradients of the mean square by finite differences, in double."""
    weights = [w.astype(np.float64) for w in weights]
    found = []
    for w in weights:
        slope = np.zeros_like(w)
        for at in np.ndindex(w.shape):
            here, losses = w[at], []
            for step in (1e-6, -1e-6):
                w[at] = here + step
                losses.append((TIED[name][1](weights, x.astype(np.float64)) ** 2).mean())
            w[at], slope[at] = here, (losses[0] - losses[1]) / 2e-6
        found.append(slope)
    return found


@pytest.mark.parametrize("name", TIED)
@pytest.mark.parametrize("at_once", [False, True], ids=["step by step", "an epoch"])
def test_every_step_goes_down_its_own_slope(name, at_once):
    """Not that of the step before, which still lies in memory."""
    model = tied_model(name)
    zeros = np.zeros((len(X), *model.outputs[0].sample_shape), np.float32)
    trained = [w.name not in ("moving_mean", "moving_variance") for w in model.weights]
    expected = [w.astype(np.float64) for w in model.get_weights()]
    for first in range(0, 24, 8):
        x = X[first : first + 8]
        before = model.get_weights()
        if not at_once:
            model.train_on_batch(x, zeros[:8])
            expected = [w.astype(np.float64) for w in before]
        for w, slope, learns in zip(expected, slopes(name, expected, x), trained, strict=True):
            w -= 0.05 * slope * learns
        if not at_once:
            close(model, expected, trained)
    if at_once:
        model.fit(X, zeros, batch_size=8, epochs=1, shuffle=False, verbose=0)
        close(model, expected, trained)


def close(model, expected, trained):
    for w, right, learns in zip(model.get_weights(), expected, trained, strict=True):
        if learns:
            np.testing.assert_allclose(w, right, rtol=2e-5, atol=2e-6)


def test_in_mixed_precision_too():
    """Wide enough to be multiplied in bfloat16; the bias is summed in float32, of rounded gradients."""
    hl.set_seed(1)
    model = hl.Sequential([hl.Input((64,)), tied_dense("kernel behind", 64)])
    model.compile(hl.optimizers.SGD(0.1), "mse", precision="mixed_bfloat16")
    x = np.random.default_rng(3).normal(size=(32, 64)).astype(np.float32)
    for _ in range(3):
        kernel, bias, *_ = (w.astype(np.float64) for w in model.get_weights())
        model.train_on_batch(x, x)
        slope = (2 * ((x @ kernel + bias) @ kernel.T - x) / x.size @ kernel).sum(axis=0)
        np.testing.assert_allclose((bias - model.get_weights()[1]) / 0.1, slope, atol=0.03 * abs(slope).max())


@pytest.mark.parametrize("has", [{"center": False}, {"scale": False}, {"center": False, "scale": False}])
def test_normalisation_with_some_of_its_vectors(has):
    model = hl.Sequential([hl.Input((FEATURES,)), hl.layers.Dense(3), hl.layers.BatchNormalization(**has)])
    model.compile(hl.optimizers.SGD(0.5), "mse")
    x = X.astype(np.float64)
    for _ in range(2):
        weights = dict(zip([w.name for w in model.weights], model.get_weights(), strict=True))
        made = x @ weights["kernel"] + weights["bias"]
        normal = (made - made.mean(axis=0)) / np.sqrt(made.var(axis=0) + 1e-3)
        out = 2 * (normal * weights.get("gamma", 1) + weights.get("beta", 0) - 1) / made.size
        slopes = {"gamma": (out * normal).sum(axis=0), "beta": out.sum(axis=0)}
        model.train_on_batch(X, np.ones((len(X), 3), np.float32))
        for name, w in zip([w.name for w in model.weights], model.get_weights(), strict=True):
            if name in slopes:
                np.testing.assert_allclose(w, weights[name] - 0.5 * slopes[name], rtol=2e-5, atol=2e-6)
