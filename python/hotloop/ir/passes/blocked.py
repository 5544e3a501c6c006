"""What should learn can: an op without a gradient on the way from a weight to the losses is named."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.op import LOSS, layer_text
from hotloop.ir.ops import record_of
from hotloop.ir.ops.stop_gradient import STOP_GRADIENT

# What gradients.py calls functions that look at a shape alone.
_OF_SHAPES = ("full_like",)


def find_blocked(graph: Graph) -> str | None:
    """Find an op without a gradient that cuts all ways from a weight that learns to the losses.

    Comes behind the pass that marks what is trainable, and before those that join ops. Where another way is
    open, as beside the condition of a selection, the gradient is that of the other way. A weight from which
    every way to a loss goes through ``stop_gradient``, or none leads there, is not meant to learn.

    Returns
    -------
    str or None
        With what training is to be refused: the op, its layer, and the layer that could not learn.
    """
    if all(_blocked(op, at) in ("", STOP_GRADIENT) for op in graph for at in range(len(op.inputs))):
        return None
    reached, meant = _reached(graph, False), _reached(graph, True)
    having = {weight for op in graph if not reached.isdisjoint(op.outputs) for weight in _learning(op)}
    for op in graph:
        if not meant.isdisjoint(op.outputs) and not having.issuperset(_learning(op)):
            blocking, what = _blocking(graph, op, meant)
            return (
                f"{layer_text(blocking.layer)}: {what} has no gradient, and there is no other way from the "
                f"loss to the weights of layer {op.layer!r}; freeze that layer (trainable = False), "
                f"{_instead(blocking, what)}or write by stop_gradient alone that nothing is to learn from it"
            )
    return None


def _instead(op: Op, what: str) -> str:
    """What may be written instead of an op without a gradient, for something to learn from it."""
    if op.attributes.get("kind") == "argmax":
        return "weigh by hotloop.ops.softmax(x) what argmax(x) would choose, "
    alike = all(value.shape == op.output.shape for value in op.inputs)
    if not alike or what in _OF_SHAPES:
        return ""
    return f"write x + stop_gradient({what}(x) - x), which has the gradient of x, "


def _learning(op: Op) -> list[Any]:
    """The weights that an op learns."""
    learns = op.weights and op.attributes.get("trainable")
    return [weight for weight in op.weights.values() if weight.trainable] if learns else []


def _blocked(op: Op, at: int) -> str:
    return record_of(op).blocked_by(op, at)


def _reached(graph: Graph, anyway: bool) -> set[Value]:
    """The values that have a gradient; ``anyway`` also those that lack one because an op has none."""
    reached: set[Value] = set()
    for op in reversed(graph.ops):
        if op.kind == LOSS:
            reached.update(op.inputs)
        elif not reached.isdisjoint(op.outputs):
            through = anyway and op.kind != STOP_GRADIENT
            reached.update(v for at, v in enumerate(op.inputs) if through or not _blocked(op, at))
    return reached


def _blocking(graph: Graph, start: Op, meant: Set[Value]) -> tuple[Op, str]:
    """The first op on the way to a loss that has no gradient for what it reads, and what it does there."""
    way = [value for value in start.outputs if value in meant]
    for value in way:
        for reader in graph.readers(value):
            if reader.kind != LOSS and not meant.isdisjoint(reader.outputs):
                found = [_blocked(reader, at) for at, v in enumerate(reader.inputs) if v is value]
                if all(found):
                    return reader, found[0]
                way += [made for made in reader.outputs if made in meant and made not in way]
    raise AssertionError("a gradient reaches it")
