"""Functions that make ops: Keras's ``keras.ops``, for symbolic tensors and for arrays.

On symbolic tensors they add to a model, each with its gradient; on NumPy arrays and numbers they compute at
once, with the numbers that a model would have. All floats are float32 and all integers int32; comparisons
make truth values, which count as 0 and 1 in arithmetic. The type of a result is Keras's: of float32 and int32
it is float32, of int32 and a Python float too, of truth values and an int int32.

An array without numbers gives what NumPy makes of it.

Integers that are only moved (reshape, transpose, slice, concatenate and the like) are exact, and so are the
places that argmax finds. Computed they are in float32, comparisons and choices among them too: exact up to
2**24.
Arrays of larger ones are refused where integers or truth values are made of them, and so are integers from
2**24 on as results; in a model, which has no numbers yet, they are rounded to the nearest of float32.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
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


# What Keras has, and whose names are like those of other functions here.
_MISSING = (
    "append arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh argpartition argsort "
    "associative_scan average batch_normalization bincount bitwise_and bitwise_not bitwise_or bitwise_xor "
    "cond conv copy correlate cosh count_nonzero cross ctc_loss cumprod cumsum custom_gradient deg2rad "
    "depthwise_conv det diag diagflat diagonal diff digitize einsum eig empty erfinv exp2 extract_sequences "
    "eye fft flip fori_loop full gather hstack identity imag inner inv isclose istft kaiser "
    "layer_normalization left_shift linspace log10 log2 logaddexp logical_nand logspace lstsq lu_factor map "
    "median meshgrid moments multi_hot nan_to_num nonzero norm normalize ones outer pad prod psnr ptp qr "
    "quantile real repeat rfft right_shift roll rot90 saturate_cast scan scatter searchsorted segment_max "
    "segment_sum select separable_conv signbit sinh slogdet slice_update solve sort stft svd swap switch "
    "take take_along_axis tan tensordot tile top_k trace trapezoid tri tril triu unfold unique "
    "unravel_index unstack vander vdot vectorize view_as_complex vstack while_loop zeros"
)


def _hint(name: str, known: Iterable[str]) -> str:
    """What to write instead of a name: the one that was meant, if the two are alike."""
    import difflib

    guess = None if name in _MISSING.split() else nearest(name, known)
    alike = guess is not None and difflib.SequenceMatcher(None, name, guess).ratio() >= 0.7
    return f"; did you mean {guess!r}?" if alike else "; what there is dir(hotloop.ops) lists"


def __getattr__(name: str) -> Any:
    if name == "__all__" or not name.startswith("_"):
        known = _load()
        if name in globals():
            return globals()[name]
        raise AttributeError(f"hotloop.ops has no function {name!r}{_hint(name, known)}")
    raise AttributeError(f"module 'hotloop.ops' has no attribute {name!r}")


def __dir__() -> list[str]:
    _load()
    return public_names(globals())
