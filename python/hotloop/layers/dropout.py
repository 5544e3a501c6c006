"""Dropout."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from hotloop.core.errors import integer, number
from hotloop.graph.symbolic import Node
from hotloop.ir.lowering import Lowering
from hotloop.layers.base import LAYERS, Layer


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

    def lower(self, lowering: Lowering, inputs: Sequence[int], node: Node) -> int:
        if not lowering.training or self.rate == 0:
            return inputs[0]
        # The model's seed comes in with every step; this only tells the dropouts of one model apart.
        stream = zlib.crc32(repr((self.name, node.index, self.seed)).encode()) % 2**31
        return lowering.add("dropout", inputs, {"rate": self.rate, "stream": stream})

    def learn_as_in_inference(self) -> None:
        self.rate = 0.0

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rate": self.rate, "seed": self.seed}
