"""dropout: in training some of the numbers become 0, the others larger."""

from __future__ import annotations

from hotloop.ir.op import Op
from hotloop.ir.ops.elementwise import ElementwiseRecord
from hotloop.ir.record import describes


@describes("dropout")
class DropoutRecord(ElementwiseRecord):
    """It is a matter of training."""

    def does_nothing(self, op: Op, training: bool) -> bool:
        return not training or op.number("rate") == 0
