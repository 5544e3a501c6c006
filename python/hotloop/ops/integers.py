"""Integers are computed in float32, which holds those up to 2**24: larger ones of arrays are refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hotloop.core.errors import bad_value
from hotloop.graph.symbolic import SymbolicTensor
from hotloop.ops.operation import Array, Operation
from hotloop.ops.trace import Subgraph
from hotloop.ops.types import EXACT

if TYPE_CHECKING:
    pass

_MEND = "write hotloop.ops.cast(x, 'float32') first, which rounds them, or use NumPy"


class Counting:
    """Where a function reads integers and makes some.

    Parameters
    ----------
    inputs : list of (int, str)
        Which of its arguments have to be exact, and what reads them.
    outputs : dict of SymbolicTensor to str
        What it makes that may be rounded, and what by.
    """

    __slots__ = ("_inputs", "_outputs")

    def __init__(self, inputs: list[tuple[int, str]], outputs: dict[SymbolicTensor, str]) -> None:
        self._inputs = inputs
        self._outputs = outputs

    def check_inputs(self, arrays: Sequence[Array]) -> None:
        """Refuse integers beyond 2**24.

        Raises
        ------
        ValueError
        """
        for i, name in self._inputs:
            low, high = arrays[i].min(), arrays[i].max()
            if low < -EXACT or high > EXACT:
                got = int(low if low < -EXACT else high)
                raise bad_value(name, "integers from -2**24 to 2**24, which float32 holds", got, _MEND)

    def check_output(self, tensor: SymbolicTensor, made: Array) -> None:
        """Refuse results from 2**24 on, which may have been rounded to what they are.

        Raises
        ------
        ValueError
        """
        name = self._outputs.get(tensor)
        if name is not None and (largest := float(np.abs(made).max())) >= EXACT:
            expected = "a result below 2**24, up to which integers are exact"
            raise bad_value(name, expected, int(largest), _MEND)


def counting(did: Subgraph) -> Counting:
    """Look for integers in what a function did: those that are only moved stay int32."""
    moved = {tensor: {i} for i, tensor in enumerate(did.inputs) if tensor.dtype == "int32"}
    inputs: dict[int, str] = {}
    outputs: dict[SymbolicTensor, str] = {}
    for node in did.nodes:
        made, name = node.output, str(node.layer.automatic_prefix)
        primitive = node.layer.primitive if isinstance(node.layer, Operation) else None
        read = set().union(*(moved.get(tensor, set()) for tensor in node.inputs))
        if made.dtype == "float32" or name == "cast":
            continue
        if primitive is not None and primitive.moves:
            moved[made] = read
            outputs |= {made: outputs[tensor] for tensor in node.inputs if tensor in outputs}  # noqa: B035
            continue
        inputs = dict.fromkeys(read, name) | inputs
        if made.dtype == "int32" and primitive is not None and primitive.rounds and name != "argmax":
            outputs[made] = name
    return Counting(sorted(inputs.items()), outputs)
