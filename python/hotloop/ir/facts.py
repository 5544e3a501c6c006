"""What is known of kinds of ops beside their native half."""

from __future__ import annotations

from hotloop.graph.parameters import Shape
from hotloop.ir.op import Attribute, Op

DTYPES = frozenset(
    {"float32", "uint8", "int8", "int32", "uint16", "bool"}
)  # of values; uint16 holds bfloat16


def weight_shapes(op: Op) -> dict[str, Shape] | None:
    """The shapes that an op's weights have by its attributes; None where nothing is known of the kind.

    Raises
    ------
    TypeError, KeyError
        When an attribute that says so is missing or no integer.
    """
    if op.kind == "batch_norm":
        return dict.fromkeys(op.weights, (_integer(op.attributes["last_axis"]),))
    if op.kind in ("dense", "dense_mixed"):
        last_axis, units = _integer(op.attributes["last_axis"]), _integer(op.attributes["units"])
        return {"kernel": (last_axis, units), "bias": (units,)}
    return None


def _integer(attribute: Attribute) -> int:
    if not isinstance(attribute, int):
        raise TypeError(f"expected an integer, got {attribute!r}")
    return attribute
