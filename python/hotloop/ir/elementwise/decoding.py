"""Codes out of the arrays that the native half reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from hotloop import _native
from hotloop.core.errors import bad_value
from hotloop.ir.elementwise.code import Code, Operand, Step
from hotloop.ir.elementwise.instructions import INSTRUCTIONS

# Passes look at an op's code again and again, and layers have the same ones.
MOST_KNOWN = 1024
_known: dict[tuple[Any, ...], Code] = {}
_NAMES = [name for name, _ in _native.small_program_instructions()]


def decode(arrays: Mapping[str, npt.NDArray[Any]]) -> Code:
    """Return the code that :func:`~hotloop.ir.elementwise.encode` made arrays of.

    Parameters
    ----------
    arrays : mapping
        ``code`` and ``constants`` of an op.

    Returns
    -------
    Code
        Without the copies into outputs.

    Raises
    ------
    ValueError
        When they are missing, or no program: arrays come out of files.

    Examples
    --------
    >>> from hotloop.ir.elementwise import Builder, node_arrays
    >>> build = Builder(2)
    >>> print(decode(node_arrays(build.code([build("add", build("square", 0), 1.0), 1]))))
    square(x0) + 1, x1
    """
    if not {"code", "constants"} <= set(arrays):
        raise bad_value("elementwise", "the arrays code and constants", sorted(arrays))
    code, constants = arrays["code"], arrays["constants"]
    key = code.dtype, code.shape, code.tobytes(), constants.dtype, constants.shape, constants.tobytes()
    known = _known.get(key)
    if known is None:
        _native.check_small_program(code, constants)
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        known = _known[key] = _decoded(code, constants)
    return known


def _decoded(code: npt.NDArray[Any], constants: npt.NDArray[Any]) -> Code:
    inputs, slots, outputs = (int(number) for number in code[:3])
    first_constant = inputs + slots + outputs
    homes: dict[int, Operand] = {number: number for number in range(inputs)}
    homes |= {first_constant + number: float(value) for number, value in enumerate(constants)}
    steps: list[Step] = []
    for opcode, to, *operands in code[3:].reshape(-1, 5).tolist():
        name = _NAMES[opcode]
        read = tuple(homes[operand] for operand in operands[: INSTRUCTIONS[name].operands])
        if name == "copy":
            homes[to] = read[0]
        else:
            homes[to] = inputs + len(steps)
            steps.append(Step(name, read))
    made = tuple(homes[inputs + slots + number] for number in range(outputs))
    return Code(inputs, tuple(steps), made)
