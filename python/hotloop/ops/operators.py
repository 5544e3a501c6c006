"""Gives Python's operators on symbolic tensors and weights their functions."""

from __future__ import annotations

import numpy as np

from hotloop import device
from hotloop.graph.operand import FUNCTIONS, Operand


def is_operand(value: object) -> bool:
    """Whether a comparison with it is one of numbers; with anything else it is one of objects."""
    return isinstance(value, Operand | int | float | np.ndarray | np.generic) or device.on_gpu(value)


FUNCTIONS["is_operand"] = is_operand
