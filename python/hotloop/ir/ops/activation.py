"""activation: a function of each number, or of each row of the last axis."""

from __future__ import annotations

from collections.abc import Sequence

from hotloop.ir.activation import ROWWISE
from hotloop.ir.op import Op
from hotloop.ir.record import Record, describes, write_last_axis
from hotloop.ir.units import Atoms, UnitTrace


@describes("activation")
class ActivationRecord(Record):
    """Where it works along a row every number depends on all of the row's."""

    def write_down(self, op: Op) -> None:
        write_last_axis(op)

    def is_flat(self, op: Op) -> bool:
        return True

    def activation(self, op: Op) -> str:
        return str(op.attributes["kind"])

    def pass_units(self, trace: UnitTrace, op: Op, inputs: Sequence[Atoms]) -> list[Atoms]:
        if op.attributes["kind"] in ROWWISE:
            return super().pass_units(trace, op, inputs)
        return [inputs[0]]
