"""stop_gradient: the same numbers, which nothing learns through."""

from __future__ import annotations

from hotloop.ir.op import Op
from hotloop.ir.ops.elementwise import ElementwiseRecord
from hotloop.ir.record import describes

STOP_GRADIENT = "stop_gradient"


@describes(STOP_GRADIENT)
class StopGradientRecord(ElementwiseRecord):
    """It is a matter of training."""

    def does_nothing(self, op: Op, training: bool) -> bool:
        return not training

    def blocked_by(self, op: Op, at: int) -> str:
        return STOP_GRADIENT
