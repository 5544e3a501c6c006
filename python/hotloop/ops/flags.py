"""Keras's ``training`` and ``mask`` among a call's arguments, which has to do the same whatever they are."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from hotloop.core.errors import bad_value, brief
from hotloop.graph.tracing import training_given

FLAGS = ("training", "mask")
_MEND = "one graph serves training and inference: layers such as Dropout know which it is"


def flags_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """Which of the two a function takes by name."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some of those that are not written in Python
        return ()
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return tuple(name for name in FLAGS if name in parameters and parameters[name].kind in kinds)


def require_flags(label: str, training: Any, mask: Any) -> None:
    """Refuse what a layer, or a model, can't be called with.

    Raises
    ------
    ValueError
        For a mask, and for ``training`` that is neither None nor what the call round this one was given.
    """
    if mask is not None:
        raise bad_value(f"{label}: mask", "None, as there are no masks yet", brief(mask))
    if training is not None and training is not training_given():
        expected = "None, or what the call round it was given"
        raise bad_value(f"{label}: training", expected, brief(training), _MEND)


def differs_by_training(label: str) -> ValueError:
    """Make the error for a call that does not do the same while training and after."""
    got = "another one for training=True"
    return bad_value(f"{label}: call", "the same computation whatever `training` is", got, _MEND)
