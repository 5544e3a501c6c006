"""Families of classes that users may derive from, and those of their classes that a file may name.

A file names classes; loading looks them up here and nowhere else. A class registers itself where it stands,
by its family's :meth:`Family.register`: no file can make one that merely derives from a registered class.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from hotloop.core.errors import unknown_name

Base = TypeVar("Base")
Class = TypeVar("Class", bound=type[Any])

families: list[Family[Any]] = []


class Family(Generic[Base]):
    """A base class and its registered classes.

    Parameters
    ----------
    name : str
        What messages call one of it, such as ``"layer"``.
    base : type
        What users derive from.
    named : bool
        Whether users name its objects, so that messages do too.
    has_parts : bool
        Whether what its objects were given, such as a layer's initializers, is in a file with them.

    Attributes
    ----------
    classes : dict of str to type
        The registered ones.

    Examples
    --------
    >>> class Shape: ...
    >>> SHAPES = Family("shape", Shape)
    >>> @SHAPES.register
    ... class Circle(Shape): ...
    >>> SHAPES.get("Circle") is Circle, SHAPES.knows(Circle()), SHAPES.knows(Shape())
    (True, True, False)
    """

    def __init__(self, name: str, base: type[Base], *, named: bool = False, has_parts: bool = True) -> None:
        self.name = name
        self.base = base
        self.named = named
        self.has_parts = has_parts
        self.classes: dict[str, type[Base]] = {}
        families.append(self)

    def register(self, cls: Class) -> Class:
        """Let files name a class; to be written above it."""
        self.classes[cls.__name__] = cls
        return cls

    def get(self, name: Any) -> type[Base]:
        """Return the registered class of this name.

        Raises
        ------
        ValueError
            When there is none; the nearest name is given.
        """
        if not isinstance(name, str) or name not in self.classes:
            raise unknown_name(f"{self.name} class", name, self.classes)
        return self.classes[name]

    def knows(self, thing: object) -> bool:
        """Whether a file can name the class of ``thing``: that very class, not one that it derives from."""
        return self.classes.get(type(thing).__name__) is type(thing)


def family_of(thing: object) -> Family[Any] | None:
    """Return the family that an object belongs to, if any."""
    return next((family for family in families if isinstance(thing, family.base)), None)
