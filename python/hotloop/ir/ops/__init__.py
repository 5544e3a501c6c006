"""The records of the ops, by kind; an op that is not among them has the plain one."""

from hotloop.ir.op import Op
from hotloop.ir.ops.activation import ActivationRecord
from hotloop.ir.ops.batch_norm import BatchNormRecord
from hotloop.ir.ops.concat import ConcatRecord
from hotloop.ir.ops.dense import DenseRecord
from hotloop.ir.ops.reshape import ReshapeRecord
from hotloop.ir.record import Elementwise, Record

RECORDS: dict[str, Record] = {
    "activation": ActivationRecord(),
    "add": Elementwise(),
    "batch_norm": BatchNormRecord(),
    "concat": ConcatRecord(),
    "dense": DenseRecord(),
    "dense_mixed": DenseRecord(),
    "dropout": Elementwise(),
    "multiply": Elementwise(),
    "rescale": Elementwise(),
    "reshape": ReshapeRecord(),
}
_PLAIN = Record()


def record_of(op: Op) -> Record:
    """What passes have to know of an op."""
    return RECORDS.get(op.kind, _PLAIN)
