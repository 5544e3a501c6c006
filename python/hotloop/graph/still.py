"""Models at rest: what is read of one while no thread trains it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from hotloop.graph.parameters import ParameterStore


class HasStore(Protocol):
    """What keeps its weights in an arena: a model."""

    @property
    def store(self) -> ParameterStore: ...


Model = TypeVar("Model", bound=HasStore)


@contextmanager
def still(model: Model) -> Iterator[Model]:
    """The model, which no thread trains until the end of the block; or a copy from between two steps.

    A copy it is where another thread is in the middle of training. Nobody waits for more than that copy then.
    """
    turns = model.store.turns
    with turns.alone() as alone:
        if alone:
            yield model
            return
    yield turns.between_steps(lambda: copy.deepcopy(model))
