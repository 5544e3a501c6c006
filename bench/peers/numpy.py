"""NumPy, as it is installed: whatever BLAS it brings, with the kernels that BLAS picks for this CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.benchmark.networks import Network
from hotloop.benchmark.timing import Side
from hotloop.demo.numpy_baseline import NumpyMLP

Array = npt.NDArray[Any]


def product(a: Array, b: Array) -> Side:
    """a @ b, written where it belongs."""
    out = np.empty((a.shape[0], b.shape[1]), np.float32)
    return Side("NumPy", lambda: np.matmul(a, b, out=out), lambda: out)


def adam(weights: Array, gradients: Array, m: Array, v: Array) -> Side:
    """A step of Adam, in place, with temporary arrays made once."""
    room = np.empty_like(weights)

    def step() -> None:
        np.subtract(gradients, m, out=room)
        np.multiply(room, np.float32(0.1), out=room)
        np.add(m, room, out=m)
        np.multiply(gradients, gradients, out=room)
        np.subtract(room, v, out=room)
        np.multiply(room, np.float32(0.001), out=room)
        np.add(v, room, out=v)
        np.sqrt(v, out=room)
        np.add(room, np.float32(1e-7), out=room)
        np.divide(m, room, out=room)
        np.multiply(room, np.float32(1e-3), out=room)
        np.subtract(weights, room, out=weights)

    return Side("NumPy", step)


class Training:
    """``hotloop.demo.numpy_baseline``: one vector of parameters, buffers made once."""

    name = "NumPy"

    def __init__(self, network: Network, x: Array, y: Array) -> None:
        self._x, self._y, self._batch = x, y, network.batch
        self._model = NumpyMLP(list(network.sizes))
        self._model.set_weights(network.weights())

    def epoch(self, order: Array | None = None) -> None:
        """Train on every row once, in random order or in that of `order`, (steps, batch)."""
        x, y = (self._x, self._y) if order is None else (self._x[order.ravel()], self._y[order.ravel()])
        self._model.fit(x, y, batch_size=self._batch, shuffle=order is None)

    def weights(self) -> list[Array]:
        """Kernels and biases, first layer first."""
        return [weight.copy() for weight in self._model.weights]
