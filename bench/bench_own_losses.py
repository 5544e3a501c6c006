"""A training step with a loss that is written with hotloop.ops, against the nearest one that has a kernel,
and against PyTorch's eager step with the same loss where PyTorch is installed.

pytest bench/bench_own_losses.py --benchmark-enable

Huber is the same loss twice. A quantile loss does what the absolute error does, and is it at 1/2; a focal one
is the binary cross-entropy at gamma 0, whose kernel does without a power, and does the sigmoid before it too.
"""

import importlib.util
import itertools

import numpy as np
import pytest

import hotloop as hl
from hotloop import _native, ops
from side_by_side import in_turns

NETWORKS = {"tiny": ((16, 32, 32, 2), 32), "mlp64": ((784, 64, 10), 32), "wide": ((784, 64, 784), 256)}
STEPS = {"tiny": 400, "mlp64": 200, "wide": 40}


def huber(y, p):
    error = ops.abs(y - p)
    return ops.mean(ops.where(error <= 1.0, 0.5 * ops.square(error), error - 0.5), axis=-1)


def quantile(y, p, q=0.8):
    error = y - p
    return ops.mean(ops.maximum(q * error, (q - 1) * error), axis=-1)


def focal(y, p, gamma=2.0):
    p = ops.clip(p, 1e-7, 1 - 1e-7)
    right = ops.where(y > 0.5, p, 1 - p)
    return ops.mean(-((1 - right) ** gamma) * ops.log(right), axis=-1)


def middle(y, p):
    return 2 * quantile(y, p, 0.5)


def plain(y, p):
    return focal(y, p, 0.0)


# By name: what is timed, what has a kernel, and what is to be that loss.
LOSSES = {
    "huber": (huber, "huber", huber),
    "quantile": (quantile, "mean_absolute_error", middle),
    "focal": (focal, "binary_crossentropy", plain),
}


def training(name, loss):
    """A model with given weights and its data; calls of it train for one epoch."""
    sizes, batch = NETWORKS[name]
    hl.set_seed(1)
    binary = loss in (focal, plain, "binary_crossentropy")
    layers = [hl.layers.Input(shape=sizes[:1])]
    layers += [hl.layers.Dense(units, activation="relu") for units in sizes[1:-1]]
    model = hl.Sequential([*layers, hl.layers.Dense(sizes[-1], activation="sigmoid" if binary else None)])
    model.compile("adam", loss=loss)
    rng = np.random.default_rng(0)
    for parameter, (inputs, units) in zip(model.weights[::2], itertools.pairwise(sizes), strict=True):
        parameter.value[...] = rng.normal(0, inputs**-0.5, (inputs, units))
    x = rng.random((STEPS[name] * batch, sizes[0]), dtype=np.float32)
    y = rng.random((len(x), sizes[-1]), dtype=np.float32)
    y = np.round(y) if binary else 4 * y

    def epoch(rows=None):
        return model.fit(x[:rows], y[:rows], batch_size=batch, epochs=1, shuffle=False, verbose=0)

    return model, epoch, (x, y, batch)


class Torch:
    """PyTorch's side, on as many threads: fused Adam, batches as slices in order."""

    def __init__(self, torch, which, model, x, y, batch):
        self.torch, self.x, self.y, self.batch = torch, torch.from_numpy(x), torch.from_numpy(y), batch
        torch.set_num_threads(_native.num_threads())
        self.loss = getattr(self, which)
        layers = []
        for kernel, bias in zip(model.get_weights()[::2], model.get_weights()[1::2], strict=True):
            layers += [torch.nn.Linear(*kernel.shape), torch.nn.ReLU()]
            layers[-2].weight.data = torch.from_numpy(kernel.T.copy())
            layers[-2].bias.data = torch.from_numpy(bias)
        layers[-1:] = [torch.nn.Sigmoid()] if which == "focal" else []
        self.model = torch.nn.Sequential(*layers)
        self.optimizer = torch.optim.Adam(self.model.parameters(), 1e-3, eps=1e-7, fused=True)

    def epoch(self, rows=None):
        for at in range(0, rows or len(self.x), self.batch):
            self.optimizer.zero_grad()
            loss = self.loss(self.y[at : at + self.batch], self.model(self.x[at : at + self.batch]))
            loss.backward()
            self.optimizer.step()
        return loss.item()

    def huber(self, y, p):
        error = (y - p).abs()
        return self.torch.where(error <= 1.0, 0.5 * error**2, error - 0.5).mean()

    def quantile(self, y, p, q=0.8):
        error = y - p
        return self.torch.maximum(q * error, (q - 1) * error).mean()

    def focal(self, y, p):
        p = p.clip(1e-7, 1 - 1e-7)
        right = self.torch.where(y > 0.5, p, 1 - p)
        return (-((1 - right) ** 2) * right.log()).mean()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("which", LOSSES)
def test_training_step(name, which, benchmark, tell):
    timed, native, same = LOSSES[which]
    (ours, few, (*_, batch)), (theirs, other, _) = training(name, same), training(name, native)
    histories = [run(5 * batch).history["loss"] for run in (few, other)]
    assert histories[0] == pytest.approx(histories[1], rel=1e-5)
    for mine, its in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-3, atol=2e-4)
    if not benchmark.enabled:
        return
    model, epoch, data = training(name, timed)
    sides = {"hotloop.ops": epoch, native: training(name, native)[1]}
    if importlib.util.find_spec("torch") is not None:
        peer = Torch(importlib.import_module("torch"), which, model, *data)
        sides["PyTorch"] = peer.epoch
        # Adam's epsilon, which it adds elsewhere, counts in the first steps, where gradients are small.
        for tolerance in (1e-5, 1e-2):
            loss = epoch(data[-1]).history["loss"][0]
            assert peer.epoch(data[-1]) == pytest.approx(loss, rel=tolerance)
    seconds = in_turns(sides)
    tell({side: 1e6 * value / STEPS[name] for side, value in seconds.items()})
    benchmark.pedantic(epoch, rounds=3)
