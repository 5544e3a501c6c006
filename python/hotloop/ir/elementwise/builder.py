"""Writing codes step by step."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from hotloop.ir.elementwise.code import Code, Operand, Step
from hotloop.ir.elementwise.instructions import INSTRUCTIONS


class Builder:
    """Collects the steps of a code; the same step is made once.

    Parameters
    ----------
    inputs : int
        Their values are 0, 1, ...

    Examples
    --------
    >>> build = Builder(2)
    >>> error = build("subtract", 0, 1)
    >>> print(build.code([build("multiply", build("square", error), 0.5)]))
    square(x0 - x1) * 0.5
    """

    def __init__(self, inputs: int) -> None:
        self.inputs = inputs
        self._steps: list[Step] = []
        self._made: dict[tuple[str, ...], int] = {}

    def __call__(self, name: str, *operands: Operand) -> Operand:
        """Return the value of a step, or a constant where that is what it comes to.

        What is left out changes no bit: a product with 1, a negation of a negation. Powers of a constant 2,
        0.5 and the like become what PyTorch makes of them: a square, a root.
        """
        operands = tuple(_rounded(operand) for operand in operands)
        if name in ("add", "multiply") and isinstance(operands[0], float):
            operands = operands[::-1]
        simple = self._simpler(name, operands)
        if simple is not None:
            return simple
        key = (name, *(f"{type(operand).__name__} {operand!r}" for operand in operands))
        if key not in self._made:
            self._made[key] = self.inputs + len(self._steps)
            self._steps.append(Step(name, operands))
        return self._made[key]

    def step(self, operand: Operand) -> Step | None:
        """The step that makes a value; none makes an input, or a constant."""
        if isinstance(operand, float) or operand < self.inputs:
            return None
        return self._steps[operand - self.inputs]

    def include(self, code: Code, inputs: Sequence[Operand]) -> list[Operand]:
        """Make the steps of another code, whose inputs are these, and return its values."""
        values = list(inputs)

        def find(operand: Operand) -> Operand:
            return values[operand] if isinstance(operand, int) else operand

        for step in code.steps:
            values.append(self(step.name, *map(find, step.operands)))
        return values

    def needed(self, outputs: Iterable[Operand]) -> set[int]:
        """The numbers of all values that these are made of, and of those among them that are values."""
        needed = {output for output in outputs if isinstance(output, int)}
        for made in range(self.inputs + len(self._steps) - 1, self.inputs - 1, -1):
            if made in needed:
                needed.update(o for o in self._steps[made - self.inputs].operands if isinstance(o, int))
        return needed

    def code(self, outputs: Sequence[Operand], inputs: Sequence[int] | None = None) -> Code:
        """Return the code that makes these, without the steps that they don't need.

        Its inputs are all, or those that are given, among which are all that the outputs need.
        """
        needed = self.needed(outputs)
        left = range(self.inputs) if inputs is None else inputs
        renamed: dict[int, int] = {number: place for place, number in enumerate(left)}
        steps: list[Step] = []

        def find(operand: Operand) -> Operand:
            return renamed[operand] if isinstance(operand, int) else operand

        for made, step in enumerate(self._steps, self.inputs):
            if made in needed:
                renamed[made] = len(left) + len(steps)
                steps.append(Step(step.name, tuple(map(find, step.operands))))
        return Code(len(left), tuple(steps), tuple(map(find, outputs)))

    def _simpler(self, name: str, operands: tuple[Operand, ...]) -> Operand | None:
        if INSTRUCTIONS[name].exact and not any(isinstance(operand, int) for operand in operands):
            with np.errstate(all="ignore"):
                return float(INSTRUCTIONS[name].compute(*map(np.float32, operands)))
        a, b = operands[0], operands[-1]
        if name == "copy":
            return a
        if name == "negative":
            step = self.step(a)
            return step.operands[0] if step is not None and step.name == "negative" else None
        if name in ("multiply", "chain", "divide") and b in (1.0, -1.0) and isinstance(b, float):
            return a if b == 1 else self("negative", a)
        if name == "chain" and isinstance(b, float) and math.isfinite(b):
            return self("multiply", a, b)
        if name == "chain" and isinstance(a, float):
            return self("multiply", b, a) if a != 0 else a
        if name == "where" and isinstance(a, float):
            return operands[1] if a != 0 else operands[2]
        return self._simpler_power(a, b) if name == "power" and isinstance(b, float) else None

    def _simpler_power(self, base: Operand, exponent: float) -> Operand | None:
        if exponent == 0:
            return 1.0
        if exponent == 1:
            return base
        if exponent == 2:
            return self("square", base)
        if exponent == 3:
            return self("multiply", self("square", base), base)
        if exponent in (0.5, -0.5):
            # Roots of -0 and minus infinity are -0 and none; powers are those of 0 and infinity.
            root = self("sqrt" if exponent > 0 else "rsqrt", self("add", base, 0.0))
            limit = math.inf if exponent > 0 else 0.0
            return self("where", self("equal", base, -math.inf), limit, root)
        if exponent == -1:
            return self("reciprocal", base)
        if exponent == -2:
            return self("reciprocal", self("square", base))
        return None


def _rounded(operand: Operand) -> Operand:
    """A constant as float32 has it."""
    if isinstance(operand, int):
        return operand
    with np.errstate(over="ignore"):
        return float(np.float32(operand))
