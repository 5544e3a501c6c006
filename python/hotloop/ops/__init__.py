"""Functions that make ops: Keras's ``keras.ops``, for symbolic tensors and for arrays.

On symbolic tensors they add to a model, each with its gradient; on NumPy arrays and numbers they compute at
once, with the numbers that a model would have. All floats are float32 and all integers int32; comparisons
make truth values, which count as 0 and 1 in arithmetic. The type of a result is Keras's: of float32 and int32
it is float32, of int32 and a Python float too, of truth values and an int int32.

Integers that are only moved (reshape, transpose, slice, concatenate and the like) are exact, and so are the
places that argmax finds. Computed they are in float32, comparisons and choices among them too: exact up to
2**24.
Arrays of larger ones are refused where integers or truth values are made of them, and so are integers from
2**24 on as results; in a model, which has no numbers yet, they are rounded to the nearest of float32.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from hotloop.core.custom_objects import packages
from hotloop.core.errors import nearest
from hotloop.core.naming import public_names
from hotloop.graph.operand import FUNCTIONS

if TYPE_CHECKING:
    from hotloop.ops.functions import *  # noqa: F403
    from hotloop.ops.functions import __all__ as __all__


# Functions are imported when one is first asked for: layers stand above this room.
def _load() -> dict[str, Any]:
    functions = vars(importlib.import_module("hotloop.ops.functions"))
    found = {name: functions[name] for name in functions["__all__"]}
    globals().update(found, __all__=functions["__all__"])
    return found


FUNCTIONS.load = _load
packages["hotloop.ops"] = "hotloop.ops.functions"


def __getattr__(name: str) -> Any:
    if name == "__all__" or not name.startswith("_"):
        known = _load()
        if name in globals():
            return globals()[name]
        guess = nearest(name, known)
        raise AttributeError(
            f"hotloop.ops has no function {name!r}" + (f"; did you mean {guess!r}?" if guess else "")
        )
    raise AttributeError(f"module 'hotloop.ops' has no attribute {name!r}")


def __dir__() -> list[str]:
    _load()
    return public_names(globals())
