"""Small programs for tests: running one natively, and making random ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from hotloop import _native
from hotloop.ir.elementwise import INSTRUCTIONS, Code, Operand, Step, encode


def run(code: Code, *arrays: Any, half: Any = _native) -> list[np.ndarray]:
    """What the native half makes of float32, int32 or uint8 arrays, which are broadcast."""
    shape = np.broadcast_shapes(*(np.shape(array) for array in arrays))
    outputs = [np.empty(shape, np.float32) for _ in code.outputs]
    half.run_small_program(*encode(code), list(arrays), outputs)
    return outputs


def one_step(name: str) -> Code:
    """A code of one instruction, whose operands are its inputs."""
    operands = INSTRUCTIONS[name].operands
    return Code(operands, (Step(name, tuple(range(operands))),), (operands,))


def random_code(
    rng: np.random.Generator, inputs: int, steps: int, outputs: int, names: list[str] | None = None
) -> Code:
    """Steps that read whatever there is, constants included; the last value is an output."""
    names = list(INSTRUCTIONS) if names is None else names

    def operand(known: int) -> Operand:
        if known == 0 or rng.random() < 0.15:
            return float(np.float32(rng.choice([0.0, 1.0, -1.0, 0.5, 2.0, rng.normal()])))
        # The newest values most of all, so that few steps are made for nothing.
        return int(known - 1 - min(rng.geometric(0.35) - 1, known - 1))

    made = []
    for number in range(steps):
        name = str(rng.choice(names))
        made.append(Step(name, tuple(operand(inputs + number) for _ in range(INSTRUCTIONS[name].operands))))
    total = inputs + steps
    return Code(inputs, tuple(made), (total - 1, *(operand(total) for _ in range(outputs - 1))))
