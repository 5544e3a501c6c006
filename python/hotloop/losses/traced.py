"""Losses written with hotloop.ops: called once with symbolic tensors, what they did becomes ops."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from hotloop.core.errors import bad_value
from hotloop.core.state import Memory
from hotloop.graph.parameters import Shape
from hotloop.losses.meeting import require_meeting
from hotloop.losses.rows import Doubles, match_rank

if TYPE_CHECKING:
    from hotloop.ir.build import Built
    from hotloop.ir.graph import Graph, Value
    from hotloop.ops.trace import Subgraph


class HasCall(Protocol):
    """A loss that is written as ``call``."""

    name: str

    def call(self, y_true: Any, y_pred: Any) -> Any: ...


@dataclass(frozen=True)
class TracedLoss:
    """What a loss did with labels and predictions of given shapes.

    Attributes
    ----------
    name : str
        The loss's.
    subgraph : Subgraph
        From labels and predictions to the losses.
    shape : tuple of int
        Of one sample's predictions.
    """

    name: str
    subgraph: Subgraph
    shape: Shape

    @property
    def is_one(self) -> bool:
        """Whether a batch has one loss, and not each row its own."""
        return not self.subgraph.outputs[0].batched

    @property
    def size(self) -> int:
        """How many losses a sample has."""
        return self.subgraph.outputs[0].features

    @property
    def mixes_rows(self) -> bool:
        """Whether a row's loss depends on other rows of the batch."""
        return self.is_one or self.subgraph.outputs[0].mixes_rows

    @property
    def weighed(self) -> Shape:
        """The shape of what sample weights may be given for, of one sample: () for whole rows alone.

        Those of an output's positions, as for other losses, where its last axis is all that is gone, or the
        losses are of its shape.
        """
        made = self.subgraph.outputs[0]
        fits = made.batched and made.sample_shape in (self.shape, self.shape[:-1])
        return self.shape[:-1] if fits else ()

    def lower(self, graph: Graph, labels: Value, predictions: Value) -> Value:
        """Append its ops to a graph and return the losses, a row each."""
        from hotloop.ir.op import loss_layer
        from hotloop.ops.lower import broadcast, reshape, take_slice

        graph.layer = loss_layer(self.name)
        (made,) = self.subgraph.lower(graph, [labels, predictions])
        if made.batched:
            return made
        # What is the same for all rows is repeated along the batch of one number of each row's predictions.
        flat = reshape(graph, predictions, (math.prod(self.shape),))
        of_a_row = take_slice(graph, flat, (0,), (1,), (1,))
        still = graph.add("stop_gradient", [reshape(graph, of_a_row, (1,) * len(made.shape))])
        return broadcast(graph, made, made.shape, still)


def trace_loss(loss: HasCall, labels: Shape, shape: Shape) -> TracedLoss:
    """Call a loss with symbolic tensors.

    Parameters
    ----------
    loss : Loss
    labels, shape : tuple of int
        Of one sample's labels and predictions.

    Raises
    ------
    TypeError, ValueError
        When it looks at numbers, applies NumPy, keeps something from call to call, uses weights, or returns
        anything but a float32 tensor that depends on the predictions; or sets labels of another shape against
        the predictions as they are.
    """
    from hotloop.ops.kept import keeping_nothing
    from hotloop.ops.shapes import RowsMeet
    from hotloop.ops.trace import trace
    from hotloop.ops.types import Spec

    what = f"loss {loss.name!r}"
    try:
        with keeping_nothing(what, loss, getattr(loss, "function", None)):
            found = trace(loss.call, [Spec((None, *labels)), Spec((None, *shape))], what)
    except (TypeError, ValueError) as error:
        kind = ValueError if isinstance(error, RowsMeet) else type(error)
        if kind not in (TypeError, ValueError) or str(error).startswith(what):
            raise
        raise kind(f"{what}: {error}") from error
    require_meeting(what, found)
    predictions, (made,) = found.inputs[1], found.outputs
    if made is not predictions and all(one is not predictions for node in found.nodes for one in node.inputs):
        mend = "compute it of the second argument"
        raise bad_value(f"{what}: result", "one that depends on y_pred", f"{made!r}", mend)
    if made.dtype != "float32":
        mend = "truth values and integers have no gradient; where(condition, a, b) of floats has one"
        raise bad_value(f"{what}: result", "a float32 tensor", f"{made.dtype} of shape {made.shape}", mend)
    if found.parameters:
        mend = "a layer's regularizer, such as kernel_regularizer, adds what depends on weights"
        raise bad_value(what, "a function of y_true and y_pred alone", repr(found.parameters[0]), mend)
    return TracedLoss(loss.name, found, shape)


_programs: Memory[tuple[TracedLoss, Built]] = Memory()


def compute(loss: HasCall, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> tuple[Doubles, bool]:
    """Return the losses of arrays, and whether they are one number for all rows.

    Parameters
    ----------
    loss : Loss
        Written as ``call``.
    y_true, y_pred : array_like
        A row each. Labels that differ from predictions by a last axis of 1 are given it, or lose it.

    Returns
    -------
    losses : ndarray of float64
        Computed in float32; what is the same for all rows once a row.
    is_one : bool

    Raises
    ------
    TypeError, ValueError
        As :func:`trace_loss`, or when there are no rows, or not as many of labels as of predictions.
    """
    predicted, target = np.asarray(y_pred, np.float32), np.asarray(y_true, np.float32)
    if predicted.ndim < 1 or predicted.size == 0:
        raise bad_value(f"{loss.name}: y_pred", "at least one row", f"shape {predicted.shape}")
    target = match_rank(target, predicted.shape)
    rows = predicted.shape[0]
    if target.ndim < 1 or target.shape[0] != rows:
        raise bad_value(f"{loss.name}: y_true", f"{rows} rows, as y_pred has", f"shape {target.shape}")
    of_loss, key = _programs.of(loss), (target.shape[1:], predicted.shape[1:])
    if key not in of_loss:
        traced = trace_loss(loss, *key)
        of_loss[key] = traced, program_of_rows(lambda graph, values: traced.lower(graph, *values), key)
    traced, built = of_loss[key]
    (made,) = built.run([np.ascontiguousarray(each).reshape(rows, -1) for each in (target, predicted)])
    shape = (rows, *traced.subgraph.outputs[0].sample_shape)
    return made.astype(np.float64).reshape(shape), traced.is_one


def program_of_rows(
    lower: Callable[[Graph, list[Value]], Value], shapes: Sequence[Shape], dtypes: Sequence[str] = ()
) -> Built:
    """Make the program of something that has a number, or several, for each row of its inputs.

    Parameters
    ----------
    lower : callable
        Appends its ops to a graph, behind values for the inputs, and returns what they make.
    shapes : sequence of tuple of int
        Of one sample of each input.
    dtypes : sequence of str
        "float32" or "int32" of each; float32 where they are left out.
    """
    from hotloop.ir.build import build
    from hotloop.ir.graph import Graph
    from hotloop.ir.pipelines import Purpose, run

    graph = Graph()
    types = dtypes or ["float32"] * len(shapes)
    values = [graph.add_input(shape, dtype) for shape, dtype in zip(shapes, types, strict=True)]
    graph.outputs = [lower(graph, values)]
    return build(run(graph, Purpose.INFERENCE)[0])
