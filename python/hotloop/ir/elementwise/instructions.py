"""The table of instructions: how many operands each has, and what NumPy calls it.

The native half has the same list, csrc/ops/small_program/instructions.h, which says what each does with
special values. Here stands the outside witness: it computes in whatever precision its arrays have.
"""

from __future__ import annotations

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
    """

    name: str
    operands: int
    compute: Callable[..., Any]
    symbol: str = ""
    exact: bool = True


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
    Instruction("sqrt", 1, np.sqrt),
    Instruction("rsqrt", 1, lambda a: 1 / np.sqrt(a)),
    Instruction("reciprocal", 1, lambda a: 1 / a),
    Instruction("exp", 1, np.exp, exact=False),
    Instruction("expm1", 1, np.expm1, exact=False),
    Instruction("log", 1, np.log, exact=False),
    Instruction("log1p", 1, np.log1p, exact=False),
    Instruction("erf", 1, _erf, exact=False),
    Instruction("sin", 1, np.sin, exact=False),
    Instruction("cos", 1, np.cos, exact=False),
    Instruction("tanh", 1, np.tanh, exact=False),
    Instruction("sigmoid", 1, _sigmoid, exact=False),
    Instruction("softplus", 1, _softplus, exact=False),
    Instruction("floor", 1, np.floor),
    Instruction("ceil", 1, np.ceil),
    Instruction("round", 1, np.rint),
    Instruction("trunc", 1, np.trunc),
    Instruction("isfinite", 1, _truth(np.isfinite)),
    Instruction("isinf", 1, _truth(np.isinf)),
    Instruction("isnan", 1, _truth(np.isnan)),
    Instruction("logical_not", 1, _truth(np.logical_not)),
    Instruction("add", 2, np.add, "+"),
    Instruction("subtract", 2, np.subtract, "-"),
    Instruction("multiply", 2, np.multiply, "*"),
    Instruction("divide", 2, np.divide, "/"),
    Instruction("power", 2, np.power, "**", exact=False),
    Instruction("minimum", 2, np.minimum),
    Instruction("maximum", 2, np.maximum),
    Instruction("equal", 2, _truth(np.equal), "=="),
    Instruction("not_equal", 2, _truth(np.not_equal), "!="),
    Instruction("less", 2, _truth(np.less), "<"),
    Instruction("less_equal", 2, _truth(np.less_equal), "<="),
    Instruction("greater", 2, _truth(np.greater), ">"),
    Instruction("greater_equal", 2, _truth(np.greater_equal), ">="),
    Instruction("logical_and", 2, _truth(np.logical_and)),
    Instruction("logical_or", 2, _truth(np.logical_or)),
    Instruction("logical_xor", 2, _truth(np.logical_xor)),
    Instruction("chain", 2, _chain),
    Instruction("fma", 3, _fma, exact=False),
    Instruction("where", 3, _where),
]
INSTRUCTIONS: dict[str, Instruction] = {instruction.name: instruction for instruction in _ALL}
