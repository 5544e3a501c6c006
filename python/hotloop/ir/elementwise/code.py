"""A small program as a list of steps, each of which makes one value of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hotloop.core.errors import bad_type, bad_value, integer, unknown_name
from hotloop.ir.elementwise.instructions import INSTRUCTIONS
from hotloop.ir.elementwise.text import code_text

# The number of a value, or a constant.
Operand = int | float


@dataclass(frozen=True)
class Step:
    """One instruction and its operands."""

    name: str
    operands: tuple[Operand, ...]


@dataclass(frozen=True)
class Code:
    """What is computed from each number of the inputs.

    Values are numbered: first the inputs, then what each step makes. Steps read values that come before them.

    Parameters
    ----------
    inputs : int
        How many there are.
    steps : tuple of Step
    outputs : tuple of int or float
        Values, or constants; at least one.

    Raises
    ------
    TypeError, ValueError
        When it is anything else: codes come out of files.

    Examples
    --------
    >>> code = Code(1, (Step("square", (0,)), Step("add", (1, 1.0)), Step("sqrt", (2,))), (3,))
    >>> print(code)
    sqrt(square(x0) + 1)
    >>> code(np.array([0.0, 2.0]))
    [array([1.        , 2.23606798])]
    """

    inputs: int
    steps: tuple[Step, ...]
    outputs: tuple[Operand, ...]

    def __post_init__(self) -> None:
        integer("code: inputs", self.inputs, at_least=0)
        for number, step in enumerate(self.steps):
            what = f"code: step {number}"
            instruction = INSTRUCTIONS.get(step.name) if isinstance(step.name, str) else None
            if instruction is None:
                raise unknown_name("instruction", step.name, INSTRUCTIONS)
            if len(step.operands) != instruction.operands:
                raise bad_value(
                    f"{what}: {step.name}", f"{instruction.operands} operands", len(step.operands)
                )
            _check_operands(f"{what}: {step.name}", step.operands, self.inputs + number)
        if not self.outputs:
            raise bad_value("code: outputs", "at least one", "none")
        _check_operands("code: outputs", self.outputs, self.inputs + len(self.steps))

    def __call__(self, *arrays: Any) -> list[np.ndarray]:
        """Compute with NumPy, in the dtype that the arrays have; they are broadcast.

        Returns
        -------
        list of array
            An array for each output, all of one shape.
        """
        if len(arrays) != self.inputs:
            raise bad_value("code", f"{self.inputs} arrays", len(arrays))
        inputs = [np.asarray(array) for array in arrays]
        dtype = np.result_type(np.float32, *inputs)
        shape = np.broadcast_shapes(*(array.shape for array in inputs))
        values: list[Any] = [array.astype(dtype, copy=False) for array in inputs]

        def find(operand: Operand) -> Any:
            return values[operand] if isinstance(operand, int) else dtype.type(operand)

        with np.errstate(all="ignore"):
            for step in self.steps:
                values.append(INSTRUCTIONS[step.name].compute(*map(find, step.operands)))
        return [np.array(np.broadcast_to(find(output), shape), dtype) for output in self.outputs]

    def __str__(self) -> str:
        return code_text(self.inputs, [(step.name, step.operands) for step in self.steps], self.outputs)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; constants are strings, so that nothing takes them for values.

        Examples
        --------
        >>> Code(1, (Step("add", (0, 0.5)),), (1,)).to_dict()
        {'inputs': 1, 'steps': [['add', 0, '0.5']], 'outputs': [1]}
        """
        return {
            "inputs": self.inputs,
            "steps": [[step.name, *map(_to_json, step.operands)] for step in self.steps],
            "outputs": list(map(_to_json, self.outputs)),
        }

    @classmethod
    def from_dict(cls, config: Any) -> Code:
        """Make a code of what :meth:`to_dict` returned.

        Raises
        ------
        TypeError, ValueError
            When it can't be: see :class:`Code`.
        """
        if not isinstance(config, Mapping):
            raise bad_type("code", "a dict", config)
        if set(config) != {"inputs", "steps", "outputs"}:
            raise bad_value("code", "inputs, steps and outputs", sorted(map(str, config)))
        steps = []
        for step in _items("code: steps", config["steps"]):
            name, *operands = _items("code: step", step) or [None]
            steps.append(Step(name, tuple(map(_from_json, operands))))
        outputs = tuple(map(_from_json, _items("code: outputs", config["outputs"])))
        return cls(integer("code: inputs", config["inputs"]), tuple(steps), outputs)


def _check_operands(what: str, operands: Sequence[Operand], known: int) -> None:
    for operand in operands:
        if isinstance(operand, bool) or not isinstance(operand, int | float):
            raise bad_type(f"{what}: operand", "an int (a value) or a float (a constant)", operand)
        if isinstance(operand, int) and not 0 <= operand < known:
            raise bad_value(f"{what}: operand", f"a value from 0 to {known - 1}", operand)


def _to_json(operand: Operand) -> int | str:
    return operand if isinstance(operand, int) else str(np.float32(operand))


def _from_json(operand: Any) -> Operand:
    if isinstance(operand, int) and not isinstance(operand, bool):
        return operand
    if not isinstance(operand, str):
        raise bad_type("code: operand", "an integer (a value) or a string (a constant)", operand)
    try:
        return float(np.float32(operand))
    except ValueError:
        raise bad_value("code: constant", "a number", operand) from None


def _items(what: str, items: Any) -> list[Any]:
    if not isinstance(items, list | tuple):
        raise bad_type(what, "a list", items)
    return list(items)
