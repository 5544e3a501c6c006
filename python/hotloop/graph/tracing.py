"""Whether a function is being called with symbolic tensors, to find out what it does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Traces(threading.local):
    def __init__(self) -> None:
        self.known: list[dict[Any, Any] | None] = []  # None where a trace is left for a while
        self.training: list[bool | None] = [None]


_traces = _Traces()


@contextmanager
def tracing() -> Iterator[dict[Any, Any]]:
    """Until the end of the block this thread traces a function; yields what it knows of its weights."""
    known: dict[Any, Any] = {}
    _traces.known.append(known)
    try:
        yield known
    finally:
        _traces.known.pop()


@contextmanager
def not_tracing() -> Iterator[None]:
    """Until the end of the block weights are numbers, as where a layer is built inside a traced function."""
    _traces.known.append(None)
    try:
        yield
    finally:
        _traces.known.pop()


def is_tracing() -> bool:
    """Whether this thread traces a function, so that weights are symbolic."""
    return bool(_traces.known) and _traces.known[-1] is not None


def known_weights() -> dict[Any, Any]:
    """By weight the symbolic tensor that it is in the function that is being traced, the innermost one."""
    known = _traces.known[-1]
    assert known is not None
    return known


@contextmanager
def training_is(given: bool | None) -> Iterator[None]:
    """Until the end of the block a layer's call is traced with this ``training``."""
    _traces.training.append(given)
    try:
        yield
    finally:
        _traces.training.pop()


def training_given() -> bool | None:
    """The ``training`` of the innermost call of a layer that is being traced; None where it takes none."""
    return _traces.training[-1]
