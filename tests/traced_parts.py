"""Layers of ops for random graphs: weights that are reshaped and put through functions, parts that share."""

from __future__ import annotations

from typing import Any

import hotloop as hl
from hotloop import ops


@hl.saving.register_serializable("hotloop.tests")
class Traced(hl.layers.Layer):
    """One of several layers that users write; all take a sample of any shape."""

    def __init__(self, kind: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.part = hl.layers.Dense(3, activation="tanh") if kind in PARTS else None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kind": self.kind}

    def build(self, input_shape: Any) -> None:
        shapes = {"rows": input_shape[1:-1], "matrix": (4 * input_shape[-1],)}
        self.w = self.add_weight(shape=shapes.get(self.kind, input_shape[-1:]), name="w")

    def call(self, inputs: Any) -> Any:
        return KINDS[self.kind](inputs, self.w, self.part)


def of_halves(x: Any, w: Any, part: Any) -> Any:
    half = w.shape[0] // 2
    return x * ops.concatenate([w[half:], w[:half]] if half else [w], axis=0)


def by_rows(x: Any, w: Any, part: Any) -> Any:
    """One factor a row of the sample, whose columns it would fit as well where there are as many."""
    return x * ops.expand_dims(w, -1)


def turned(x: Any, w: Any, part: Any) -> Any:
    order = (0, *range(len(x.shape) - 1, 0, -1))
    return ops.transpose(ops.transpose(x, order) * ops.reshape(w, (-1, *(1 for _ in x.shape[2:]))), order)


def by_a_matrix(x: Any, w: Any, part: Any) -> Any:
    return ops.matmul(x, ops.reshape(w, (-1, 4)))


def in_columns(x: Any, w: Any, part: Any) -> Any:
    """A sample in another shape, where it is scaled by its columns."""
    columns = ops.reshape(x, (-1, x.shape[-1], x.shape[1] if len(x.shape) > 2 else 1))
    return ops.reshape(columns * ops.expand_dims(w, 1), (-1, *x.shape[1:]))


def tied(x: Any, w: Any, part: Any) -> Any:
    """A layer, its kernel turned round, and the layer again."""
    return part(ops.matmul(part(x), ops.transpose(part.kernel))) + part(x * w)


KINDS: dict[str, Any] = {
    "softmax": lambda x, w, part: x * ops.softmax(w),
    "sigmoid": lambda x, w, part: x * ops.sigmoid(w) + ops.relu(w),
    "halves": of_halves,
    "rows": by_rows,
    "turned": turned,
    "matrix": by_a_matrix,
    "columns": in_columns,
    "tied": tied,
    "mean": lambda x, w, part: x - ops.relu(ops.mean(x * w, axis=0)),
    "rows' mean": lambda x, w, part: x - ops.expand_dims(ops.mean(x, axis=(0, -1)), -1) * w,
}
PARTS = ("tied",)
MIXING = ("mean", "rows' mean")  # rows, which are never predicted in chunks
