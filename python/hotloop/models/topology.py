"""Graphs as JSON values, and back."""

from __future__ import annotations

from typing import Any

from hotloop import layers
from hotloop.core.errors import bad_value
from hotloop.graph.symbolic import FunctionalGraph, SymbolicTensor
from hotloop.layers.input import InputLayer
from hotloop.ops.layer import Layer


def graph_config(graph: FunctionalGraph) -> dict[str, Any]:
    """Describe a graph.

    Returns
    -------
    dict
        ``layers``: class and config of each; ``nodes``: for each call, in an order in which they can run, the
        number of its layer and the numbers of the calls that it reads; ``inputs`` and ``outputs``: numbers of
        calls.
    """
    number = {node: i for i, node in enumerate(graph.nodes)}
    place = {layer: i for i, layer in enumerate(graph.layers)}
    return {
        "layers": [layers.serialize(layer) for layer in graph.layers],
        "nodes": [
            {"layer": place[node.layer], "inputs": [number[tensor.node] for tensor in node.inputs]}
            for node in graph.nodes
        ],
        "inputs": [number[tensor.node] for tensor in graph.inputs],
        "outputs": [number[tensor.node] for tensor in graph.outputs],
    }


def graph_from_config(config: dict[str, Any]) -> tuple[list[SymbolicTensor], list[SymbolicTensor]]:
    """Make the layers, call them, and return the inputs and outputs.

    Raises
    ------
    ValueError, TypeError
        When it is not what :func:`graph_config` returns.
    """
    made: list[Layer] = [layers.deserialize(item) for item in _items(config, "layers")]
    tensors: list[SymbolicTensor] = []
    for node in _items(config, "nodes"):
        if not isinstance(node, dict):
            raise bad_value("model config: nodes", "dicts", node)
        layer = made[_index(node.get("layer"), len(made))]
        sources = [tensors[_index(i, len(tensors))] for i in _items(node, "inputs")]
        if isinstance(layer, InputLayer):
            tensors.append(layer())
        else:
            tensors.append(layer(sources))
    inputs = [tensors[_index(i, len(tensors))] for i in _items(config, "inputs")]
    return inputs, [tensors[_index(i, len(tensors))] for i in _items(config, "outputs")]


def _items(config: dict[str, Any], key: str) -> list[Any]:
    items = config.get(key)
    if not isinstance(items, list):
        raise bad_value(f"model config: {key}", "a list", items)
    return items


def _index(value: Any, count: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < count:
        raise bad_value("model config", f"a number below {count}", repr(value))
    return value
