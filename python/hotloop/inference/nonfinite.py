"""NaN and infinity in front of a model whose bytes can't hold them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hotloop.device import to_host, write
from hotloop.feed.arrays import Array, Floats
from hotloop.ir.graph import Graph
from hotloop.ir.rows import mixes_rows

# The number of an input, and whether a row is made of all rows of it.
Source = tuple[int, bool]


def sources_of_outputs(graph: Graph) -> list[frozenset[Source]]:
    """Of each output the inputs that it is made of, and how."""
    made_of = {value: frozenset([(number, False)]) for number, value in enumerate(graph.inputs)}
    for op in graph:
        sources = frozenset[Source]().union(*(made_of[value] for value in op.inputs))
        if mixes_rows(op):
            sources = frozenset((number, True) for number, _ in sources)
        made_of |= dict.fromkeys(op.outputs, sources)
    return [made_of[value] for value in graph.outputs]


def mark_nonfinite(
    inputs: Sequence[Array], outputs: Sequence[Floats], sources: Sequence[frozenset[Source]]
) -> None:
    """Make a row of an output NaN where what it is made of holds NaN or infinity: a row of an input, or all.

    A u8 value has no NaN: what came of such a number would look like any other answer.

    Parameters
    ----------
    inputs, outputs : arrays of shape (rows, ...), of either kind
        Outputs are written to.
    sources : list of frozenset
        Of :func:`sources_of_outputs`.
    """
    spoiled = []
    for array in inputs:
        rows = to_host(array).reshape(array.shape[0], -1)
        spoiled.append(
            ~np.isfinite(rows).all(axis=1) if rows.dtype.kind == "f" else np.zeros(len(rows), bool)
        )
    for output, made_of in zip(outputs, sources, strict=True):
        rows = [spoiled[number] | (whole and spoiled[number].any()) for number, whole in sorted(made_of)]
        bad = np.any(rows, axis=0)
        if bad.any():
            marked = np.array(to_host(output))
            marked[bad] = np.nan
            write(output, marked)
