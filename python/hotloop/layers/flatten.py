"""Flatten."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hotloop.graph.parameters import Shape
from hotloop.graph.symbolic import Node
from hotloop.ir.lowering import Lowering
from hotloop.layers.base import LAYERS, Layer


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

    def lower(self, lowering: Lowering, inputs: Sequence[int], node: Node) -> int:
        return inputs[0]
