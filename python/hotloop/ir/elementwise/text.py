"""Codes as formulas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from hotloop.ir.elementwise.instructions import INSTRUCTIONS

# What binds how strongly; a formula is put in parentheses where it stands beside what binds more.
_COMPARED, _ADDED, _MULTIPLIED, _NEGATED, _RAISED, _WHOLE = range(6)
_BINDS = {"+": _ADDED, "-": _ADDED, "*": _MULTIPLIED, "/": _MULTIPLIED, "**": _RAISED}


def constant_text(value: float) -> str:
    """A constant as briefly as float32 allows.

    Examples
    --------
    >>> constant_text(1.0), constant_text(0.1), constant_text(float("inf"))
    ('1', '0.1', 'inf')
    """
    text = str(np.float32(value))
    return text.removesuffix(".0")


def code_text(
    inputs: int, steps: Sequence[tuple[str, Sequence[int | float]]], outputs: Sequence[int | float]
) -> str:
    """Write a code down: values that are read more than once are named first.

    Examples
    --------
    >>> code_text(2, [("subtract", (0, 1)), ("multiply", (2, 2)), ("add", (3, 1.0))], (4,))
    't0 = x0 - x1; t0 * t0 + 1'
    """
    uses = Counter(operand for _, operands in steps for operand in operands if isinstance(operand, int))
    uses.update(output for output in outputs if isinstance(output, int))
    formulas: list[tuple[str, int]] = [(f"x{number}", _WHOLE) for number in range(inputs)]
    named: list[str] = []

    def formula(operand: int | float) -> tuple[str, int]:
        if isinstance(operand, int):
            return formulas[operand]
        return constant_text(operand), _NEGATED if str(operand).startswith("-") else _WHOLE

    for number, (name, operands) in enumerate(steps):
        made = _step_text(name, [formula(operand) for operand in operands])
        if uses[inputs + number] > 1:
            short = f"t{len(named)}"
            named.append(f"{short} = {made[0]}")
            made = short, _WHOLE
        formulas.append(made)
    return "; ".join([*named, ", ".join(formula(output)[0] for output in outputs)])


def _step_text(name: str, operands: list[tuple[str, int]]) -> tuple[str, int]:
    symbol = INSTRUCTIONS[name].symbol
    if not symbol:
        return f"{name}({', '.join(text for text, _ in operands)})", _WHOLE

    def inside(operand: tuple[str, int], least: int) -> str:
        text, binds = operand
        return text if binds >= least else f"({text})"

    if len(operands) == 1:
        return symbol + inside(operands[0], _NEGATED), _NEGATED
    binds = _BINDS.get(symbol, _COMPARED)
    # a - (b - c), and (a ** b) ** c: the other side needs parentheses where it binds no more than this.
    left, right = (binds + 1, binds) if symbol == "**" else (binds, binds + 1)
    if binds == _COMPARED:
        left = right = _ADDED
    return f"{inside(operands[0], left)} {symbol} {inside(operands[1], right)}", binds
