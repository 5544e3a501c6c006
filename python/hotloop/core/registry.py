"""Families of classes that users may derive from, and those of their classes that a file may name.

A file names classes; loading looks them up here and nowhere else. A class of this package registers itself
where it stands, by its family's :meth:`Family.register`; users register theirs by
:func:`hotloop.saving.register_serializable`. No file can make one that merely derives from such a class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from hotloop.core import custom_objects
from hotloop.core.errors import bad_value

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

    Attributes
    ----------
    classes : dict of str to type
        Those of this package that files, and users, may name.
    wrappers : dict of str to type
        Those whose objects are made of a function or another object: files may name them too.

    Examples
    --------
    >>> class Shape: ...
    >>> SHAPES = Family("shape", Shape)
    >>> @SHAPES.register
    ... class Circle(Shape): ...
    >>> SHAPES.get("Circle") is Circle, class_name(Circle), class_name(Shape) is Shape
    (True, 'Circle', True)
    """

    def __init__(self, name: str, base: type[Base]) -> None:
        self.name = name
        self.base = base
        self.classes: dict[str, type[Base]] = {}
        self.wrappers: dict[str, type[Base]] = {}
        families.append(self)

    def register(self, cls: Class) -> Class:
        """Let files name a class; to be written above it."""
        self.classes[cls.__name__] = cls
        return cls

    def register_wrapper(self, cls: Class) -> Class:
        """Let files name a class of which a name alone makes nothing."""
        self.wrappers[cls.__name__] = cls
        return cls

    def find(self, name: Any) -> type[Base] | None:
        """Return the class of this name, the user's word first, or None; a class stands for itself."""
        found = name if isinstance(name, type) else custom_objects.find(name)
        if found is None and isinstance(name, str):
            found = self.classes.get(name, self.wrappers.get(name))
        return found if isinstance(found, type) and issubclass(found, self.base) else None

    def get(self, name: Any, aliases: Mapping[str, type[Base]] | None = None) -> type[Base]:
        """Return the class of this name.

        Parameters
        ----------
        name : str or type
            As :func:`class_name` returned it.
        aliases : mapping, optional
            Further names.

        Raises
        ------
        ValueError
            When there is none, or what the name stands for is of another kind.
        """
        found = self.find(name)
        if found is None and aliases is not None and isinstance(name, str):
            found = aliases.get(name)
        if found is not None:
            return found
        other = custom_objects.named(name)
        if other is not name:
            raise bad_value(f"{self.name} class {name!r}", f"a subclass of {self.base.__name__}", other)
        raise custom_objects.missing(f"{self.name} class", name, {**self.classes, **(aliases or {})})


def class_name(cls: type[Any]) -> Any:
    """Return the name by which files, and :meth:`Family.get`, know a class; a class without one itself."""
    name = cls.__name__
    if any(cls in (family.classes.get(name), family.wrappers.get(name)) for family in families):
        return name
    return custom_objects.name_or_itself(cls)
