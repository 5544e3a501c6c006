"""Outputs with their losses and metrics, and what these come to over given labels and predictions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hotloop import metrics
from hotloop.core.own import is_hotloops
from hotloop.device import to_host
from hotloop.feed.arrays import Array, Floats
from hotloop.feed.targets import label_array, target_array
from hotloop.graph.parameters import Shape
from hotloop.losses import Loss
from hotloop.losses.rows import match_rank
from hotloop.metrics import Metric
from hotloop.metrics.base import direction_of
from hotloop.metrics.calling import call_metric

if TYPE_CHECKING:
    from hotloop.losses.traced import TracedLoss

NamedMetrics = list[tuple[str, Metric]]
TRIED_ROWS = 1000
ACTIVATIONS = ("softmax", "sigmoid")  # whose logits a cross-entropy is computed from


@dataclass
class Head:
    """One output with its loss and metrics.

    Attributes
    ----------
    index : int
        Which output of the model.
    name : str
        The output layer's.
    shape : tuple of int
        Of one sample.
    loss : Loss
    weight : float
        Of this loss in the sum.
    metrics, weighted_metrics : list of (str, Metric)
        With their keys in the logs; only the latter see sample weights.
    labels : tuple of int
        The shape of one sample's labels.
    """

    index: int
    name: str
    shape: Shape
    loss: Loss
    weight: float = 1.0
    labels: Shape = ()
    metrics: NamedMetrics = field(default_factory=list)
    weighted_metrics: NamedMetrics = field(default_factory=list)

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles: what a loss did is found out anew."""
        return {key: value for key, value in vars(self).items() if key != "traced"}

    @cached_property
    def traced(self) -> TracedLoss | None:
        """What the loss does with labels and predictions, where it is written as ``call``."""
        if not self.loss.is_traced:
            return None
        from hotloop.losses.traced import trace_loss  # which kernels do without

        return trace_loss(self.loss, self.labels, self.shape)

    @property
    def weighed(self) -> Shape:
        """The shape of a sample's weights, where it has several."""
        return self.shape[:-1] if self.traced is None else self.traced.weighed

    @property
    def positions(self) -> int:
        """How many losses a sample has: their mean counts."""
        return math.prod(self.weighed)

    @property
    def of_batch(self) -> bool:
        """Whether a batch's loss is not the mean of its rows': what it is depends on the batches."""
        return self.sums or (self.traced is not None and self.traced.mixes_rows)

    @property
    def sums(self) -> bool:
        """Whether a batch's loss is the sum of its rows'."""
        return self.loss.reduction == "sum" and (self.traced is None or not self.traced.is_one)

    def target(self, what: str, y: Array, allow_nonfinite: bool) -> Array:
        """Return labels as the loss reads them; ``what`` names them in messages."""
        if self.traced is None:
            return target_array(what, y, self.loss, self.shape, allow_nonfinite)
        return label_array(what, y, self.labels, self.shape, allow_nonfinite)

    def measures_logits(self, activation: str, own_loss: bool) -> bool:
        """Whether a metric, or the loss as one, is a cross-entropy of what went into that activation."""
        measures: list[Loss | Metric] = [m for _, m in [*self.metrics, *self.weighted_metrics]]
        if own_loss:
            measures.append(self.loss)
        return any(what.on_logits(activation) is not None for what in measures)


class Logits(NamedTuple):
    """What an output's last activation was applied to.

    Attributes
    ----------
    activation : {"softmax", "sigmoid"}
    values : ndarray of float32
        A row a sample.
    """

    activation: str
    values: Floats


def try_metrics(heads: Sequence[Head], labels: Sequence[Array]) -> None:
    """Refuse metrics that don't fit the labels before anything is trained: they see some, and predict zeros.

    A metric of the user's does not: it may take no predictions that are all zeros. It is called once with
    symbolic tensors, one of a class of the user's in a copy; see :func:`~hotloop.metrics.traced.traced`.

    Raises
    ------
    ValueError, TypeError
        What the metric says.
    """
    for head, y in zip(heads, labels, strict=True):
        some = _for_metrics(to_host(y[:TRIED_ROWS]), head)
        zeros = np.broadcast_to(np.float32(0), (some.shape[0], *head.shape))
        for _, metric in [*head.metrics, *head.weighted_metrics]:
            if _is_hotloops(metric):
                with np.errstate(all="ignore"):
                    metric(some, zeros)
            elif isinstance(metric, metrics.FunctionMetric):
                metric.program(some, zeros)
            elif some.dtype.kind in "biuf":
                from hotloop.metrics.traced import specs_of, traced  # as above

                traced(metric.name, metric, specs_of(some, zeros))


