"""Training: an epoch over data in memory, Adam, softmax cross-entropy, batches in random order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

import hotloop as hl
from hotloop import _native
from hotloop.benchmark.checks import same_path
from hotloop.benchmark.context import Context
from hotloop.benchmark.groups.machine import UPDATE
from hotloop.benchmark.groups.products import FMA_PEAK, with_threads
from hotloop.benchmark.networks import NETWORKS, Network
from hotloop.benchmark.row import OURS, Measured, Row, at_most, faster
from hotloop.benchmark.timing import Side

Array = npt.NDArray[Any]
JAX, EAGER, AUTOCAST = "JAX scan", "PyTorch", "PyTorch bf16"
BF16_PEAK = "bfloat16 peak"
CHECKED_STEPS = 5


class OwnTraining:
    """hotloop's side, in the form that every peer's has.

    Parameters
    ----------
    network : Network
    x, y : array
        A whole number of batches.
    precision : str, optional
        As `compile` takes it.
    """

    def __init__(
        self, network: Network, x: Array, y: Array, precision: str | None = None, name: str = OURS
    ) -> None:
        self.name = name
        self._model, self._batch = network.model(precision), network.batch
        self._x, self._y = x, y

    def epoch(self, order: Array | None = None) -> None:
        """Train on every row once, in random order or in that of `order`, (steps, batch)."""
        if order is None:
            self._model.fit(self._x, self._y, epochs=1, batch_size=self._batch, verbose=0)
        else:
            x, y = self._x[order.ravel()], self._y[order.ravel()]
            self._model.fit(x, y, epochs=1, batch_size=self._batch, shuffle=False, verbose=0)

    def weights(self) -> list[Array]:
        """Kernels and biases, first layer first."""
        weights: list[Array] = self._model.get_weights()
        return weights


def prepare(network: Network, context: Context) -> tuple[Array, Array, int]:
    """Data for whole batches, fewer in a quick run, and the steps of an epoch."""
    steps = network.rows // network.batch
    if context.quick:
        steps = max(CHECKED_STEPS, min(steps, int(2e9 / (network.batch * _weights_of(network) * 6))))
    x, y = network.data(steps * network.batch)
    return x, y, steps


def _weights_of(network: Network) -> int:
    return sum(weight.size for weight in network.weights())


def check(network: Network, ours: Any, peers: list[Any], tolerance: float) -> None:
    """After a few steps from the same weights over the same batches, every side is at the same place."""
    order = np.arange(CHECKED_STEPS * network.batch).reshape(CHECKED_STEPS, network.batch)
    for side in (ours, *peers):
        side.epoch(order)
    theirs = {peer.name: peer.weights() for peer in peers}
    same_path(network.weights(), ours.weights(), theirs, tolerance)


def _sides(trainings: list[Any]) -> list[Side]:
    return [Side(training.name, training.epoch) for training in trainings]


def float32(network: Network, context: Context) -> Measured:
    """Beside PyTorch eager, JAX's lax.scan over an epoch, and NumPy."""
    x, y, steps = prepare(network, context)
    ours = OwnTraining(network, x, y)
    peers: list[Any] = []
    context.add(peers, "numpy", lambda peer: peer.Training(network, x, y))
    context.add(peers, "pytorch", lambda peer: peer.Training(network, x, y))
    context.add(peers, "jax_scan", lambda peer: peer.Training(network, x, y))
    # PyTorch adds Adam's epsilon after the bias correction, not before: up to 0.05 in the first steps, where
    # gradients are smallest. Another order of batches would be 1.
    check(network, ours, peers, tolerance=0.1)
    sides = _sides([ours, *peers])
    sides.append(context.arithmetic(FMA_PEAK, "float32", steps * arithmetic(network)))
    return Measured("us", steps, context.time(sides), limits=[FMA_PEAK])


def arithmetic(network: Network) -> float:
    """Multiplications and additions of a step: forward, and back to all weights and all but the first inputs.

    Examples
    --------
    >>> arithmetic(NETWORKS["mlp64"]) == 2 * 32 * (2 * 784 * 64 + 3 * 64 * 10)
    True
    """
    first, *others = (a * b for a, b in itertools.pairwise(network.sizes))
    return 2.0 * network.batch * (2 * first + 3 * sum(others))


