"""Graphs as JSON values beside their tensors, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from hotloop.device.memory import aligned_copy
from hotloop.ir.graph import Array, Attribute, Attributes, Graph, Op, Value
from hotloop.ir.ops import record_of
from hotloop.ir.weights import tensors as tensors_of

MOST_NUMBERS = 2**31 - 1  # of a sample: what a native program counts them in
# Of values; uint16 holds bfloat16.
DTYPES = frozenset({"float32", "uint8", "int8", "int32", "uint16", "bool"})


def graph_config(graph: Graph) -> dict[str, Any]:
    """A frozen graph as JSON values; values are numbered, arrays named as :func:`~hotloop.ir.weights.tensors`
    names them."""
    numbers = {value: number for number, value in enumerate(graph.values)}
    names = {id(array): name for name, array in tensors_of(graph).items()}

    def named(group: Mapping[str, Any]) -> dict[str, str]:
        return {key: names[id(array)] for key, array in group.items()}

    return {
        "inputs": [_value_config(value) for value in graph.inputs],
        "ops": [
            {
                "kind": op.kind,
                "inputs": [numbers[value] for value in op.inputs],
                "outputs": [_value_config(value) for value in op.outputs],
                "attributes": {key: _encoded(value) for key, value in op.attributes.items()},
                "weights": named(op.weights),
                "constants": named(op.constants),
                "layer": op.layer,
            }
            for op in graph
        ],
        "outputs": [numbers[value] for value in graph.outputs],
    }


def graph_from_config(config: Mapping[str, Any], tensors: Mapping[str, Array]) -> Graph:
    """The reverse of :func:`graph_config`.

    Raises
    ------
    ValueError, TypeError, KeyError
        When it describes no graph: a value read before it is made, a weight of another shape. What native ops
        check themselves (attributes, sizes of constants) comes out when the graph is built.
    """
    aligned = {name: aligned_copy(array) for name, array in tensors.items()}
    graph = Graph([_value(item) for item in _list(config["inputs"])])
    values = list(graph.inputs)

    def numbered(numbers: Any) -> list[Value]:
        for number in _list(numbers):
            if not isinstance(number, int) or not 0 <= number < len(values):
                raise ValueError(f"expected a value that is made by then, got number {number!r}")
        return [values[number] for number in numbers]

    for item in _list(config["ops"]):
        op = Op(
            _text(item["kind"]),
            numbered(item["inputs"]),
            [_value(output) for output in _list(item["outputs"])],
            attributes_from(item["attributes"]),
            {key: aligned[name] for key, name in _dict(item["weights"]).items()},
            {key: aligned[name] for key, name in _dict(item["constants"]).items()},
            _text(item["layer"]),
        )
        _check_weights(op)
        values += graph.insert(op).outputs
    graph.outputs = numbered(config["outputs"])
    return graph


def require_finite(graph: Graph) -> None:
    """Refuse a graph that reckons with NaN or infinity; ValueError names where."""
    for op in graph:
        where = f"op {op.kind!r} of layer {op.layer!r}"
        for name, value in op.attributes.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"{where}: attribute {name!r} is {value}, not finite")
        for name, array in {**op.weights, **op.constants}.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise ValueError(f"{where}: {name!r} holds NaN or infinity")


def _check_weights(op: Op) -> None:
    shapes = record_of(op).weight_shapes(op)
    for name, array in op.weights.items():
        shape = array.shape if shapes is None else shapes.get(name)
        if array.dtype != np.float32 or array.shape != shape:
            raise ValueError(
                f"weight {name!r} of layer {op.layer!r}: expected float32 of shape {shape}, "
                f"got {array.dtype} of shape {array.shape}"
            )


def _value_config(value: Value) -> dict[str, Any]:
    config: dict[str, Any] = {"shape": list(value.shape), "dtype": value.dtype}
    if value.name:
        config["name"] = value.name
    if not value.batched:
        config["batched"] = False
    return config


def _value(config: Any) -> Value:
    shape = _list(config["shape"])
    if not all(type(size) is int and size >= 1 for size in shape) or math.prod(shape) > MOST_NUMBERS:
        raise ValueError(
            f"value: expected sizes of at least 1 and at most {MOST_NUMBERS} numbers, got {shape}"
        )
    dtype = config["dtype"]
    if dtype not in DTYPES:
        raise ValueError(f"value: expected one of the dtypes {', '.join(sorted(DTYPES))}, got {dtype!r}")
    return Value(shape, dtype, _text(config.get("name", "")), bool(config.get("batched", True)))


def _encoded(attribute: Attribute) -> Any:
    """JSON has no NaN and no infinity; lists of numbers are tuples here."""
    if isinstance(attribute, tuple):
        return [_encoded(number) for number in attribute]
    if isinstance(attribute, float) and not math.isfinite(attribute):
        return {"float": str(attribute)}
    return attribute


def attributes_from(config: Any) -> Attributes:
    """An op's attributes of their JSON values; TypeError or ValueError where they are none."""
    return {key: _decoded(value) for key, value in _dict(config).items()}


def _decoded(value: Any) -> Attribute:
    if isinstance(value, list):
        return tuple(_decoded_number(number) for number in value)
    return value if isinstance(value, str) else _decoded_number(value)


def _decoded_number(value: Any) -> int | float:
    if isinstance(value, dict):
        return float(value["float"])
    if not isinstance(value, int | float):
        raise TypeError(f"attribute: expected a number, a text or a list of numbers, got {value!r}")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError(f"attribute: expected integers of 64 bits, got {value!r}")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, got {value!r}")
    return value


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"expected a dict, got {value!r}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, got {value!r}")
    return value
