"""What values mean between layers of int8 with fixed grids."""

from __future__ import annotations

from collections.abc import Mapping, Set

from hotloop.compress.coding import Coding, Codings, by_columns, by_powers_of_two
from hotloop.compress.observe import Seen
from hotloop.compress.readers import chosen_grid, inner_maker, readers_of
from hotloop.ir.activation import SCALABLE
from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.ops import record_of


def static_codings(graph: Graph, targets: Set[Op], seen: Mapping[Value, Seen]) -> Codings:
    """Choose a coding for each value that ops read which are to become int8.

    One that such ops make, and nothing else reads, stays u8 in memory.

    Parameters
    ----------
    graph : Graph
    targets : set of Op
        Float Dense ops.
    seen : dict of Value to Seen
        What was seen of the values that they read.
    """
    codings = Codings()
    for value, readers in readers_of(graph, targets).items():
        maker = inner_maker(graph, value, readers)
        inside = maker is not None and maker in targets
        coding = _coding(seen[value], readers, maker if inside else None)
        codings.read[value] = coding
        if inside:
            codings.made[value] = coding
    return codings


def _coding(seen: Seen, readers: list[Op], maker: Op | None) -> Coding:
    """For what an int8 op makes, or for what is quantised by an op of its own."""
    plain = Coding(seen.plain)
    activation = "" if maker is None else record_of(maker).activation(maker)
    if maker is not None and activation not in SCALABLE:
        return plain
    grid = chosen_grid(seen, readers)
    if grid is None:
        return plain
    if maker is None:
        return by_columns(grid)
    return by_powers_of_two(grid, activation, maker.number("alpha"))
