"""The records of the ops, a file an op or kin; the folder is their list."""

import importlib
import os

from hotloop.ir.op import Op
from hotloop.ir.record import RECORDS, Product, Record


def _files() -> list[str]:
    try:
        names = os.listdir(__path__[0])
    except OSError:  # an application that was frozen has modules, but no folder
        import pkgutil

        return [module.name for module in pkgutil.iter_modules(__path__)]
    return sorted({name.partition(".")[0] for name in names if name.endswith((".py", ".pyc"))} - {"__init__"})


for _file in _files():
    importlib.import_module(f"{__name__}.{_file}")
_PLAIN = Record()


def record_of(op: Op) -> Record:
    """What passes have to know of an op; the plain record where its kind has none."""
    return RECORDS.get(op.kind, _PLAIN)


def product_of(op: Op | None) -> Product | None:
    """The record of an op that is a product in float, else None."""
    record = None if op is None else record_of(op)
    return record if isinstance(record, Product) else None
