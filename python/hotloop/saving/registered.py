"""What a file can't hold is refused before it is written: what it may not name, configs that make nothing."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from hotloop.core.arguments import config_of_arguments, plain
from hotloop.core.custom_objects import find, name_in_files, name_or_itself, name_was_lost
from hotloop.core.own import is_hotloops
from hotloop.core.registry import families

BY_WEIGHTS = "use save_weights, and load_weights into a model that is built by the same code"


def require_savable(what: str, config: Any) -> None:
    """Refuse a config that is no JSON, or from which nothing could be made again.

    What is registered stands in it by its name, and what is not itself.

    Parameters
    ----------
    what : str
        What messages begin with.
    config : object

    Raises
    ------
    TypeError
        When a class or a function in it is a user's and is not registered, when a class of a user's does not
        tell all arguments of its constructor, and for what is no JSON value.
    """
    _look_at(config, what, "")


def as_in_files(config: Any) -> Any:
    """Return what :func:`require_savable` took as JSON values: what scopes know by name stands in it by that.

    A ``functools.partial`` is the name of its function with its arguments.
    """
    if isinstance(config, np.generic):
        return config.item()
    if isinstance(config, list | tuple):
        return [as_in_files(item) for item in config]
    if isinstance(config, Mapping):
        return {key: as_in_files(value) for key, value in config.items()}
    if callable(config):
        name = name_in_files(config)
        if name is not None:
            return name
    if isinstance(config, functools.partial):
        function = name_or_itself(config.func)
        made = {"partial": as_in_files(function), "args": plain(config.args)}
        return {**made, "keywords": plain(config.keywords)}
    return config


def require_arguments(what: str, config: Any) -> None:
    """Refuse a config from which users' classes could not be made as they were, for a copy in this process.

    Parameters and errors are those of :func:`require_savable`, which refuses this too.
    """
    if isinstance(config, list | tuple):
        for item in config:
            require_arguments(what, item)
    elif isinstance(config, Mapping):
        if _describes(config):
            _require_arguments(config, what)
        for item in config.values():
            require_arguments(what, item)


def _look_at(value: Any, what: str, place: str) -> None:
    if value is None or isinstance(value, bool | int | float | str | np.bool_ | np.integer | np.floating):
        return
    if isinstance(value, list | tuple):
        for item in value:
            _look_at(item, what, place)
    elif isinstance(value, Mapping):
        if _describes(value):
            _look_at(value["class_name"], what, place)
            place = _place(value)
            _require_arguments(value, what)
        for item in value.values():
            _look_at(item, what, place)
    elif callable(value) and name_in_files(value) is not None:
        return
    elif callable(value) and name_was_lost(value):
        raise TypeError(
            f"{what}: {value.__name__}{place} is not what is registered by its name now, which is defined "
            f"otherwise; register one of them by another name, or make the model anew, or {BY_WEIGHTS}"
        )
    elif isinstance(value, type):
        kind = next((family.name for family in families if issubclass(value, family.base)), "class")
        raise TypeError(
            f"{what}: {kind} {value.__name__}{place} is not a class of hotloop's, nor is it registered, so "
            "no file could be loaded again; write @hl.saving.register_serializable() above it, or "
            f"{BY_WEIGHTS}"
        )
    elif isinstance(value, functools.partial):
        if name_or_itself(value.func) is value.func:
            _look_at(value.func, what, place)
        try:
            plain([value.args, value.keywords])
        except TypeError as error:
            name = getattr(value.func, "__name__", type(value.func).__name__)
            raise TypeError(
                f"{what}: functools.partial of {name}{place}: expected arguments that are JSON values, got "
                f"{error}; write a def that calls it, and register that"
            ) from None
    elif callable(value):
        raise TypeError(f"{what}: {_function(value, place)}")
    else:
        mend = (
            "a file holds numbers, strings, and lists and dicts of them: get_config has to return these, and"
        )
        mend += " arguments such as Lambda's have to be these"
        raise TypeError(
            f"{what}: expected JSON values in the config{place}, got {type(value).__name__}; {mend}"
        )


def _describes(value: Mapping[str, Any]) -> bool:
    """Whether it is the ``{"class_name", "config"}`` of a thing."""
    return isinstance(value.get("class_name"), str | type) and isinstance(value.get("config"), Mapping)


def _place(thing: Mapping[str, Any]) -> str:
    """Where parts of a thing stand, as messages say it; nowhere for the layers of a model."""
    described, config = thing["class_name"], thing["config"]
    if "layers" in config:
        return ""
    name = config.get("name")
    if isinstance(name, str):
        return f" of {name!r}"
    return f" in {described if isinstance(described, str) else described.__name__}"


def _function(function: Any, place: str) -> str:
    name = getattr(function, "__name__", type(function).__name__)
    place = "" if place == f" of {name!r}" else place  # a metric has the name of its function
    registered = name_or_itself(function)
    if isinstance(registered, str):
        return (
            f"function {name}{place} stands in the config itself; let get_config return its name there, by "
            "hl.saving.get_registered_name, and from_config look for it, by hl.saving.get_registered_object"
        )
    how = (
        "make it a def with @hl.saving.register_serializable() above it"
        if name == "<lambda>"
        else "write @hl.saving.register_serializable() above it"
    )
    return (
        f"function {name}{place} is not a part of hotloop, nor is it registered, so no file could be loaded "
        f"again; {how}, or {BY_WEIGHTS}"
    )


def _require_arguments(thing: Mapping[str, Any], what: str) -> None:
    """Refuse a config that leaves out arguments of a user's constructor, or has some that it doesn't take.

    A class with a ``from_config`` of its own is trusted to know better.
    """
    described, config, place = thing["class_name"], thing["config"], _place(thing)
    cls = described if isinstance(described, type) else find(described)
    if not isinstance(cls, type):
        return
    owner = next(base for base in cls.__mro__ if "__init__" in vars(base))
    reader = next(base for base in cls.__mro__ if "from_config" in vars(base))
    if is_hotloops(owner) or not is_hotloops(reader) or owner is object:
        return
    known = next(base for base in cls.__mro__ if is_hotloops(base))
    optional = {} if known is owner else inspect.signature(known).parameters
    signature = inspect.signature(cls)
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    own = [name for name, parameter in signature.parameters.items() if parameter.kind not in kinds]
    lost = [name for name in own if name not in config and name not in optional]
    if getattr(cls, "get_config", None) is config_of_arguments:
        lost = []  # which are those that were left at their defaults
    open_ended = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in signature.parameters.values())
    given = optional if "layers" in config else config  # a model is made of what its layers make
    extra = [] if open_ended else [name for name in given if name not in own]
    if lost:
        raise TypeError(
            f"{what}: {cls.__name__}.get_config says nothing of {', '.join(lost)}, which its __init__ takes"
            f"{_named(place)}; return {{**super().get_config(), {lost[0]!r}: self.{lost[0]}}}, or define "
            "from_config"
        )
    if extra:
        raise TypeError(
            f"{what}: {cls.__name__}.__init__ does not take {', '.join(extra)}, which from_config gives it"
            f"{_named(place)}; let it take **kwargs, for super().__init__(**kwargs), or define from_config"
        )


def _named(place: str) -> str:
    return f" (config{place})"
