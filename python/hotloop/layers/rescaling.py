"""Rescaling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hotloop.core.errors import number
from hotloop.graph.symbolic import Node
from hotloop.ops.layer import LAYERS, Layer

if TYPE_CHECKING:
    from hotloop.ir.graph import Graph, Value


@LAYERS.register
class Rescaling(Layer):
    """``x * scale + offset``, for instance ``Rescaling(1 / 255)`` in front of uint8 pixels.

    Parameters
    ----------
    scale, offset : float
    name, trainable, input_shape, input_dim
        See :class:`~hotloop.layers.Layer`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.Sequential([hl.layers.Rescaling(0.5, offset=-1, input_shape=(2,))]).predict([[2, 4]])
    array([[0., 1.]], dtype=float32)
    """

    def __init__(self, scale: float, offset: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = number(f"{self._label}: scale", scale)
        self.offset = number(f"{self._label}: offset", offset)

    def lower(self, graph: Graph, inputs: Sequence[Value], node: Node) -> Value:
        return graph.add("rescale", inputs, {"scale": self.scale, "offset": self.offset})

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"scale": self.scale, "offset": self.offset}
