"""What is called once, to find out what it does, keeps nothing from that call."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import CellType, FunctionType
from typing import Any

from hotloop.core.errors import bad_value
from hotloop.graph.operand import SymbolicOperand

_NONE = object()
_CHANGING = (list, dict, set, deque)


@contextmanager
def keeping_nothing(what: str, *of: Any) -> Iterator[None]:
    """Refuse a block that keeps something where it would be there in another call.

    Looked at are attributes, variables of functions round a function, and what lists, dicts, sets and deques
    in these hold. What is in arrays, in other objects, and in variables of modules is not.

    Parameters
    ----------
    what : str
        How messages call what is called in the block.
    *of
        Functions, and objects with a method ``call`` or ``__call__``; of a bound method also the object that
        it is bound to.

    Raises
    ------
    ValueError
        When something differs behind the block from what was there before it. It is as before then, and also
        when the block raises something.
    """
    before = Kept()
    for one in of:
        before.look_at(one)
    try:
        yield
        change = before.change()
        if change:
            raise bad_value(
                what,
                "a call that keeps nothing: it is made once, and no Python runs when the model does",
                f"one that {change}",
                "return what is computed, and make layers and weights in __init__ or build",
            )
    except BaseException:
        before.restore()
        raise


class Kept:
    """What there was at a time."""

    def __init__(self) -> None:
        self.attributes: list[tuple[Any, dict[str, Any]]] = []
        self.variables: list[tuple[str, CellType, Any]] = []
        self.contents: list[tuple[str, Any, Any]] = []  # with a copy
        self._seen: set[int] = set()

    def note(self, owner: Any, lists: Iterable[str]) -> None:
        """Look at an object's attributes, and into those alone that are named."""
        before = dict(vars(owner))
        self.attributes.append((owner, before))
        self.contents += [(name, before[name], before[name].copy()) for name in lists]

    def look_at(self, one: Any) -> None:
        """Look at all that :func:`keeping_nothing` does."""
        owner = getattr(one, "__self__", one)
        if isinstance(getattr(owner, "__dict__", None), dict):
            self.attributes.append((owner, dict(vars(owner))))
            for name, value in vars(owner).items():
                self._look_into(f"attribute {name!r}", value)
        methods = (getattr(type(owner), name, None) for name in ("call", "__call__"))
        for function in (getattr(one, "__func__", one), *methods):
            while isinstance(function, functools.partial):
                function = function.func
            if isinstance(function, FunctionType):
                self._look_round(function)

    def _look_round(self, function: FunctionType) -> None:
        if id(function) in self._seen:
            return
        self._seen.add(id(function))
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            value = _content(cell)
            self.variables.append((name, cell, value))
            if isinstance(value, FunctionType):
                self._look_round(value)
            self._look_into(f"variable {name!r}", value)

    def _look_into(self, place: str, value: Any) -> None:
        if not isinstance(value, (*_CHANGING, tuple)) or id(value) in self._seen:
            return
        self._seen.add(id(value))
        if not isinstance(value, tuple):
            self.contents.append((place, value, value.copy()))
        for item in value.values() if isinstance(value, dict) else value:
            self._look_into(place, item)

    def change(self) -> str:
        """Say what is not as it was; nothing if all is."""
        for owner, before in self.attributes:
            now = vars(owner)
            for name in {**now, **before}:
                value = now.get(name, _NONE)
                if value is not before.get(name, _NONE) and not _is_cached(owner, name):
                    does = "deletes" if value is _NONE else "sets"
                    return f"{_keeps(value) or does} attribute {name!r}"
        for name, cell, value in self.variables:
            if _content(cell) is not value:
                return f"{_keeps(_content(cell)) or 'sets'} variable {name!r}"
        for place, value, before in self.contents:
            if _differ(value, before):
                return f"{_keeps(value) or 'changes'} {place}"
        return ""

    def restore(self) -> None:
        """Put all back."""
        for owner, attributes in self.attributes:
            for name in vars(owner).keys() - attributes.keys():
                del vars(owner)[name]
            vars(owner).update(attributes)
        for _, cell, value in self.variables:
            if _content(cell) is not value and value is not _NONE:
                cell.cell_contents = value
        for _, value, before in self.contents:
            if _differ(value, before):
                value.clear()
                (value.update if isinstance(value, dict | set) else value.extend)(before)


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing was assigned yet
        return _NONE


def _differ(one: Any, other: Any) -> bool:
    """Whether two containers of a kind hold other things."""
    if isinstance(one, set):
        return set(map(id, one)) != set(map(id, other))
    if isinstance(one, dict) and _differ(list(one.values()), list(other.values())):
        return True
    return list(map(id, one)) != list(map(id, other))


def _keeps(value: Any, seen: frozenset[int] = frozenset()) -> str:
    """Whether there is a symbolic tensor in it, in words."""
    if isinstance(value, SymbolicOperand):
        return "keeps a tensor in"
    if not isinstance(value, (*_CHANGING, tuple)) or id(value) in seen:
        return ""
    items = value.values() if isinstance(value, dict) else value
    return next(filter(None, (_keeps(item, seen | {id(value)}) for item in items)), "")


def _is_cached(owner: Any, name: str) -> bool:
    return isinstance(getattr(type(owner), name, None), functools.cached_property)
