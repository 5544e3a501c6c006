"""Flatten."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hotloop.graph.parameters import Shape
from hotloop.graph.symbolic import Node
from hotloop.ops.layer import LAYERS, Layer

if TYPE_CHECKING:
    from hotloop.ir.graph import Graph, Value


@LAYERS.register
class Flatten(Layer):
    """Make one axis of all axes of a sample, the last one running fastest.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.layers.Flatten()(hl.Input((28, 28))).shape
    (None, 784)
    """

    only_reshapes = True

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return (math.prod(input_shape),)

    def lower(self, graph: Graph, inputs: Sequence[Value], node: Node) -> Value:
        from hotloop.ir.op import RESHAPE

        return graph.add(RESHAPE, inputs, shape=node.output.sample_shape)