def _is_hotloops(metric: Metric) -> bool:
    """Whether a metric, and the loss that it is made of, are all this package's code."""
    parts = [metric, *(part for part in vars(metric).values() if isinstance(part, Loss))]
    ours = all(is_hotloops(type(part)) for part in parts)
    return ours and not isinstance(metric, metrics.FunctionMetric)


def log_directions(heads: Sequence[Head], several_outputs: bool) -> dict[str, str | None]:
    """Return the keys of the logs, in order, with which way is better: "min", "max" or None (nobody said)."""
    losses: dict[str, str | None] = {f"{head.name}_loss": "min" for head in heads} if len(heads) > 1 else {}
    named = [*(head.metrics for head in heads), *(head.weighted_metrics for head in heads)]
    ways = {name: direction_of(metric) for group in named for name, metric in group}
    return {"loss": "min", **losses, **_in_order(ways, several_outputs)}


def _in_order(logs: dict[str, Any], several_outputs: bool) -> dict[str, Any]:
    """Keras's order of the metrics: as they were given, or with several outputs by their keys."""
    return dict(sorted(logs.items())) if several_outputs else logs


def compute_metrics(
    heads: Sequence[Head],
    labels: Sequence[Array],
    outputs: Sequence[Floats],
    weights: Sequence[Floats],
    several_outputs: bool,
    logits: Mapping[int, Logits] | None = None,
    batches: Sequence[int] = (),
) -> dict[str, Any]:
    """Return the metrics over all given rows, and each output's own loss when several have one.

    ``weights`` are none, or for each head one a row, or one a position. Cross-entropies are those of the
    logits, where the output of that number has some: as in the loss. ``batches`` are how many rows each batch
    had, by default all, which losses of a batch are means over.
    """
    losses: dict[str, Any] = {}
    found: dict[str, Any] = {}
    of_head: list[Floats | None] = [*weights] if weights else [None] * len(heads)
    given = [(head, outputs[head.index], (logits or {}).get(head.index)) for head in heads]
    if len(heads) > 1:
        for (head, p, behind), y, w in zip(given, labels, of_head, strict=True):
            losses[f"{head.name}_loss"] = loss_of(head, y, p, behind, w, batches)
    shaped = [_for_metrics(y, head) for head, y in zip(heads, labels, strict=True)]
    for (head, p, behind), y in zip(given, shaped, strict=True):
        found.update({name: measure(metric, head, y, p, behind) for name, metric in head.metrics})
    for (head, p, behind), y, w in zip(given, shaped, of_head, strict=True):
        found.update({name: measure(metric, head, y, p, behind, w) for name, metric in head.weighted_metrics})
    return losses | _in_order(found, several_outputs)


def batch_rows(rows: int, size: int) -> list[int]:
    """Return how many rows each batch has.

    >>> batch_rows(7, 3)
    [3, 3, 1]
    """
    return [min(size, rows - at) for at in range(0, rows, size)]


def loss_of(
    head: Head,
    y: Array,
    output: Floats,
    logits: Logits | None,
    weights: Floats | None,
    batches: Sequence[int],
) -> float:
    """Return the loss of an output; of one of a batch the batches' mean, by their rows."""
    if not head.of_batch:
        batches = ()
    total, at = 0.0, 0
    for count in batches or [len(y)]:
        rows = slice(at, at + count)
        some = None if logits is None else Logits(logits.activation, logits.values[rows])
        weigh = None if weights is None else weights[rows]
        total += count * measure(head.loss, head, y[rows], output[rows], some, weigh)
        at += count
    return total / at


def measure(
    what: Loss | Metric, head: Head, y: Array, output: Floats, logits: Logits | None, *weights: Floats | None
) -> Any:
    """Return a loss or a metric of an output, from its logits where that is exact.

    What a class of the user's is handed can't be written to: labels and weights may be the user's own arrays,
    and the next metric reads the same.
    """
    exact = None if logits is None else what.on_logits(logits.activation)
    values, judge = (output, what) if exact is None or logits is None else (logits.values, exact)
    predicted = values.reshape(-1, *head.shape)
    if is_hotloops(type(what)):
        return judge(y, predicted, *weights)
    return call_metric(what.name, judge, y, predicted, *weights)


def _for_metrics(y: Array, head: Head) -> Array:
    """Return labels of the predictions' shape, or class numbers without a last axis of 1.

    A user's metric compares them with predictions, or with their argmax, and must not get (n, n) for it.
    """
    if head.loss.targets == "sparse":
        return y[..., 0] if y.shape[1:] == (*head.shape[:-1], 1) else y
    return match_rank(y, (y.shape[0], *head.shape))
