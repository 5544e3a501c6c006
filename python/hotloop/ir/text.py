"""Ops in words."""

from __future__ import annotations

from collections.abc import Mapping

from hotloop.ir.op import Attribute, Op, Value


def op_text(op: Op, names: Mapping[Value, str]) -> str:
    """An op in one line: ``%3 = dense(%1, units=10) kernel=(784, 10) : float32(10)  # dense_1``."""
    attributes = [f"{key}={_attribute_text(value)}" for key, value in op.attributes.items()]
    arguments = ", ".join([*(names[value] for value in op.inputs), *attributes])
    weights = [f" {key}={tuple(weight.shape)}" for key, weight in op.weights.items()]
    constants = [f" {key}={array.dtype}{array.shape}" for key, array in op.constants.items()]
    made = ", ".join(names[value] for value in op.outputs)
    types = ", ".join(map(repr, op.outputs))
    return (
        (f"{made} = " if made else "")
        + f"{op.kind}({arguments})"
        + "".join([*weights, *constants])
        + (f" : {types}" if types else "")
        + remark(op.layer)
    )


def op_label(kind: str, attributes: Mapping[str, object]) -> str:
    """What an op of this kind computes, for tables: the kind, and the activation in it.

    Examples
    --------
    >>> op_label("dense", {"units": 3, "activation": "relu"})
    'dense relu'
    """
    if kind == "activation":
        return str(attributes["kind"])
    activation = str(attributes.get("activation", "linear"))
    return kind if activation == "linear" else f"{kind} {activation}"


def _attribute_text(value: Attribute) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def remark(text: str) -> str:
    """A comment at the end of a line; nothing where there is nothing to say."""
    return f"  # {text}" if text else ""
