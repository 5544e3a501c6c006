"""Products apply the activation behind them while they store their results."""

from __future__ import annotations

from collections.abc import Collection

from hotloop.ir.activation import ROWWISE, is_fusable
from hotloop.ir.applied import is_computed_by_a_loss, is_linear, parameters
from hotloop.ir.graph import Graph, Op
from hotloop.ir.ops import product_of


def fuse_activations(graph: Graph) -> None:
    """Fuse elementwise activations whose derivative follows from what they make.

    Only those of the layer whose product it is: activations that are layers of their own stay ops of their
    own, which a profile or a report on quantisation shows as such.
    """
    for op in graph.ops:
        if op.kind != "activation":
            continue
        maker = graph.producer(op.input)
        if (
            maker is not None
            and product_of(maker) is not None
            and maker.layer == op.layer
            and is_linear(maker)
            and graph.only_reader(maker.output) is op
            and is_fusable(str(op.attributes["kind"]), **parameters(op))
            and not is_computed_by_a_loss(graph, op)
        ):
            fuse_activation(graph, maker, op)


def fuse_into(graph: Graph, products: Collection[Op]) -> None:
    """Fuse every elementwise activation that alone reads one of some products: quantised kernels can."""
    for op in graph.ops:
        if op.kind != "activation" or op.attributes["kind"] in ROWWISE:
            continue
        maker = graph.producer(op.input)
        if maker in products and maker and is_linear(maker) and graph.only_reader(maker.output) is op:
            fuse_activation(graph, maker, op)


def fuse_activation(graph: Graph, product: Op, activation: Op) -> None:
    """Let a product apply the activation that alone reads its result."""
    product.attributes |= {"activation": activation.attributes["kind"], **parameters(activation)}
    graph.absorb(product, activation)
