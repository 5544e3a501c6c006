"""What functions of this room take: symbolic tensors, weights, arrays and numbers."""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np

from hotloop import device
from hotloop.core.errors import bad_type, bad_value
from hotloop.graph.parameters import Parameter
from hotloop.graph.symbolic import SymbolicTensor
from hotloop.graph.tracing import is_tracing
from hotloop.ops.of_weights import beside_tensor
from hotloop.ops.operation import Array, Operand
from hotloop.ops.trace import weight
from hotloop.ops.types import DTYPES, Spec, spec_of, standard_dtype

_LEAST, _MOST = -(2**31), 2**31 - 1
_TYPES = {np.dtype(name): name for name in DTYPES}  # of arrays that are taken as they are


def operand(what: str, value: Any, *, empty: bool = False) -> Operand:
    """Return a tensor or a Python number as it is, anything else as an array of one of three types.

    Parameters
    ----------
    what : str
        How messages call it.
    value : object
    empty : bool
        Whether an array may have no numbers.

    Raises
    ------
    TypeError
        For what is none of these.
    ValueError
        For integers beyond int32, and numbers beyond float32.
    """
    if isinstance(value, SymbolicTensor):
        return value
    if isinstance(value, Parameter):
        return _weight(value)
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        value = value.item()
    if isinstance(value, bool | int | float):
        return _number(what, value)
    return as_array(what, value, empty=empty)


def _weight(parameter: Parameter) -> SymbolicTensor:
    if not is_tracing():
        raise beside_tensor(parameter.path)
    return weight(parameter)


def _number(what: str, value: float) -> float:
    if isinstance(value, float) and math.isfinite(value):
        try:
            struct.pack("<f", value)
        except OverflowError:
            raise bad_value(
                what, "numbers that are finite in float32", value, "float('inf') is infinity"
            ) from None
    elif isinstance(value, int) and not _LEAST <= value <= _MOST:
        raise bad_value(what, "integers from -2**31 to 2**31 - 1", value, "write it as a float")
    return value


def as_array(what: str, value: Any, *, empty: bool = False) -> Array:
    """Return numbers as a NumPy array of float32, int32 or bool.

    Raises
    ------
    TypeError, ValueError
        As :func:`operand`.
    """
    if type(value) is np.ndarray and value.dtype in _TYPES and (value.size or empty):
        return value
    if isinstance(value, list | tuple) and any(isinstance(item, SymbolicTensor) for item in value):
        raise bad_type(what, "a tensor or an array", value, "make one tensor of them by hotloop.ops.stack")
    if value is None:
        mend = (
            "how many rows a batch has, x.shape[0], is not known before there are some: hotloop.ops.mean(x, "
            "axis=0) is a mean over rows, sum(ones_like(x), axis=0) their number"
        )
        raise bad_type(what, "a symbolic tensor, an array or a number", value, mend)
    try:
        array = np.asarray(device.to_host(value))
    except ValueError:
        if not isinstance(value, list | tuple):
            raise
        raise bad_value(what, "lists of one length on each level", "some of different lengths") from None
    if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
        expected = "a symbolic tensor, an array or a number"
        if isinstance(value, np.ndarray | list | tuple):
            raise TypeError(str(bad_value(what, expected, f"an array of {array.dtype}")))
        raise bad_type(what, expected, value)
    if array.size == 0 and not empty:
        raise bad_value(what, "at least one number", f"an array of shape {array.shape}")
    wanted = standard_dtype(what, array.dtype)
    if wanted == "int32" and array.dtype != np.int32 and array.size:
        low, high = array.min(), array.max()
        if low < _LEAST or high > _MOST:
            raise bad_value(what, "integers from -2**31 to 2**31 - 1", low if low < _LEAST else high)
    if wanted == "float32" and array.dtype != np.float32:
        with np.errstate(over="ignore"):
            made = array.astype(np.float32)
        if (np.isinf(made) != np.isinf(array)).any():
            raise bad_value(what, "numbers that are finite in float32", array[np.isinf(made)][0])
        return made
    return array.astype(wanted, copy=False)


def array_spec(array: Array) -> Spec:
    """What is known of an array of :func:`as_array`."""
    return Spec(array.shape, _TYPES[array.dtype])


def spec(value: Operand) -> Spec | float:
    """What is known of an operand; numbers are themselves."""
    if isinstance(value, SymbolicTensor):
        return spec_of(value)
    if isinstance(value, np.ndarray):
        return array_spec(value)
    return value
