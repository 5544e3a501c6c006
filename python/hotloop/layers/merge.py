"""Layers that make one tensor of several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hotloop.core.errors import bad_value, integer
from hotloop.graph.parameters import Shape
from hotloop.graph.symbolic import Node
from hotloop.ops.layer import LAYERS, Layer

if TYPE_CHECKING:
    from hotloop.ir.graph import Graph, Value


class Merge(Layer):
    """Base of the layers that take a list of tensors."""

    merges = True

    def _several(self, given: Any) -> list[Shape]:
        shapes: list[Shape] = [tuple(shape) for shape in given]
        if len(shapes) < 2:
            raise bad_value(f"{self._label}: inputs", "a list of at least 2 tensors", len(shapes))
        return shapes


class _Elementwise(Merge):
    op = ""

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shapes = self._several(input_shape)
        if any(shape != shapes[0] for shape in shapes):
            raise bad_value(
                f"{self._label}: inputs", "tensors of one shape", ", ".join(str((None, *s)) for s in shapes)
            )
        return shapes[0]

    def lower(self, graph: Graph, inputs: Sequence[Value], node: Node) -> Value:
        return graph.add(self.op, inputs, {})


@LAYERS.register
class Add(_Elementwise):
    """The sum of tensors of one shape.

    Examples
    --------
    >>> import hotloop as hl
    >>> x = hl.Input((4,))
    >>> hl.layers.Add()([x, hl.layers.Dense(4)(x)]).shape
    (None, 4)
    """

    op = "add"


@LAYERS.register
class Multiply(_Elementwise):
    """The elementwise product of tensors of one shape.

    Examples
    --------
    >>> import hotloop as hl
    >>> x = hl.Input((4,))
    >>> hl.layers.Multiply()([x, hl.layers.Dense(4, activation="sigmoid")(x)]).shape
    (None, 4)
    """

    op = "multiply"


@LAYERS.register
class Concatenate(Merge):
    """Tensors side by side along the last axis.

    Parameters
    ----------
    axis : int
        -1, the last axis; others are not there yet.
    name, trainable
        See :class:`~hotloop.layers.Layer`.

    Examples
    --------
    >>> import hotloop as hl
    >>> x = hl.Input((4,))
    >>> hl.layers.Concatenate()([x, hl.layers.Dense(3)(x)]).shape
    (None, 7)
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = integer(f"{self._label}: axis", axis)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shapes = self._several(input_shape)
        rank = len(shapes[0])
        if self.axis not in (-1, rank):
            raise bad_value(f"{self._label}: axis", f"-1 or {rank}, the last axis", self.axis)
        if rank == 0 or any(len(shape) != rank or shape[:-1] != shapes[0][:-1] for shape in shapes):
            raise bad_value(
                f"{self._label}: inputs",
                "tensors whose shapes differ in the last axis only",
                ", ".join(str((None, *s)) for s in shapes),
            )
        return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))

    def lower(self, graph: Graph, inputs: Sequence[Value], node: Node) -> Value:
        shape = node.output.sample_shape
        return graph.add("concat", inputs, {"positions": math.prod(shape[:-1])}, shape=shape)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"axis": self.axis}
