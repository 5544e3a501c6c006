"""What is this package's own, and what its users have written."""

from __future__ import annotations


def is_own_module(name: object) -> bool:
    """Whether a module of this name is this package's."""
    return str(name).partition(".")[0] == "hotloop"


def is_hotloops(cls: type) -> bool:
    """Whether a class is this package's."""
    return is_own_module(cls.__module__)
