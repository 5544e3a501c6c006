"""Classes and functions of users that files may name: registered for good, or known in a scope.

A file holds their names alone. Whoever loads it defines them again; nothing of a file is run.
"""

from __future__ import annotations

import functools
import importlib
import threading
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, TypeVar

from hotloop.core.errors import bad_type, bad_value, unknown_name
from hotloop.core.state import Same, definition_of

Thing = TypeVar("Thing", bound=Callable[..., Any])


class _Scopes(threading.local):
    def __init__(self) -> None:
        self.entered: list[Mapping[str, Any]] = []


_registered: dict[str, Any] = {}
_names: dict[Any, str] = {}
_given: dict[Any, str] = {}  # names that things were found by in scopes
_scopes = _Scopes()

# By package, modules of hotloop's that register what they have when they are imported, which is not at once.
packages: dict[str, str] = {}


def register_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Thing], Thing]:
    """Let files name a class or a function: a decorator.

    Saved models name it ``"package>name"``, and find it by that name when they are loaded, in a process that
    has registered it too. What a file may hold: a :class:`~hotloop.layers.Layer`, a loss, metric, optimizer,
    schedule, initializer, regularizer or model of a class of yours, and functions that are given as
    activation, loss or metric, or to :class:`~hotloop.layers.Lambda`.

    The same as Keras's ``register_keras_serializable``. Of several registrations of one name the newest
    counts, so that a cell of a notebook can be run again; models of what was defined otherwise before can no
    longer be saved by that name.

    Parameters
    ----------
    package, name : str
        What the name in the file is put together of; ``name`` is by default that of the class or function.

    Raises
    ------
    ValueError
        For a class without ``get_config``, for a lambda, all of which have one name, unless it is given one,
        and for a name with ">".

    Examples
    --------
    >>> import os, tempfile
    >>> import hotloop as hl
    >>> @hl.saving.register_serializable()
    ... def swish(x):
    ...     return x * hl.ops.sigmoid(x)
    >>> model = hl.Sequential([hl.layers.Dense(2, activation=swish, input_shape=(3,))])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(os.path.join(folder, "swish.hotloop"))
    ...     again = hl.load_model(os.path.join(folder, "swish.hotloop"))
    >>> again.layers[0].activation.function is swish
    True
    """
    for what, given in (("package", package), ("name", name)):
        if given is not None and (not isinstance(given, str) or not given or ">" in given):
            raise bad_value(f"register_serializable: {what}", "a name without '>'", repr(given))

    def register(thing: Thing) -> Thing:
        if not callable(thing):
            raise bad_type("register_serializable", "a class or a function", thing)
        if isinstance(thing, type) and not hasattr(thing, "get_config"):
            raise bad_value(
                "register_serializable",
                "a class with get_config",
                f"{thing.__name__}, which has none",
                "files hold what it returns: the arguments of __init__, as JSON values",
            )
        own = name or getattr(thing, "__name__", None)
        if own is None or own == "<lambda>":
            got = "a lambda" if own else f"a {type(thing).__name__}"
            mend = "write register_serializable(name=...)(function), or a def"
            raise bad_value("register_serializable", "what has a name of its own", got, mend)
        full = f"{package}>{own}"
        _registered[full] = thing
        _names[_key(thing)] = full
        return thing

    return register


def get_registered_name(obj: Any) -> str:
    """Return the name that files have for a class or a function: the plain one where it is not registered.

    Examples
    --------
    >>> import hotloop as hl
    >>> @hl.saving.register_serializable(package="examples")
    ... def cube(x):
    ...     return x * x * x
    >>> hl.saving.get_registered_name(cube), hl.saving.get_registered_name(len)
    ('examples>cube', 'len')
    """
    name = name_or_itself(obj)
    return name if isinstance(name, str) else str(obj.__name__)


def get_registered_object(
    name: str,
    custom_objects: Mapping[str, Any] | None = None,
    module_objects: Mapping[str, Any] | None = None,
) -> Any:
    """Return the class or the function of this name, or None.

    Looked for are, in this order, the scopes that are entered, what is registered, and the two mappings.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.saving.get_registered_object("examples>nothing") is None
    True
    """
    for known in (None, custom_objects, module_objects):
        found = find(name) if known is None else known.get(name)
        if found is not None:
            return found
    return None


