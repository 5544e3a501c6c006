"""The table that ``model.summary()`` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hotloop.graph.layer import GraphLayer
from hotloop.graph.network import Network
from hotloop.graph.symbolic import Node


def unbuilt_lines(name: str, layers: Sequence[GraphLayer]) -> list[str]:
    """What can be said of a model whose shapes are not known yet."""
    names = [f"  {layer.name} ({type(layer).__name__})" for layer in layers]
    why = "its input's shape is not known yet" if names else "there are no layers yet"
    return [f'Model: "{name}"', f"not built: {why}", *names]


def summary_lines(network: Network, width: int) -> list[str]:
    """Return the table of a model's layers as lines of about ``width`` columns."""
    graph = network.graph
    readers = Counter(tensor for node in graph.nodes for tensor in set(node.inputs))
    branches = any(len(node.inputs) > 1 for node in graph.nodes) or len(graph.nodes) > len(graph.layers)
    branches = branches or any(count > 1 for count in readers.values())
    calls: dict[GraphLayer, list[Node]] = {}
    for node in graph.nodes:
        calls.setdefault(node.layer, []).append(node)
    # A chain's input is told by the shapes.
    layers = graph.layers if branches else [layer for layer in graph.layers if calls[layer][0].inputs]
    header = ["Layer (type)", "Output Shape", "Param #", *(["Connected to"] if branches else [])]
    rows = [_row(layer, calls[layer], branches) for layer in layers]
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    spare = max(0, width - sum(widths) - 3 * (len(widths) - 1))
    widths[0] += spare // 2
    widths[1] += spare - spare // 2
    ruler = "-" * (sum(widths) + 3 * (len(widths) - 1))

    def formatted(row: list[str]) -> str:
        cells = [
            cell.rjust(w) if i == 2 else cell.ljust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        return "   ".join(cells).rstrip()

    total = sum(parameter.size for parameter in network.weights)
    trainable = sum(parameter.size for parameter in network.trainable_weights)
    return [
        f'Model: "{network.name}"',
        ruler,
        formatted(header),
        ruler,
        *(formatted(row) for row in rows),
        ruler,
        f"Total params: {total:,} ({_bytes(total)})",
        f"Trainable params: {trainable:,} ({_bytes(trainable)})",
        f"Non-trainable params: {total - trainable:,} ({_bytes(total - trainable)})",
    ]


def _row(layer: GraphLayer, nodes: Sequence[Node], branches: bool) -> list[str]:
    row = [
        f"{layer.name} ({type(layer).__name__})",
        ", ".join(dict.fromkeys(str(node.output.shape) for node in nodes)),
        f"{layer.count_params():,}",
    ]
    if branches:
        row.append(", ".join(tensor.layer.name for node in nodes for tensor in node.inputs))
    return row


def _bytes(params: int) -> str:
    size = params * 4.0
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.4g} {unit}"
        size /= 1024
    return f"{size:.4g} GiB"
