"""Operations on one operand: other types, gradients that stop, built-in activations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hotloop.core.errors import unknown_name
from hotloop.ir.activation import ChosenActivation
from hotloop.ops import lower as lowering
from hotloop.ops.operands import operand, spec
from hotloop.ops.operation import Arguments, Call, Primitive, primitive, record
from hotloop.ops.types import DTYPES, Spec

if TYPE_CHECKING:
    from hotloop.ir.graph import Graph, Value

Specs = Sequence[Spec | float]
Values = Sequence["Value | float"]


def _one(values: Values, specs: Specs) -> tuple[Value, Spec]:
    (value,), (one,) = values, specs
    assert isinstance(one, Spec)
    assert not isinstance(value, int | float)
    return value, one


@primitive
class Cast(Primitive):
    """The same numbers in another type."""

    name = "cast"

    def spec(self, operands: Specs, arguments: Arguments) -> Spec:
        (x,) = operands
        assert isinstance(x, Spec)
        if arguments["dtype"] not in DTYPES:
            raise unknown_name("cast: dtype", arguments["dtype"], DTYPES)
        return Spec(x.shape, arguments["dtype"], x.mixes_rows)

    def lower(self, graph: Graph, values: Values, operands: Specs, made: Call) -> Value:
        value, x = _one(values, operands)
        return lowering.cast(graph, value, x.dtype, made.spec.dtype)


@primitive
class StopGradient(Primitive):
    """The same numbers, which no gradient goes through."""

    name = "stop_gradient"
    moves = True

    def spec(self, operands: Specs, arguments: Arguments) -> Spec:
        (x,) = operands
        assert isinstance(x, Spec)
        return x

    def lower(self, graph: Graph, values: Values, operands: Specs, made: Call) -> Value:
        return graph.add("stop_gradient", [_one(values, operands)[0]])


@primitive
class Activation(Primitive):
    """An activation that has a kernel of its own; those of whole rows work along the last axis."""

    name = "activation"

    def label(self, arguments: Arguments) -> str:
        return str(arguments.get("kind", self.name))

    def spec(self, operands: Specs, arguments: Arguments) -> Spec:
        (x,) = operands
        assert isinstance(x, Spec)
        shape = x.shape
        if arguments["kind"] == "glu" and x.sample_shape:
            shape = (*shape[:-1], ChosenActivation("glu").output_units(x.sample_shape[-1]))
        return Spec(shape, "float32", x.mixes_rows)

    def lower(self, graph: Graph, values: Values, operands: Specs, made: Call) -> Value:
        value, x = _one(values, operands)
        attributes = {key: made.arguments[key] for key in ("kind", "alpha", "beta")}
        attributes["last_axis"] = x.sample_shape[-1] if x.sample_shape else 1
        shape = made.spec.sample_shape
        return graph.add("activation", [lowering.as_float(graph, value)], attributes, shape=shape)


def to_type(x: Any, dtype: str) -> Any:
    """Record a change of type, where it is one."""
    x = operand("cast", x)
    one = spec(x)
    return x if isinstance(one, Spec) and one.dtype == dtype else record("cast", [x], dtype=dtype)
