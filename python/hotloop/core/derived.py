"""What users derive from and give attributes of their own: clashes with those of the base are told."""

from __future__ import annotations

from typing import Any, ClassVar

from hotloop.core.arguments import config_of_arguments, recording
from hotloop.core.errors import bad_type
from hotloop.core.own import is_hotloops


class Derived:
    """Base of classes that users derive from.

    Attributes
    ----------
    _kind : str
        What messages call an object of it.
    _made_at_first : dict of str to type
        Attributes that its ``__init__`` makes, and what they are; the first one before all others.
    _not_there : dict of str to str
        What Keras has and this does not, with what there is instead.
    _tells_arguments : bool
        Whether the config of a user's class without ``get_config`` is what its constructor was given.
    _is_itself_alone : bool
        Whether no object equals another one, whatever ``dataclass`` would make of a user's class.
    """

    _kind: ClassVar[str]
    _made_at_first: ClassVar[dict[str, type]]
    _tells_arguments: ClassVar[bool] = False
    _not_there: ClassVar[dict[str, str]] = {}
    _is_itself_alone: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        """Let users' classes look at what is set and asked for; of hotloop's own, attributes are quicker."""
        super().__init_subclass__(**options)
        if not is_hotloops(cls):
            if cls._tells_arguments:
                _record(cls)
            if cls._is_itself_alone and not {"__eq__", "__hash__"} & vars(cls).keys():
                # dataclass, which comes later, leaves alone what a class has of its own.
                cls.__eq__, cls.__hash__ = cls.__eq__, cls.__hash__  # type: ignore[method-assign]
            for name, method in (("__getattr__", _get), ("__setattr__", _set)):
                if getattr(cls, name, None) is getattr(object, name, None):
                    setattr(cls, name, method)


def _record(cls: Any) -> None:
    if "__init__" in vars(cls):
        cls.__init__ = recording(vars(cls)["__init__"])
    told_by = next((base for base in cls.__mro__ if "get_config" in vars(base)), None)
    if told_by is not None and told_by is not cls and is_hotloops(told_by):
        cls.get_config = config_of_arguments


def _get(self: Derived, name: str) -> Any:
    """Of what is not there say why, where that is a forgotten, or late, ``super().__init__()``."""
    made = self._made_at_first
    begun = next(iter(made)) in vars(self)
    if not begun and not name.startswith("__") and (name in made or hasattr(type(self), name)):
        raise AttributeError(
            f"{self._kind} {type(self).__name__}: expected super().__init__() first, got {name!r} asked for "
            "before it"
        )
    if name in self._not_there:
        raise AttributeError(f"{self._kind} {type(self).__name__} has no {name!r}: {self._not_there[name]}")
    return object.__getattribute__(self, name)  # which raises what it did


def _set(self: Derived, name: str, value: Any) -> None:
    """Set an attribute that is not one of the base's."""
    made = self._made_at_first
    expected, first = made.get(name, object), next(iter(made))
    label = f"{self._kind} {type(self).__name__}"
    if name in made and name != first and first not in vars(self):
        raise AttributeError(f"{label}: {name!r} was set before super().__init__(), which sets it anew")
    if not isinstance(value, expected):
        mend = "call an attribute of yours by another name"
        raise bad_type(f"{label}: {name}, which is hotloop's own", f"a {expected.__name__}", value, mend)
    try:
        object.__setattr__(self, name, value)
    except AttributeError as error:
        kept = getattr(type(self), name, None)
        if not isinstance(kept, property) or kept.fset is not None:
            raise
        raise AttributeError(
            f"{label}: every {self._kind} has {name!r}, which can't be set; call an attribute of yours by "
            "another name"
        ) from error
