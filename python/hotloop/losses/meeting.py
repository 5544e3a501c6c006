"""Labels of another shape than predictions, where a function sets the two against each other as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotloop.core.errors import bad_value

if TYPE_CHECKING:
    from hotloop.graph.symbolic import SymbolicTensor
    from hotloop.ops.trace import Subgraph


def require_meeting(what: str, found: Subgraph) -> None:
    """Refuse an op of labels and predictions that repeats the one along an axis of the other.

    ``y_true - y_pred`` of (n, 1) and (n, 3) compares each of three outputs with the same label, mostly by an
    oversight, which the losses with kernels refuse. Only labels and predictions in whole count, and what was
    computed of them number by number: a function that slices labels of a shape of their own, or repeats them
    by a function for that, knows what it does.

    Raises
    ------
    ValueError
        Naming both shapes.
    """
    labels, predictions = found.inputs
    if labels.sample_shape == predictions.sample_shape:
        return
    whole: dict[SymbolicTensor, SymbolicTensor] = {labels: labels, predictions: predictions}
    for node in found.nodes:
        sides = {whole[tensor] for tensor in node.inputs if tensor in whole}
        made = node.output
        if len(sides) == 2 and made.batched and made.sample_shape == _broadcast(labels, predictions):
            raise repeated(f"{what}: {node.layer.name}", labels.shape, predictions.shape)
        alone = sides.pop() if len(sides) == 1 else None
        if alone is not None and len(node.inputs) == 1 and made.shape == alone.shape:
            whole[made] = alone


def repeated(what: str, labels: tuple[int | None, ...], predictions: tuple[int | None, ...]) -> ValueError:
    """Make the error for labels and predictions of which one would be repeated along an axis of the other."""
    return bad_value(
        f"{what}: y_true",
        f"shape {predictions}",
        f"{labels} beside y_pred of {predictions}, one of them repeated",
        "give the labels the output's shape; if they are to be repeated, write "
        "broadcast_to(y_true, y_pred.shape), if they hold several things, slice them: y_true[:, :1]",
    )


def _broadcast(one: SymbolicTensor, other: SymbolicTensor) -> tuple[int, ...]:
    """The shape of a sample of both, number by number; none that any has where they do not fit."""
    if len(one.sample_shape) != len(other.sample_shape):
        return (-1,)
    return tuple(map(max, one.sample_shape, other.sample_shape))
