"""Other shapes, orders and parts of the same numbers."""

from __future__ import annotations

import builtins
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from hotloop.core.errors import bad_type, bad_value, integer
from hotloop.graph.symbolic import SymbolicTensor
from hotloop.ops.function import Tensor, Tensors, function
from hotloop.ops.indexing import understood
from hotloop.ops.operands import as_array, operand, spec
from hotloop.ops.operation import Array, record
from hotloop.ops.shapes import keep_batch_first, one_axis, permuted, reshaped, shape_text, some_axes
from hotloop.ops.types import FullShape, Spec


def tensor(what: str, x: Any) -> tuple[SymbolicTensor | Array, Spec]:
    """Return an operand that is no bare number, and what is known of it."""
    found = operand(what, x)
    if not isinstance(found, SymbolicTensor | np.ndarray):
        found = as_array(what, found)
    one = spec(found)
    assert isinstance(one, Spec)
    return found, one


def _reshape(x: SymbolicTensor | Array, shape: FullShape) -> Any:
    if tuple(x.shape) == tuple(shape):
        return x
    if isinstance(x, np.ndarray):
        return x.reshape([size for size in shape if size is not None])
    return record("reshape", [x], shape=[size for size in shape if size is not None])


@function
def reshape(x: Tensor, newshape: Any) -> Any:
    """The same numbers in another shape.

    Parameters
    ----------
    x : tensor or array
    newshape : int or tuple of int
        One size may be -1. The batch of a symbolic tensor stays in front, whether -1 or None stands there,
        and every row keeps its numbers; another size may be -1 beside it.

    Raises
    ------
    ValueError
        When other numbers fit in.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.reshape([1.0, 2.0, 3.0, 4.0], (2, -1))
    array([[1., 2.],
           [3., 4.]], dtype=float32)
    >>> hl.ops.reshape(hl.Input((2, 6)), (-1, 12)).shape
    (None, 12)
    """
    x, one = tensor("reshape", x)
    return _reshape(x, reshaped(one.shape, newshape))


@function
def ravel(x: Tensor) -> Any:
    """All numbers of an array along one axis; those of each row where there is a batch.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.ravel([[1, 2], [3, 4]])
    array([1, 2, 3, 4], dtype=int32)
    >>> hl.ops.ravel(hl.Input((2, 6))).shape
    (None, 12)
    """
    x, one = tensor("ravel", x)
    return _reshape(x, (None, one.size) if one.batched else (one.size,))


@function
def expand_dims(x: Tensor, axis: Any) -> Any:
    """A new axis of size 1.

    Parameters
    ----------
    x : tensor or array
    axis : int or tuple of int
        Where it stands in the result; not in front of the batch.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.expand_dims([1.0, 2.0], 1)
    array([[1.],
           [2.]], dtype=float32)
    """
    x, one = tensor("expand_dims", x)
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    rank = len(one.shape) + len(axes)
    new = some_axes("expand_dims", tuple(axes), rank)
    if one.batched and 0 in new:
        raise bad_value("expand_dims: axis", f"an axis behind the batch of {shape_text(one.shape)}", axis)
    sizes = iter(one.shape)
    return _reshape(x, tuple(1 if place in new else next(sizes) for place in range(rank)))


@function
def squeeze(x: Tensor, axis: Any = None) -> Any:
    """Leave out axes of size 1, by default all of them.

    Raises
    ------
    ValueError
        When one of the axes has another size.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.squeeze([[1.0], [2.0]])
    array([1., 2.], dtype=float32)
    """
    x, one = tensor("squeeze", x)
    ones = [place for place, size in enumerate(one.shape) if size == 1]
    gone = ones if axis is None else some_axes("squeeze", axis, len(one.shape))
    for place in gone:
        if place not in ones:
            raise bad_value("squeeze: axis", f"axes of size 1 in {shape_text(one.shape)}", axis)
    return _reshape(x, tuple(size for place, size in enumerate(one.shape) if place not in gone))


@function
def transpose(x: Tensor, axes: Any = None) -> Any:
    """Another order of the axes, by default the reverse; the batch stays first.

    Raises
    ------
    ValueError
        When the order would move the batch of a symbolic tensor.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.transpose([[1.0, 2.0], [3.0, 4.0]])
    array([[1., 3.],
           [2., 4.]], dtype=float32)
    >>> hl.ops.transpose(hl.Input((2, 3)), (0, 2, 1)).shape
    (None, 3, 2)
    """
    x, one = tensor("transpose", x)
    rank = len(one.shape)
    order = tuple(reversed(range(rank))) if axes is None else permuted("transpose", axes, rank)
    return _transpose("transpose", x, one, order)


