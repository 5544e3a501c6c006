"""Shapes of results beside a batch: broadcasting, axes, reshaping and orders of axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hotloop.core.errors import bad_type, bad_value, integer
from hotloop.ops.types import FullShape


class RowsMeet(ValueError):
    """Shapes whose broadcast would set every row of a batch against every row."""


def shape_text(shape: FullShape) -> str:
    """How messages show a shape."""
    return str(tuple(shape))


def broadcast(what: str, shapes: Sequence[FullShape]) -> FullShape:
    """Return the shape of what is computed number by number of arrays of these shapes.

    The rules are NumPy's, with one more: the batch stays the first axis and meets only the batch, or one
    array for all rows.

    Raises
    ------
    ValueError
        When they don't fit; a batch that would meet another axis is told of by itself, since NumPy makes a
        table of every row against every row of it.

    Examples
    --------
    >>> broadcast("add", [(None, 3), (3,)]), broadcast("add", [(None, 1, 3), (1, 4, 1)])
    ((None, 3), (None, 4, 3))
    """
    batched = [shape for shape in shapes if shape[:1] == (None,)]
    if not batched:
        return _broadcast_sizes(what, shapes, shapes)
    rank = max(len(shape) for shape in shapes)
    got = " and ".join(dict.fromkeys(map(shape_text, shapes)))
    if any(len(shape) < rank for shape in batched):
        error = bad_value(
            what,
            "shapes whose batches meet",
            f"{got}, which would set every row against every row",
            "give them one rank by hotloop.ops.expand_dims or squeeze",
        )
        raise RowsMeet(str(error))
    for shape in shapes:
        if len(shape) == rank and shape[0] not in (None, 1):
            raise bad_value(
                what,
                "a batch, or one array for all rows",
                got,
                f"the batch of {shape_text(batched[0])} may have any size, {shape[0]} is one"
                + _meeting(batched[0], shape),
            )
    sizes = [tuple(shape[1:]) if len(shape) == rank else tuple(shape) for shape in shapes]
    return (None, *_broadcast_sizes(what, sizes, shapes))


def _meeting(batched: FullShape, whole: FullShape) -> str:
    """How every row of a batch meets a whole array, where that fits."""
    axis, rest = (-1 if len(batched) == 1 else 1), batched[1:]
    if any(1 not in (a, b) and a != b for a, b in zip(reversed(rest), reversed(whole), strict=False)):
        return ""
    return f"; expand_dims(x, {axis}) of it lets each row meet all of {shape_text(whole)}"


def _broadcast_sizes(what: str, sizes: Sequence[FullShape], shapes: Sequence[FullShape]) -> FullShape:
    rank = max(len(shape) for shape in sizes)
    result: list[int] = [1] * rank
    for shape in sizes:
        for place, size in enumerate(shape, rank - len(shape)):
            assert size is not None
            if size != 1 and result[place] not in (1, size):
                got = " and ".join(dict.fromkeys(map(shape_text, shapes)))
                raise bad_value(what, "shapes that broadcast", got)
            if size != 1:
                result[place] = size
    return tuple(result)


def one_axis(what: str, axis: Any, rank: int) -> int:
    """Return an axis counted from the front.

    Raises
    ------
    TypeError, ValueError
        When it is no integer, or there is none of that number.
    """
    found = integer(f"{what}: axis", axis)
    if rank == 0:
        raise bad_value(f"{what}: axis", "None, as a single number has no axes", axis)
    if not -rank <= found < rank:
        raise bad_value(f"{what}: axis", f"-{rank} to {rank - 1} for {rank} axes", axis)
    return found % rank


def some_axes(what: str, axis: Any, rank: int) -> tuple[int, ...]:
    """Return the axes that None (all of them), an integer or a tuple names, in order."""
    if axis is None:
        return tuple(range(rank))
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    found = [one_axis(what, one, rank) for one in axes]
    if len(set(found)) < len(found):
        raise bad_value(f"{what}: axis", "every axis once", axis)
    return tuple(sorted(found))


def reduced(shape: FullShape, axes: Sequence[int], keepdims: bool) -> FullShape:
    """Return a shape without some axes, or with 1 in their places."""
    return tuple(
        1 if axis in axes else size for axis, size in enumerate(shape) if keepdims or axis not in axes
    )


def reshaped(shape: FullShape, newshape: Any) -> FullShape:
    """Return what ``reshape`` makes of a shape: the batch stays in front, whether None or -1 stands there.

    Raises
    ------
    TypeError, ValueError
        When it is no shape, other numbers fit in, or the batch would be parted or joined with another axis.

    Examples
    --------
    >>> reshaped((None, 2, 6), (-1, 12)), reshaped((None, 12), (None, 4, -1)), reshaped((2, 6), (-1,))
    ((None, 12), (None, 4, 3), (12,))
    """
    given = newshape if isinstance(newshape, tuple | list) else (newshape,)
    batched = shape[:1] == (None,)
    sizes = [size if size is None else integer("reshape: newshape", size) for size in given]
    rest: list[Any] = sizes
    if batched:
        if not sizes or sizes[0] not in (None, -1):
            raise _batch_moves(shape, given)
        rest = sizes[1:]
    if None in rest or rest.count(-1) > 1 or any(size is not None and size < -1 for size in rest):
        raise bad_value(
            "reshape: newshape",
            "sizes of at least 1, at most one of them -1" + (" behind the batch" if batched else ""),
            tuple(given),
        )
    numbers = math.prod(size for size in shape if size is not None)
    known = math.prod(size for size in rest if size != -1)
    if -1 in rest and known and numbers % known == 0:
        rest = [numbers // known if size == -1 else size for size in rest]
        known = numbers
    if known != numbers or -1 in rest:
        if batched:
            raise _batch_moves(shape, given)
        raise bad_value("reshape: newshape", f"{numbers} numbers, as {shape_text(shape)} has", tuple(given))
    return (None, *rest) if batched else tuple(rest)


def _batch_moves(shape: FullShape, newshape: Sequence[Any]) -> ValueError:
    numbers = math.prod(size for size in shape if size is not None)
    return bad_value(
        "reshape: newshape",
        f"the batch in front, then {numbers} numbers a row, as {shape_text(shape)} has",
        tuple(newshape),
        f"(-1, {numbers}) keeps every row in one piece",
    )


def permuted(what: str, axes: Any, rank: int) -> tuple[int, ...]:
    """Return an order of all axes, counted from the front.

    Raises
    ------
    TypeError, ValueError
        When it is none.
    """
    if not isinstance(axes, tuple | list):
        raise bad_type(f"{what}: axes", "a tuple of integers", axes)
    found = tuple(one_axis(what, axis, rank) for axis in axes)
    if sorted(found) != list(range(rank)):
        raise bad_value(f"{what}: axes", f"each of the {rank} axes once", tuple(axes))
    return found


def keep_batch_first(what: str, shape: FullShape, axes: Sequence[int]) -> None:
    """Refuse an order of axes that moves the batch.

    Raises
    ------
    ValueError
        When the shape's first axis is the batch and another one would come first.
    """
    if shape[:1] == (None,) and axes[0] != 0:
        raise bad_value(
            what, f"an order in which the batch of {shape_text(shape)} stays first", f"axes {tuple(axes)}"
        )
