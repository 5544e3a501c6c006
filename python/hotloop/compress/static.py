"""Plan to plan: Dense ops become int8 ones over u8 values with fixed grids."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from hotloop.compress.coding import SCALABLE, Coding, Codings, by_columns, by_powers_of_two
from hotloop.compress.columns import Doubles
from hotloop.compress.grids import ColumnGrid, choose_grid
from hotloop.compress.observe import Seen
from hotloop.compress.plan import Attributes, Op, Plan
from hotloop.compress.weights import WeightStore, as_quantized


def quantize_static(plan: Plan, targets: Collection[Op], seen: Mapping[int, Seen]) -> Codings:
    """Rewrite `targets` to int8: a value that only int8 ops read stays u8 in memory.

    Parameters
    ----------
    plan : Plan
        Changed in place.
    targets : ops of the plan
    seen : dict of int to Seen
        What was seen of the values that they read.

    Returns
    -------
    Codings
        Of all values that are read.
    """
    int8 = {id(op) for op in targets}
    codings = Codings()
    for value in dict.fromkeys(op.inputs[0] for op in targets):
        codings.read[value] = _coding(plan, value, int8, seen[value])
        if _is_made_of_bytes(plan, value, int8):
            codings.made[value] = codings.read[value]
    store = WeightStore()
    quantized: dict[int, int] = {}
    ops: list[Op] = []
    for op in plan.ops:
        if id(op) in int8:
            value = op.inputs[0]
            before, after = codings.read[value], codings.made.get(op.output, Coding())
            if value not in quantized and value not in codings.made:
                quantized[value] = plan.new_value() + len(quantized)
                ops.append(quantize_op(value, quantized[value], before, op.source))
            _rewrite(op, before, after, seen[value].columns.usual_mean(), store)
            op.inputs = [quantized.get(value, value)]
        ops.append(op)
    plan.ops = ops
    return codings


def quantize_op(value: int, output: int, coding: Coding, source: str) -> Op:
    """The op that brings a float32 value to bytes that mean `coding`."""
    grid = coding.grid
    assert grid is not None
    if coding.factor is None or coding.offset is None:
        how: Attributes = {"scale": grid.scale, "zero_point": grid.zero_point}
        return Op("quantize", [value], output, how, source=source)
    scale = grid.scale * coding.factor
    arrays = {
        "scale": scale.astype(np.float32),
        "offset": (coding.offset - grid.zero_point * scale).astype(np.float32),
    }
    return Op("quantize", [value], output, {"last_axis": scale.size}, arrays=arrays, source=source)


def _is_made_of_bytes(plan: Plan, value: int, int8: Collection[int]) -> bool:
    """Whether a value is made by an int8 op and read by none but such."""
    readers = plan.consumers(value)
    return (
        id(plan.producer(value)) in int8
        and value not in plan.outputs
        and bool(readers)
        and all(id(reader) in int8 for reader in readers)
    )


def _coding(plan: Plan, value: int, int8: Collection[int], seen: Seen) -> Coding:
    kernels = [
        op.weights["kernel"].astype(np.float64) for op in plan.ops if id(op) in int8 and op.inputs[0] == value
    ]
    plain = Coding(seen.plain)
    inside = _is_made_of_bytes(plan, value, int8)
    maker = plan.producer(value)
    activation = str(maker.attributes.get("activation", "linear")) if inside and maker else ""
    if inside and activation not in SCALABLE:
        return plain
    grid = choose_grid(seen.columns, seen.ranges, seen.plain, kernels)
    if not isinstance(grid, ColumnGrid):
        return plain
    if not inside or maker is None:
        return by_columns(grid)
    return by_powers_of_two(grid, activation, float(maker.attributes.get("alpha", 0.0)))


def _rewrite(op: Op, before: Coding, after: Coding, mean: Doubles, store: WeightStore) -> None:
    assert before.grid is not None
    attributes: Attributes = {
        "in_scale": before.grid.scale,
        "in_zero_point": before.grid.zero_point,
        "output": "float32",
    }
    if after.grid is not None:
        attributes |= {
            "output": "uint8",
            "out_scale": after.grid.scale,
            "out_zero_point": after.grid.zero_point,
        }
    as_quantized(op, store.int8(op, before, after, mean), attributes)
