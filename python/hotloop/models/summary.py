"""The table that ``model.summary()`` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hotloop.layers.input import InputLayer

if TYPE_CHECKING:
    from hotloop.graph.symbolic import Node
    from hotloop.layers.base import Layer
    from hotloop.models.functional import Model


def summary_lines(model: Model, width: int) -> list[str]:
    """Return the table of a model's layers as lines of about ``width`` columns."""
    lines = [f'Model: "{model.name}"']
    if not model.built:
        names = [f"  {layer.name} ({type(layer).__name__})" for layer in model.layers]
        return [*lines, "not built: its input's shape is not known yet", *names]
    graph = model.graph
    readers = Counter(tensor for node in graph.nodes for tensor in set(node.inputs))
    branches = any(len(node.inputs) > 1 for node in graph.nodes) or len(graph.nodes) > len(graph.layers)
    branches = branches or any(count > 1 for count in readers.values())
    calls: dict[Layer, list[Node]] = {}
    for node in graph.nodes:
        calls.setdefault(node.layer, []).append(node)
    layers = graph.layers if branches else [x for x in graph.layers if not isinstance(x, InputLayer)]
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

    total = model.count_params()
    trainable = sum(parameter.size for parameter in model.trainable_weights)
    return [
        *lines,
        ruler,
        formatted(header),
        ruler,
        *(formatted(row) for row in rows),
        ruler,
        f"Total params: {total:,} ({_bytes(total)})",
        f"Trainable params: {trainable:,} ({_bytes(trainable)})",
        f"Non-trainable params: {total - trainable:,} ({_bytes(total - trainable)})",
    ]


def _row(layer: Layer, nodes: Sequence[Node], branches: bool) -> list[str]:
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
