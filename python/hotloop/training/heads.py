"""What ``compile`` was told, and what it means for given outputs and labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hotloop import losses, metrics, optimizers
from hotloop.core.errors import bad_type, bad_value, number, unknown_name
from hotloop.device import to_host
from hotloop.feed.arrays import Array, Floats
from hotloop.graph.parameters import Shape
from hotloop.losses import Loss
from hotloop.losses.rows import like_predictions
from hotloop.metrics import Metric
from hotloop.metrics import get as get_metric
from hotloop.metrics.base import direction_of
from hotloop.optimizers import Optimizer

NamedMetrics = list[tuple[str, Metric]]
TRIED_ROWS = 1000
ACTIVATIONS = ("softmax", "sigmoid")  # whose logits a cross-entropy is computed from
PRECISIONS = ("float32", "tf32", "mixed_bfloat16")


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
    """

    index: int
    name: str
    shape: Shape
    loss: Loss
    weight: float = 1.0
    metrics: NamedMetrics = field(default_factory=list)
    weighted_metrics: NamedMetrics = field(default_factory=list)

    @property
    def positions(self) -> int:
        """How many losses a sample has: their mean counts."""
        return int(np.prod(self.shape[:-1], dtype=np.int64))

    def measures_logits(self, activation: str, own_loss: bool) -> bool:
        """Whether a metric, or the loss as one, is a cross-entropy of what went into that activation."""
        measures: list[Loss | Metric] = [m for _, m in [*self.metrics, *self.weighted_metrics]]
        if own_loss:
            measures.append(self.loss)
        return any(what.on_logits(activation) is not None for what in measures)


@dataclass(frozen=True)
class Logits:
    """What an output's last activation was applied to.

    Attributes
    ----------
    activation : {"softmax", "sigmoid"}
    values : ndarray of float32
        A row a sample.
    """

    activation: str
    values: Floats


