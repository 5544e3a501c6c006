"""Every example in a docstring runs and prints what it says, and every public name has one."""

import doctest
import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest

import hotloop as hl
from hotloop import _native

MODULES = [
    info.name
    for info in pkgutil.walk_packages(hl.__path__, "hotloop.")
    if not info.name.endswith(("__main__", "_native"))
    and ".peers" not in info.name  # which import other libraries
]
PUBLIC_MODULES = [name for name in hl.__all__ if inspect.ismodule(getattr(hl, name))]


def public_things() -> Iterator[tuple[str, object]]:
    for name in hl.__all__:
        yield f"hl.{name}", getattr(hl, name)
    for module in PUBLIC_MODULES:
        for name in getattr(hl, module).__all__:
            yield f"hl.{module}.{name}", getattr(getattr(hl, module), name)


THINGS = {
    name: thing for name, thing in public_things() if inspect.isclass(thing) or inspect.isroutine(thing)
}
# Its hooks only hand on those of Callback.
FORWARDS = {"hl.callbacks.CallbackList"}


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    before = _native.num_threads()
    yield
    _native.set_num_threads(before)


def test_there_are_many_modules_and_names():
    assert len(MODULES) > 80
    assert len(PUBLIC_MODULES) >= 12
    assert len(THINGS) > 130


@pytest.mark.parametrize("name", MODULES)
def test_examples_of(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("name", THINGS)
def test_public_name_has_an_example(name):
    # A class's own docstring: an inherited one speaks of its base.
    text = THINGS[name].__doc__ or ""
    assert doctest.DocTestParser().get_examples(text), f"{name}: its docstring has no example"


@pytest.mark.parametrize("name", sorted(THINGS.keys() - FORWARDS))
def test_public_members_are_documented(name):
    thing = THINGS[name]
    members = vars(thing) if inspect.isclass(thing) else {}
    public = [key for key in members if not key.startswith("_")]
    described = [key for key in public if callable(getattr(thing, key)) or isinstance(members[key], property)]
    assert [key for key in described if not inspect.getdoc(getattr(thing, key))] == []
