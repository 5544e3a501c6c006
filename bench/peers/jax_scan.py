"""JAX: a whole epoch of Adam as one jitted ``lax.scan``, its fastest form on a CPU.

Data, parameters and moments stay on the device; an epoch is one call, which shuffles, gathers each batch by
its indices and updates in place (the state is donated). Unrolling the scan by 2 or 4, or gathering the whole
epoch ahead, was no faster than this. Threads: ``XLA_FLAGS`` and the process's affinity.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from hotloop.benchmark.networks import Network

Array = npt.NDArray[Any]

RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-7


def mean_loss(parameters: Any, x: Any, y: Any) -> Any:
    """Softmax cross-entropy of a batch."""
    *hidden, (kernel, bias) = parameters
    for inner, offset in hidden:
        x = jax.nn.relu(x @ inner + offset)
    log_shares = jax.nn.log_softmax(x @ kernel + bias)
    return -jnp.mean(jnp.take_along_axis(log_shares, y[:, None], axis=1))


def adam_step(state: Any, x: Any, y: Any) -> Any:
    """Parameters, moments and step number after one step on one batch; and the loss before it."""
    parameters, means, squares, step = state
    step = step + 1
    loss, gradients = jax.value_and_grad(mean_loss)(parameters, x, y)
    means = jax.tree.map(lambda m, g: BETA_1 * m + (1 - BETA_1) * g, means, gradients)
    squares = jax.tree.map(lambda v, g: BETA_2 * v + (1 - BETA_2) * g * g, squares, gradients)
    rate = RATE * jnp.sqrt(1 - BETA_2**step) / (1 - BETA_1**step)
    parameters = jax.tree.map(
        lambda p, m, v: p - rate * m / (jnp.sqrt(v) + EPSILON), parameters, means, squares
    )
    return (parameters, means, squares, step), loss


class Training:
    """Parameters as a list of (kernel, bias), the state as a tuple, two jitted functions."""

    name = "JAX scan"

    def __init__(self, network: Network, x: Array, y: Array) -> None:
        samples, labels = jnp.asarray(x), jnp.asarray(y)
        weights = [jnp.asarray(weight) for weight in network.weights()]
        parameters = list(zip(weights[::2], weights[1::2], strict=True))
        zeros = jax.tree.map(jnp.zeros_like, parameters)
        self._state: Any = (parameters, zeros, jax.tree.map(jnp.zeros_like, parameters), 0.0)
        self._key = jax.random.key(0)

        def over(state: Any, order: Any) -> Any:
            return jax.lax.scan(lambda at, rows: adam_step(at, samples[rows], labels[rows]), state, order)

        def shuffled(state: Any, key: Any) -> Any:
            return over(state, jax.random.permutation(key, len(x)).reshape(-1, network.batch))

        self._in_order = jax.jit(over, donate_argnums=0)
        self._shuffled = jax.jit(shuffled, donate_argnums=0)

    def epoch(self, order: Array | None = None) -> None:
        """Train on every row once, in random order or in that of `order`, (steps, batch)."""
        if order is None:
            self._key, key = jax.random.split(self._key)
            self._state, losses = self._shuffled(self._state, key)
        else:
            self._state, losses = self._in_order(self._state, jnp.asarray(order))
        jax.block_until_ready((self._state, losses))

    def weights(self) -> list[Array]:
        """Kernels and biases, first layer first."""
        return [np.array(weight) for pair in self._state[0] for weight in pair]
