"""The numbers of a graph: live ones in a model's arena, or arrays that no training changes."""

from __future__ import annotations

from hotloop.graph.parameters import Parameter
from hotloop.ir.graph import Array, Graph


def freeze(graph: Graph) -> Graph:
    """Return a copy of a graph whose weights are arrays: each parameter's numbers, which ops may share."""
    frozen = graph.copy()
    copies: dict[Parameter, Array] = {}
    for op in frozen:
        for name, weight in op.weights.items():
            if isinstance(weight, Parameter):
                if weight not in copies:
                    copies[weight] = weight.numpy()
                op.weights[name] = copies[weight]
    return frozen


def tensors(graph: Graph) -> dict[str, Array]:
    """Return every array of a frozen graph once, by a name; ops that share one share its name.

    Raises
    ------
    TypeError
        When the graph is not frozen.
    """
    groups = [group for op in graph for group in (op.weights, op.constants)]
    distinct = {id(group[key]): group[key] for group in groups for key in sorted(group)}
    for array in distinct.values():
        if isinstance(array, Parameter):
            raise TypeError(f"graph: expected a frozen one, got one with the live {array!r}; freeze it first")
    return {f"tensor_{i}": array for i, array in enumerate(distinct.values())}
