"""Warnings of what runs without an error and learns nothing: pairs of output and loss, missing labels.

All is told once a ``compile``, before the first step that it spoils, and a loss that is no number once a fit;
none of it is refused, since each has a use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hotloop.core.errors import warn
from hotloop.device import to_host

if TYPE_CHECKING:
    from hotloop.feed.arrays import Array, Floats
    from hotloop.graph.layer import GraphLayer
    from hotloop.graph.symbolic import SymbolicTensor
    from hotloop.losses import Loss
    from hotloop.training.feed import Feed
    from hotloop.training.heads import Head

LOOKED_AT = 256  # rows
_SLACK = 1e-2  # what rounding, in bfloat16 too, may leave of a sum of 1
_YES_OR_NO = frozenset({"sigmoid", "hard_sigmoid", "sparse_sigmoid"})
# Divided by its sum, as the loss does it, a row of exponentials is a softmax.
_ROWS_OF_ONE = frozenset({"softmax", "sparsemax", "exponential"})
_SINGLE_LABEL = frozenset({"categorical_crossentropy", "sparse_categorical_crossentropy"})
_CLASSES = _SINGLE_LABEL | {"binary_crossentropy", "hinge", "squared_hinge", "categorical_hinge"}


def warn_of_pairs(
    heads: Sequence[Head], outputs: Sequence[SymbolicTensor], predict: Callable[[], Sequence[Floats]]
) -> None:
    """Warn of outputs that their loss is not made for.

    Parameters
    ----------
    heads : sequence of Head
    outputs : sequence of SymbolicTensor
        All of the model's.
    predict : callable
        Gives all outputs for some rows; called only where what an output is does not follow from its layer.
    """
    predicted: Sequence[Floats] | None = None
    for head in heads:
        layer, kind = _ending(outputs[head.index])
        text = _mismatch(head, kind)
        if not text and _is_open(head, kind):
            predicted = predict() if predicted is None else predicted
            some = predicted[head.index].reshape(-1, *head.shape)
            text = _no_probabilities(head, some)
            if not text and kind == "linear" and layer.gives_any_number and np.all(abs(some) < _SLACK):
                # Weights that are zero or small as initialised: so far nothing shows what a blend of
                # probabilities would show.
                kind = type(layer).__name__
                text = f"it takes probabilities, and a {kind} gives any number; {_mend(head.loss)}"
        if text:
            warn(f"layer {layer.name!r} with loss {head.loss.name!r}: {text}")


def _ending(tensor: SymbolicTensor) -> tuple[GraphLayer, str | None]:
    """The layer that an output comes from, reshaping apart, and its activation; None where it has none."""
    while tensor.layer.only_reshapes:
        tensor = tensor.node.inputs[0]
    activation = getattr(tensor.layer, "activation", None)
    return tensor.layer, getattr(activation, "name", None)


def _mismatch(head: Head, kind: str | None) -> str:
    """What is wrong with an activation before a loss, whatever the numbers are."""
    loss, width = head.loss, head.shape[-1] if head.shape else 1
    if width == 1 and kind in ("softmax", "sparsemax"):
        return f"{kind} of one number is always 1; use 'sigmoid', or as many outputs as there are classes"
    if not loss.activation:
        return ""
    if width == 1 and loss.native in _SINGLE_LABEL:
        return "of one output it is always 0; use binary_crossentropy behind 'sigmoid', or an output a class"
    if loss.options["from_logits"]:
        if kind not in ("softmax", "sigmoid"):
            return ""
        return f"from_logits=True says that no {kind} was applied yet; leave one of them out"
    if loss.activation == "sigmoid" and kind == "softmax":
        return "it takes each output for a yes or no of its own; use categorical_crossentropy, or 'sigmoid'"
    if loss.activation == "softmax" and kind in _YES_OR_NO:
        return f"it wants probabilities that sum to 1, not {kind}'s; use 'softmax', or binary_crossentropy"
    if loss.activation == "sigmoid" and kind not in {
        None,
        "linear",
        "exponential",
        *_YES_OR_NO,
        *_ROWS_OF_ONE,
    }:
        return f"it takes probabilities, and {kind} is not kept between 0 and 1; use 'sigmoid'"
    return ""


def _is_open(head: Head, kind: str | None) -> bool:
    """Whether only the numbers can say if an output is the probabilities that the loss takes."""
    loss = head.loss
    fit = _YES_OR_NO if loss.activation == "sigmoid" else _ROWS_OF_ONE
    return bool(loss.activation) and not loss.options["from_logits"] and kind not in fit


def _mend(loss: Loss) -> str:
    return f"end in {loss.activation!r}, or pass from_logits=True"


def _no_probabilities(head: Head, predicted: Floats) -> str:
    """What is wrong with some predictions as probabilities; NaN is another matter."""
    rows = predicted[np.isfinite(predicted).all(axis=tuple(range(1, predicted.ndim)))]
    if not rows.size:
        return ""
    needed, mend = head.loss.activation, _mend(head.loss)
    low, high = float(rows.min()), float(rows.max())
    if low < -_SLACK or high > 1 + _SLACK:
        return f"it takes probabilities, and these are from {low:.3g} to {high:.3g}; {mend}"
    sums = rows.sum(axis=-1)
    if needed == "softmax" and np.abs(sums - 1).max() > _SLACK:
        return f"it divides each row by its sum, which is {sums.min():.3g} to {sums.max():.3g}; {mend}"
    return ""


def warn_of_nonfinite(loss: float, when: str) -> None:
    """Warn of a loss that is NaN or infinite, where nobody else tells."""
    warn(
        f"the loss is {loss} {when}; take a lower learning rate, clip gradients (clipnorm=1.0), scale the "
        "inputs or look for NaN in the data. callbacks.TerminateOnNaN() ends training at once"
    )


def warn_of_unseen(train: Feed, validation: Feed, split: bool) -> bool:
    """Warn of classes to validate on that are not among those to train on: sorted labels, mostly.

    Parameters
    ----------
    train, validation : Feed
    split : bool
        Whether the latter is the tail of what was given.

    Returns
    -------
    bool
        Whether there was anything to warn of.
    """
    told = False
    for head, seen, judged in zip(train.heads, train.targets, validation.targets, strict=True):
        if head.loss.native not in _CLASSES:
            continue
        width = head.shape[-1] if head.shape else 1
        there, known = (_present(head.loss, targets, width) for targets in (judged, seen))
        if there is None or known is None or not (unseen := there & ~known).any():
            continue
        numbers = [str(i) for i in np.flatnonzero(unseen)]
        named = ", ".join(numbers[:10]) + (f" and {len(numbers) - 10} more" if len(numbers) > 10 else "")
        which = "validation_split takes the last rows, which have" if split else "validation_data has"
        classes = "class" if len(numbers) == 1 else "classes"
        warn(
            f"{which} {classes} {named} of output {head.name!r}, of which there is none to train on; "
            "shuffle the rows first, as hl.data.train_test_split(x, y, stratify=True) does"
        )
        told = True
    return told


def _present(loss: Loss, targets: Array, width: int) -> npt.NDArray[np.bool_] | None:
    """Which classes some targets hold, as a loss reads them; of a single output 0 and 1.

    None where they aren't one class a row: several labels, pixels and probabilities may well be 0 throughout.
    """
    if loss.targets == "sparse":
        found = np.zeros(width, np.bool_)
        found[to_host(targets).reshape(-1)] = True
        return found
    by_class = targets.reshape(-1, width)
    # The first rows tell most of what is none at no cost.
    if not (_one_class_a_row(by_class[:LOOKED_AT]) and _one_class_a_row(by_class)):
        return None
    if width == 1:
        return np.array([bool((by_class <= 0).any()), bool((by_class > 0).any())])
    return np.asarray(to_host((by_class > 0).any(axis=0)))


def _one_class_a_row(by_class: Array) -> bool:
    """Whether all is 1, or 0 or -1 for no; and of several columns one is 1 in each row."""
    yes = by_class == 1
    if not bool((yes | (by_class == 0) | (by_class == -1)).all()):
        return False
    return by_class.shape[1] == 1 or bool((yes.sum(axis=1) == 1).all())
