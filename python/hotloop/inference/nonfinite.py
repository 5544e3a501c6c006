"""NaN and infinity in front of a model whose bytes can't hold them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hotloop.device import to_host, write
from hotloop.feed.arrays import Array, Floats
from hotloop.ir.graph import Graph


def sources_of_outputs(graph: Graph) -> list[frozenset[int]]:
    """Of each output the numbers of the inputs that it is made of."""
    made_of = {value: frozenset([number]) for number, value in enumerate(graph.inputs)}
    for op in graph:
        numbers = frozenset[int]().union(*(made_of[value] for value in op.inputs))
        made_of |= dict.fromkeys(op.outputs, numbers)
    return [made_of[value] for value in graph.outputs]


def mark_nonfinite(
    inputs: Sequence[Array], outputs: Sequence[Floats], sources: Sequence[frozenset[int]]
) -> None:
    """Make a row of an output NaN where a row of an input that it is made of holds NaN or infinity.

    A u8 value has no NaN: what came of such a number would look like any other answer.

    Parameters
    ----------
    inputs, outputs : arrays of shape (rows, ...), of either kind
        Outputs are written to.
    sources : list of frozenset of int
        Of :func:`sources_of_outputs`.
    """
    spoiled = []
    for array in inputs:
        rows = to_host(array).reshape(array.shape[0], -1)
        spoiled.append(
            ~np.isfinite(rows).all(axis=1) if rows.dtype.kind == "f" else np.zeros(len(rows), bool)
        )
    for output, numbers in zip(outputs, sources, strict=True):
        bad = np.any([spoiled[number] for number in sorted(numbers)], axis=0)
        if bad.any():
            marked = np.array(to_host(output))
            marked[bad] = np.nan
            write(output, marked)