@dataclass
class Compilation:
    """The arguments of ``compile``, checked as far as they can be without data."""

    optimizer: Optimizer
    loss: Any
    loss_weights: Any
    metrics: Any
    weighted_metrics: Any
    allow_nonfinite: bool
    precision: str = "float32"

    @classmethod
    def of(
        cls,
        optimizer: Any,
        loss: Any,
        loss_weights: Any,
        metrics: Any,
        weighted_metrics: Any,
        allow_nonfinite: bool,
        precision: str = "float32",
    ) -> Compilation:
        """Resolve what can be: unknown names are refused at once."""
        if precision not in PRECISIONS:
            raise unknown_name("precision", precision, PRECISIONS)
        for value in _flatten(loss):
            if not _is_convenience(value, ("crossentropy", "ce")):
                losses.get(value)
        for what, given in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if given is not None and not isinstance(given, list | tuple | Mapping):
                raise bad_type(f"compile: {what}", "a list", given, f"write {what}=[{given!r}]")
            for value in _flatten(given):
                if not _is_convenience(value, ("crossentropy", "ce")):
                    get_metric(value)
        for value in _flatten(loss_weights):
            number("compile: loss_weights", value)
        return cls(
            optimizers.get(optimizer),
            loss,
            loss_weights,
            metrics,
            weighted_metrics,
            bool(allow_nonfinite),
            precision,
        )

    def heads(self, names: Sequence[str], shapes: Sequence[Shape], labels: Sequence[Array]) -> list[Head]:
        """Return the outputs that have a loss.

        Parameters
        ----------
        names, shapes : of all outputs
        labels : list of ndarray
            Of those outputs that have a loss: their shapes say which one the loss "crossentropy" means, and
            where the loss says nothing of classes, they whether a row has one or several.
        """
        weights = _per_output("loss_weights", self.loss_weights, names, 1.0)
        first = _per_output("metrics", self.metrics, names, None, several=True)
        second = _per_output("weighted_metrics", self.weighted_metrics, names, None, several=True)
        heads: list[Head] = []
        used: dict[str, int] = {}
        chosen = self.outputs_with_loss(names)
        for i, y in zip(chosen, labels, strict=True):
            loss = _get_loss(_per_output("loss", self.loss, names, None)[i], y, shapes[i])
            weight = 1.0 if weights[i] is None else number("compile: loss_weights", weights[i])
            heads.append(Head(i, names[i], shapes[i], loss, weight))
        for head, y in zip(heads, labels, strict=True):
            prefix = f"{head.name}_" if len(names) > 1 else ""
            head.metrics = _named_metrics(first[head.index], head, y, prefix, used, "")
        for head, y in zip(heads, labels, strict=True):
            prefix = f"{head.name}_" if len(names) > 1 else ""
            head.weighted_metrics = _named_metrics(second[head.index], head, y, prefix, used, "weighted_")
        return heads

    def outputs_with_loss(self, names: Sequence[str]) -> list[int]:
        """Return the numbers of the outputs that have a loss.

        Raises
        ------
        ValueError
            When none has, or a metric is asked of one that has none.
        """
        given = _per_output("loss", self.loss, names, None)
        chosen = [i for i, loss in enumerate(given) if loss is not None]
        if not chosen:
            raise ValueError(
                "the model was compiled without a loss; call compile(loss=...) to train or evaluate it"
            )
        for what, value in (("metrics", self.metrics), ("weighted_metrics", self.weighted_metrics)):
            for i, items in enumerate(_per_output(what, value, names, None, several=True)):
                if items and i not in chosen:
                    raise ValueError(
                        f"compile: {what}: output {names[i]!r} has no loss, so it gets no labels"
                    )
        return chosen

    def get_config(self) -> dict[str, Any]:
        """Return the arguments as JSON values; the optimizer's state is not in it."""

        def plain(value: Any) -> Any:
            if isinstance(value, Mapping):
                return {key: plain(item) for key, item in value.items()}
            if isinstance(value, list | tuple):
                return [plain(item) for item in value]
            if isinstance(value, Loss):
                return losses.serialize(value)
            if isinstance(value, Metric):
                return metrics.serialize(value)
            if callable(value) and not isinstance(value, type):
                return metrics.serialize(get_metric(value))
            return value

        return {
            "optimizer": optimizers.serialize(self.optimizer),
            "loss": plain(self.loss),
            "loss_weights": plain(self.loss_weights),
            "metrics": plain(self.metrics),
            "weighted_metrics": plain(self.weighted_metrics),
            "allow_nonfinite": self.allow_nonfinite,
            "precision": self.precision,
        }


def try_metrics(heads: Sequence[Head], labels: Sequence[Array]) -> None:
    """Refuse metrics that don't fit the labels before anything is trained: they see some, and predict zeros.

    A metric of the user's is left alone: it may count its calls, or take no predictions that are all zeros.

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


def _is_hotloops(metric: Metric) -> bool:
    """Whether a metric, and the loss that it is made of, are all this package's code."""
    parts = [metric, *(part for part in vars(metric).values() if isinstance(part, Loss))]
    ours = all(type(part).__module__.startswith("hotloop.") for part in parts)
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
) -> dict[str, Any]:
    """Return the metrics over all given rows, and each output's own loss when several have one.

    ``weights`` are none, or for each head one a row, or one a position. Cross-entropies are those of the
    logits, where the output of that number has some: as in the loss.
    """
    losses: dict[str, Any] = {}
    found: dict[str, Any] = {}
    of_head: list[Floats | None] = [*weights] if weights else [None] * len(heads)
    given = [(head, outputs[head.index], (logits or {}).get(head.index)) for head in heads]
    if len(heads) > 1:
        for (head, p, behind), y, w in zip(given, labels, of_head, strict=True):
            losses[f"{head.name}_loss"] = measure(head.loss, head, y, p, behind, w)
    shaped = [_for_metrics(y, head) for head, y in zip(heads, labels, strict=True)]
    for (head, p, behind), y in zip(given, shaped, strict=True):
        found.update({name: measure(metric, head, y, p, behind) for name, metric in head.metrics})
    for (head, p, behind), y, w in zip(given, shaped, of_head, strict=True):
        found.update({name: measure(metric, head, y, p, behind, w) for name, metric in head.weighted_metrics})
    return losses | _in_order(found, several_outputs)


