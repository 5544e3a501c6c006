"""The records of the ops, by kind; an op that is not among them has the plain one."""

from hotloop.ir.op import Op
from hotloop.ir.ops.activation import ActivationRecord
from hotloop.ir.ops.batch_norm import BatchNormRecord
from hotloop.ir.ops.concat import ConcatRecord
from hotloop.ir.ops.dense import DenseRecord
from hotloop.ir.ops.quantize import QuantizeRecord
from hotloop.ir.ops.quantized_dense import QuantizedDenseRecord
from hotloop.ir.ops.rescale import RescaleRecord
from hotloop.ir.ops.reshape import ReshapeRecord
from hotloop.ir.record import Elementwise, Product, Record

RECORDS: dict[str, Record] = {
    "activation": ActivationRecord(),
    "add": Elementwise(),
    "batch_norm": BatchNormRecord(),
    "concat": ConcatRecord(),
    "dense": DenseRecord(),
    "dense_bf16": QuantizedDenseRecord(),
    "dense_int8": QuantizedDenseRecord(),
    "dense_mixed": DenseRecord(),
    "dropout": Elementwise(),
    "multiply": Elementwise(),
    "quantize": QuantizeRecord(),
    "rescale": RescaleRecord(),
    "reshape": ReshapeRecord(),
}
_PLAIN = Record()


def record_of(op: Op) -> Record:
    """What passes have to know of an op."""
    return RECORDS.get(op.kind, _PLAIN)


def product_of(op: Op | None) -> Product | None:
    """The record of an op that is a product in float, else None."""
    record = None if op is None else record_of(op)
    return record if isinstance(record, Product) else None
