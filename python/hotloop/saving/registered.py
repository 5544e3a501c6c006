"""What a file can't hold is refused before it is written: objects of classes that no file may name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import FunctionType
from typing import Any

from hotloop.core.registry import family_of


def refuse_unregistered(things: Iterable[Any]) -> None:
    """Refuse objects that a file could hold and that could not be loaded from it.

    Parameters
    ----------
    things : iterable
        Objects of registered families, in lists and dicts too; all else is passed over.

    Raises
    ------
    TypeError
        When one of them, or of what it was given itself, is of a class of the user's.
    """
    for thing, place in _members(list(things), ""):
        if isinstance(thing, FunctionType):
            raise TypeError(
                f"save: function {thing.__name__}{place} is not a part of hotloop, so no file could be "
                "loaded again; use save_weights, and load_weights into a model that is built by the same code"
            )
        family = family_of(thing)
        if family is not None and not family.knows(thing):
            raise TypeError(
                f"save: {family.name} {type(thing).__name__}{place} is not a class of hotloop's, so no file "
                "could be loaded again; use save_weights, and load_weights into a model that is built by the "
                "same code"
            )


def _members(thing: Any, place: str) -> Iterator[tuple[Any, str]]:
    """Objects of the families in ``thing``, with where each stands."""
    if isinstance(thing, list | tuple):
        for item in thing:
            yield from _members(item, place)
    elif isinstance(thing, Mapping):
        yield from _members(list(thing.values()), place)
    elif (family := family_of(thing)) is not None:
        yield thing, place
        if family.has_parts:
            name = getattr(thing, "name", None)
            inside = f" of {name!r}" if family.named else f" in {name or type(thing).__name__}"
            for part in vars(thing).values():
                function = getattr(part, "function", part)
                if family.named and isinstance(function, FunctionType):
                    yield function, inside
                else:
                    yield from _members(part, inside)
