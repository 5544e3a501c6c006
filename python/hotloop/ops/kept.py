"""What is called once, to find out what it does, keeps nothing on the object that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from hotloop.core.errors import bad_value
from hotloop.graph.operand import SymbolicOperand

_NONE = object()


@contextmanager
def keeping_nothing(what: str, *of: Any) -> Iterator[None]:
    """Refuse a block that sets attributes.

    Parameters
    ----------
    what : str
        How messages call what is called in the block.
    *of
        Objects whose attributes are looked at; of a bound method those of the object that it is bound to.

    Raises
    ------
    ValueError
        When one has another value behind the block than before it.
    """
    owners = [getattr(one, "__self__", one) for one in of]
    kept = [dict(getattr(owner, "__dict__", {})) for owner in owners]
    yield
    for owner, before in zip(owners, kept, strict=True):
        for name, value in getattr(owner, "__dict__", {}).items():
            if value is before.get(name, _NONE) or _is_cached(owner, name):
                continue
            tensor = isinstance(value, SymbolicOperand)
            raise bad_value(
                what,
                "a call that keeps nothing: it is made once, and no Python runs when the model does",
                f"one that {'keeps a tensor in' if tensor else 'sets'} attribute {name!r}",
                "return what is computed, and make layers and weights in __init__ or build",
            )


def _is_cached(owner: Any, name: str) -> bool:
    return isinstance(getattr(type(owner), name, None), cached_property)
