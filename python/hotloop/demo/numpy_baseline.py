"""A multilayer perceptron in plain NumPy, as well written as NumPy allows.

The demo and the benchmarks time hotloop against it in the same run, and the tests use it as a witness from
outside. Dense layers with ReLU between them, softmax with cross-entropy at the end, inverted dropout, Adam in
Keras's form. Parameters lie in one vector, so Adam is a dozen passes over it and not over each layer; what
has a fixed size is allocated once and written in place.
"""

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


class NumpyMLP:
    """Dense layers of the given sizes, trained by Adam on the mean cross-entropy of a batch.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, hidden units of each layer, classes.
    learning_rate, beta_1, beta_2, epsilon : float
        Adam's, with Keras's defaults.
    dropout : float
        Share of the hidden activations that a training step sets to zero.
    scale : float
        What the input is multiplied with, e.g. 1/255 for pixels.
    seed : int
        For the weights (Glorot uniform), the order of the samples and dropout.

    Examples
    --------
    >>> import numpy as np
    >>> from hotloop.demo.numpy_baseline import NumpyMLP
    >>> x = np.random.default_rng(0).standard_normal((256, 4)).astype(np.float32)
    >>> y = (x[:, 0] > 0).astype(np.int64)
    >>> model = NumpyMLP([4, 16, 2], learning_rate=0.01)
    >>> losses = model.fit(x, y, epochs=20)
    >>> bool((model.predict(x).argmax(axis=1) == y).mean() > 0.9)
    True
    """

    def __init__(
        self,
        sizes: list[int],
        learning_rate: float = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        dropout: float = 0.0,
        scale: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.sizes = list(sizes)
        self.learning_rate, self.beta_1, self.beta_2, self.epsilon = learning_rate, beta_1, beta_2, epsilon
        self.dropout, self.scale = dropout, scale
        self.iterations = 0
        self._rng = np.random.default_rng(seed)
        total = sum((inputs + 1) * units for inputs, units in itertools.pairwise(sizes))
        # Parameters, gradient, Adam's two moments, and room for one step of its arithmetic.
        self._values, self._gradient, self._mean, self._square, self._room = np.zeros((5, total), np.float32)
        self.weights = self._views(self._values)
        self._gradients = self._views(self._gradient)
        for kernel in self.weights[::2]:
            limit = np.sqrt(6.0 / sum(kernel.shape))
            kernel[:] = self._rng.uniform(-limit, limit, kernel.shape)
        self._buffers: dict[int, tuple[list[Floats], list[Floats]]] = {}

    def _views(self, vector: Floats) -> list[Floats]:
        views, at = [], 0
        for inputs, units in itertools.pairwise(self.sizes):
            for shape in ((inputs, units), (units,)):
                size = int(np.prod(shape))
                views.append(vector[at : at + size].reshape(shape))
                at += size
        return views

    def set_weights(self, weights: list[npt.NDArray[Any]]) -> None:
        """Copy kernels (inputs, units) and biases (units,) in, in Keras's order."""
        for mine, theirs in zip(self.weights, weights, strict=True):
            mine[:] = theirs

    def fit(
        self,
        x: npt.NDArray[Any],
        y: npt.NDArray[np.integer[Any]],
        epochs: int = 1,
        batch_size: int = 32,
        shuffle: bool = True,
    ) -> list[float]:
        """Train; returns the mean loss of each epoch. `x` is (n, inputs), `y` holds class numbers (n,)."""
        losses = []
        for _ in range(epochs):
            order = self._rng.permutation(len(x)) if shuffle else np.arange(len(x))
            total = 0.0
            for start in range(0, len(x), batch_size):
                rows = order[start : start + batch_size]
                total += self.train_step(x.take(rows, axis=0), y.take(rows)) * len(rows)
            losses.append(total / len(x))
        return losses

    def predict(self, x: npt.NDArray[Any]) -> Floats:
        """Class probabilities, (n, classes)."""
        return self._forward(x, self._empty(len(x)), None)

    def _empty(self, rows: int) -> list[Floats]:
        return [np.empty((rows, units), np.float32) for units in self.sizes]

    def train_step(self, x: npt.NDArray[Any], y: npt.NDArray[np.integer[Any]]) -> float:
        """One step of Adam on one batch; returns the batch's mean loss before the step."""
        rows = len(x)
        if rows not in self._buffers:
            self._buffers[rows] = self._empty(rows), self._empty(rows)
        values, errors = self._buffers[rows]
        masks: list[Floats] = []
        probabilities = self._forward(x, values, masks if self.dropout else None)
        picked = np.arange(rows), y
        loss = -float(np.log(np.maximum(probabilities[picked], 1e-30)).mean())
        error = probabilities
        error[picked] -= 1.0
        error *= np.float32(1.0 / rows)
        for layer in range(len(self.sizes) - 2, -1, -1):
            inputs = values[layer]
            np.matmul(inputs.T, error, out=self._gradients[2 * layer])
            np.sum(error, axis=0, out=self._gradients[2 * layer + 1])
            if layer:
                error = np.matmul(error, self.weights[2 * layer].T, out=errors[layer])
                error *= inputs > 0
                if masks:
                    error *= masks[layer - 1]
        self._adam()
        return loss

    def _forward(self, x: npt.NDArray[Any], values: list[Floats], masks: list[Floats] | None) -> Floats:
        """Fill `values`, one array a layer; in training, `masks` receives what dropout multiplied with."""
        if self.scale == 1.0:
            np.copyto(values[0], x, casting="same_kind")
        else:
            np.multiply(x, np.float32(self.scale), out=values[0])
        last = len(self.sizes) - 2
        for layer in range(last + 1):
            out = values[layer + 1]
            np.matmul(values[layer], self.weights[2 * layer], out=out)
            out += self.weights[2 * layer + 1]
            if layer == last:
                break
            np.maximum(out, 0, out=out)
            if masks is not None and self.dropout:
                mask = (self._rng.random(out.shape, np.float32) >= self.dropout).astype(np.float32)
                mask *= np.float32(1.0 / (1.0 - self.dropout))
                out *= mask
                masks.append(mask)
        logits = values[-1]
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=1, keepdims=True)
        return logits

    def _adam(self) -> None:
        """m += (g - m)(1 - b1); v += (g^2 - v)(1 - b2); w -= rate * m / (sqrt(v) + epsilon)."""
        self.iterations += 1
        rate = (
            self.learning_rate
            * np.sqrt(1 - self.beta_2**self.iterations)
            / (1 - self.beta_1**self.iterations)
        )
        room = self._room
        np.subtract(self._gradient, self._mean, out=room)
        room *= np.float32(1 - self.beta_1)
        self._mean += room
        np.multiply(self._gradient, self._gradient, out=room)
        room -= self._square
        room *= np.float32(1 - self.beta_2)
        self._square += room
        np.sqrt(self._square, out=room)
        room += np.float32(self.epsilon)
        np.divide(self._mean, room, out=room)
        room *= np.float32(rate)
        self._values -= room
