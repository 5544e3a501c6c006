"""The layer that a function of this room becomes when it is given symbolic tensors."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from hotloop.core.errors import bad_type, bad_value, unknown_name
from hotloop.graph.symbolic import Node, SymbolicTensor, as_tensors
from hotloop.ops.layer import LAYERS, Layer
from hotloop.ops.lower import add_constant
from hotloop.ops.of_weights import beside_tensor, path_behind
from hotloop.ops.types import DTYPES, Spec, spec_of

if TYPE_CHECKING:
    from hotloop.ir.graph import Graph, Value

Arguments = dict[str, Any]
Array = npt.NDArray[Any]
Operand = SymbolicTensor | Array | float


class Primitive:
    """What kinds of operations have in common: what they make of which operands, and the ops that do it.

    A subclass is known by its name, which files hold.
    """

    name: ClassVar[str]
    moves: ClassVar[bool] = False  # whether it computes nothing: integers stay int32
    rounds: ClassVar[bool] = False  # whether integers that it makes may be none of float32

    def label(self, arguments: Arguments) -> str:
        """What the layer is called when nobody names it."""
        return self.name

    def spec(self, operands: Sequence[Spec | float], arguments: Arguments) -> Spec:
        """Return what is made, without looking at numbers; refuse what does not fit."""
        raise NotImplementedError

    def lower(
        self, graph: Graph, values: Sequence[Value | float], operands: Sequence[Spec | float], made: Call
    ) -> Value:
        """Append the ops to a graph and return the value they make."""
        raise NotImplementedError


class Call:
    """What :meth:`Primitive.lower` is told of the call beside its operands."""

    __slots__ = ("arguments", "spec")

    def __init__(self, spec: Spec, arguments: Arguments) -> None:
        self.spec = spec
        self.arguments = arguments


PRIMITIVES: dict[str, Primitive] = {}


def primitive(cls: type[Primitive]) -> type[Primitive]:
    """Register a kind of operation."""
    PRIMITIVES[cls.name] = cls()
    return cls


@LAYERS.register
class Operation(Layer):
    """One function of :mod:`hotloop.ops` in a model.

    Parameters
    ----------
    op : str
        The primitive's name.
    operands : list
        For each operand None where a tensor stands, a number, or an array (or what :meth:`get_config` made of
        it).
    arguments : dict
        The primitive's own, JSON values.
    name, trainable
        See :class:`~hotloop.layers.Layer`.
    """

    merges = True

    def __init__(
        self,
        op: str,
        operands: Sequence[Any] = (None,),
        arguments: Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        if op not in PRIMITIVES:
            raise unknown_name("operation", op, PRIMITIVES)
        self.op = op
        self.primitive = PRIMITIVES[op]
        self.arguments = dict(arguments or {})
        super().__init__(name=name or self.automatic_prefix, trainable=trainable)
        self.has_automatic_name = name is None
        self.operands = [_decoded(operand) for operand in operands]
        self.built = True

    @property
    def automatic_prefix(self) -> str:
        """What its function is called; a model adds a number where it is not the only one."""
        return self.primitive.label(self.arguments)

    def __call__(self, inputs: Any, *others: Any, training: Any = None, mask: Any = None) -> SymbolicTensor:
        """Do the same with other tensors."""
        tensors = as_tensors(f"{self._label}: inputs", inputs)
        expected = sum(operand is None for operand in self.operands)
        if len(tensors) != expected:
            raise bad_value(f"{self._label}: inputs", f"{expected} tensors", len(tensors))
        made = self.primitive.spec(self._specs([spec_of(tensor) for tensor in tensors]), self.arguments)
        node = made.node(self, tensors)
        self.nodes.append(node)
        return node.output

    def _specs(self, given: Sequence[Spec]) -> list[Spec | float]:
        tensors = iter(given)
        return [
            next(tensors)
            if operand is None
            else Spec(operand.shape, str(operand.dtype))
            if isinstance(operand, np.ndarray)
            else operand
            for operand in self.operands
        ]

    def lower(self, graph: Graph, inputs: Sequence[Value], node: Node) -> Value:
        """Append the ops; arrays become constants of the graph."""
        specs = self._specs([spec_of(tensor) for tensor in node.inputs])
        tensors = iter(inputs)
        values = [
            next(tensors)
            if operand is None
            else add_constant(graph, operand)
            if isinstance(operand, np.ndarray)
            else operand
            for operand in self.operands
        ]
        return self.primitive.lower(graph, values, specs, Call(spec_of(node.output), self.arguments))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "op": self.op,
            "operands": [_encoded(operand) for operand in self.operands],
            "arguments": self.arguments,
        }


def record(op: str, operands: Sequence[Operand], **arguments: Any) -> SymbolicTensor:
    """Add a call of a primitive to the layer graph, in which arrays are what they are now.

    Parameters
    ----------
    op : str
    operands : sequence of SymbolicTensor, ndarray or number
        At least one tensor.
    **arguments
        JSON values.
    """
    tensors = [operand for operand in operands if isinstance(operand, SymbolicTensor)]
    return Operation(op, [_constant(one) for one in operands], arguments)(tensors)


def _constant(operand: Operand) -> Array | float | None:
    """What an operand is to the layer: of an array a copy, which nobody else writes to."""
    if isinstance(operand, SymbolicTensor):
        return None
    if isinstance(operand, np.ndarray):
        path = path_behind([operand])
        if path:
            raise beside_tensor(path)
        return np.array(operand)
    return operand


def _encoded(operand: Any) -> Any:
    """An operand as a JSON value."""
    if isinstance(operand, np.ndarray):
        text = base64.b64encode(np.ascontiguousarray(operand).tobytes()).decode()
        return {"dtype": str(operand.dtype), "shape": list(operand.shape), "base64": text}
    if isinstance(operand, float) and not math.isfinite(operand):
        return {"number": str(operand)}
    return operand


def _decoded(operand: Any) -> Any:
    if not isinstance(operand, dict):
        if operand is not None and not isinstance(operand, int | float | np.ndarray):
            raise bad_type("operation: operand", "None, a number or an array", operand)
        return operand
    if "number" in operand:
        return float(operand["number"])
    if operand.get("dtype") not in DTYPES:
        raise unknown_name("dtype of an operand", operand.get("dtype"), DTYPES)
    data = base64.b64decode(operand["base64"], validate=True)
    return np.frombuffer(data, operand["dtype"]).reshape(operand["shape"]).copy()
