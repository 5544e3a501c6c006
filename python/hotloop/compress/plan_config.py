"""Plans as JSON values beside their tensors, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from hotloop.compress.plan import Array, Op, Plan
from hotloop.device.memory import aligned_copy


def plan_config(plan: Plan) -> dict[str, Any]:
    """The plan as JSON values; arrays are named as in `Plan.tensors`."""
    names = {id(array): name for name, array in plan.tensors().items()}

    def named(group: dict[str, Any]) -> dict[str, str]:
        return {key: names[id(array)] for key, array in group.items()}

    return {
        "inputs": [[value, features] for value, features in plan.inputs.items()],
        "outputs": list(plan.outputs),
        "ops": [
            {
                "op": op.op,
                "inputs": list(op.inputs),
                "output": op.output,
                "attributes": dict(op.attributes),
                "weights": named(op.weights),
                "arrays": named(op.arrays),
                "source": op.source,
            }
            for op in plan.ops
        ],
    }


def plan_from_config(config: Mapping[str, Any], tensors: Mapping[str, Array]) -> Plan:
    """The reverse of :func:`plan_config`.

    Raises
    ------
    ValueError, TypeError, KeyError
        When it describes no program: a value read before it is made, a weight of another shape. What the
        native ops check themselves (attributes, sizes of arrays) comes out when the plan is built.
    """
    aligned = {name: aligned_copy(array) for name, array in tensors.items()}
    inputs = {int(value): int(features) for value, features in config["inputs"]}
    known = set(inputs)
    ops = []
    for item in config["ops"]:
        op = Op(
            str(item["op"]),
            [int(value) for value in item["inputs"]],
            int(item["output"]),
            dict(item["attributes"]),
            {str(key): aligned[name] for key, name in item["weights"].items()},
            {str(key): aligned[name] for key, name in item["arrays"].items()},
            str(item["source"]),
        )
        if not known.issuperset(op.inputs) or op.output in known:
            raise ValueError(f"op {op.op!r} of layer {op.source!r} reads or makes a value out of order")
        known.add(op.output)
        for name, array in op.weights.items():
            if array.dtype != np.float32 or array.shape != _weight_shape(op, name):
                raise ValueError(
                    f"weight {name!r} of layer {op.source!r} has shape {array.shape}, {array.dtype}"
                )
        _require_finite(op)
        ops.append(op)
    outputs = [int(value) for value in config["outputs"]]
    if not known.issuperset(outputs):
        raise ValueError("an output is made by no op")
    return Plan(inputs, ops, outputs)


def _require_finite(op: Op) -> None:
    where = f"op {op.op!r} of layer {op.source!r}"
    for name, value in op.attributes.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{where}: attribute {name!r} is {value}, not finite")
    for name, array in {**op.weights, **op.arrays}.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{where}: {name!r} holds NaN or infinity")


def _weight_shape(op: Op, name: str) -> tuple[int, ...]:
    last_axis = int(op.attributes["last_axis"])
    if op.op == "batch_norm":
        return (last_axis,)
    units = int(op.attributes["units"])
    return (last_axis, units) if name == "kernel" else (units,)
