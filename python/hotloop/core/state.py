"""What was found out of an object counts until its attributes change."""

from __future__ import annotations

import functools
import hashlib
import inspect
import types
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import numpy as np

from hotloop.core.own import is_hotloops

Found = TypeVar("Found")


_PLAIN = frozenset({type(None), bool, int, str, bytes})
_EMPTY = types.CellType()


class Same:
    """An object as a key, by which it is; it stays alive only where nothing else is possible."""

    __slots__ = ("_get", "_id")

    def __init__(self, thing: Any) -> None:
        self._id = id(thing)
        try:
            self._get: Callable[[], Any] = weakref.ref(thing)
        except TypeError:
            self._get = lambda: thing

    def __hash__(self) -> int:
        return self._id

    def __eq__(self, other: object) -> bool:
        """Whether both are alive, and one."""
        return isinstance(other, Same) and (one := self._get()) is not None and one is other._get()


def state_of(thing: Any) -> Any:
    """Return something hashable that is equal as long as an object's attributes are.

    Of a function it is its code with what it has closed over, and its defaults; of an object the attributes,
    and theirs; of an array its bytes, by their digest. Modules, classes, objects of hotloop that users do not
    write, and whatever has no attributes are known by which they are. Global variables are not looked at.

    Examples
    --------
    >>> numbers = [1.0, 2.0]
    >>> before = state_of(numbers)
    >>> numbers[0] = 3.0
    >>> state_of(numbers) == before
    False
    """
    return _state(thing, {})


def _state(thing: Any, seen: dict[int, tuple[int, Any]]) -> Any:
    kind = type(thing)
    if kind in _PLAIN:
        return kind, thing
    if kind is float or kind is complex:
        return kind, repr(thing)  # of 0.0 and -0.0 not the same, of NaN the same
    if id(thing) in seen:
        return "again", seen[id(thing)][0]
    seen[id(thing)] = len(seen), thing  # which keeps it, so that no other one gets its number
    if kind is dict or isinstance(thing, Mapping):
        return kind, tuple([(_state(name, seen), _state(value, seen)) for name, value in thing.items()])
    if isinstance(thing, list | tuple):
        return kind, tuple([_state(each, seen) for each in thing])
    if isinstance(thing, slice):
        return kind, _state([thing.start, thing.stop, thing.step], seen)
    if isinstance(thing, set | frozenset):
        return kind, frozenset(_state(each, {}) for each in thing)
    if isinstance(thing, np.ndarray | np.generic) and not thing.dtype.hasobject and thing.dtype.itemsize:
        numbers = np.ascontiguousarray(thing).reshape(-1).view(np.uint8)
        return thing.dtype.str, thing.shape, hashlib.blake2b(numbers.data).digest()
    if isinstance(thing, type | types.ModuleType | types.BuiltinFunctionType):
        return Same(thing)
    if isinstance(thing, types.FunctionType):
        cells = zip(thing.__code__.co_freevars, thing.__closure__ or (), strict=True)
        # That of super() is the class in which the function stands, and no state of it.
        held = [cell.cell_contents for name, cell in cells if name != "__class__" and cell != _EMPTY]
        parts = [held, thing.__defaults__, thing.__kwdefaults__, vars(thing)]
        return thing.__code__, thing.__module__, _state(parts, seen)
    if isinstance(thing, inspect.Signature):
        return kind, str(thing)
    if isinstance(thing, types.MethodType):
        return kind, _state([thing.__func__, thing.__self__], seen)
    if isinstance(thing, functools.partial):
        return kind, _state([thing.func, thing.args, thing.keywords], seen)
    own = getattr(thing, "__dict__", None)
    if own is None or not _is_looked_into(kind):
        return Same(thing)
    return kind, _state(dict(own), seen)


def _is_looked_into(kind: type) -> bool:
    """Whether it is a user's class, or one of hotloop's that says so: models and weights hold very much."""
    return not is_hotloops(kind) or getattr(kind, "_has_state", False)


def definition_of(thing: Any) -> Any:
    """Return what is equal for classes and functions that the same lines define, as a cell that is run again.

    Of a class that is what stands in it, and in the users' classes that it derives from.
    """
    if not isinstance(thing, type):
        return state_of(thing)
    if thing is object or is_hotloops(thing):
        return Same(thing)
    parts = {name: value for name, value in vars(thing).items() if name not in _OF_EVERY_CLASS}
    return (
        thing.__qualname__,
        tuple(definition_of(base) for base in thing.__bases__),
        tuple((name, _definition_of_part(value)) for name, value in parts.items()),
    )


_OF_EVERY_CLASS = frozenset({"__dict__", "__weakref__", "__doc__"})


def _definition_of_part(value: Any) -> Any:
    if isinstance(value, staticmethod | classmethod):
        return type(value), state_of(value.__func__)
    if isinstance(value, property):
        return property, *map(state_of, (value.fget, value.fset, value.fdel))
    return state_of(value)


class Memory(Generic[Found]):
    """What was found out of objects, which are known by which they are, until their attributes change."""

    def __init__(self) -> None:
        self._of: dict[int, tuple[weakref.ref[Any], Any, dict[Any, Found]]] = {}

    def of(self, owner: Any) -> dict[Any, Found]:
        """Return what was found out of an object as it is now: an empty dict at first, and after a change."""
        key, state = id(owner), state_of(owner)
        known = self._of.get(key)
        if known is not None and known[0]() is owner and known[1] == state:
            return known[2]
        found: dict[Any, Found] = {}
        self._of[key] = weakref.ref(owner, lambda gone: self._forget(key, gone)), state, found
        return found

    def _forget(self, key: int, gone: weakref.ref[Any]) -> None:
        known = self._of.get(key)
        if known is not None and known[0] is gone:
            del self._of[key]
