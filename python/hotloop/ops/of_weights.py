"""Arrays that were computed of weights: beside a symbolic tensor they would be constants that never learn."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

import numpy as np

from hotloop.graph.parameters import Parameter, memory_of, weight_behind

_paths: dict[int, str] = {}  # of weights, by the identity of arrays that own their memory and still live


def path_behind(values: Iterable[Any]) -> str:
    """The path of a weight among some values, and lists of them, or of one that an array was computed of.

    Returns
    -------
    str
        Empty where there is none.
    """
    for value in values:
        if isinstance(value, Parameter):
            return value.path
        found = path_behind(value) if isinstance(value, list | tuple) else ""
        if isinstance(value, np.ndarray):
            weight = weight_behind(value) if value.base is not None else None
            found = _paths.get(id(memory_of(value)), "") if weight is None else weight.path
        if found:
            return found
    return ""


def mark(results: Any, path: str) -> None:
    """Remember of an array, or of those in a list, which weight it was computed of."""
    for result in results if isinstance(results, list) else [results]:
        if isinstance(result, np.ndarray):
            owner = memory_of(result)
            _paths[id(owner)] = path
            weakref.finalize(owner, _paths.pop, id(owner), None).atexit = False


def beside_tensor(path: str) -> ValueError:
    """Make the error for a weight in a model that would not know that it is there."""
    return ValueError(
        f"weight {path!r} beside a symbolic tensor: a model would not know that it is there; "
        "write a subclass of hotloop.layers.Layer, whose call uses it; its numpy() is a constant"
    )
