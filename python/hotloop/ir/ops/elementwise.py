"""Ops whose numbers each depend on those at their own place alone."""

from __future__ import annotations

from collections.abc import Sequence

from hotloop.ir.op import Op
from hotloop.ir.record import Record, describes
from hotloop.ir.units import Atoms, UnitTrace


@describes("add", "multiply")
class ElementwiseRecord(Record):
    """What meets at a place is tied."""

    def is_flat(self, op: Op) -> bool:
        return all(value.shape == op.output.shape for value in op.inputs)

    def pass_units(self, trace: UnitTrace, op: Op, inputs: Sequence[Atoms]) -> list[Atoms]:
        if any(other.size != inputs[0].size for other in inputs):
            return super().pass_units(trace, op, inputs)
        for other in inputs[1:]:
            trace.tie(inputs[0], other)
        return [inputs[0]]
