"""Trainings for test_digests.py whose losses, activations and layers are written in Python."""

from __future__ import annotations

from typing import Any

import numpy as np

import hotloop as hl
from seeded_trainings import Facts, classes, dense, fitted, numbers, training

L, ops = hl.layers, hl.ops


def focal(y_true: Any, y_pred: Any) -> Any:
    p = ops.clip(ops.where(y_true > 0.5, y_pred, 1 - y_pred), 1e-6, 1.0)
    return ops.mean(-ops.square(1 - p) * ops.log(p), axis=-1)


def spread(y_true: Any, y_pred: Any) -> Any:
    """Mixes the rows of a batch."""
    error = ops.abs(y_true - y_pred)
    return ops.mean(error) + ops.max(error, axis=0)[0]


class Gate(L.Layer):
    """Weights of its own beside those of a part, and a kernel that is read twice."""

    def build(self, input_shape: Any) -> None:
        self.inner = L.Dense(8, name="inner")
        self.scale = self.add_weight(shape=(8,), initializer="ones", name="scale")

    def call(self, inputs: Any) -> Any:
        hidden = self.inner(inputs)
        gate = ops.softmax(self.scale) * ops.sigmoid(hidden)
        return ops.matmul(hidden * gate, ops.transpose(self.inner.kernel)) + inputs


@training
def own_loss_and_activation() -> Facts:
    def gelu(x: Any) -> Any:
        return 0.5 * x * (1 + ops.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))

    model = dense(33, 15, 3, inputs=7, activation=gelu, last="sigmoid")
    x, y = numbers(70, 90, 7), (numbers(71, 90, 3) > 0).astype(np.float32)
    weights = np.abs(numbers(72, 90))
    return fitted(model, x, y, "adam", focal, metrics=["mae"], sample_weight=weights, validation_split=0.2)


@training
def own_loss_of_a_batch() -> Facts:
    x, y = numbers(73, 70, 5), numbers(74, 70, 1)
    return fitted(dense(9, 1, inputs=5), x, y, "rmsprop", spread, batch_size=16)


@training
def own_layer_with_a_part_and_shared_weights() -> Facts:
    hl.set_seed(75)
    layers = [L.Input((6,)), Gate(name="gate"), L.Dense(3, "softmax", name="last")]
    x, y = numbers(76, 80, 6), classes(77, 80, 3)
    return fitted(hl.Sequential(layers), x, y, "adam", "sparse_categorical_crossentropy")
