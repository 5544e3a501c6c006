"""From a model and what its outputs are held to, to the graph of ops that a training step runs."""

from __future__ import annotations

from collections.abc import Sequence, Set

from hotloop.graph.layer import GraphLayer
from hotloop.graph.symbolic import FunctionalGraph
from hotloop.ir.graph import Attributes, Graph, Op
from hotloop.ir.lower import lower
from hotloop.ir.op import LOSS
from hotloop.ir.passes.copy_outputs import copy_outputs
from hotloop.ir.passes.differentiate import differentiate
from hotloop.ir.passes.drop import drop_identities
from hotloop.ir.passes.fuse_activations import fuse_activations
from hotloop.ir.passes.fuse_elementwise import fuse_elementwise
from hotloop.ir.passes.losses import append_logits, fuse_losses
from hotloop.ir.passes.precision import choose_precision
from hotloop.ir.passes.trainable import mark_trainable
from hotloop.training.heads import ACTIVATIONS, Head


def training_graph(
    graph: FunctionalGraph,
    heads: Sequence[Head],
    trainable: Set[GraphLayer],
    precision: str,
    on_gpu: bool,
) -> tuple[Graph, dict[int, tuple[str, int]]]:
    """Lower a model with its losses, and go through the passes in order.

    Returns
    -------
    graph : Graph
        With live parameters; its outputs are the model's, then logits that a metric, or an output's own loss,
        wants to see.
    logits : dict of int to (str, int)
        By the number of an output: the activation it ends in, and the number of those logits.
    """
    made = lower(graph)
    drop_identities(made)
    copy_outputs(made)
    for head in heads:
        made.insert(Op(LOSS, [made.outputs[head.index]], [], _loss_attributes(head), layer=head.name))
    fuse_losses(made)
    logits = append_logits(made, {head.index: _measured(head, len(heads) > 1) for head in heads})
    fuse_activations(made)
    fuse_elementwise(made)
    choose_precision(made, precision, on_gpu)
    mark_trainable(made, {p for layer in trainable for p in layer.own_parameters})
    differentiate(made)
    return made, logits


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
