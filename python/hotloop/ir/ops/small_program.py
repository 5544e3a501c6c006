"""elementwise: a small program, whose instructions say what there is to know of it."""

from __future__ import annotations

from collections.abc import Sequence

from hotloop.ir.elementwise import blocked_by, decode
from hotloop.ir.op import ELEMENTWISE, Op
from hotloop.ir.record import Record, describes
from hotloop.ir.units import Atoms, UnitTrace


@describes(ELEMENTWISE)
class SmallProgramRecord(Record):
    """Some instructions have no gradient; units pass through all of them, place by place."""

    def blocked_by(self, op: Op, at: int) -> str:
        return blocked_by(decode(op.constants), at)

    def pass_units(self, trace: UnitTrace, op: Op, inputs: Sequence[Atoms]) -> list[Atoms]:
        size = op.output.shape[-1] if op.output.shape else 1
        wide = [atoms for atoms in inputs if atoms.size == size]
        if not wide or any(atoms.size not in (1, size) for atoms in inputs):
            return super().pass_units(trace, op, inputs)
        for atoms in inputs:
            if atoms.size != size:
                trace.freeze(atoms)  # repeated along all units
        for other in wide[1:]:
            trace.tie(wide[0], other)
        return [wide[0]]
