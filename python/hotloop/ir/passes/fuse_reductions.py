"""Lets a small program add up what it makes of each sample, while that lies in the first-level cache."""

from __future__ import annotations

from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.op import ELEMENTWISE, layers_of

MOST_NUMBERS = 65_536  # of a sample: each thread has memory for one


def fuse_reductions(graph: Graph) -> None:
    """Join sums and means over whole samples with the program that makes what they add up.

    Only where nothing else reads that: it is never in memory then. The sums have the bits that they
    would have from memory; in the gradient, factors may be multiplied in another order.
    """
    for op in graph.ops:
        if op.kind == "reduce" and _is_over_samples(op):
            maker = graph.producer(op.input)
            if maker is not None and _makes_that_alone(graph, maker):
                _join(graph, maker, op)


def _is_over_samples(op: Op) -> bool:
    kind, value = op.attributes["kind"], op.input
    return (
        kind in ("sum", "mean")
        and value.batched
        and op.output.batched
        and op.output.shape == (1,) * len(value.shape)
        and value.features <= MOST_NUMBERS
    )


def _makes_that_alone(graph: Graph, maker: Op) -> bool:
    return (
        maker.kind == ELEMENTWISE
        and "reduce" not in maker.attributes
        and len(maker.outputs) == 1
        and not graph.is_output(maker.output)
        and len(graph.readers(maker.output)) == 1
    )


def _join(graph: Graph, maker: Op, op: Op) -> None:
    made = op.output
    twin = Value(made.shape, made.dtype, made.name, made.batched)
    attributes = {"reduce": op.attributes["kind"]}
    graph.insert(
        Op(ELEMENTWISE, maker.inputs, [twin], attributes, {}, maker.constants, layers_of(maker, op)), op
    )
    graph.replace(made, twin)
    graph.remove(op)
    graph.remove(maker)
