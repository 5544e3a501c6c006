"""concat: values side by side along the last axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hotloop.ir.op import Op
from hotloop.ir.record import Record, describes
from hotloop.ir.units import Atoms, UnitTrace


@describes("concat")
class ConcatRecord(Record):
    """Its units are those of the inputs, one after the other."""

    def write_down(self, op: Op) -> None:
        if op.input.shape:
            op.attributes.setdefault("positions", op.input.features // op.input.shape[-1])

    def is_flat(self, op: Op) -> bool:
        return True

    def pass_units(self, trace: UnitTrace, op: Op, inputs: Sequence[Atoms]) -> list[Atoms]:
        return [np.concatenate(inputs)]
