"""What trains and goes over data, imported when it is first asked for: describing a model has no need of it.

An import statement that runs in every step costs several microseconds there, these functions next to nothing.
"""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def calls() -> Any:
    """:mod:`hotloop.training.calls`."""
    from hotloop.training import calls

    return calls


@cache
def fitting() -> Any:
    """:mod:`hotloop.training.fit`."""
    from hotloop.training import fit

    return fit