class CustomObjectScope:
    """Within its block names stand for these objects, before all that is registered or hotloop's own.

    Parameters
    ----------
    custom_objects : mapping of str to class or function
        By the name in the file, with its package or without.

    Examples
    --------
    >>> import hotloop as hl
    >>> def double(x):
    ...     return 2.0 * x
    >>> with hl.saving.custom_object_scope({"double": double}):
    ...     layer = hl.layers.Activation("double", input_shape=(2,))
    >>> hl.Sequential([layer]).predict([[1, 2]])
    array([[2., 4.]], dtype=float32)
    """

    def __init__(self, custom_objects: Mapping[str, Any] | None = None) -> None:
        objects = {} if custom_objects is None else custom_objects
        if not isinstance(objects, Mapping) or not all(isinstance(name, str) for name in objects):
            raise bad_type("custom_objects", "a dict of classes and functions by their names", objects)
        self.custom_objects = dict(objects)

    def __enter__(self) -> CustomObjectScope:
        _scopes.entered.append(self.custom_objects)
        return self

    def __exit__(self, *_: object) -> None:
        _scopes.entered.pop()


def find(name: Any) -> Any:
    """Return what a name stands for by the user's word, the innermost scope first; None where it is none."""
    if not isinstance(name, str):
        return None
    package, _, own = name.rpartition(">")
    for objects in reversed(_scopes.entered):
        found = objects.get(name, objects.get(own))
        if found is not None:
            _given[_key(found)] = _full(name)
            return found
    if package in packages and name not in _registered:
        importlib.import_module(packages[package])
    return _registered.get(name)


def named(identifier: Any) -> Any:
    """Return what a name stands for by the user's word, and anything else as it is."""
    found = find(identifier) if isinstance(identifier, str) else None
    return identifier if found is None else found


def name_or_itself(thing: Any) -> Any:
    """Return the name that a class or a function is registered by; what has none itself.

    That goes into configs: those with the thing itself are good for copies in this process. So are those of
    what lost its name to a newer thing.
    """
    name = _names.get(_key(thing))
    return thing if name is None or name_was_lost(thing) else name


def name_was_lost(thing: Any) -> bool:
    """Whether something that is defined otherwise has been registered since by a thing's name."""
    name = _names.get(_key(thing))
    if name is None or _key(_registered[name]) == _key(thing):
        return False
    return bool(definition_of(_registered[name]) != definition_of(thing))


def name_in_files(thing: Any) -> str | None:
    """Return the name that a file may have for what is not registered.

    It is that in a scope which is entered, or by which it was found in one; whoever loads the file gives it
    by that name again.
    """
    for objects in reversed(_scopes.entered):
        for name, known in objects.items():
            if known is thing:
                return _full(name)
    return _given.get(_key(thing))


def _full(name: str) -> str:
    return name if ">" in name else f"Custom>{name}"


def _key(thing: Any) -> Any:
    """What is equal for one thing: methods are made anew whenever they are asked for."""
    return thing if isinstance(thing, Hashable) else Same(thing)


def function_of(what: str, given: Any) -> Callable[..., Any]:
    """Return the function that a config has: by its name, itself, or as a ``functools.partial`` of one.

    Raises
    ------
    TypeError, ValueError
        When the name is not known, or stands for a class.
    """
    if isinstance(given, Mapping) and "partial" in given:
        function = function_of(what, given["partial"])
        args, keywords = given.get("args", []), given.get("keywords", {})
        if not isinstance(args, list) or not isinstance(keywords, Mapping):
            raise bad_type(what, "a list of args and a dict of keywords", keywords)
        return functools.partial(function, *args, **keywords)
    function = named(given)
    if isinstance(function, str):
        raise missing("function", function, ())
    if not callable(function) or isinstance(function, type):
        raise bad_type(what, "a function", function)
    return function  # type: ignore[no-any-return]


def missing(kind: str, name: Any, known: Iterable[str]) -> ValueError:
    """Make the error for a name that stands for nothing; for a user's own it says how to give it."""
    if not isinstance(name, str) or ">" not in name:
        return unknown_name(kind, name, known)
    package, _, own = name.rpartition(">")
    return ValueError(
        f"{kind} {name!r} is not known here: define it, and either write "
        f"@hl.saving.register_serializable({package!r}, {own!r}) above it, or give it to what loads: "
        f"custom_objects={{{own!r}: ...}}"
    )