def measure(
    what: Loss | Metric, head: Head, y: Array, output: Floats, logits: Logits | None, *weights: Floats | None
) -> Any:
    """Return a loss or a metric of an output, from its logits where that is exact."""
    exact = None if logits is None else what.on_logits(logits.activation)
    if exact is None or logits is None:
        return what(y, output.reshape(-1, *head.shape), *weights)
    return exact(y, logits.values.reshape(-1, *head.shape), *weights)


def _for_metrics(y: Array, head: Head) -> Array:
    """Return labels of the predictions' shape, or class numbers without a last axis of 1.

    A user's metric compares them with predictions, or with their argmax, and must not get (n, n) for it.
    """
    if head.loss.targets == "sparse":
        return y[..., 0] if y.shape[1:] == (*head.shape[:-1], 1) else y
    return like_predictions(y, (y.shape[0], *head.shape))


def _flatten(given: Any) -> list[Any]:
    if given is None:
        return []
    if isinstance(given, Mapping) and "class_name" not in given:
        return [item for value in given.values() for item in _flatten(value)]
    if isinstance(given, list | tuple):
        return [item for value in given for item in _flatten(value)]
    return [given]


def _per_output(
    what: str, given: Any, names: Sequence[str], default: Any, several: bool = False
) -> list[Any]:
    """Spread an argument of ``compile`` over the outputs; ``several``: an output may have a list of them."""
    if given is None:
        return [default] * len(names)
    if isinstance(given, Mapping) and "class_name" not in given:
        unknown = [key for key in given if key not in names]
        if unknown:
            raise bad_value(f"compile: {what}", f"the outputs {list(names)} as keys", repr(unknown[0]))
        items = [given.get(name, default) for name in names]
    elif len(names) == 1:
        items = [given] if several or not isinstance(given, list | tuple) else list(given)
    else:
        alone = [given] * (len(names) if what == "loss" else 1)  # one loss is that of all outputs
        items = list(given) if isinstance(given, list | tuple) else alone
    if len(items) != len(names):
        raise bad_value(f"compile: {what}", f"one for each of the outputs {list(names)}", f"{len(items)}")
    return items


def _is_convenience(identifier: Any, names: tuple[str, ...]) -> bool:
    return isinstance(identifier, str) and identifier.lower() in names


def _kind(y: Array, shape: Shape) -> str:
    """Which cross-entropy and accuracy fit labels to an output: Keras's rule."""
    if shape[-1:] == (1,):
        return "binary"
    is_sparse = y.ndim <= len(shape) or y.shape[-1] == 1
    return "sparse_categorical" if is_sparse else "categorical"


def _get_loss(identifier: Any, y: Array, shape: Shape) -> Loss:
    if _is_convenience(identifier, ("crossentropy", "ce")):
        identifier = f"{_kind(y, shape)}_crossentropy"
    return losses.get(identifier)


def _named_metrics(
    given: Any, head: Head, y: Array, prefix: str, used: dict[str, int], if_taken: str
) -> NamedMetrics:
    named = []
    for identifier in _flatten(given):
        metric = metrics.resolve(identifier, head.loss, head.shape[-1] if head.shape else 1)
        metric = metric.for_labels(y, head.shape)
        name = prefix + metric.name
        if name in used and if_taken:
            name = prefix + if_taken + metric.name
        count = used.get(name, 0)
        used[name] = count + 1
        named.append((f"{name}_{count}" if count else name, metric))
    return named
