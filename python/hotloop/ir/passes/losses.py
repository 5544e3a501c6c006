"""Losses compute the softmax or sigmoid before them themselves, from its logits."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.op import LOSS
from hotloop.ir.views import is_wanted, source, users


def fuse_losses(graph: Graph) -> None:
    """Decide for each loss that can compute an activation itself whether the one before it is of that kind.

    Such a loss says which kind by the attribute ``computes``, and by ``classes`` how long its rows are; both
    are gone afterwards, and ``fuse`` is there.
    """
    for op in graph.ops:
        if op.kind == LOSS:
            kind, classes = op.attributes.pop("computes", ""), op.attributes.pop("classes", 1)
            final = final_activation(graph, op.input)
            op.attributes["fuse"] = final is not None and _is_along(final, str(kind), classes)


def append_logits(
    graph: Graph, wanted: Mapping[int, tuple[Collection[str], int]]
) -> dict[int, tuple[str, int]]:
    """Append to the outputs what went into their last activations.

    Parameters
    ----------
    graph : Graph
    wanted : dict of int to (str, ...), int
        By the number of an output: for which kinds of activation, and how long the rows of a softmax must be.

    Returns
    -------
    dict of int to (str, int)
        By the number of an output: its activation, and the number of the output that has what went into it.
        Only where there is such an activation, and nothing else reads what it takes or makes.
    """
    found: dict[int, tuple[str, int]] = {}
    outputs: list[Value] = list(graph.outputs)
    for index, (kinds, classes) in wanted.items():
        final = final_activation(graph, graph.outputs[index])
        for kind in kinds:
            if final is not None and _is_along(final, kind, classes):
                found[index] = kind, len(outputs)
                outputs.append(final.input)
    graph.outputs = outputs
    return found


def final_activation(graph: Graph, output: Value) -> Op | None:
    """The activation that ends in an output, where a loss may leave it out of a training step.

    That is, where nothing else reads what it takes or makes.
    """
    value = source(graph, output)
    op = graph.producer(value)
    if op is None or op.kind != "activation" or any(user.kind != LOSS for user in users(graph, value)):
        return None
    alone = len(users(graph, source(graph, op.input))) == 1
    return op if alone and not is_wanted(graph, source(graph, op.input)) else None


def _is_along(activation: Op, kind: str, classes: object) -> bool:
    """A sigmoid is elementwise, so any axis will do; a softmax must run along the loss's classes."""
    attributes = activation.attributes
    return attributes["kind"] == kind and (kind == "sigmoid" or attributes["last_axis"] == classes)
