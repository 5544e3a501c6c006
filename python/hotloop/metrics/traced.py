"""Metrics written with hotloop.ops: tried once with symbolic tensors, computed natively where that pays."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hotloop.core.own import is_own_module
from hotloop.graph.operand import OPERATOR_OPS
from hotloop.losses.meeting import require_meeting

if TYPE_CHECKING:
    from hotloop.ir.build import Built
    from hotloop.ops.trace import Subgraph
    from hotloop.ops.types import Spec

Array = npt.NDArray[Any]

SOME_ROWS = 5040  # as many as a metric of all rows may take, and that many numbers divide


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
        None where the metric is not made for them, as those that use NumPy, looks at all rows in a way that
        a batch does not allow, or keeps something from its call.

    Raises
    ------
    ValueError
        When shapes meet in it that would set every row against every row, or repeat labels for several
        outputs, which NumPy does in silence.
    TypeError, ValueError
        What a function of hotloop.ops that it calls says, where that is not about the batch: it would say the
        same of arrays.
    """
    from hotloop.ops.types import Spec

    try:
        found = _trial(name, metric, specs)
    except _Refused as refused:
        error = refused.error
    else:
        if found is not None:
            require_meeting(f"metric {name!r}", found)
        return found
    try:
        _trial(name, metric, [Spec((SOME_ROWS, *spec.sample_shape), spec.dtype) for spec in specs])
    except _Refused:
        raise type(error)(f"metric {name!r}: {error}") from error
    return None


class _Refused(Exception):
    """What a function of hotloop.ops said of its arguments.

    Attributes
    ----------
    error : TypeError or ValueError
    """

    def __init__(self, error: TypeError | ValueError) -> None:
        super().__init__(str(error))
        self.error = error


def _trial(name: str, metric: Callable[..., Any], specs: list[Spec]) -> Subgraph | None:
    from hotloop.ops.kept import keeping_nothing
    from hotloop.ops.shapes import RowsMeet
    from hotloop.ops.trace import trace

    what = f"metric {name!r}"

    def called(*tensors: Any) -> Any:
        try:
            return twin(*tensors)
        except (TypeError, ValueError) as error:
            if type(error) in (TypeError, ValueError) and _is_said_by_ops(error):
                raise _Refused(error) from error
            raise

    try:
        twin = copy.deepcopy(metric)
        with warnings.catch_warnings(), keeping_nothing(what, twin):
            warnings.simplefilter("ignore")
            return trace(called, specs, what, telling=False)
    except RowsMeet as error:
        raise ValueError(f"{what}: {error}") from error
    except _Refused:
        raise
    except Exception:  # whatever a function says of what it is not made for
        return None


def _is_said_by_ops(error: BaseException) -> bool:
    """Whether a user's function called one of hotloop.ops, not by an operator, and that refused."""
    inside: list[str] = []  # modules called by the last function that is not hotloop's
    behind = error.__traceback__
    asked = False
    while behind is not None:
        module = str(behind.tb_frame.f_globals.get("__name__"))
        if not is_own_module(module):
            asked, inside = True, []
        else:
            inside.append(module)
        behind = behind.tb_next
    return asked and bool(inside) and inside[0].startswith("hotloop.ops")


def row_program(name: str, function: Callable[..., Any], specs: list[Spec]) -> RowProgram | None:
    """Return what a function does with each row as a program, where it is written with hotloop.ops.

    Functions of Python's operators alone are not: these are NumPy's as well, which is then faster than a
    program, and computes in double where labels are integers. Nor are those of all rows together, which take
    longer as a program than one function of hotloop.ops after the other.

    Raises
    ------
    TypeError, ValueError
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
