"""Dropout."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hotloop.core.errors import integer, number
from hotloop.graph.symbolic import Node
from hotloop.ops.layer import LAYERS, Layer

if TYPE_CHECKING:
    from hotloop.ir.graph import Graph, Value


@LAYERS.register
class Dropout(Layer):
    """Set a random part of the numbers to zero while training, and scale the others by ``1 / (1 - rate)``.

    Parameters
    ----------
    rate : float
        In [0, 1): the part that is dropped.
    seed : int, optional
        Beside the model's seed and the layer's name; which numbers go depends on nothing else but the step.
    name, trainable, input_shape, input_dim
        See :class:`~hotloop.layers.Layer`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.layers.Dropout(0.5)(hl.Input((8,))).shape
    (None, 8)
    """

    def __init__(self, rate: float, *, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = number(f"{self._label}: rate", rate, at_least=0, below=1)
        self.seed = None if seed is None else integer(f"{self._label}: seed", seed)

    def lower(self, graph: Graph, inputs: Sequence[Value], node: Node) -> Value:
        return graph.add("dropout", inputs, {"rate": self.rate, "stream": self._stream(node)})

    def _stream(self, node: Node) -> int:
        """Tells the dropouts of one model apart; the model's seed comes in with every step."""
        return zlib.crc32(repr((self.name, node.index, self.seed)).encode()) % 2**31

    def learn_as_in_inference(self) -> None:
        self.rate = 0.0

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rate": self.rate, "seed": self.seed}
