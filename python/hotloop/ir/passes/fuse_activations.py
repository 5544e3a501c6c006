"""Products apply the activation behind them while they store their results."""

from __future__ import annotations

from collections.abc import Collection

from hotloop.ir.activation import ROWWISE, is_fusable
from hotloop.ir.graph import Attributes, Graph, Op, Value
from hotloop.ir.ops import product_of, record_of
from hotloop.ir.passes.losses import is_computed_by_a_loss


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
            and is_fusable(str(op.attributes["kind"]), **_parameters(op))
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
    product.attributes |= {"activation": activation.attributes["kind"], **_parameters(activation)}
    graph.absorb(product, activation)


def split_activation(graph: Graph, product: Op) -> Value:
    """Give the activation that a product applies an op of its own, and return what goes into that.

    An op that is an activation is one already.
    """
    if product.kind == "activation":
        return product.input
    made, attributes = product.output, product.attributes
    how: Attributes = {"kind": attributes["activation"]}
    how |= _parameters(product) | {"last_axis": attributes["units"]}
    value = graph.add(
        product.kind,
        product.inputs,
        attributes | {"activation": "linear"},
        product.weights,
        product.constants,
        shape=made.shape,
        dtype=made.dtype,
        before=product,
    )
    graph.replace(made, graph.add("activation", [value], how, before=product))
    graph.remove(product)
    return value


def is_linear(op: Op) -> bool:
    """Whether a product applies no activation yet."""
    return record_of(op).activation(op) == "linear"


def _parameters(op: Op) -> dict[str, float]:
    """Those that an activation was given; without them it has its kind's own."""
    return {key: op.number(key) for key in ("alpha", "beta") if key in op.attributes}
