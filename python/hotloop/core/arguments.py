"""What constructors of users' classes were given: configs of classes that don't write ``get_config``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hotloop.core.own import is_hotloops

_NONE = object()


def plain(value: Any) -> Any:
    """A value as JSON has it, in lists and dicts of its own; TypeError where it has none."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.bool_ | np.integer | np.floating):
        return value.item()
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: plain(each) for key, each in value.items()}
    raise TypeError(f"no JSON value: {type(value).__name__}")


def _plain_or_none(value: Any) -> Any:
    try:
        return plain(value)
    except TypeError:
        return _NONE


class Given:
    """The arguments of one constructor's call.

    Attributes
    ----------
    values : dict
        Those that are JSON values, by their names, defaults among them.
    others : dict of str to str
        The others that were not left at their defaults, and the names of their types.
    attributes : dict
        What the attributes of the arguments' names were behind the constructor, as far as they are JSON.
    """

    def __init__(self, signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.values: dict[str, Any] = {}
        self.others: dict[str, str] = {}
        self.attributes: dict[str, Any] = {}
        bound = signature.bind(None, *args, **kwargs)
        chosen = set(bound.arguments)
        bound.apply_defaults()
        for name, parameter in list(signature.parameters.items())[1:]:
            value = bound.arguments[name]
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                for key, each in value.items():
                    self._take(key, each, True)
            elif parameter.kind is not inspect.Parameter.VAR_POSITIONAL:
                self._take(name, value, name in chosen)
            elif value:
                self.others[f"*{name}"] = "tuple"

    def _take(self, name: str, value: Any, chosen: bool) -> None:
        plain = _plain_or_none(value)
        if plain is not _NONE:
            self.values[name] = plain
        elif chosen:
            self.others[name] = type(value).__name__

    def look_at(self, thing: object) -> None:
        """See what the constructor made of its arguments."""
        for name in self.values:
            plain = _plain_or_none(vars(thing).get(name, _NONE))
            if plain is not _NONE:
                self.attributes[name] = plain

    def made_other(self, name: str, told: Any) -> bool:
        """Whether the constructor gave the base another number than its argument, and that stands."""
        numbers = (told, self.values[name], self.attributes.get(name))
        if not all(isinstance(each, int | float) for each in numbers):
            return False
        return bool(told != self.values[name] and told == self.attributes[name])

    def now(self, label: str, name: str, thing: object) -> Any:
        """Return an argument: the attribute of its name where the constructor kept it in that.

        Raises
        ------
        TypeError
            When the attribute was something else than the argument, and has changed.
        """
        given, kept = self.values[name], self.attributes.get(name, _NONE)
        if kept is _NONE:
            return given
        current = _plain_or_none(vars(thing).get(name, _NONE))
        if current is not _NONE and (current == kept or kept == given):
            return given if current == kept else current
        raise TypeError(
            f"{label}: attribute {name!r} is no longer what __init__ made of its argument {given!r}; define "
            f"get_config, which returns the arguments: {{**super().get_config(), {name!r}: ...}}"
        )


def recording(constructor: Callable[..., None]) -> Callable[..., None]:
    """Let a constructor keep what it is given."""
    signature = inspect.signature(constructor)

    @functools.wraps(constructor)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        if "_given" in vars(self):  # by the constructor of a class that derives from this one
            constructor(self, *args, **kwargs)
            return
        try:
            given = Given(signature, args, kwargs)
        except TypeError:
            constructor(self, *args, **kwargs)  # which says what does not fit
            return
        vars(self)["_given"] = given
        constructor(self, *args, **kwargs)
        given.look_at(self)

    return __init__


def config_of_arguments(self: Any) -> dict[str, Any]:
    """Return the constructor's arguments as JSON values: what they were given as.

    Raises
    ------
    TypeError
        When one of them is no JSON value.
    """
    cls: Any = type(self)
    own: Any = next(base for base in cls.__mro__ if is_hotloops(base) and "get_config" in vars(base))
    config: dict[str, Any] = own.get_config(self)
    given: Given | None = vars(self).get("_given")
    if given is None:
        return config
    label = f"{self._kind} {self.name!r} ({cls.__name__})"
    explicit = inspect.signature(cls).parameters
    known = {
        name
        for base in cls.__mro__
        if is_hotloops(base) and "__init__" in vars(base)
        for name in inspect.signature(vars(base)["__init__"]).parameters
    }
    told = given.values.keys() | given.others.keys() | {"name", "trainable", "input_shape"}
    config = {name: value for name, value in config.items() if name in told}
    for name in given.values:
        if name in config and name in explicit and given.made_other(name, config[name]):
            config[name] = given.values[name]
        elif name not in config and (name in explicit or name not in known):
            config[name] = given.now(label, name, self)
    reader = next(base for base in cls.__mro__ if "from_config" in vars(base))
    lost = [name for name in given.others if name not in config and (name in explicit or name not in known)]
    lost += [name for name in given.others if name.startswith("*")]
    if lost and cls.get_config is config_of_arguments and is_hotloops(reader):
        raise TypeError(
            f"{label}: get_config can't say {lost[0]}, which __init__ was given: expected a JSON value, got "
            f"{given.others[lost[0]]}; define get_config, which returns {{**super().get_config(), "
            f"{lost[0].strip('*')!r}: ...}}, and from_config where __init__ takes no such value"
        )
    return config
