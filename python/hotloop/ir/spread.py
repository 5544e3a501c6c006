"""How unlike the columns are that an op normalises: what folding it would cost products of few bits."""

from __future__ import annotations

import numpy as np

from hotloop.ir.graph import Op
from hotloop.ir.ops import record_of


def evens_out(op: Op) -> bool:
    """Whether an op normalises columns that differ so much that one scale for all would cost some bits."""
    spread = record_of(op).spread(op)
    if spread is None:
        return False
    largest = float(spread[1].max())
    return largest > 4 * spread[1].min() or float(np.abs(spread[0]).max()) > 4 * largest


def takes_offsets_off(op: Op) -> bool:
    """Whether it normalises columns so far from zero that rounding their weights would be heard."""
    spread = record_of(op).spread(op)
    return spread is not None and bool((np.abs(spread[0]) > 4 * spread[1]).any())
