"""batch_norm: normalisation of each position of the last axis over the rows."""

from __future__ import annotations

from collections.abc import Sequence

from hotloop.graph.parameters import Shape
from hotloop.ir.op import Op
from hotloop.ir.record import Record, integer_attribute
from hotloop.ir.units import Atoms, UnitTrace


class BatchNormRecord(Record):
    """It has vectors of one number a unit."""

    def weight_shapes(self, op: Op) -> dict[str, Shape]:
        return dict.fromkeys(op.weights, (integer_attribute(op, "last_axis"),))

    def pass_units(self, trace: UnitTrace, op: Op, inputs: Sequence[Atoms]) -> list[Atoms]:
        for vector in op.weights.values():
            trace.stand(vector, 0, "carries", inputs[0])
        return [inputs[0]]
