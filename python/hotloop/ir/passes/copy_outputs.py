"""Every output has memory of its own."""

from __future__ import annotations

from hotloop.ir.graph import Graph, Value
from hotloop.ir.views import source


def copy_outputs(graph: Graph) -> None:
    """Copy what is an input, or an output already, where it is an output once more."""
    taken = set(graph.inputs)
    outputs: list[Value] = []
    for value in graph.outputs:
        numbers = source(graph, value)
        if numbers in taken:
            maker = graph.producer(value)
            graph.layer = value.name if maker is None else maker.layer
            if value.dtype == "int32":  # which rescale does not take; no gradient would come
                numbers = value = graph.add("stop_gradient", [value])
            else:
                numbers = value = graph.add("rescale", [value], {"scale": 1.0, "offset": 0.0})
        taken.add(numbers)
        outputs.append(value)
    graph.outputs = outputs