def scaling(network: Network, context: Context) -> Measured:
    """hotloop's own epoch with all threads and with one."""
    x, y, steps = prepare(network, context)
    ours, alone = OwnTraining(network, x, y), OwnTraining(network, x, y, name="one thread")
    check(network, ours, [alone], tolerance=0.0)
    first, second = _sides([ours, alone])
    times = context.time([with_threads(first, context.threads), with_threads(second, 1)])
    return Measured("us", steps, times)


def mixed(network: Network, context: Context) -> Measured:
    """hotloop in mixed_bfloat16 beside itself in float32, and PyTorch with bf16 autocast."""
    x, y, steps = prepare(network, context)
    ours = OwnTraining(network, x, y, "mixed_bfloat16")
    peers: list[Any] = [OwnTraining(network, x, y, name="own float32")]
    context.add(peers, "pytorch", lambda peer: peer.Training(network, x, y, bfloat16=True))
    # Adam's first steps are as long for a gradient's sign as for its size: bfloat16 gets some signs of tiny
    # gradients wrong, hence a share of the steps. That the training is as good shows on real digits.
    check(network, ours, peers, tolerance=0.3)
    sides = _sides([ours, *peers])
    # Weights and both moments, read and written, go through memory whatever the arithmetic costs.
    walls = [context.stream(UPDATE, "update", float(steps * 6 * 4 * _weights_of(network)))]
    kinds = [kind for kind in ("bfloat16_dot", "bfloat16_tiles") if _native.has_peak(kind)]
    for kind in kinds[-1:]:
        walls.append(context.arithmetic(BF16_PEAK, kind, steps * arithmetic(network)))
    return Measured("us", steps, context.time([*sides, *walls]), limits=[wall.name for wall in walls])


def digits(context: Context) -> Measured:
    """How much accuracy mixed_bfloat16 costs on real digits, over several seeds."""
    from hotloop.data import mnist_digits

    try:
        x, y = mnist_digits()
    except ImportError as error:
        return Measured(missing=[str(error)])
    seeds, epochs = (1, 3) if context.quick else (5, 10)
    accuracy: dict[str | None, list[float]] = {None: [], "mixed_bfloat16": []}
    pixels = x.astype(np.float32) / 255
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(x))
        learn, test = order[:4000], order[4000:]
        for precision, kept in accuracy.items():
            hl.set_seed(seed)
            model = NETWORKS["mlp512"].model(precision)
            model.fit(pixels[learn], y[learn], epochs=epochs, batch_size=128, verbose=0)
            kept.append(float((model.predict(pixels[test]).argmax(axis=1) == y[test]).mean()))
    plain, short = float(np.mean(accuracy[None])), float(np.mean(accuracy["mixed_bfloat16"]))
    figures = {"accuracy lost": plain - short, "float32": plain, "mixed_bfloat16": short}
    return Measured(figures=figures)


def rows() -> Iterator[Row]:
    """All of them."""
    for name, over_jax, over_eager in (
        ("tiny", 2.5, 30),
        ("mlp64", 1.5, 5),
        ("mlp512", 1.25, 2.8),
        ("mlp1024", 1.25, None),
        ("mlp2048", 1.25, 2.2),
    ):
        goals = [faster((JAX,), over_jax, walls=(FMA_PEAK,))]
        if over_eager is not None:
            goals.append(faster((EAGER,), over_eager, walls=(FMA_PEAK,)))
        short = name in ("tiny", "mlp64")
        yield Row("training", name, partial(float32, NETWORKS[name]), tuple(goals), short=short)
    for name, over_own in (("mlp64", 1.3), ("mlp512", 1.75), ("mlp2048", 1.75)):
        over = (faster(("one thread",), over_own),)
        yield Row("training-threads", name, partial(scaling, NETWORKS[name]), over, 2)
    walls = (BF16_PEAK, UPDATE)
    for name, over_autocast in (("mlp512", 1.25), ("mlp2048", 1.2)):
        both = (faster(("own float32",), 1.6, walls), faster((AUTOCAST,), over_autocast, walls))
        yield Row("mixed", name, partial(mixed, NETWORKS[name]), both)
    yield Row("mixed", "real digits", digits, (at_most("accuracy lost", 0.005),))
