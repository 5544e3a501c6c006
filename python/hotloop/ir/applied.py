"""Activations that another op applies, a product or a loss; and how a product gives one back."""

from __future__ import annotations

from hotloop.ir.graph import Attributes, Graph, Op, Value
from hotloop.ir.op import LOSS
from hotloop.ir.ops import record_of
from hotloop.ir.views import users


def is_computed_by_a_loss(graph: Graph, activation: Op) -> bool:
    """Whether a loss computes an activation itself."""
    readers = users(graph, activation.output)
    return any(reader.kind == LOSS and reader.attributes.get("fuse") for reader in readers)


def is_linear(op: Op) -> bool:
    """Whether a product applies no activation yet."""
    return record_of(op).activation(op) == "linear"


def parameters(op: Op) -> dict[str, float]:
    """Those that an activation was given; without them it has its kind's own."""
    return {key: op.number(key) for key in ("alpha", "beta") if key in op.attributes}


def split_activation(graph: Graph, product: Op) -> Value:
    """Give the activation that a product applies an op of its own, and return what goes into that.

    An op that is an activation is one already.
    """
    if product.kind == "activation":
        return product.input
    made, attributes = product.output, product.attributes
    how: Attributes = {"kind": attributes["activation"]}
    how |= parameters(product) | {"last_axis": attributes["units"]}
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