def _transpose(what: str, x: SymbolicTensor | Array, one: Spec, order: Sequence[int]) -> Any:
    if list(order) == sorted(order):
        return x
    keep_batch_first(what, one.shape, order)
    return record("transpose", [x], axes=list(order))


@function
def swapaxes(x: Tensor, axis1: int, axis2: int) -> Any:
    """Two axes in each other's place; see :func:`transpose`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.swapaxes([[1.0, 2.0, 3.0]], 0, 1).shape
    (3, 1)
    """
    x, one = tensor("swapaxes", x)
    rank = len(one.shape)
    order = list(range(rank))
    first, second = (one_axis("swapaxes", axis, rank) for axis in (axis1, axis2))
    order[first], order[second] = order[second], order[first]
    return _transpose("swapaxes", x, one, order)


@function
def moveaxis(x: Tensor, source: Any, destination: Any) -> Any:
    """Axes in other places, the others in their order; see :func:`transpose`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.moveaxis(hl.Input((2, 3, 4)), 1, -1).shape
    (None, 3, 4, 2)
    """
    x, one = tensor("moveaxis", x)
    rank = len(one.shape)
    pair = [axes if isinstance(axes, tuple | list) else (axes,) for axes in (source, destination)]
    sources, places = ([one_axis("moveaxis", axis, rank) for axis in axes] for axes in pair)
    if len(sources) != len(places) or len(set(sources)) < len(sources) or len(set(places)) < len(places):
        raise bad_value("moveaxis", "as many places as axes, each once", f"{source} and {destination}")
    rest = iter(axis for axis in range(rank) if axis not in sources)
    order = [sources[places.index(place)] if place in places else next(rest) for place in range(rank)]
    return _transpose("moveaxis", x, one, order)


@function
def broadcast_to(x: Tensor, shape: Any) -> Any:
    """Numbers repeated along axes of size 1, and along new ones in front.

    Parameters
    ----------
    x : tensor or array
    shape : tuple of int
        None in front for the batch of a symbolic tensor.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.broadcast_to([1.0, 2.0], (2, 2))
    array([[1., 2.],
           [1., 2.]], dtype=float32)
    """
    x, one = tensor("broadcast_to", x)
    given = shape if isinstance(shape, tuple | list) else (shape,)
    if one.batched != (given[:1] in ((None,), [None])):
        mend = "" if one.batched else "zeros_like(tensor) + x repeats it for a tensor's batch"
        raise bad_value("broadcast_to: shape", f"a shape for {shape_text(one.shape)}", tuple(given), mend)
    sizes = [integer("broadcast_to: shape", size, at_least=1) for size in given[one.batched :]]
    return x if tuple(sizes) == one.sample_shape else record("broadcast", [x], shape=sizes)


def _tensors(what: str, xs: Any, axis: Any, more: int) -> tuple[list[Any], int]:
    """The tensors of a list, and which axis is meant where each has so many ``more``."""
    if not isinstance(xs, list | tuple):
        raise bad_type(f"{what}: xs", "a list of tensors", xs)
    if not xs:
        raise bad_value(f"{what}: xs", "one tensor at least", "an empty list")
    found = [tensor(what, x) for x in xs]
    got = ", ".join(shape_text(one.shape) for _, one in found)
    ranks = {len(one.shape) + more for _, one in found}
    if len(ranks) > 1:
        raise bad_value(what, "tensors of as many axes", got)
    place = one_axis(what, axis, *ranks)
    if place == 0 and builtins.any(one.batched for _, one in found):
        raise bad_value(f"{what}: axis", "an axis behind the batch", f"0 for {got}", "-1 is the last one")
    return [x for x, _ in found], place


@function
def concatenate(xs: Tensors, axis: int = 0) -> Any:
    """Tensors one behind the other along an axis.

    Parameters
    ----------
    xs : list of tensor or array
        Of shapes that differ along this axis only.
    axis : int
        Not that of the batch.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.concatenate([[1.0, 2.0], [3.0]])
    array([1., 2., 3.], dtype=float32)
    >>> hl.ops.concatenate([hl.Input((3,)), hl.Input((2,))], axis=-1).shape
    (None, 5)
    """
    found, place = _tensors("concatenate", xs, axis, 0)
    return found[0] if len(found) == 1 else record("concatenate", found, axis=place)


