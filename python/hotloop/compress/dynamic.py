"""Plan to plan: Dense ops become int8 ones that quantise each row by its own range while predicting."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from hotloop.compress.coding import SCALABLE, Coding, Codings, folded
from hotloop.compress.columns import Doubles
from hotloop.compress.grids import ColumnGrid, choose_grid
from hotloop.compress.observe import Seen
from hotloop.compress.plan import Attributes, Op, Plan
from hotloop.compress.weights import WeightStore, as_quantized
from hotloop.device.memory import aligned_copy

# Columns whose weights differ less are left alone: a row's 256 steps are enough for both.
MOST_APART = 16.0


def quantize_dynamic(
    plan: Plan,
    targets: Collection[Op],
    periods: Mapping[int, int],
    seen: Mapping[int, Seen],
    alike: Collection[int],
) -> Codings:
    """Rewrite `targets` to dynamic int8; columns that they read are made comparable first.

    A row has one scale, so where columns differ by orders of magnitude the small ones would get no steps.
    They are brought near each other by powers of two: in the weights of the layer that makes them, where its
    activation lets factors through; else by a normalisation op in front, which takes off an offset too.

    Parameters
    ----------
    plan : Plan
        Changed in place.
    targets : ops of the plan
    periods : dict of int to int
        How many columns the values have that they read.
    seen : dict of int to Seen
        What was seen of the values that they read; without it the weights tell what the columns are like.
    alike : values
        Whose columns are known to be comparable.

    Returns
    -------
    Codings
        Of the values that were changed.
    """
    int8 = {id(op) for op in targets}
    codings = Codings()
    read_as: dict[int, int] = {}
    added: dict[int, Op] = {}
    for value, period in periods.items():
        readers = [op for op in plan.ops if id(op) in int8 and op.inputs[0] == value]
        if not readers:
            continue
        maker = plan.producer(value)
        all_read = value not in plan.outputs and len(plan.consumers(value)) == len(readers)
        inside = (
            maker is not None
            and maker.op == "dense"
            and str(maker.attributes.get("activation", "linear")) in SCALABLE
            and all_read
        )
        if value in seen:
            coding = _seen_coding(seen[value], readers)
        elif value in alike:
            continue
        else:
            coding = _coding_from_weights(readers, period, maker if inside else None)
        if coding is None or coding.factor is None or coding.offset is None:
            continue
        if inside and maker is not None:
            if str(maker.attributes.get("activation", "linear")) != "linear":
                coding = Coding(None, coding.factor, np.zeros_like(coding.offset))
            codings.made[value] = coding
        else:
            read_as[value] = plan.new_value() + len(read_as)
            added[value] = normalise_op(value, read_as[value], coding, readers[0].source)
        codings.read[value] = coding
    store = WeightStore()
    ops: list[Op] = []
    for op in plan.ops:
        after = codings.made.get(op.output, Coding())
        if id(op) in int8:
            value = op.inputs[0]
            if value in added:
                ops.append(added.pop(value))
            mean = seen[value].columns.usual_mean() if value in seen else None
            before = codings.read.get(value, Coding())
            as_quantized(op, store.int8(op, before, after, mean), {"dynamic": 1})
            op.inputs = [read_as.get(value, value)]
        elif after.factor is not None:
            kernel, bias = folded(op, Coding(), after)
            assert bias is not None
            op.weights = {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)}
        ops.append(op)
    plan.ops = ops
    return codings


def normalise_op(value: int, output: int, coding: Coding, source: str) -> Op:
    """The op that brings a float32 value to numbers that mean `coding`."""
    assert coding.factor is not None
    assert coding.offset is not None
    ones = np.ones(coding.factor.size)
    vectors = {"gamma": 1 / coding.factor, "moving_mean": coding.offset, "moving_variance": ones}
    weights = {name: aligned_copy(array.astype(np.float32)) for name, array in vectors.items()}
    # Beside a variance of 1 this epsilon is nothing, to the bit.
    attributes: Attributes = {"last_axis": ones.size, "epsilon": 2.0**-100}
    return Op("batch_norm", [value], output, attributes, weights, source=source)


def _seen_coding(seen: Seen, readers: list[Op]) -> Coding | None:
    kernels = [op.weights["kernel"].astype(np.float64) for op in readers]
    grid = choose_grid(seen.columns, seen.ranges, seen.plain, kernels)
    if not isinstance(grid, ColumnGrid):
        return None
    # A row's range holds 0 in any case: only columns that lie beside it are moved there.
    return Coding(None, _powers_of_two(grid.scale.astype(np.float64)), np.clip(0.0, *seen.ranges))


def _coding_from_weights(readers: list[Op], period: int, maker: Op | None) -> Coding | None:
    """Of layers that were trained, the weights are small where numbers are large.

    What a layer of the model makes is known better: about as large as its weights. Between the two their
    geometric mean gives numbers and weights each half of the way (Nagel et al., "Data-free quantization",
    ICCV 2019, section 4.1).
    """
    rows = np.zeros(period)
    for op in readers:
        kernel = op.weights["kernel"].astype(np.float64)
        parts = kernel.reshape(-1, period, kernel.shape[1])
        rows += np.einsum("pcu,pcu->c", parts, parts) / max(float((kernel**2).sum()), 1e-300)
    size = 1 / np.sqrt(np.maximum(rows, 1e-300))
    known = rows > 0
    if maker is not None:
        kernel = maker.weights["kernel"].astype(np.float64)
        bias = maker.weights.get("bias", np.zeros(kernel.shape[1], np.float32)).astype(np.float64)
        made = np.sqrt((kernel**2).sum(axis=0) + bias**2).reshape(-1, period).max(axis=0)
        known &= made > 0
        size = np.sqrt(size * np.maximum(made, 1e-300))
    if not known.any() or size[known].max() <= MOST_APART * size[known].min():
        return None
    size = np.where(known, size, size[known].max())
    return Coding(None, _powers_of_two(size), np.zeros(period))


def _powers_of_two(scale: Doubles) -> Doubles:
    """Near the scales, relative to the largest; those of columns with next to no weights have no bounds."""
    bounded = np.minimum(scale, 2.0**40 * scale.min())
    return np.asarray(np.exp2(np.rint(np.log2(bounded / bounded.max()))))
