"""Logs of a batch whose metrics are worked out when somebody looks at them."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any


class BatchLogs(dict[str, Any]):
    """A dict of logs of which only the loss is there at once.

    Metrics are those of the epoch's rows so far, which may take a pass over them: too much for every batch
    when nobody asks. The first access to what is not there yet works them out. What was set before stays.

    Parameters
    ----------
    loss : float
    compute : callable
        Returns all logs; it may be called while the batch is the last one only.

    Examples
    --------
    >>> logs = BatchLogs(0.5, lambda: {"loss": 0.5, "accuracy": 0.25})
    >>> logs["loss"], logs["accuracy"], dict(logs)
    (0.5, 0.25, {'loss': 0.5, 'accuracy': 0.25})
    """

    def __init__(self, loss: float, compute: Callable[[], dict[str, Any]]) -> None:
        super().__init__(loss=loss)
        self._compute: Callable[[], dict[str, Any]] | None = compute

    def fill(self) -> BatchLogs:
        """Work out what is missing."""
        if self._compute is not None:
            compute, self._compute = self._compute, None
            computed = compute()
            given = dict(super().items())
            super().clear()
            super().update({**computed, **given})  # in the order of the computed ones
        return self

    def _with(self, key: object) -> BatchLogs:
        """Itself, with what this key has."""
        return self if super().__contains__(key) else self.fill()

    # -- what asks for one key

    def __getitem__(self, key: str) -> Any:
        return super(BatchLogs, self._with(key)).__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        return super(BatchLogs, self._with(key)).get(key, default)

    def __contains__(self, key: object) -> bool:
        return super(BatchLogs, self._with(key)).__contains__(key)

    def setdefault(self, key: str, default: Any = None) -> Any:
        return super(BatchLogs, self._with(key)).setdefault(key, default)

    # -- what asks for all

    def __bool__(self) -> bool:  # ``logs or {}`` asks for none
        return self._compute is not None or len(self) > 0

    def __iter__(self) -> Iterator[str]:  # ``dict(logs)`` and ``{**logs}`` ask for it, too
        return super(BatchLogs, self.fill()).__iter__()

    def __reversed__(self) -> Any:
        return super(BatchLogs, self.fill()).__reversed__()

    def __len__(self) -> int:
        return super(BatchLogs, self.fill()).__len__()

    def __eq__(self, other: object) -> bool:
        return super(BatchLogs, self.fill()).__eq__(other)

    def __ne__(self, other: object) -> bool:
        return super(BatchLogs, self.fill()).__ne__(other)

    __hash__ = None

    def __repr__(self) -> str:
        return super(BatchLogs, self.fill()).__repr__()

    def keys(self) -> Any:
        return super(BatchLogs, self.fill()).keys()

    def values(self) -> Any:
        return super(BatchLogs, self.fill()).values()

    def items(self) -> Any:
        return super(BatchLogs, self.fill()).items()

    def copy(self) -> dict[str, Any]:
        return dict(self.items())

    def __or__(self, other: Any) -> Any:
        return self.copy() | other

    def __ror__(self, other: Any) -> Any:
        return other | self.copy()

    def __reduce__(self) -> Any:
        return dict, (self.copy(),)

    # -- what takes away; ``logs[key] = value`` and ``update`` leave the rest for later

    def __delitem__(self, key: str) -> None:
        super(BatchLogs, self.fill()).__delitem__(key)

    def pop(self, key: str, *default: Any) -> Any:
        return super(BatchLogs, self.fill()).pop(key, *default)

    def popitem(self) -> tuple[str, Any]:
        return super(BatchLogs, self.fill()).popitem()

    def clear(self) -> None:
        self._compute = None
        super().clear()


def hand_over(
    hook: Callable[[int, BatchLogs], None], batch: int, loss: float, compute: Callable[[], dict[str, Any]]
) -> None:
    """Call a hook with a batch's logs; if somebody keeps them they are worked out before the next one."""
    logs = BatchLogs(loss, compute)
    kept = weakref.ref(logs)
    hook(batch, logs)
    del logs
    left = kept()
    if left is not None:
        left.fill()
