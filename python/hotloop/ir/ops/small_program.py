"""elementwise: a small program, whose instructions say what there is to know of it."""

from __future__ import annotations

from hotloop.ir.elementwise import blocked_by, decode
from hotloop.ir.op import ELEMENTWISE, Op
from hotloop.ir.record import Record, describes


@describes(ELEMENTWISE)
class SmallProgramRecord(Record):
    """Some instructions have no gradient."""

    def blocked_by(self, op: Op, at: int) -> str:
        return blocked_by(decode(op.constants), at)
