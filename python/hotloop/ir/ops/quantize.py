"""quantize: float32 brought to bytes, on one grid or on one for each column."""

from __future__ import annotations

from hotloop.ir.op import Op
from hotloop.ir.record import Record, describes


@describes("quantize")
class QuantizeRecord(Record):
    """It makes what its grids say."""

    def grids(self, op: Op) -> str:
        if "scale" not in op.constants:
            return f"out {op.number('scale'):.4g} @ {op.integer('zero_point')}"
        scale = op.constants["scale"]
        return f"out {scale.min():.3g} to {scale.max():.3g} by {scale.size} columns"
