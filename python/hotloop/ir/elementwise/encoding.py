"""Codes as the arrays that the native half reads, in as few slots as do."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence

import numpy as np

from hotloop import _native
from hotloop.core.errors import bad_value
from hotloop.ir.elementwise.code import Code, Operand, Step
from hotloop.ir.elementwise.gradients import gradient, with_slope

_OPCODES = {name: number for number, (name, _) in enumerate(_native.small_program_instructions())}

# The most that a program may have; blocks are inputs, slots and outputs together.
LIMITS: dict[str, int] = dict(_native.small_program_limits())


def encode(code: Code) -> tuple[np.ndarray, np.ndarray]:
    """Return a code as the native op ``elementwise`` reads it.

    Parameters
    ----------
    code : Code

    Returns
    -------
    steps : int32 array
        Numbers of inputs, slots and outputs; then opcode, destination and three operands for each step.
        Operands are numbered: inputs, slots, outputs, constants.
    constants : float32 array

    Raises
    ------
    ValueError
        When the code is too large: see :data:`LIMITS`.
    """
    encoded = _Encoder(code)
    for what, count in encoded.counts().items():
        if count > LIMITS[what]:
            raise bad_value("elementwise", f"at most {LIMITS[what]} {what}", count, "split the function")
    return encoded.arrays()


def fits(code: Code) -> bool:
    """Whether a code is small enough for :func:`encode`."""
    return all(count <= LIMITS[what] for what, count in _Encoder(code).counts().items())


def node_arrays(code: Code, wanted: Sequence[int] | None = None) -> dict[str, np.ndarray]:
    """Return the arrays of a native op ``elementwise``.

    Parameters
    ----------
    code : Code
    wanted : sequence of int, optional
        The inputs whose gradients may be asked for, float32 all of them. Without it nothing before the op can
        be trained.

    Raises
    ------
    ValueError
        As :func:`encode`, also of the gradient.

    Examples
    --------
    >>> from hotloop.ir.elementwise import Code, Step
    >>> sorted(node_arrays(Code(1, (Step("exp", (0,)),), (1,)), [0]))
    ['code', 'constants', 'gradient_code', 'gradient_constants', 'wanted']
    """
    arrays = dict(zip(("code", "constants"), encode(code), strict=True))
    if wanted is not None and len(wanted) > 0:
        backward = encode(gradient(code, wanted))
        arrays |= dict(zip(("gradient_code", "gradient_constants"), backward, strict=True))
        arrays["wanted"] = np.array(wanted, np.int32)
    return arrays


def reduced_node_arrays(code: Code, which: int) -> dict[str, np.ndarray]:
    """Return the arrays of an op whose output is summed over each sample, with the gradient of one input.

    Its second output is the derivative: what comes back is one number a sample, so that the gradient is one
    product, and nothing has to be computed again.

    Parameters
    ----------
    code : Code
        Of one output.
    which : int
        The input.
    """
    both, backward = with_slope(code, which)
    steps, constants = encode(backward)
    arrays = {"gradient_code": steps, "gradient_constants": constants, "wanted": np.array([which], np.int32)}
    return arrays | dict(zip(("code", "constants"), encode(both), strict=True))


class _Encoder:
    """Finds a place for each value: what becomes an output is made there, anything else in a slot, which is
    free again once the last step that reads it has begun."""

    def __init__(self, code: Code) -> None:
        self._code = code
        self._constants: dict[bytes, int] = {}
        self._slots = 0
        self._free: list[int] = []
        self._homes: dict[int, tuple[str, int]] = {n: ("input", n) for n in range(code.inputs)}
        self._reads = Counter(o for step in code.steps for o in step.operands if isinstance(o, int))
        # The first output that is a step's own value; others are copied.
        outputs: dict[int, int] = {}
        copies: list[tuple[Operand, int]] = []
        for number, output in enumerate(code.outputs):
            if isinstance(output, int) and output >= code.inputs and output not in outputs:
                outputs[output] = number
            else:
                copies.append((output, number))
        self._steps: list[tuple[int, tuple[str, int], list[tuple[str, int]]]] = []
        for place, step in enumerate(code.steps):
            self._add(step, code.inputs + place, outputs)
        for output, number in copies:
            self._steps.append((_OPCODES["copy"], ("output", number), [self._home(output)]))

    def _add(self, step: Step, made: int, outputs: dict[int, int]) -> None:
        operands = [self._home(operand) for operand in step.operands]
        for operand in step.operands:
            if isinstance(operand, int):
                self._release(operand)
        if made in outputs:
            self._homes[made] = ("output", outputs[made])
        else:
            self._homes[made] = ("slot", heapq.heappop(self._free) if self._free else self._slots)
            self._slots = max(self._slots, self._homes[made][1] + 1)
        self._steps.append((_OPCODES[step.name], self._homes[made], operands))
        if self._reads[made] == 0:
            self._release(made, 0)

    def _release(self, value: int, reads: int = 1) -> None:
        self._reads[value] -= reads
        kind, place = self._homes[value]
        if self._reads[value] == 0 and kind == "slot":
            heapq.heappush(self._free, place)

    def _home(self, operand: Operand) -> tuple[str, int]:
        if isinstance(operand, int):
            return self._homes[operand]
        return "constant", self._constants.setdefault(np.float32(operand).tobytes(), len(self._constants))

    def counts(self) -> dict[str, int]:
        """By the names of :data:`LIMITS`."""
        inputs, outputs = self._code.inputs, len(self._code.outputs)
        blocks = inputs + self._slots + outputs
        return {
            "inputs": inputs,
            "outputs": outputs,
            "blocks": blocks,
            "constants": len(self._constants),
            "steps": len(self._steps),
        }

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        inputs, outputs = self._code.inputs, len(self._code.outputs)
        first = {"input": 0, "slot": inputs, "output": inputs + self._slots}
        first["constant"] = first["output"] + outputs
        flat = [inputs, self._slots, outputs]
        for opcode, (kind, place), operands in self._steps:
            numbers = [first[kind] + place for kind, place in operands]
            flat += [opcode, first[kind] + place, *numbers, *[0] * (3 - len(numbers))]
        constants = np.frombuffer(b"".join(self._constants), np.float32)
        return np.array(flat, np.int32), constants.copy()
