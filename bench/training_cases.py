"""The training cases that benchmarks share: networks, batches and data, the same for every library."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import hotloop as hl
from hotloop.numpy_baseline import NumpyMLP


@dataclass(frozen=True)
class Case:
    """Dense layers with ReLU between them and softmax cross-entropy at the end, trained by Adam."""

    name: str
    sizes: tuple[int, ...]
    batch: int
    rows: int

    def data(self, rows: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Random samples and classes."""
        rng = np.random.default_rng(0)
        rows = rows or self.rows
        x = rng.standard_normal((rows, self.sizes[0]), dtype=np.float32)
        return x, rng.integers(0, self.sizes[-1], rows)

    def hotloop(self) -> hl.Sequential:
        """The network in hotloop, compiled."""
        *hidden, classes = self.sizes[1:]
        layers = [hl.layers.Input(shape=(self.sizes[0],))]
        layers += [hl.layers.Dense(units, activation="relu") for units in hidden]
        layers += [hl.layers.Dense(classes, activation="softmax")]
        model = hl.Sequential(layers)
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
        return model

    def numpy(self) -> NumpyMLP:
        """The same network in NumPy."""
        return NumpyMLP(list(self.sizes))

    def steps(self) -> int:
        """How many steps of full batches an epoch has."""
        return self.rows // self.batch

    def epochs(self) -> dict[str, Callable[[], object]]:
        """By side: a function that trains for one epoch of `steps()`, all on the same data."""
        x, y = self.data(self.steps() * self.batch)
        model, plain = self.hotloop(), self.numpy()
        return {
            "hotloop": lambda: model.fit(x, y, epochs=1, batch_size=self.batch, verbose=0),
            "NumPy": lambda: plain.fit(x, y, epochs=1, batch_size=self.batch),
        }


CASES = {
    case.name: case
    for case in (
        Case("tiny", (16, 32, 32, 2), 32, 20_000),
        Case("mlp64", (784, 64, 10), 32, 60_000),
        Case("mlp512", (784, 512, 512, 10), 128, 20_000),
        Case("mlp2048", (784, 2048, 2048, 10), 256, 5_000),
    )
}


def assert_same_training(case: Case) -> None:
    """Hotloop and NumPy learn the same from the same start: weights after a few steps, but for rounding."""
    steps = 5
    x, y = case.data(steps * case.batch)
    model, plain = case.hotloop(), case.numpy()
    plain.set_weights(model.get_weights())
    start = [weight.copy() for weight in plain.weights]
    model.fit(x, y, epochs=1, batch_size=case.batch, shuffle=False, verbose=0)
    plain.fit(x, y, epochs=1, batch_size=case.batch, shuffle=False)
    for mine, theirs, before in zip(model.get_weights(), plain.weights, start, strict=True):
        # Adam's first steps divide tiny gradients by their own size, so single weights may differ by a whole
        # step; the mean shows whether both follow the same path.
        moved = np.abs(theirs - before).mean()
        assert np.abs(mine - theirs).mean() < 0.01 * moved + 1e-7
