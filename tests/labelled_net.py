"""A program of values of all sorts: integer labels, weights, a constant, a mean over the batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hotloop import _native
from hotloop.ir.elementwise import Builder, node_arrays

FEATURES, CLASSES, UNITS = 4, 5, 3
TABLE = FEATURES * UNITS + 4  # where it lies in the arena
SIZE = TABLE + CLASSES * UNITS


class Labelled:
    """z = x W + table[label] less its mean over the batch; the loss of each number is (z - y)^2."""

    def __init__(self, half: Any = _native, place: Callable[[Any], Any] = np.copy) -> None:
        self.half, self.place = half, place
        graph = self.graph = half.Graph()
        x, labels, y = graph.input(FEATURES), graph.input(1, dtype="int32"), graph.input(UNITS)
        classes = np.arange(CLASSES, dtype=np.int32)
        numbers = graph.add("constant", [], {"shape": [CLASSES]}, arrays={"value": classes})
        table = graph.add("weight", [], {"shape": [CLASSES, UNITS]}, {"value": TABLE})
        build = Builder(2)
        is_label = node_arrays(build.code([build("equal", 0, 1)]), [])
        chosen = graph.add("matmul", [graph.add("elementwise", [labels, numbers], arrays=is_label), table])
        made = graph.add("add", [graph.add("dense", [x], {"units": UNITS}, {"kernel": 0}), chosen])
        mean = graph.add("reduce", [made], {"kind": "mean", "over_rows": 1})
        build = Builder(2)
        less = node_arrays(build.code([build("subtract", 0, 1)]), [0, 1])
        self.made = graph.add("elementwise", [made, mean], arrays=less)
        build = Builder(2)
        loss = node_arrays(build.code([build("square", build("subtract", 0, 1))]), [0])
        self.loss = graph.add("elementwise", [self.made, y], arrays=loss)
        self.initial = np.random.default_rng(1).normal(0, 0.5, SIZE).astype(np.float32)
        self.values, self.gradients = place(self.initial), place(np.zeros(SIZE, np.float32))

    def program(self) -> Any:
        """The graph with its loss, ready to train."""
        program = self.half.Program(self.graph, [self.made, self.loss], self.values, self.gradients)
        program.set_loss([{"output": self.loss, "loss": "values"}])
        program.set_optimizer({"kind": "sgd"}, [None] * 3, [(0, FEATURES * UNITS), (TABLE, CLASSES * UNITS)])
        return program

    def train(self, data: tuple[np.ndarray, ...], batch: int, order: np.ndarray, threads: int = 0) -> Any:
        """Steps through all rows in that order, at a rate of 0.5."""
        steps = -(-len(data[0]) // batch)
        rates = np.full(steps, 0.5, np.float32)
        inputs = [self.place(array) for array in data]
        return self.program().train(
            inputs, [None], [], order, batch, 0, steps, rates, iteration=0, seed=0, threads=threads
        )


def data(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Samples, their labels, and what is wanted of them."""
    return (
        rng.normal(size=(rows, FEATURES)).astype(np.float32),
        rng.integers(0, CLASSES, (rows, 1)).astype(np.int32),
        rng.normal(size=(rows, UNITS)).astype(np.float32),
    )


def made(values: np.ndarray, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The program's prediction in double."""
    kernel = values[: FEATURES * UNITS].astype(float).reshape(FEATURES, UNITS)
    table = values[TABLE:].astype(float).reshape(CLASSES, UNITS)
    z = x @ kernel + table[labels[:, 0]]
    return np.asarray(z - z.mean(axis=0))


def slope(values: np.ndarray, x: np.ndarray, labels: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The mean loss's gradient by central differences in double."""
    found = np.zeros(SIZE)
    for i in range(SIZE):
        step = np.zeros(SIZE)
        step[i] = 1e-5
        above, below = (((made(values + h, x, labels) - y) ** 2).mean() for h in (step, -step))
        found[i] = (above - below) / 2e-5
    return found
