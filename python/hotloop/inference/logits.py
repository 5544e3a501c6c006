"""What went into the activation at the end of a frozen model, for cross-entropies to be exact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hotloop.device import to_host
from hotloop.feed.arrays import Array, Floats
from hotloop.ir.applied import split_activation
from hotloop.ir.build import Built, build
from hotloop.ir.graph import Graph
from hotloop.ir.ops import record_of
from hotloop.training.heads import ACTIVATIONS, Head, Logits, loss_of


class WithLogits:
    """A frozen graph's program, and those that give logits behind its outputs, each built when first asked
    for."""

    def __init__(self, graph: Graph, built: Built) -> None:
        self._graph = graph
        self._built = built
        self._made: dict[tuple[int, ...], Built] = {}  # by the outputs whose logits are wanted

    def run(self, heads: Sequence[Head], inputs: list[Array]) -> tuple[list[Floats], dict[int, Logits]]:
        """Return the outputs on the host, and the logits that heads want by the number of their output."""
        graph, places = with_logits(self._graph, heads)
        judged, wanted = self._built, tuple(places)
        if wanted:
            judged = self._made.get(wanted) or build(graph, judged.backend)
            self._made[wanted] = judged
        outputs = [to_host(array) for array in judged.run(inputs)]
        return outputs, {i: Logits(kind, outputs[place]) for i, (kind, place) in places.items()}


def with_logits(graph: Graph, heads: Sequence[Head]) -> tuple[Graph, dict[int, tuple[str, int]]]:
    """Return a graph that gives such logits behind its outputs, and where.

    Parameters
    ----------
    graph : Graph
        Flattened; stays as it is.
    heads : sequence of Head

    Returns
    -------
    graph : Graph
    places : dict of int to (str, int)
        By the number of an output whose loss or metrics want them: the activation, and which output has what
        went into it.
    """
    made = graph.copy()
    places: dict[int, tuple[str, int]] = {}
    for head in heads:
        op = made.producer(made.outputs[head.index])
        if op is None:
            continue
        kind = record_of(op).activation(op)
        along = kind != "softmax" or op.attributes["last_axis"] == head.shape[-1]
        if kind not in ACTIVATIONS or not along or not head.measures_logits(kind, own_loss=True):
            continue
        places[head.index] = kind, len(made.outputs)
        logits = split_activation(made, op)  # which changes what the outputs are
        made.outputs = [*made.outputs, logits]
    return made, places


def total_loss(
    heads: Sequence[Head],
    labels: Sequence[Array],
    outputs: Sequence[Floats],
    weights: Sequence[Floats | None],
    logits: Mapping[int, Logits],
    batches: Sequence[int],
) -> float:
    """Return the sum of the outputs' losses, each times its weight; ``batches`` have so many rows."""
    return float(
        sum(
            head.weight * loss_of(head, y, outputs[head.index], logits.get(head.index), each, batches)
            for head, y, each in zip(heads, labels, weights, strict=True)
        )
    )
