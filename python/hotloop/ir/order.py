"""A list whose items know where they stand: compared, inserted and removed in constant time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

GAP = 1 << 32  # between neighbours: room for 32 insertions at one place before all are numbered anew


class Linked:
    """An item of an :class:`Order`, of one at a time.

    Attributes
    ----------
    place : int
        Greater than that of every item before it; -1 outside of an order.
    """

    __slots__ = ("_next", "_previous", "place")

    def __init__(self) -> None:
        self.place = -1
        self._previous: Linked | None = None
        self._next: Linked | None = None


Item = TypeVar("Item", bound=Linked)


class Order(Generic[Item]):
    """Linked items, each with a number that tells which of two comes first.

    While something goes through it, it must stay as it is.
    """

    def __init__(self) -> None:
        self._ends = Linked()  # before the first and behind the last
        self._ends._previous = self._ends._next = self._ends
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Item]:
        item: Any = self._ends._next
        while item is not self._ends:
            yield item
            item = item._next

    def insert(self, item: Item, before: Item | None = None) -> None:
        """Insert an item before another one, by default at the end."""
        if item.place >= 0:
            raise ValueError(f"{item!r} stands in a graph already; copy it")
        if before is not None and before.place < 0:
            raise ValueError(f"{before!r}, before which {item!r} should stand, was removed")
        following: Linked = self._ends if before is None else before
        previous = following._previous
        assert previous is not None
        item._previous, item._next = previous, following
        previous._next = following._previous = item
        self._size += 1
        low = previous.place
        item.place = low + GAP if before is None else (low + before.place) // 2
        if item.place == low:
            for number, each in enumerate(self, 1):
                each.place = number * GAP

    def remove(self, item: Item) -> None:
        """Take an item out."""
        if item.place < 0:
            raise ValueError(f"{item!r} was removed already")
        previous, following = item._previous, item._next
        assert previous is not None
        assert following is not None
        previous._next, following._previous = following, previous
        item._previous = item._next = None
        item.place = -1
        self._size -= 1
