"""The records of the ops, a file an op or kin; the folder is their list."""

import importlib
import pkgutil

from hotloop.ir.op import Op
from hotloop.ir.record import RECORDS, Product, Record

for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)
_PLAIN = Record()


def record_of(op: Op) -> Record:
    """What passes have to know of an op; the plain record where its kind has none."""
    return RECORDS.get(op.kind, _PLAIN)


def product_of(op: Op | None) -> Product | None:
    """The record of an op that is a product in float, else None."""
    record = None if op is None else record_of(op)
    return record if isinstance(record, Product) else None
