"""Arrays that were computed of weights: beside a symbolic tensor they would be constants that never learn."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

import numpy as np

from hotloop.graph.parameters import Parameter

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
        if isinstance(value, list | tuple):
            found = path_behind(value)
        else:
            found = _paths.get(id(_owner(value)), "") if _paths and isinstance(value, np.ndarray) else ""
        if found:
            return found
    return ""


def mark(results: Any, path: str) -> None:
    """Remember of an array, or of those in a list, which weight it was computed of."""
    for result in results if isinstance(results, list) else [results]:
        if isinstance(result, np.ndarray):
            owner = _owner(result)
            _paths[id(owner)] = path
            weakref.finalize(owner, _paths.pop, id(owner), None).atexit = False


def _owner(array: Any) -> Any:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def beside_tensor(path: str) -> ValueError:
    """Make the error for a weight in a model that would not know that it is there."""
    return ValueError(
        f"weight {path!r} beside a symbolic tensor: a model would not know that it is there; "
        "write a subclass of hotloop.layers.Layer, whose call uses it"
    )
