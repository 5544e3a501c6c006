"""The pass that quantises: products become those of int8 or bfloat16, over values coded as was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Set

import numpy as np

from hotloop.compress.coding import Coding, Codings, folded
from hotloop.compress.columns import Doubles
from hotloop.compress.weights import WeightStore
from hotloop.device.memory import aligned_copy
from hotloop.ir.graph import Attributes, Graph, Op, Value
from hotloop.ir.ops import product_of


def quantize_products(
    graph: Graph, targets: Set[Op], codings: Codings, means: Mapping[Value, Doubles], precision: str
) -> None:
    """Rewrite ops to quantised ones.

    Parameters
    ----------
    graph : Graph
    targets : set of Op
        Products in float, which give way to others.
    codings : Codings
        What numbers are to mean; what the new ops' values stand for is written to it.
    means : dict of Value to float64 array of shape (columns,)
        Of the values that they read, as far as known: for these the rounding of weights is put right.
    precision : {"int8", "bf16"}
    """
    store = WeightStore()
    brought: dict[Value, Value] = {}
    for op in graph.ops:
        after = codings.made.get(op.output, Coding())
        if op not in targets:
            if after.factor is not None:
                kernel, bias = folded(op, Coding(), after)
                assert bias is not None
                op.weights = {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)}
            continue
        value = codings.stands_for.get(op.input, op.input)
        before, source = codings.read.get(value, Coding()), op.input
        if value in codings.read and value not in codings.made:
            if value not in brought:
                brought[value] = bring(graph, source, before, op)
            source = brought[value]
        if precision == "bf16":
            how, constants = Attributes(), store.bf16(op, means.get(value))
        else:
            how, constants = _ends(before, after), store.int8(op, before, after, means.get(value))
        product = product_of(op)
        assert product is not None
        made = graph.add(
            product.forms[precision],
            [source],
            op.attributes | how,
            constants=constants,
            shape=op.output.shape,
            dtype=str(how.get("output", "float32")),
            before=op,
        )
        codings.stands_for[made] = op.output
        graph.replace(op.output, made)
        graph.remove(op)


def bring(graph: Graph, value: Value, coding: Coding, before: Op | None = None) -> Value:
    """Add the op that brings a float32 value to numbers of a coding: bytes, or comparable columns."""
    factor, offset, grid = coding.factor, coding.offset, coding.grid
    if grid is None:
        assert factor is not None
        assert offset is not None
        ones = np.ones(factor.size)
        vectors = {"gamma": 1 / factor, "moving_mean": offset, "moving_variance": ones}
        weights = {name: aligned_copy(array.astype(np.float32)) for name, array in vectors.items()}
        # Beside a variance of 1 this epsilon is nothing, to the bit.
        how: Attributes = {"last_axis": ones.size, "epsilon": 2.0**-100}
        return graph.add("batch_norm", [value], how, weights, before=before)
    if factor is None or offset is None:
        how = {"scale": grid.scale, "zero_point": grid.zero_point}
        return graph.add("quantize", [value], how, dtype="uint8", before=before)
    scale = grid.scale * factor
    arrays = {
        "scale": scale.astype(np.float32),
        "offset": (offset - grid.zero_point * scale).astype(np.float32),
    }
    return graph.add(
        "quantize", [value], {"last_axis": scale.size}, constants=arrays, dtype="uint8", before=before
    )


def _ends(before: Coding, after: Coding) -> Attributes:
    """The grids of what an int8 op reads and makes."""
    if before.grid is None:
        return {"dynamic": 1}
    ends: Attributes = {
        "in_scale": before.grid.scale,
        "in_zero_point": before.grid.zero_point,
        "output": "float32",
    }
    if after.grid is not None:
        ends |= {
            "output": "uint8",
            "out_scale": after.grid.scale,
            "out_zero_point": after.grid.zero_point,
        }
    return ends
