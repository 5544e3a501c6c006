"""Which class a model's output names, and how many of them change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hotloop.core.errors import bad_value
from hotloop.device import to_host
from hotloop.feed.arrays import as_array, split_by_name
from hotloop.metrics.decode import binary_targets, true_classes

if TYPE_CHECKING:
    from hotloop.models import Model

Array = npt.NDArray[Any]
Float32 = npt.NDArray[np.float32]

_CLASS_ACTIVATIONS = ("softmax", "log_softmax", "sparsemax")


@dataclass(frozen=True)
class Answers:
    """How an output is read: by its largest column, or each column by a threshold.

    Attributes
    ----------
    shape : tuple of int
        Of the output, for one sample.
    threshold : float or None
        None for the largest column.
    """

    shape: tuple[int, ...]
    threshold: float | None

    def of(self, output: npt.NDArray[np.floating]) -> Array:
        """The answers of rows (n, features)."""
        shaped = output.reshape(-1, *self.shape)
        return shaped.argmax(axis=-1) if self.threshold is None else shaped > self.threshold

    def margins(
        self, output: npt.NDArray[np.float32], before: Array, after: Array
    ) -> npt.NDArray[np.float32]:
        """By how much rows (n, features) were for those of their answers that others take the place of."""
        shaped, other = output.reshape(-1, *self.shape), before != after
        if self.threshold is not None:
            return np.asarray(np.abs(shaped[other] - np.float32(self.threshold)))
        rows = shaped[other]
        first, second = before[other][:, None], after[other][:, None]
        taken = np.take_along_axis(rows, first, axis=1) - np.take_along_axis(rows, second, axis=1)
        return np.ascontiguousarray(taken[:, 0])

    def labels(self, what: str, given: Any) -> Array:
        """Labels as answers: class numbers or one-hot rows, or 0 and 1 (or -1 and 1) by column."""
        y = to_host(as_array(what, given))
        shape = (y.shape[0] if y.ndim else 0, *self.shape)
        if self.threshold is None:
            return true_classes(y, shape, what)
        if y.shape == shape[:-1] and shape[-1] == 1:
            y = y[..., None]
        return binary_targets(y, shape, what)


def answers_of(model: Model) -> dict[int, Answers]:
    """Of a model's outputs by number, those that name classes: by the loss, or by the last activation."""
    found: dict[int, Answers] = {}
    spec = model.compile_spec
    shapes = [tensor.sample_shape for tensor in model.graph.outputs]
    losses: dict[int, Any] = {}
    if spec is not None and spec.loss is not None:
        # A loss named "crossentropy" is told by the labels' shape which one it is; here either will do.
        labels = [np.zeros((1, *shapes[i])) for i in spec.outputs_with_loss(model.output_names)]
        heads = spec.heads(model.output_names, shapes, labels)
        losses = {head.index: head.loss for head in heads}
    for i, tensor in enumerate(model.graph.outputs):
        activation = getattr(getattr(tensor.layer, "activation", None), "name", "")
        loss, columns = losses.get(i), (tensor.sample_shape or (1,))[-1]
        if loss is not None and loss.native:
            kind, threshold = loss.answers, loss.threshold
        else:
            kind, threshold = ("one" if activation in _CLASS_ACTIVATIONS else "values"), 0.5
            kind = "each" if activation == "sigmoid" else kind
        if kind == "each" or (kind == "one" and columns > 1):
            found[i] = Answers(tensor.sample_shape, threshold if kind == "each" else None)
    return found


def given_labels(model: Model, answers: Mapping[int, Answers], labels: Any, rows: int) -> dict[int, Array]:
    """Labels of the outputs that name classes, decoded.

    Raises
    ------
    ValueError, TypeError
        When no output does, when rows are missing, or when they are no labels.
    """
    if labels is None:
        return {}
    if not answers:
        raise bad_value(
            "calibration_labels", "a classifier", f"model {model.name!r}, whose outputs name no classes"
        )
    names: Sequence[str] = [model.output_names[i] for i in answers]
    given = _of_classifiers(model, answers, labels)
    if given is None:
        given = split_by_name("calibration_labels", labels, names, [a.shape for a in answers.values()])
    decoded = {}
    for (i, how), name, y in zip(answers.items(), names, given, strict=True):
        what = "calibration_labels" if len(names) == 1 else f"calibration_labels[{name!r}]"
        decoded[i] = how.labels(what, y)
        if len(decoded[i]) != rows:
            raise bad_value(what, f"{rows} rows, as calibration_data has", f"{len(decoded[i])}")
    return decoded


def _of_classifiers(model: Model, answers: Mapping[int, Answers], labels: Any) -> list[Any] | None:
    """Of labels for all outputs, as `fit` takes them, those of the classifiers; None for others."""
    if len(answers) == len(model.output_names):
        return None
    if isinstance(labels, Mapping):
        if not set(labels) > {model.output_names[i] for i in answers}:
            return None
    elif (
        not isinstance(labels, list | tuple)
        or len(labels) != len(model.output_names)
        or any(np.ndim(each) == 0 for each in labels)
    ):
        return None
    shapes = [tensor.sample_shape for tensor in model.graph.outputs]
    given = split_by_name("calibration_labels", labels, model.output_names, shapes)
    return [given[i] for i in answers]
