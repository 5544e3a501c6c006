"""rescale: every number times a scale, plus an offset."""

from __future__ import annotations

import numpy as np

from hotloop.ir.op import Op
from hotloop.ir.record import Doubles, Elementwise


class RescaleRecord(Elementwise):
    """One factor and one shift for all columns."""

    def affine(self, op: Op) -> tuple[Doubles, Doubles]:
        return np.array([op.number("scale")]), np.array([op.number("offset")])
