"""The layers to be quantised that read a value, and what they want of it."""

from __future__ import annotations

from collections.abc import Sequence, Set

import numpy as np

from hotloop.compress.grids import ColumnGrid, choose_grid
from hotloop.compress.observe import Seen
from hotloop.ir.graph import Graph, Op, Value


def readers_of(graph: Graph, targets: Set[Op]) -> dict[Value, list[Op]]:
    """By the values that some ops read, in order: which of them read it."""
    found: dict[Value, list[Op]] = {}
    for op in graph:
        if op in targets:
            found.setdefault(op.input, []).append(op)
    return found


def inner_maker(graph: Graph, value: Value, readers: Sequence[Op]) -> Op | None:
    """The op that makes a value which is no output and has these readers alone, else None."""
    alone = not graph.is_output(value) and len(graph.readers(value)) == len(readers)
    return graph.producer(value) if alone else None


def chosen_grid(seen: Seen, readers: Sequence[Op]) -> ColumnGrid | None:
    """The grids that a value's columns should have; None where one will do for all."""
    kernels = [op.weights["kernel"].astype(np.float64) for op in readers]
    grid = choose_grid(seen.columns, seen.ranges, seen.plain, kernels)
    return grid if isinstance(grid, ColumnGrid) else None
