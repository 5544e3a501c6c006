"""Reshape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hotloop.core.errors import bad_value
from hotloop.graph.parameters import Shape
from hotloop.graph.symbolic import Node
from hotloop.ops.layer import LAYERS, Layer, as_shape

if TYPE_CHECKING:
    from hotloop.ir.graph import Graph, Value


@LAYERS.register
class Reshape(Layer):
    """Give a sample another shape with as many numbers.

    Parameters
    ----------
    target_shape : tuple of int
        Without the batch axis; one size may be -1.
    name, trainable, input_shape, input_dim
        See :class:`~hotloop.layers.Layer`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.layers.Reshape((-1, 4))(hl.Input((12,))).shape
    (None, 3, 4)
    """

    only_reshapes = True

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_shape = as_shape(f"{self._label}: target_shape", target_shape, unknown=True)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        size = math.prod(input_shape)
        known = math.prod(n for n in self.target_shape if n != -1)
        if size % known or (-1 not in self.target_shape and size != known):
            raise bad_value(
                f"{self._label}: target_shape",
                f"a shape of {size} numbers, as the input (None, {', '.join(map(str, input_shape))}) has",
                self.target_shape,
            )
        return tuple(size // known if n == -1 else n for n in self.target_shape)

    def lower(self, graph: Graph, inputs: Sequence[Value], node: Node) -> Value:
        from hotloop.ir.op import RESHAPE

        return graph.add(RESHAPE, inputs, shape=node.output.sample_shape)

    @classmethod
    def resized(cls, config: dict[str, Any], size: int) -> dict[str, Any]:
        *others, last = config["target_shape"]
        return config | {"target_shape": [*others, last if last == -1 else size]}

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"target_shape": list(self.target_shape)}
