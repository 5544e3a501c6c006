"""dense: the product of the last axis with a kernel, and a bias."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from hotloop.graph.parameters import Shape
from hotloop.ir.op import Op
from hotloop.ir.record import Doubles, Product, describes, write_last_axis
from hotloop.ir.units import Atoms, UnitTrace


@describes("dense", "dense_mixed")
class DenseRecord(Product):
    """It makes units. Those that it reads have a row each of its kernel."""

    forms: ClassVar = {"mixed_bfloat16": "dense_mixed", "int8": "dense_int8", "bf16": "dense_bf16"}

    def write_down(self, op: Op) -> None:
        write_last_axis(op)

    def is_flat(self, op: Op) -> bool:
        return True

    def columns_read(self, op: Op) -> int:
        return op.integer("last_axis")

    def columns_made(self, op: Op) -> int:
        return op.integer("units")

    def scale_inputs(self, op: Op, factor: Doubles, shift: Doubles) -> None:
        _store(op, *scaled_inputs(*numbers(op), factor, shift))

    def scale_outputs(self, op: Op, factor: Doubles, shift: Doubles) -> None:
        _store(op, *scaled_outputs(*numbers(op), factor, shift))

    def weight_shapes(self, op: Op) -> dict[str, Shape]:
        inputs, units = op.integer("last_axis"), op.integer("units")
        return {"kernel": (inputs, units), "bias": (units,)}

    def pass_units(self, trace: UnitTrace, op: Op, inputs: Sequence[Atoms]) -> list[Atoms]:
        kernel, bias = op.weights["kernel"], op.weights.get("bias")
        trace.stand(kernel, 0, "reads", inputs[0])
        atoms = trace.at(kernel, 1)
        if atoms is None:
            atoms = trace.new(op.layer, kernel.shape[1])
            for parameter, axis in ((kernel, 1), (bias, 0)):
                if parameter is not None:
                    trace.stand(parameter, axis, "makes", atoms)
        return [atoms]


def numbers(op: Op) -> tuple[Doubles, Doubles]:
    """The kernel and the bias, zeros where there is none, in double precision."""
    kernel = op.weights["kernel"].astype(np.float64)
    bias = op.weights.get("bias", np.zeros(kernel.shape[1], np.float32)).astype(np.float64)
    return kernel, bias


def scaled_inputs(kernel: Doubles, bias: Doubles, factor: Doubles, shift: Doubles) -> tuple[Doubles, Doubles]:
    """Of numbers that do to x what these do to ``x * factor + shift``, which is by some of the columns."""
    times = kernel.shape[0] // factor.size
    return kernel * np.tile(factor, times)[:, None], bias + np.tile(shift, times) @ kernel


def scaled_outputs(
    kernel: Doubles, bias: Doubles, factor: Doubles, shift: Doubles
) -> tuple[Doubles, Doubles]:
    """Of numbers that make ``y * factor + shift`` of what these make."""
    return kernel * factor, bias * factor + shift


def _store(op: Op, kernel: Doubles, bias: Doubles) -> None:
    op.weights = {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)}
