"""Operations that work number by number: one instruction each, which a pass joins into larger programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hotloop.core.errors import bad_value, unknown_name
from hotloop.ir.elementwise import INSTRUCTIONS
from hotloop.ops.lower import as_int, drop_leading_ones, elementwise
from hotloop.ops.operands import operand, spec
from hotloop.ops.operation import Arguments, Call, Primitive, primitive, record
from hotloop.ops.shapes import broadcast
from hotloop.ops.types import EXACT, Spec, result_type

if TYPE_CHECKING:
    from hotloop.ir.graph import Graph, Value

_OF_NUMBERS = {"negative", "subtract", "mod", "floor_divide"}  # of truth values there are none
# What they are of two truth values.
_OF_BOOLS = {
    "add": "logical_or",
    "multiply": "logical_and",
    "maximum": "logical_or",
    "minimum": "logical_and",
}


@primitive
class Elementwise(Primitive):
    """One instruction on operands that broadcast."""

    name = "elementwise"
    rounds = True

    def label(self, arguments: Arguments) -> str:
        return str(arguments.get("kind", self.name))

    def spec(self, operands: Sequence[Spec | float], arguments: Arguments) -> Spec:
        kind = arguments["kind"]
        tensors = [one for one in operands if isinstance(one, Spec)]
        if all(one.dtype != "float32" for one in tensors):
            for one in operands:
                if isinstance(one, int) and abs(one) > EXACT and float(np.float32(one)) != one:
                    raise bad_value(kind, "integers from -2**24 to 2**24, which float32 holds", one)
        shape = broadcast(kind, [one.shape for one in tensors])
        return Spec(shape, _dtype(kind, operands), any(one.mixes_rows for one in tensors))

    def lower(
        self, graph: Graph, values: Sequence[Value | float], operands: Sequence[Spec | float], made: Call
    ) -> Value:
        kind, spec = made.arguments["kind"], made.spec
        read: list[Value | float] = []
        for value, one in zip(values, operands, strict=True):
            if isinstance(one, Spec):
                assert not isinstance(value, int | float)
                value = drop_leading_ones(graph, value, len(spec.sample_shape))
            read.append(value)
        if spec.dtype == "bool" and kind in _OF_BOOLS:
            kind = _OF_BOOLS[kind]
        result = elementwise(graph, kind, read, spec.sample_shape)
        return as_int(graph, result) if spec.dtype == "int32" else result


def _dtype(kind: str, operands: Sequence[Spec | float]) -> str:
    if kind not in INSTRUCTIONS:
        raise unknown_name("instruction", kind, INSTRUCTIONS)
    if INSTRUCTIONS[kind].result != "common":
        return INSTRUCTIONS[kind].result
    counted = operands[1:] if kind == "where" else operands
    dtypes = [one.dtype for one in counted if isinstance(one, Spec)]
    found = result_type(*dtypes, weak=[type(one) for one in counted if not isinstance(one, Spec)])
    if found == "bool" and kind in _OF_NUMBERS:
        raise bad_value(kind, "numbers", "truth values", "cast them to int32 or float32 first")
    return found


def common_type(kind: str, *values: Any) -> str:
    """Return the type of what an instruction makes of tensors, arrays and numbers."""
    return _dtype(kind, [spec(operand(kind, value)) for value in values])


def apply(kind: str, *values: Any, what: str = "") -> Any:
    """Record one instruction on tensors, arrays and numbers."""
    return record("elementwise", [operand(what or kind, value) for value in values], kind=kind)
