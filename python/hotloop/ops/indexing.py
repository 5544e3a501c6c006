"""What an index means beside a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hotloop.core.errors import bad_type, bad_value
from hotloop.graph.operand import Operand
from hotloop.ops.shapes import shape_text
from hotloop.ops.types import FullShape


@dataclass
class Index:
    """Which part of a row is meant.

    Attributes
    ----------
    starts, sizes, steps : list of int
        Along each axis of a row.
    shape : tuple
        Of the result: without the axes that an integer names, and with those that None adds.
    """

    starts: list[int]
    sizes: list[int]
    steps: list[int]
    shape: FullShape


def understood(shape: FullShape, key: Any) -> Index:
    """Return what an index means for a shape.

    Raises
    ------
    TypeError, ValueError, IndexError
        For what is no index, leaves nothing, or takes rows out of the batch.

    Examples
    --------
    >>> understood((None, 4, 6), (slice(None), -1, slice(1, None, 2))).shape
    (None, 3)
    """
    keys = list(key) if isinstance(key, tuple) else [key]
    named = [k for k in keys if k is not None and k is not Ellipsis]
    dots = sum(k is Ellipsis for k in keys)
    if dots > 1 or len(named) > len(shape):
        raise IndexError(f"index: expected at most {len(shape)} places for {shape_text(shape)}, got {key!r}")
    whole = [slice(None)] * (len(shape) - len(named))
    if dots:
        at = next(i for i, k in enumerate(keys) if k is Ellipsis)
        keys[at : at + 1] = whole
    else:
        keys += whole
    found, axis = Index([], [], [], ()), 0
    result: list[int | None] = []
    for k in keys:
        if k is None:
            if not result and shape[:1] == (None,):
                raise bad_value("index", "new axes behind the batch", "None in front", "write x[:, None]")
            result.append(1)
            continue
        _refuse_numbers(k)
        size = shape[axis]
        if size is None:
            _require_all_rows(k, shape)
            result.append(None)
        else:
            start, count, step = _along(k, size, axis, shape)
            found.starts.append(start)
            found.sizes.append(count)
            found.steps.append(step)
            if isinstance(k, slice):
                result.append(count)
        axis += 1
    found.shape = tuple(result)
    return found


def _refuse_numbers(key: Any) -> None:
    if isinstance(key, bool | np.bool_ | np.ndarray | list | Operand):
        raise bad_type(
            "index",
            "integers, slices, ... and None",
            key,
            "a mask is hotloop.ops.where(mask, x, 0); places that only numbers tell can't be picked",
        )


def _require_all_rows(key: Any, shape: FullShape) -> None:
    if key != slice(None):
        raise bad_value(
            "index",
            f"all rows of the batch of {shape_text(shape)}, by a colon in front",
            f"{key!r}",
            "rows are computed apart from each other: x[:, i] is place i of each",
        )


def _along(key: Any, size: int, axis: int, shape: FullShape) -> tuple[int, int, int]:
    """Start, size and step along one axis."""
    if isinstance(key, slice):
        places = range(size)[key]
        if not places:
            raise bad_value("index", f"at least one place of the {size} along axis {axis}", f"{key!r}")
        return places.start, len(places), places.step
    try:
        place = int(key.__index__())
    except AttributeError:
        raise bad_type("index", "integers, slices, ... and None", key) from None
    if not -size <= place < size:
        raise IndexError(
            f"index: expected -{size} to {size - 1} along axis {axis} of {shape_text(shape)}, got {place}"
        )
    return place % size, 1, 1
