"""Gives small programs the programs of their gradients."""

from __future__ import annotations

from hotloop.ir.elementwise import decode, node_arrays
from hotloop.ir.graph import Graph, Value

KIND = "elementwise"


def differentiate(graph: Graph) -> None:
    """Add to every elementwise op the gradients of those inputs that something learns before.

    Comes last of all passes: behind the one that marks what is trainable, and those that make one program of
    several.

    Raises
    ------
    ValueError
        When the program of the gradients is too large.
    """
    learning: set[Value] = set()
    for op in graph:
        found = [number for number, value in enumerate(op.inputs) if value in learning]
        if found or (op.weights and op.attributes.get("trainable")):
            learning.update(value for value in op.outputs if value.dtype == "float32")
        if op.kind == KIND and found:
            op.constants = node_arrays(decode(op.constants), found)
