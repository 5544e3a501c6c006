"""reshape: the same numbers of a sample in another shape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hotloop.ir.op import RESHAPE, Op
from hotloop.ir.record import Record, describes, last_axis
from hotloop.ir.units import Atoms, UnitTrace


@describes(RESHAPE)
class ReshapeRecord(Record):
    """Each row of the new last axis has the units of other places, which are tied."""

    def pass_units(self, trace: UnitTrace, op: Op, inputs: Sequence[Atoms]) -> list[Atoms]:
        everything = np.tile(inputs[0], op.input.features // inputs[0].size)
        rows = everything.reshape(-1, last_axis(op.output.shape))
        for row in rows[1:]:
            trace.tie(rows[0], row)
        return [np.array(rows[0], np.int64)]
