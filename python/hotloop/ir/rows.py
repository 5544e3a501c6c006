"""Whether rows of a batch depend on each other: what mixes them is never computed in chunks."""

from __future__ import annotations

from collections.abc import Iterable

from hotloop.ir.op import Op


def mixes_rows(op: Op) -> bool:
    """Whether an op makes one value of all rows of a batch, such as their mean."""
    return any(value.batched for value in op.inputs) and not all(value.batched for value in op.outputs)


def mixing_layer(ops: Iterable[Op]) -> str:
    """The layer of the first op that mixes rows, for messages to name; empty where rows are independent."""
    return next((op.layer or op.kind for op in ops if mixes_rows(op)), "")