@function
def stack(x: Tensors, axis: int = 0) -> Any:
    """Tensors of one shape along a new axis.

    Parameters
    ----------
    x : list of tensor or array
    axis : int
        Where the new axis stands; not in front of the batch.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.stack([[1.0, 2.0], [3.0, 4.0]], axis=1)
    array([[1., 3.],
           [2., 4.]], dtype=float32)
    """
    found, place = _tensors("stack", x, axis, 1)
    shapes = dict.fromkeys(tuple(one.shape) for one in found)
    if len(shapes) > 1:
        raise bad_value("stack", "tensors of one shape", ", ".join(map(shape_text, shapes)))
    new = [_reshape(one, (*one.shape[:place], 1, *one.shape[place:])) for one in found]
    return new[0] if len(new) == 1 else record("concatenate", new, axis=place)


@function
def split(x: Tensor, indices_or_sections: Any, axis: int = 0) -> Any:
    """Parts of a tensor along an axis, as a list.

    Parameters
    ----------
    x : tensor or array
    indices_or_sections : int or sequence of int
        How many parts of one size, or where parts begin.
    axis : int
        Not that of the batch.

    Examples
    --------
    >>> import hotloop as hl
    >>> [part.shape for part in hl.ops.split(hl.Input((7,)), [2, 3], axis=-1)]
    [(None, 2), (None, 1), (None, 4)]
    """
    x, one = tensor("split", x)
    place = one_axis("split", axis, len(one.shape))
    size = one.shape[place]
    if size is None:
        raise bad_value("split: axis", f"an axis behind the batch of {shape_text(one.shape)}", axis)
    if isinstance(indices_or_sections, tuple | list | np.ndarray):
        given = [integer("split: indices", i, at_least=0, at_most=size) for i in indices_or_sections]
        bounds = [0, *given, size]
    else:
        parts = integer("split: sections", indices_or_sections, at_least=1)
        if size % parts:
            raise bad_value("split: sections", f"a number that divides the size {size}", parts)
        bounds = list(range(0, size + 1, size // parts))
    if builtins.any(end <= start for start, end in itertools.pairwise(bounds)):
        raise bad_value("split: indices", "rising ones, so that no part is empty", bounds[1:-1])
    full = (builtins.slice(None),) * place
    return [getitem(x, (*full, builtins.slice(a, b))) for a, b in itertools.pairwise(bounds)]


@function
def slice(inputs: Tensor, start_indices: Any, shape: Any) -> Any:
    """Part of a tensor.

    Parameters
    ----------
    inputs : tensor or array
    start_indices : sequence of int
        Where it begins along each axis; 0 along the batch.
    shape : sequence of int
        How many places along each axis; None or -1 along the batch.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.slice([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], (0, 1), (2, 2))
    array([[2., 3.],
           [5., 6.]], dtype=float32)
    """
    x, one = tensor("slice", inputs)
    starts, sizes = tuple(start_indices), tuple(shape)
    if len(starts) != len(one.shape) or len(sizes) != len(one.shape):
        raise bad_value(
            "slice", f"a start and a size for each axis of {shape_text(one.shape)}", f"{starts} and {sizes}"
        )
    if one.batched and (starts[0] != 0 or sizes[0] not in (None, -1)):
        raise bad_value("slice", "0 and None along the batch", f"{starts[0]} and {sizes[0]}")
    key = [builtins.slice(None)] * one.batched
    for start, size, whole in builtins.list(zip(starts, sizes, one.shape, strict=True))[one.batched :]:
        assert whole is not None
        first = integer("slice: start_indices", start, at_least=0, at_most=whole - 1)
        key.append(
            builtins.slice(first, first + integer("slice: shape", size, at_least=1, at_most=whole - first))
        )
    return getitem(x, tuple(key))


@function
def getitem(x: Tensor, key: Any) -> Any:
    """What ``x[key]`` is: integers, slices, ``...`` and None; along the batch only ``:``.

    Examples
    --------
    >>> import hotloop as hl
    >>> x = hl.Input((4, 6))
    >>> x[:, 0].shape, x[..., ::2].shape, x[:, None, 1:3].shape
    ((None, 6), (None, 4, 3), (None, 1, 2, 6))
    """
    x, one = tensor("index", x)
    found = understood(one.shape, key)
    if (found.starts, found.sizes, found.steps) != (
        [0] * len(found.sizes),
        list(one.sample_shape),
        [1] * len(found.sizes),
    ):
        x = record("slice", [x], starts=found.starts, sizes=found.sizes, steps=found.steps)
    return _reshape(x, found.shape)
