"""Programs whose loss is a value of the graph, and those that compute the same loss from targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hotloop import _native

FEATURES, UNITS = 5, 3
SIZE = 128  # of the arenas
BIAS = FEATURES * UNITS + 1  # where it lies


class Regression:
    """y is near x W + b; the squared error comes from ops (given), or from the loss."""

    def __init__(
        self, given: bool, half: Any = _native, place: Callable[[Any], Any] = np.copy, **head: Any
    ) -> None:
        graph = half.Graph()
        x = graph.input(FEATURES)
        made = graph.add("dense", [x], {"units": UNITS}, {"kernel": 0, "bias": BIAS})
        self.given = given
        loss = "mean_squared_error"
        if given:
            y = graph.add("rescale", [graph.input(UNITS)], {"scale": -1.0})
            difference = graph.add("add", [made, y])
            made, loss = graph.add("multiply", [difference, difference]), "values"
        initial = np.random.default_rng(1).normal(0, 0.5, SIZE).astype(np.float32)
        self.place = place
        self.values, self.gradients = place(initial), place(np.zeros(SIZE, np.float32))
        self.program = half.Program(graph, [made], self.values, self.gradients)
        self.program.set_loss([{"output": made, "loss": loss, **head}])
        variables = [(0, FEATURES * UNITS), (BIAS, UNITS)]
        self.program.set_optimizer({"kind": "sgd"}, [None] * 3, variables)

    def _arrays(self, x: np.ndarray, y: np.ndarray) -> tuple[list[Any], list[Any]]:
        return ([self.place(x), self.place(y)], [None]) if self.given else ([self.place(x)], [self.place(y)])

    def _weights(self, weights: np.ndarray | None) -> list[Any]:
        return [] if weights is None else [self.place(weights)]

    def train(
        self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, **options: Any
    ) -> tuple[int, float, int]:
        """Steps of 8 rows through all of them; (steps, sum of losses, rows)."""
        steps = -(-len(x) // 8)
        how = {"batch_size": 8, "first_step": 0, "steps": steps, "iteration": 0, "seed": 3}
        rates = np.full(steps, 0.05, np.float32)
        inputs, targets = self._arrays(x, y)
        done: tuple[int, float, int] = self.program.train(
            inputs,
            targets,
            self._weights(weights),
            options.pop("order", None),
            learning_rates=rates,
            **how,
            **options,
        )
        return done

    def evaluate(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> float:
        """The sum of losses."""
        inputs, targets = self._arrays(x, y)
        return float(self.program.evaluate(inputs, targets, self._weights(weights)))
