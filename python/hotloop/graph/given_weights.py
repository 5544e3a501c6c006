"""Weights that are there already: layers that are built meanwhile take them instead of initial values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hotloop.core.errors import bad_value

if TYPE_CHECKING:
    from hotloop.graph.parameters import Parameter

Weights = Mapping[str, npt.NDArray[np.float32]]
_given: ContextVar[Weights | None] = ContextVar("given weights", default=None)


@contextmanager
def given_weights(weights: Weights) -> Iterator[None]:
    """Until the end of the block, layers of this thread that are built take their weights from here.

    Parameters
    ----------
    weights : dict of str to float32 array
        By path, such as ``"dense/kernel"``.
    """
    token = _given.set(weights)
    try:
        yield
    finally:
        _given.reset(token)


def weights_for(parameters: Sequence[Parameter]) -> list[npt.NDArray[np.float32]] | None:
    """Return what is given for these parameters, or None where nothing is given and they are to be drawn.

    Raises
    ------
    ValueError
        When one is missing or has another shape. Nothing of the claimed sizes has been made by then.
    """
    given = _given.get()
    if given is None:
        return None
    for parameter in parameters:
        array = given.get(parameter.path)
        if array is None or array.shape != parameter.shape:
            what = "none" if array is None else f"one of shape {array.shape}"
            raise bad_value(f"weight {parameter.path!r}", f"one of shape {parameter.shape}", what)
    return [given[parameter.path] for parameter in parameters]
