"""Objects that a name or a JSON config describes: losses, metrics, optimizers, schedules, initial values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from hotloop.core.custom_objects import missing, named
from hotloop.core.errors import bad_type
from hotloop.core.registry import Family, class_name

Self = TypeVar("Self", bound="Configurable")  # typing's own came with Python 3.11


class Configurable:
    """Base of the classes whose attributes are their constructor's arguments, private ones apart.

    Examples
    --------
    >>> class Point(Configurable):
    ...     def __init__(self, x=0.0, y=0.0):
    ...         self.x, self.y = x, y
    >>> Point.from_config(Point(1.0).get_config())
    Point(x=1.0, y=0.0)
    """

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        return {
            key: serialize(value) if isinstance(value, Configurable) else value
            for key, value in vars(self).items()
            if not key.startswith("_")
        }

    @classmethod
    def from_config(cls: type[Self], config: dict[str, Any]) -> Self:
        """Make an object from what :meth:`get_config` returned."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


def serialize(thing: Any) -> dict[str, Any]:
    """Return ``{"class_name", "config"}``, which :func:`resolve` turns back into the same thing.

    Of a class that is neither this package's nor registered ``"class_name"`` is the class itself: good for
    copies in this process, and refused where a file is written.
    """
    return {"class_name": class_name(type(thing)), "config": thing.get_config()}


def resolve(family: Family[Any], identifier: Any, aliases: Mapping[str, type[Any]] | None = None) -> Any:
    """Turn an instance, a class, a name or a ``{"class_name", "config"}`` dict into an object of a family.

    Parameters
    ----------
    family : Family
    identifier : object
        What the user, or a file, gave.
    aliases : mapping of str to type, optional
        Further names of classes, in lower case.

    Raises
    ------
    ValueError
        When the name is unknown; the nearest known one is named.
    TypeError
        When it is nothing of these.
    """
    kind, base = family.name, family.base
    identifier = named(identifier)
    if isinstance(identifier, base):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, base):
        return identifier()
    if isinstance(identifier, str):
        for name in (identifier, identifier.lower()):
            found = family.classes.get(name) or (aliases and aliases.get(name))
            if found:
                return found()
        raise missing(kind, identifier, {**family.classes, **(aliases or {})})
    if isinstance(identifier, dict) and isinstance(identifier.get("class_name"), str | type):
        made = family.get(identifier["class_name"], aliases)
        config = identifier.get("config", {})
        if not isinstance(config, dict):
            raise bad_type(f"{kind} {made.__name__!r}: config", "a dict", config)
        return made.from_config(config)
    raise bad_type(kind, f"a name, a dict with 'class_name' and 'config', or a {base.__name__}", identifier)
