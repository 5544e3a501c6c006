"""Ops that do nothing, or nothing in inference, go."""

from __future__ import annotations

from hotloop.ir.graph import Graph, Op

TRAINING_ONLY = frozenset({"dropout", "stop_gradient"})


def drop_identities(graph: Graph) -> None:
    """Take out dropout that drops nothing."""
    for op in graph.ops:
        if op.kind == "dropout" and op.attributes["rate"] == 0:
            graph.bypass(op)


def drop_for_inference(graph: Graph) -> None:
    """Take out what only training needs, and rescaling by 1."""
    for op in graph.ops:
        if op.kind in TRAINING_ONLY or _is_identity(op):
            graph.bypass(op)


def _is_identity(op: Op) -> bool:
    return op.kind == "rescale" and op.attributes["scale"] == 1 and op.attributes.get("offset", 0) == 0
