"""Which ops learn."""

from __future__ import annotations

from collections.abc import Container

from hotloop.graph.parameters import Parameter
from hotloop.ir.graph import Graph


def mark_trainable(graph: Graph, learning: Container[Parameter]) -> None:
    """Write the attribute ``trainable`` to every op that has weights.

    Parameters
    ----------
    graph : Graph
    learning : container of Parameter
        The weights of layers that learn, moving averages included: an op that normalises takes the batch's
        statistics only while its layer learns.
    """
    for op in graph:
        if op.weights:
            learns = all(weight in learning for weight in op.weights.values())
            if op.kind == "weight":
                learns = learns and all(weight.trainable for weight in op.weights.values())
            op.attributes["trainable"] = int(learns)
