"""The table of instructions: how many operands each has, which type it makes, and what NumPy calls it.

The native half has the same list, csrc/ops/small_program/instructions.h, which says what each does with
special values. Here stands the outside witness: it computes in whatever precision its arrays have.
gradients.py has the derivatives.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes
    ----------
    name : str
    operands : int
        One to three.
    compute : callable
        The same of NumPy arrays.
    symbol : str
        How it is written between its operands, or before its only one; empty for others.
    exact : bool
        Whether NumPy's float32 arithmetic comes to the same bits on every machine.
    result : str
        The type of what it makes: "float32", "bool", or "common", that of its operands.
    ulps : float
        How far the native half may be from the exact result, in units of its last place: 0.5 where it rounds
        once, or gives whole numbers.
    costly : bool
        Whether it takes many operations: storing what it makes is cheaper than making it twice.
    """

    name: str
    operands: int
    compute: Callable[..., Any]
    symbol: str = ""
    exact: bool = True
    result: str = "common"
    ulps: float = 0.5
    costly: bool = False


_Float = functools.partial(Instruction, result="float32")
_Series = functools.partial(_Float, exact=False, costly=True)  # a polynomial, or several
_Bool = functools.partial(Instruction, result="bool")


def _truth(compare: Callable[..., Any]) -> Callable[..., Any]:
    """1 or 0 in the operands' dtype instead of a bool."""

    def compared(*operands: Any) -> Any:
        return np.asarray(compare(*operands), dtype=np.result_type(*operands))

    return compared


def _sigmoid(a: Any) -> Any:
    return np.exp(-np.logaddexp(np.zeros((), np.result_type(a)), -a))


def _softplus(a: Any) -> Any:
    return np.logaddexp(np.zeros((), np.result_type(a)), a)


def _erf(a: Any) -> Any:
    return np.vectorize(math.erf, otypes=[float])(a).astype(np.result_type(a))


def _fma(a: Any, b: Any, c: Any) -> Any:
    exact = np.multiply(a, b, dtype=np.float64) + c
    return exact.astype(np.result_type(a, b, c))


def _chain(a: Any, b: Any) -> Any:
    return np.where(a == 0, a, a * b)


def _where(a: Any, b: Any, c: Any) -> Any:
    return np.where(a != 0, b, c)


_ALL = [
    Instruction("copy", 1, np.positive),
    Instruction("negative", 1, np.negative, "-"),
    Instruction("abs", 1, np.abs),
    Instruction("sign", 1, np.sign),
    Instruction("square", 1, np.square),
    _Float("sqrt", 1, np.sqrt),
    _Float("rsqrt", 1, lambda a: 1 / np.sqrt(a), ulps=1.5),
    _Float("reciprocal", 1, lambda a: 1 / a),
    _Series("exp", 1, np.exp, ulps=1.1),
    _Series("expm1", 1, np.expm1, ulps=1.6),
    _Series("log", 1, np.log, ulps=1.0),
    _Series("log1p", 1, np.log1p, ulps=1.0),
    _Series("erf", 1, _erf, ulps=1.1),
    _Series("sin", 1, np.sin, ulps=1.6),
    _Series("cos", 1, np.cos, ulps=1.6),
    _Series("tanh", 1, np.tanh, ulps=3.0),
    _Series("sigmoid", 1, _sigmoid, ulps=3.0),
    _Series("softplus", 1, _softplus, ulps=2.0),
    _Float("floor", 1, np.floor),
    _Float("ceil", 1, np.ceil),
    Instruction("round", 1, np.rint),
    Instruction("trunc", 1, np.trunc),
    _Bool("isfinite", 1, _truth(np.isfinite)),
    _Bool("isinf", 1, _truth(np.isinf)),
    _Bool("isnan", 1, _truth(np.isnan)),
    _Bool("logical_not", 1, _truth(np.logical_not)),
    Instruction("add", 2, np.add, "+"),
    Instruction("subtract", 2, np.subtract, "-"),
    Instruction("multiply", 2, np.multiply, "*"),
    _Float("divide", 2, np.divide, "/"),
    Instruction("power", 2, np.power, "**", exact=False, ulps=1.4, costly=True),
    Instruction("minimum", 2, np.minimum),
    Instruction("maximum", 2, np.maximum),
    _Bool("equal", 2, _truth(np.equal), "=="),
    _Bool("not_equal", 2, _truth(np.not_equal), "!="),
    _Bool("less", 2, _truth(np.less), "<"),
    _Bool("less_equal", 2, _truth(np.less_equal), "<="),
    _Bool("greater", 2, _truth(np.greater), ">"),
    _Bool("greater_equal", 2, _truth(np.greater_equal), ">="),
    _Bool("logical_and", 2, _truth(np.logical_and)),
    _Bool("logical_or", 2, _truth(np.logical_or)),
    _Bool("logical_xor", 2, _truth(np.logical_xor)),
    Instruction("chain", 2, _chain),
    Instruction("fma", 3, _fma, exact=False),
    Instruction("where", 3, _where),
    # Behind all others: files hold numbers of instructions.
    Instruction("mod", 2, np.mod, exact=False, ulps=0.6, costly=True),
    Instruction("floor_divide", 2, np.floor_divide, exact=False, ulps=2.0, costly=True),
]
INSTRUCTIONS: dict[str, Instruction] = {instruction.name: instruction for instruction in _ALL}
