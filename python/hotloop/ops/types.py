"""What is known of a value before there are numbers: its shape, its type, and whether it mixes rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hotloop.core.errors import bad_type, unknown_name
from hotloop.graph.layer import GraphLayer
from hotloop.graph.symbolic import Node, SymbolicTensor

FullShape = tuple[int | None, ...]  # with None in front for the batch
DTYPES = (
    "bool",
    "int32",
    "float32",
)  # from the narrowest on: of two different ones the later is the result's

EXACT = 2**24  # integers up to it are exact, since they are computed in float32, which has no next one
_NAMES = {bool: "bool", int: "int32", float: "float32"}
_ALIASES = {"int": "int32", "float": "float32", "bool": "bool"}


@dataclass(frozen=True)
class Spec:
    """What is known of a value.

    Attributes
    ----------
    shape : tuple
        None in front stands for the batch; a value without it is one array whatever the batch is.
    dtype : str
        One of ``DTYPES``; "bool" lies in memory as float32, 0 and 1.
    mixes_rows : bool
        Whether a row of it depends on other rows of the batch.
    """

    shape: FullShape
    dtype: str = "float32"
    mixes_rows: bool = False

    @property
    def batched(self) -> bool:
        """Whether its first axis is the batch."""
        return self.shape[:1] == (None,)

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape without the batch."""
        return tuple(size for size in self.shape if size is not None)

    @property
    def size(self) -> int:
        """Numbers a sample."""
        return math.prod(self.sample_shape)

    def node(self, layer: GraphLayer, inputs: Sequence[SymbolicTensor] = ()) -> Node:
        """Return a call of a layer that makes such a value."""
        return Node(
            layer,
            inputs,
            self.sample_shape,
            self.dtype,
            batched=self.batched,
            mixes_rows=self.mixes_rows,
        )


def spec_of(tensor: SymbolicTensor) -> Spec:
    """What is known of a tensor."""
    return Spec(tensor.shape, tensor.dtype, tensor.mixes_rows)


def standard_dtype(what: str, dtype: Any) -> str:
    """Return the one of ``DTYPES`` that holds numbers of a type.

    All floats are computed in float32 and all integers in int32.

    Raises
    ------
    ValueError, TypeError
        For what is no type of numbers.

    Examples
    --------
    >>> standard_dtype("cast", "float64"), standard_dtype("cast", int), standard_dtype("cast", np.uint8)
    ('float32', 'int32', 'int32')
    """
    if dtype in _NAMES:
        return _NAMES[dtype]
    if isinstance(dtype, str) and dtype in _ALIASES:
        return _ALIASES[dtype]
    if dtype == "bfloat16":
        return "float32"
    try:
        kind = np.dtype(dtype).kind
    except TypeError:
        if isinstance(dtype, str):
            raise unknown_name(f"{what}: dtype", dtype, DTYPES) from None
        raise bad_type(f"{what}: dtype", f"one of {', '.join(DTYPES)}", dtype) from None
    found = {"b": "bool", "i": "int32", "u": "int32", "f": "float32"}.get(kind)
    if found is None:
        raise unknown_name(f"{what}: dtype", str(dtype), DTYPES)
    return found


def result_type(*dtypes: str, weak: Sequence[type] = ()) -> str:
    """Return the type of what is computed of values and Python's numbers, by Keras's rules.

    Parameters
    ----------
    *dtypes : str
        Of tensors and arrays.
    weak : sequence of type
        Of Python numbers: an int beside float32 is one, a float beside int32 makes it float32.

    Examples
    --------
    >>> result_type("int32", "float32"), result_type("int32", weak=[float]), result_type("bool", weak=[int])
    ('float32', 'float32', 'int32')
    """
    return max((*dtypes, *(_NAMES[kind] for kind in weak)), key=DTYPES.index)
