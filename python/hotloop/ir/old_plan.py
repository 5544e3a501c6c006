"""Frozen programs as files of version 0.1 hold them: ops over numbered values of which nothing is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hotloop import _native
from hotloop.ir.config import attributes_from
from hotloop.ir.graph import Array


def upgraded(plan: Mapping[str, Any], tensors: Mapping[str, Array]) -> dict[str, Any]:
    """Return the config of a graph that does what a plan does.

    How wide the values are, and of which type, the native ops tell.

    Raises
    ------
    ValueError, TypeError, KeyError
        When it is no plan.
    """
    native = _native.Graph()
    numbers: dict[Any, int] = {}
    for value, features in plan["inputs"]:
        numbers[value] = int(native.input(features))
    ops = []
    for item in plan["ops"]:
        inputs = [numbers[value] for value in item["inputs"]]
        arrays = {key: tensors[name] for key, name in dict(item["arrays"]).items()}
        attributes = attributes_from(item["attributes"])
        offsets = dict.fromkeys(item["weights"], 0)  # any: nothing is computed
        made = native.add(item["op"], inputs, attributes, offsets, arrays)
        if isinstance(made, tuple):
            raise ValueError(f"op {item['op']!r} of layer {item['source']!r} makes several values")
        if item["output"] in numbers:
            raise ValueError(f"op {item['op']!r} of layer {item['source']!r} makes what there is already")
        numbers[item["output"]] = made
        ops.append(
            {
                "kind": item["op"],
                "inputs": inputs,
                "outputs": [{"shape": list(native.shape(made)), "dtype": native.dtype(made)}],
                "attributes": item["attributes"],
                "weights": item["weights"],
                "constants": item["arrays"],
                "layer": item["source"],
            }
        )
    return {
        "inputs": [{"shape": [features], "dtype": "float32"} for _, features in plan["inputs"]],
        "ops": ops,
        "outputs": [numbers[value] for value in plan["outputs"]],
    }
