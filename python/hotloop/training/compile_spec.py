"""What ``compile`` was told, and what it means for given outputs and labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, fields, replace
from typing import Any

from hotloop import losses, metrics, optimizers
from hotloop.core.custom_objects import named
from hotloop.core.errors import bad_type, bad_value, number, unknown_name
from hotloop.core.serialization import serialize
from hotloop.feed.arrays import Array
from hotloop.graph.parameters import Shape
from hotloop.losses import Loss
from hotloop.losses.rows import match_rank
from hotloop.metrics import get as get_metric
from hotloop.optimizers import Optimizer
from hotloop.training.heads import Head, NamedMetrics

TRAINED_REDUCTIONS = ("sum_over_batch_size", "mean", "sum")
PRECISIONS = ("float32", "tf32", "mixed_bfloat16")


@dataclass
class CompileSpec:
    """The arguments of ``compile``, checked as far as they can be without data."""

    optimizer: Optimizer
    loss: Any
    loss_weights: Any
    metrics: Any
    weighted_metrics: Any
    allow_nonfinite: bool
    precision: str = "float32"

    def __post_init__(self) -> None:
        """Resolve what can be: unknown names are refused at once."""
        if self.precision not in PRECISIONS:
            raise unknown_name("precision", self.precision, PRECISIONS)
        self.loss = _each(self.loss, _checked_loss)
        for what in ("metrics", "weighted_metrics"):
            given = getattr(self, what)
            if given is not None and not isinstance(given, list | tuple | Mapping):
                raise bad_type(f"compile: {what}", "a list", given, f"write {what}=[{given!r}]")
            setattr(self, what, _each(given, _checked_metric))
        for value in _flatten(self.loss_weights):
            number("compile: loss_weights", value)
        self.optimizer = optimizers.get(self.optimizer)
        self.allow_nonfinite = bool(self.allow_nonfinite)

    def arguments(self) -> dict[str, Any]:
        """Return them by name, for another model's ``compile``."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def anew(self) -> CompileSpec:
        """Return the same with a new optimizer of the same numbers, which nothing has been learned with."""
        given = self.optimizer  # which may be of a class of the user's, that no name would find
        return replace(self, optimizer=type(given).from_config(given.get_config()))

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
            if loss.is_traced:
                loss = copy(loss)  # attributes that change later count from the next compile on
            weight = 1.0 if weights[i] is None else number("compile: loss_weights", weights[i])
            sample = match_rank(y, (*y.shape[:1], *shapes[i])).shape[1:]
            heads.append(Head(i, names[i], shapes[i], loss, weight, labels=sample))
        for head, y in zip(heads, labels, strict=True):
            prefix = f"{head.name}_" if len(names) > 1 else ""
            head.metrics = _named_metrics(first[head.index], head, y, prefix, used, "")
        for head, y in zip(heads, labels, strict=True):
            prefix = f"{head.name}_" if len(names) > 1 else ""
            head.weighted_metrics = _named_metrics(second[head.index], head, y, prefix, used, "weighted_")
        _refuse_taken(heads)
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

        def plain(given: Any, get: Callable[[Any], Any]) -> Any:
            return _each(given, lambda value: serialize(get(value)) if callable(value) else value)

        return {
            "optimizer": serialize(self.optimizer),
            "loss": plain(self.loss, losses.get),
            "loss_weights": self.loss_weights,
            "metrics": plain(self.metrics, get_metric),
            "weighted_metrics": plain(self.weighted_metrics, get_metric),
            "allow_nonfinite": self.allow_nonfinite,
            "precision": self.precision,
        }


def _flatten(given: Any) -> list[Any]:
    if given is None:
        return []
    if isinstance(given, Mapping) and "class_name" not in given:
        return [item for value in given.values() for item in _flatten(value)]
    if isinstance(given, list | tuple):
        return [item for value in given for item in _flatten(value)]
    return [given]


def _each(given: Any, change: Callable[[Any], Any]) -> Any:
    """What :func:`_flatten` lists, changed where it stands."""
    if isinstance(given, Mapping) and "class_name" not in given:
        return {key: _each(value, change) for key, value in given.items()}
    if isinstance(given, list | tuple):
        return [_each(value, change) for value in given]
    return None if given is None else change(given)


def _checked_loss(identifier: Any) -> Any:
    """Refuse what is no loss to train with; a function becomes a loss."""
    if _is_convenience(identifier, ("crossentropy", "ce")):
        return identifier
    loss = losses.get(identifier)
    if loss.reduction not in TRAINED_REDUCTIONS:
        raise bad_value(
            f"compile: loss {loss.name!r}: reduction",
            ", ".join(map(repr, TRAINED_REDUCTIONS)),
            repr(loss.reduction),
            "divide the sample weights by their mean and leave the reduction as it is"
            if loss.reduction
            else "a step needs one number: None is for calls of the loss alone",
        )
    return loss if isinstance(loss, losses.FunctionLoss) or _is_known_now(identifier) else identifier


def _checked_metric(identifier: Any) -> Any:
    """Refuse what is no metric; a function becomes one, which finds out once what that does."""
    if _is_convenience(identifier, ("crossentropy", "ce")):
        return identifier
    metric = get_metric(identifier)
    return metric if isinstance(metric, metrics.FunctionMetric) or _is_known_now(identifier) else identifier


def _is_known_now(identifier: Any) -> bool:
    """Whether it stands for something by the user's word, which may be good until ``compile`` returns."""
    return isinstance(identifier, Mapping) or named(identifier) is not identifier


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


def _refuse_taken(heads: Sequence[Head]) -> None:
    """Refuse a metric whose key in the logs is another one's already."""
    named = [name for head in heads for name, _ in [*head.metrics, *head.weighted_metrics]]
    losses_ = ["loss", *(f"{head.name}_loss" for head in heads if len(heads) > 1)]
    taken = {*losses_, *(f"val_{name}" for name in [*losses_, *named])}
    for name in named:
        if name in taken:
            got = f"{name!r}, by which the logs have a loss, or what is validated"
            mend = "name it with hl.metrics.FunctionMetric(function, name=...), or the metric's own name=..."
            raise bad_value("compile: metrics", "names of their own", got, mend)


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
