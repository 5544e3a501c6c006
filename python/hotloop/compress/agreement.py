"""Whether a graph that was folded for quantising still predicts what the model does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hotloop.compress.answers import Array
from hotloop.device import Host
from hotloop.ir.build import build
from hotloop.ir.graph import Graph

ROWS = 256  # that are compared, at most
# Folding rounds otherwise than the model does, and where the model compares numbers, a row may fall on the
# other side; a fault in folding shows in nearly all rows, and is as large as what is predicted.
MOST_APART = 0.05  # of the rows
TOLERATED = 0.1  # of how far an output usually lies from its middle
ROUNDED = 1e-4  # of an output that is far from zero, and nearly the same in all rows


def require_agreement(
    model: Graph, folded: Graph, chunk: Sequence[Array], names: Sequence[str], where: Host
) -> None:
    """Refuse a folded graph that predicts something else than the model does.

    Parameters
    ----------
    model : Graph
        What predicts, frozen.
    folded : Graph
        What quantising begins with.
    chunk : sequence of arrays of shape (rows, features)
        Inputs, of which the first 256 rows are looked at.
    names : sequence of str
        Of the outputs.
    where : device.Host

    Raises
    ------
    RuntimeError
        For an output that in more than one row of twenty is farther off than a tenth of its spread.
    """
    inputs = [array[:ROWS] for array in chunk]
    expected, got = (build(graph, where).run(inputs) for graph in (model, folded))
    for name, real, like in zip(names, expected, got, strict=True):
        share = share_apart(real, like)
        if share > MOST_APART:
            raise RuntimeError(
                f"quantize: output {name!r}: expected the same predictions once normalisation is folded into "
                f"products, got others in {100 * share:.0f}% of the rows; where inputs are so far from zero "
                "that float32 rounds off their differences, subtract their means first; otherwise this is a "
                "fault of hotloop's, please report it"
            )


def share_apart(real: npt.NDArray[np.float32], like: npt.NDArray[np.float32]) -> float:
    """The share of rows (n, features) that differ by more than rounding; those that aren't finite count for
    nothing."""
    finite = np.isfinite(real).all(axis=1)
    values = real[finite].astype(np.float64)
    if not len(values):
        return 0.0
    difference = np.sqrt(((values - like[finite]) ** 2).mean(axis=1))
    spread = np.sqrt(((values - values.mean(axis=0)) ** 2).mean())
    allowed = max(TOLERATED * spread, ROUNDED * np.sqrt((values**2).mean()))
    return float((~(difference <= allowed)).mean())
