"""The networks that benchmarks share: sizes, batches, data and weights, the same for every library."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import hotloop as hl

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Network:
    """Dense layers with ReLU between them and softmax cross-entropy at the end, trained by Adam.

    Attributes
    ----------
    name : str
    sizes : tuple of int
        Inputs, hidden units of each layer, classes.
    batch : int
    rows : int
        Of the data that an epoch of training goes through.
    """

    name: str
    sizes: tuple[int, ...]
    batch: int
    rows: int

    def data(self, rows: int) -> tuple[Array, Array]:
        """Random samples, float32 of shape (rows, inputs), and classes, int64 of shape (rows,)."""
        rng = np.random.default_rng(0)
        x = rng.standard_normal((rows, self.sizes[0]), dtype=np.float32)
        return x, rng.integers(0, self.sizes[-1], rows)

    def weights(self) -> list[Array]:
        """Kernels (inputs, units), Glorot uniform, and biases (units,) in Keras's order."""
        rng = np.random.default_rng(1)
        made: list[Array] = []
        for inputs, units in itertools.pairwise(self.sizes):
            limit = np.sqrt(6.0 / (inputs + units))
            made += [
                rng.uniform(-limit, limit, (inputs, units)).astype(np.float32),
                np.zeros(units, np.float32),
            ]
        return made

    def model(self, precision: str | None = None) -> Any:
        """The network in hotloop, compiled, with :meth:`weights`."""
        layers: list[Any] = [hl.layers.Input(shape=(self.sizes[0],))]
        layers += [hl.layers.Dense(units, activation="relu") for units in self.sizes[1:-1]]
        layers += [hl.layers.Dense(self.sizes[-1], activation="softmax")]
        model = hl.Sequential(layers, name=self.name)
        options: dict[str, Any] = {} if precision is None else {"precision": precision}
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", **options)
        model.set_weights(self.weights())
        return model


NETWORKS = {
    network.name: network
    for network in (
        Network("tiny", (16, 32, 32, 2), 32, 20_000),
        Network("mlp64", (784, 64, 10), 32, 60_000),
        Network("mlp512", (784, 512, 512, 10), 128, 20_000),
        Network("mlp1024", (784, 1024, 1024, 10), 128, 10_000),
        Network("mlp2048", (784, 2048, 2048, 10), 256, 5_000),
    )
}
