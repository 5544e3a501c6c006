"""Automatic names: ``dense``, ``dense_1``, ... as Keras gives them."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from hotloop.core.locks import make_lock

_counts: dict[str, int] = {}
_uses: dict[str, int] = {}
_lock = make_lock()


@functools.cache
def snake_case(name: str) -> str:
    """Return a class name in snake case.

    Examples
    --------
    >>> snake_case("BatchNormalization"), snake_case("TopKCategoricalAccuracy"), snake_case("F1Score")
    ('batch_normalization', 'top_k_categorical_accuracy', 'f1_score')
    """
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def function_name(function: Any) -> str:
    """Return what a function is called: a partial as its function, another callable object by its class.

    Examples
    --------
    >>> function_name(len), function_name(functools.partial(max, 0))
    ('len', 'max')
    """
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", snake_case(type(function).__name__)))


def public_names(module: Mapping[str, Any]) -> list[str]:
    """Return what ``dir`` shows of a module: what its ``__all__`` names, and Python's own ``__names__``.

    Examples
    --------
    >>> public_names({"__all__": ["get"], "__name__": "here", "np": None, "_counts": {}})
    ['__all__', '__name__', 'get']
    """
    own = (name for name in module if name.startswith("__") and name.endswith("__"))
    return sorted({*module["__all__"], *own})


def unique_name(prefix: str) -> str:
    """Return ``prefix`` the first time, then ``prefix_1``, ``prefix_2``, ..."""
    with _lock:
        count = _counts.get(prefix, 0)
        _counts[prefix] = count + 1
    return f"{prefix}_{count}" if count else prefix


def count_use(name: str) -> int:
    """Return how often this was called with ``name`` before: layers given one name still differ."""
    with _lock:
        use = _uses.get(name, 0)
        _uses[name] = use + 1
    return use


def reset_names() -> None:
    """Start again from the first name of every prefix."""
    with _lock:
        _counts.clear()
        _uses.clear()
