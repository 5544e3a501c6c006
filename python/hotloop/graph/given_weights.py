"""Weights that are there already: layers that are built meanwhile take them instead of initial values."""

from __future__ import annotations

from collections import Counter
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


class _Given:
    """Weights by path, and the parameters that were made of them so far."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.left = Counter(array.shape for array in weights.values())
        self.made: list[tuple[Parameter, str]] = []

    def find(self, parameter: Parameter) -> npt.NDArray[np.float32] | None:
        array = self.weights.get(parameter.path)
        return None if array is None or array.shape != parameter.shape else array

    def error(self, parameter: Parameter) -> ValueError:
        array = self.weights.get(parameter.path)
        what = "none" if array is None else f"one of shape {array.shape}"
        return bad_value(f"weight {parameter.path!r}", f"one of shape {parameter.shape}", what)

    def settle(self) -> None:
        """Write to those that have another path by now."""
        for parameter, path in self.made:
            if parameter.path != path:
                array = self.find(parameter)
                if array is None:
                    raise self.error(parameter)
                parameter.assign(array)


_given: ContextVar[_Given | None] = ContextVar("given weights", default=None)


@contextmanager
def given_weights(weights: Weights) -> Iterator[None]:
    """Until the end of the block, layers of this thread that are built take their weights from here.

    Those that get another path later in the block, as parts of layers do that are built before they are known
    to be parts, have the weights of that path in the end.

    Parameters
    ----------
    weights : dict of str to float32 array
        By path, such as ``"dense/kernel"``.

    Raises
    ------
    ValueError
        When one is missing or has another shape. Nothing larger than what is given has been made by then.
    """
    given = _Given(weights)
    token = _given.set(given)
    try:
        yield
        given.settle()
    finally:
        _given.reset(token)


def weights_for(parameters: Sequence[Parameter]) -> list[npt.NDArray[np.float32] | None] | None:
    """Return what is given for these parameters, or None where nothing is given and they are to be drawn.

    None among them stands for one of whose path and shape there is none: it is expected to get another path.

    Raises
    ------
    ValueError
        When none of that shape is left.
    """
    given = _given.get()
    if given is None:
        return None
    found = []
    for parameter in parameters:
        if given.left[parameter.shape] < 1:
            raise given.error(parameter)
        given.left[parameter.shape] -= 1
        array = given.find(parameter)
        given.made.append((parameter, parameter.path if array is not None else ""))
        found.append(array)
    return found
