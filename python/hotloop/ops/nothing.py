"""Arrays of no numbers: what comes of them is known without a program, which has none of such a size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hotloop.core.errors import bad_value
from hotloop.graph.symbolic import Node
from hotloop.ops.operation import Array, Operation
from hotloop.ops.trace import Subgraph

_OF_NONE = {"sum": 0, "mean": np.nan}


def run_without_numbers(
    subgraph: Subgraph, arrays: Sequence[Array], compute: Callable[[Any, Sequence[Array]], Array]
) -> list[Array]:
    """Compute what a function does with arrays, some of which are empty, one operation after the other.

    Parameters
    ----------
    subgraph : Subgraph
    arrays : sequence of ndarray
        Its arguments.
    compute : callable
        Does an operation whose operands and result have numbers.

    Raises
    ------
    ValueError
        For the largest of no numbers, as in NumPy.
    """
    made = dict(zip(subgraph.inputs, arrays, strict=True))
    for node in subgraph.nodes:
        shape, dtype = node.output.sample_shape, node.output.dtype
        inputs = [made[tensor] for tensor in node.inputs]
        if node.output.features == 0:
            made[node.output] = np.empty(shape, dtype)
        elif all(array.size for array in inputs):
            made[node.output] = compute(node.layer, inputs)
        else:
            made[node.output] = np.asarray(_of_nothing(node, inputs)).astype(dtype).reshape(shape)
    return [made[tensor] for tensor in subgraph.outputs]


def _of_nothing(node: Node, inputs: Sequence[Array]) -> Any:
    layer, output = node.layer, node.output
    assert isinstance(layer, Operation)
    if layer.op == "concatenate":
        return np.concatenate(inputs, layer.arguments["axis"])
    kind = layer.arguments.get("kind", "sum" if layer.op == "matmul" else "")
    if output.dtype == "bool" and kind in ("max", "min"):  # any and all
        return np.full(output.sample_shape, kind == "min")
    if kind not in _OF_NONE:
        raise bad_value(kind or layer.op, "at least one number", f"an array of shape {inputs[0].shape}")
    return np.full(output.sample_shape, _OF_NONE[kind])
