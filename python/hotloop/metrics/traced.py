"""Metrics written with hotloop.ops: tried once with symbolic tensors, computed natively where that pays."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hotloop.graph.operand import OPERATOR_OPS

if TYPE_CHECKING:
    from hotloop.ir.build import Built
    from hotloop.ops.trace import Subgraph
    from hotloop.ops.types import Spec

Array = npt.NDArray[Any]


class RowProgram:
    """A function of labels and predictions that makes something of each row, as a program.

    Parameters
    ----------
    subgraph : Subgraph
    """

    def __init__(self, subgraph: Subgraph) -> None:
        from hotloop.losses.traced import program_of_rows
        from hotloop.ops.lower import as_float

        (made,) = subgraph.outputs
        self._types = ["int32" if tensor.dtype == "int32" else "float32" for tensor in subgraph.inputs]
        self._shape = made.sample_shape
        self._built: Built = program_of_rows(
            lambda graph, values: as_float(graph, *subgraph.lower(graph, values)),
            [tensor.sample_shape for tensor in subgraph.inputs],
            self._types,
        )

    def __call__(self, *arrays: Array) -> Array:
        """Compute, in float32.

        Raises
        ------
        ValueError
            For integers beyond int32, and numbers beyond float32.
        """
        from hotloop.ops.operands import as_array

        rows = [
            np.ascontiguousarray(as_array("metric", array), dtype).reshape(len(array), -1)
            for array, dtype in zip(arrays, self._types, strict=True)
        ]
        (made,) = self._built.run(rows)
        return made.reshape(len(made), *self._shape)


def specs_of(*arrays: Array) -> list[Spec]:
    """What is known of rows before there are numbers."""
    from hotloop.ops.types import Spec, standard_dtype

    return [Spec((None, *array.shape[1:]), standard_dtype("metric", array.dtype)) for array in arrays]


def traced(name: str, metric: Callable[..., Any], specs: list[Spec]) -> Subgraph | None:
    """Call a metric with symbolic tensors, or rather a copy of what has a state.

    Returns
    -------
    Subgraph or None
        None where the metric is not made for them, as those that use NumPy, or keeps something from its call.

    Raises
    ------
    ValueError
        When shapes meet in it that would set every row against every row, which NumPy does in silence.
    """
    from hotloop.ops.kept import keeping_nothing
    from hotloop.ops.shapes import RowsMeet
    from hotloop.ops.trace import trace

    what = f"metric {name!r}"
    try:
        twin = copy.deepcopy(metric)
        with warnings.catch_warnings(), keeping_nothing(what, twin):
            warnings.simplefilter("ignore")
            return trace(twin, specs, what)
    except RowsMeet as error:
        raise ValueError(f"{what}: {error}") from error
    except Exception:  # whatever a function says of what it is not made for
        return None


def row_program(name: str, function: Callable[..., Any], specs: list[Spec]) -> RowProgram | None:
    """Return what a function does with each row as a program, where it is written with hotloop.ops.

    Functions of Python's operators alone are not: these are NumPy's as well, which is then faster than a
    program, and computes in double where labels are integers. Nor are those of all rows together, which take
    longer as a program than one function of hotloop.ops after the other.

    Raises
    ------
    ValueError
        As :func:`traced`.
    """
    found = traced(name, function, specs)
    if found is None or found.parameters:
        return None
    (made,) = found.outputs
    if not made.batched or made.mixes_rows or made in found.inputs:
        return None
    kinds = {node.layer.automatic_prefix for node in found.nodes}
    return RowProgram(found) if kinds - OPERATOR_OPS else None
