"""Every example in a docstring runs and prints what it says."""

import doctest
import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import hotloop
from hotloop import _native

MODULES = [
    info.name
    for info in pkgutil.walk_packages(hotloop.__path__, "hotloop.")
    if not info.name.endswith(("__main__", "_native"))
]


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    before = _native.num_threads()
    yield
    _native.set_num_threads(before)


def test_there_are_examples():
    finder = doctest.DocTestFinder()
    examples = sum(
        len(test.examples) for name in MODULES for test in finder.find(importlib.import_module(name))
    )
    assert examples > 150


@pytest.mark.parametrize("name", MODULES)
def test_examples_of(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
