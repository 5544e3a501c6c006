"""From a model and what its outputs are held to, to the graph of ops that a training step runs."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple

from hotloop.graph.parameters import Parameter
from hotloop.graph.symbolic import FunctionalGraph
from hotloop.ir.graph import Attributes, Graph, Op, Value
from hotloop.ir.lower import lower
from hotloop.ir.op import LOSS
from hotloop.ir.pipelines import Purpose, run
from hotloop.ir.rows import mixing_layer
from hotloop.training.heads import ACTIVATIONS, Head


class Lowered(NamedTuple):
    """What a training program is made of.

    Attributes
    ----------
    graph : Graph
        With live parameters; its inputs are the model's, then the labels of losses that are ops, its outputs
        the model's, then logits that a metric, or an output's own loss, wants to see.
    logits : dict of int to (str, int)
        By the number of an output: the activation it ends in, and the number of those logits.
    blocked : str or None
        Why it can evaluate but not train.
    mixing : str
        The layer of the model that mixes rows, if any; losses that do are no layers.
    """

    graph: Graph
    logits: dict[int, tuple[str, int]]
    blocked: str | None
    mixing: str


def training_graph(
    graph: FunctionalGraph,
    heads: Sequence[Head],
    learning: Container[Parameter],
    precision: str,
    on_gpu: bool,
) -> Lowered:
    """Lower a model with its losses, and let that go through the passes.

    Parameters
    ----------
    graph : FunctionalGraph
        The model.
    heads : sequence of Head
        Its outputs that have a loss.
    learning : container of Parameter
        The weights of the layers that learn, moving averages included.
    precision : {"float32", "tf32", "mixed_bfloat16"}
        As ``compile`` was told.
    on_gpu : bool
        Where the program will run.
    """
    lowered = lower(graph)
    mixing = mixing_layer(lowered)

    def append_losses(made: Graph) -> None:
        for head in heads:
            made.insert(Op(LOSS, [_judged(made, head)], [], _loss_attributes(head), layer=head.name))

    made, found = run(
        lowered,
        Purpose.TRAINING,
        append_losses=append_losses,
        logits={head.index: _measured(head, len(heads) > 1) for head in heads},
        precision=precision,
        on_gpu=on_gpu,
        learning=learning,
    )
    return Lowered(made, found["append_logits"], found.get("find_blocked"), mixing)


def _judged(graph: Graph, head: Head) -> Value:
    """What the loss op reads: an output, or the losses that other ops have made of it."""
    output = graph.outputs[head.index]
    if head.traced is None:
        return output
    labels = graph.add_input(head.labels, name=f"labels of {head.name}")
    return head.traced.lower(graph, labels, output)


def _loss_attributes(head: Head) -> Attributes:
    loss = head.loss
    attributes: Attributes = {"loss": loss.native, "weight": head.weight, "positions": head.positions}
    if head.sums:
        attributes["sum"] = 1
    if head.traced is not None:
        # A row of what the loss op reads counts as its mean.
        numbers = head.traced.size // head.positions if head.sums else 1
        return attributes | {"loss": "values", "weight": head.weight * numbers}
    if loss.on_logits(loss.activation) is not None:
        attributes |= {"computes": loss.activation, "classes": head.shape[-1] if head.shape else 1}
    return attributes | loss.options


def _measured(head: Head, own_loss: bool) -> tuple[list[str], int]:
    """The activations whose logits metrics want, and how long the rows of a softmax must be."""
    kinds = [kind for kind in ACTIVATIONS if head.measures_logits(kind, own_loss)]
    return kinds, head.shape[-1] if head.shape else 1
