"""Ops that do nothing, or nothing in inference, go."""

from __future__ import annotations

from hotloop.ir.graph import Graph
from hotloop.ir.ops import record_of


def drop_identities(graph: Graph) -> None:
    """Take out what does nothing even in training: dropout that drops nothing."""
    _drop(graph, training=True)


def drop_for_inference(graph: Graph) -> None:
    """Take out what only training needs, and rescaling by 1."""
    _drop(graph, training=False)


def _drop(graph: Graph, training: bool) -> None:
    for op in graph.ops:
        if record_of(op).does_nothing(op, training):
            graph.bypass(op)
