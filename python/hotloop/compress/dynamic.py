"""What values mean before layers of int8 that quantise each row by its own range while predicting."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set

import numpy as np

from hotloop.compress.coding import Coding, Codings
from hotloop.compress.columns import Doubles
from hotloop.compress.observe import Seen
from hotloop.compress.readers import chosen_grid, inner_maker, readers_of
from hotloop.ir.activation import SCALABLE
from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.ops import product_of

# Columns whose weights differ less are left alone: a row's 256 steps are enough for both.
MOST_APART = 16.0


def dynamic_codings(
    graph: Graph,
    targets: Set[Op],
    periods: Mapping[Value, int],
    seen: Mapping[Value, Seen],
    alike: Collection[Value],
) -> Codings:
    """Choose codings for values whose columns should be comparable before they are read.

    A row has one scale, so where columns differ by orders of magnitude the small ones would get no steps.
    They are brought near each other by powers of two: in the weights of the layer that makes them, where its
    activation lets factors through; else by a normalisation op in front, which takes off an offset too.

    Parameters
    ----------
    graph : Graph
    targets : set of Op
        Float Dense ops.
    periods : dict of Value to int
        How many columns the values have that they read.
    seen : dict of Value to Seen
        What was seen of the values that they read; without it the weights tell what the columns are like.
    alike : values
        Whose columns are known to be comparable.
    """
    codings = Codings()
    for value, readers in readers_of(graph, targets).items():
        maker = inner_maker(graph, value, readers)
        product = product_of(maker)
        activation = product.activation(maker) if maker and product else ""
        if activation not in SCALABLE:
            maker = None
        if value in seen:
            coding = _seen_coding(seen[value], readers)
        elif value in alike:
            continue
        else:
            coding = _coding_from_weights(readers, periods[value], maker)
        if coding is None or coding.factor is None or coding.offset is None:
            continue
        if maker is not None:
            if activation != "linear":
                coding = Coding(None, coding.factor, np.zeros_like(coding.offset))
            codings.made[value] = coding
        codings.read[value] = coding
    return codings


def _seen_coding(seen: Seen, readers: list[Op]) -> Coding | None:
    grid = chosen_grid(seen, readers)
    if grid is None:
        return None
    # A row's range holds 0 in any case: only columns that lie beside it are moved there.
    return Coding(None, _powers_of_two(grid.scale.astype(np.float64)), np.clip(0.0, *seen.ranges))


def _coding_from_weights(readers: list[Op], period: int, maker: Op | None) -> Coding | None:
    """Of layers that were trained, the weights are small where numbers are large.

    What a layer of the model makes is known better: about as large as its weights. Between the two their
    geometric mean gives numbers and weights each half of the way (Nagel et al., "Data-free quantization",
    ICCV 2019, section 4.1).
    """
    rows = np.zeros(period)
    for op in readers:
        kernel = op.weights["kernel"].astype(np.float64)
        parts = kernel.reshape(-1, period, kernel.shape[1])
        rows += np.einsum("pcu,pcu->c", parts, parts) / max(float((kernel**2).sum()), 1e-300)
    size = 1 / np.sqrt(np.maximum(rows, 1e-300))
    known = rows > 0
    if maker is not None:
        kernel = maker.weights["kernel"].astype(np.float64)
        bias = maker.weights.get("bias", np.zeros(kernel.shape[1], np.float32)).astype(np.float64)
        made = np.sqrt((kernel**2).sum(axis=0) + bias**2).reshape(-1, period).max(axis=0)
        known &= made > 0
        size = np.sqrt(size * np.maximum(made, 1e-300))
    if not known.any() or size[known].max() <= MOST_APART * size[known].min():
        return None
    size = np.where(known, size, size[known].max())
    return Coding(None, _powers_of_two(size), np.zeros(period))


def _powers_of_two(scale: Doubles) -> Doubles:
    """Near the scales, relative to the largest; those of columns with next to no weights have no bounds."""
    bounded = np.minimum(scale, 2.0**40 * scale.min())
    return np.asarray(np.exp2(np.rint(np.log2(bounded / bounded.max()))))
