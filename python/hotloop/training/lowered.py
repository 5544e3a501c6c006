"""From a model and what its outputs are held to, to the graph of ops that a training step runs."""

from __future__ import annotations

from collections.abc import Sequence, Set

from hotloop.graph.layer import GraphLayer
from hotloop.graph.symbolic import FunctionalGraph
from hotloop.ir.graph import Attributes, Graph, Op
from hotloop.ir.lower import lower
from hotloop.ir.op import LOSS
from hotloop.ir.pipelines import Purpose, run
from hotloop.training.heads import ACTIVATIONS, Head


def training_graph(
    graph: FunctionalGraph,
    heads: Sequence[Head],
    trainable: Set[GraphLayer],
    precision: str,
    on_gpu: bool,
) -> tuple[Graph, dict[int, tuple[str, int]]]:
    """Lower a model with its losses, and let that go through the passes.

    Returns
    -------
    graph : Graph
        With live parameters; its outputs are the model's, then logits that a metric, or an output's own loss,
        wants to see.
    logits : dict of int to (str, int)
        By the number of an output: the activation it ends in, and the number of those logits.
    """

    def append_losses(made: Graph) -> None:
        for head in heads:
            output = made.outputs[head.index]
            made.insert(Op(LOSS, [output], [], _loss_attributes(head), layer=head.name))

    made, found = run(
        lower(graph),
        Purpose.TRAINING,
        append_losses=append_losses,
        logits={head.index: _measured(head, len(heads) > 1) for head in heads},
        precision=precision,
        on_gpu=on_gpu,
        learning={p for layer in trainable for p in layer.own_parameters},
    )
    return made, found["append_logits"]


def _loss_attributes(head: Head) -> Attributes:
    loss = head.loss
    attributes: Attributes = {"loss": loss.native, "weight": head.weight, "positions": head.positions}
    if loss.on_logits(loss.activation) is not None:
        attributes |= {"computes": loss.activation, "classes": head.shape[-1]}
    return attributes | loss.options


def _measured(head: Head, own_loss: bool) -> tuple[list[str], int]:
    """The activations whose logits metrics want, and how long the rows of a softmax must be."""
    kinds = [kind for kind in ACTIVATIONS if head.measures_logits(kind, own_loss)]
    return kinds, head.shape[-1] if head.shape else 1
