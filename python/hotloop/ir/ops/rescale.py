"""rescale: every number times a scale, plus an offset."""

from __future__ import annotations

import numpy as np

from hotloop.ir.op import Op
from hotloop.ir.ops.elementwise import ElementwiseRecord
from hotloop.ir.record import Doubles, describes


@describes("rescale")
class RescaleRecord(ElementwiseRecord):
    """One factor and one shift for all columns."""

    def affine(self, op: Op) -> tuple[Doubles, Doubles]:
        return np.array([op.number("scale")]), np.array([op.number("offset")])

    def does_nothing(self, op: Op, training: bool) -> bool:
        return not training and op.number("scale") == 1 and op.number("offset") == 0
