"""Types, constants beside a tensor, gradients that stop, and what is known of a shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from hotloop.core.errors import bad_value, integer
from hotloop.graph.operand import FUNCTIONS
from hotloop.graph.symbolic import SymbolicTensor
from hotloop.ops.arrangement import expand_dims
from hotloop.ops.function import Tensor, function
from hotloop.ops.logic import equal
from hotloop.ops.operands import operand, spec
from hotloop.ops.operation import record
from hotloop.ops.primitives.unary import to_type
from hotloop.ops.shapes import one_axis
from hotloop.ops.types import Spec, standard_dtype


@function
def cast(x: Tensor, dtype: Any) -> Any:
    """The same numbers in another type.

    Parameters
    ----------
    x : tensor, array or number
    dtype : str or type
        "float32", "int32" or "bool"; other floats become float32, other integers int32. What stands behind
        the point is left out in int32, and what is not 0 is true.

    Returns
    -------
    tensor or array
        One of int32 or bool has no gradient.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.cast([1.9, -1.9, 0.0], "int32"), hl.ops.cast([1.9, 0.0], "bool")
    (array([ 1, -1,  0], dtype=int32), array([ True, False]))
    """
    return to_type(x, standard_dtype("cast", dtype))


@function
def convert_to_tensor(x: Tensor, dtype: Any = None) -> Any:
    """A symbolic tensor as it is, or numbers as a NumPy array of float32, int32 or bool.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.convert_to_tensor([1, 2], dtype="float32")
    array([1., 2.], dtype=float32)
    """
    return operand("convert_to_tensor", x) if dtype is None else cast(x, dtype)


@function
def stop_gradient(variable: Tensor) -> Any:
    """The same numbers, which no gradient goes through.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.stop_gradient([1.0, 2.0])
    array([1., 2.], dtype=float32)
    """
    return record("stop_gradient", [operand("stop_gradient", variable)])


def shape(x: Tensor) -> tuple[int | None, ...]:
    """The sizes of all axes, None for the batch of a symbolic tensor.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.shape(hl.Input((3,))), hl.ops.shape([[1.0], [2.0]])
    ((None, 3), (2, 1))
    """
    one = spec(operand("shape", x))
    return one.shape if isinstance(one, Spec) else ()


def ndim(x: Tensor) -> int:
    """How many axes it has.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.ndim(hl.Input((3,)))
    2
    """
    return len(shape(x))


def is_tensor(x: Any) -> bool:
    """Whether it is a symbolic tensor or an array.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.is_tensor(hl.Input((3,))), hl.ops.is_tensor([1.0])
    (True, False)
    """
    return isinstance(x, SymbolicTensor | np.ndarray)


@function
def full_like(x: Tensor, fill_value: Tensor, dtype: Any = None) -> Any:
    """One number in all places that ``x`` has.

    Parameters
    ----------
    x : tensor or array
        Looked at for its shape, and for its type where ``dtype`` is None.
    fill_value : number, array or tensor
        Broadcast to that shape.
    dtype : str or type, optional

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.full_like([[1.0, 2.0]], 7)
    array([[7., 7.]], dtype=float32)
    """
    one, fill = spec(operand("full_like", x)), operand("full_like", fill_value)
    assert isinstance(one, Spec)
    wanted = standard_dtype("full_like", one.dtype if dtype is None else dtype)
    value = to_type(fill, wanted) if isinstance(fill, SymbolicTensor) else np.asarray(fill).astype(wanted)
    if one.batched:
        return record("broadcast", [value, x], shape=list(one.sample_shape))
    if isinstance(value, SymbolicTensor):
        return record("broadcast", [value], shape=list(one.sample_shape))
    return np.broadcast_to(value, one.sample_shape).copy()


@function
def zeros_like(x: Tensor, dtype: Any = None) -> Any:
    """0 in all places that ``x`` has; see :func:`full_like`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.zeros_like([1.0, 2.0])
    array([0., 0.], dtype=float32)
    """
    return full_like(x, 0, dtype)


@function
def ones_like(x: Tensor, dtype: Any = None) -> Any:
    """1 in all places that ``x`` has; see :func:`full_like`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.ones_like([1.0, 2.0])
    array([1., 1.], dtype=float32)
    """
    return full_like(x, 1, dtype)


@function
def one_hot(x: Tensor, num_classes: int, axis: int = -1, dtype: Any = None) -> Any:
    """1 in the place that each integer names along a new axis, 0 in the others; all 0 for other integers.

    Parameters
    ----------
    x : tensor or array of integers
        Of floats what stands behind the point is left out.
    num_classes : int
    axis : int
        Where the new axis stands.
    dtype : str or type, optional
        Float32 by default.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.one_hot([0, 2], 3)
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    classes = integer("one_hot: num_classes", num_classes, at_least=1)
    one = spec(operand("one_hot", x))
    assert isinstance(one, Spec)
    rank = len(one.shape) + 1
    place = one_axis("one_hot", axis, rank)
    if one.batched and place == 0:
        raise bad_value("one_hot: axis", "an axis behind the batch", axis)
    numbers = np.arange(classes, dtype=np.int32).reshape((-1,) + (1,) * (rank - place - 1))
    return cast(equal(expand_dims(to_type(x, "int32"), place), numbers), dtype or "float32")


FUNCTIONS["shape"] = shape
