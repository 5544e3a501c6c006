"""Two codes as one: what a pass makes of elementwise ops that follow each other."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass

from hotloop.core.errors import bad_value
from hotloop.ir.elementwise.builder import Builder
from hotloop.ir.elementwise.code import Code, Operand


@dataclass(frozen=True)
class Bound:
    """A code with the values of a graph that are its inputs and outputs, whatever stands for them there."""

    code: Code
    inputs: tuple[Hashable, ...]
    outputs: tuple[Hashable, ...]

    def __post_init__(self) -> None:
        if len(self.inputs) != self.code.inputs or len(self.outputs) != len(self.code.outputs):
            raise bad_value(
                "code",
                f"{self.code.inputs} inputs and {len(self.code.outputs)} outputs",
                f"{len(self.inputs)} and {len(self.outputs)}",
            )


def merge(first: Bound, second: Bound, kept: Collection[Hashable] = ()) -> Bound:
    """Make one code of two.

    Parameters
    ----------
    first, second : Bound
        Outputs of the first may be inputs of the second, never the other way round.
    kept : collection, optional
        Outputs of the first that something else needs too; the second's outputs all stay.

    Returns
    -------
    Bound
        Each value is one input, however often it was one before.

    Examples
    --------
    >>> from hotloop.ir.elementwise import Code, Step
    >>> error = Bound(Code(2, (Step("subtract", (0, 1)),), (2,)), ("y", "truth"), ("error",))
    >>> loss = Bound(Code(1, (Step("square", (0,)),), (1,)), ("error",), ("loss",))
    >>> merged = merge(error, loss)
    >>> print(merged.code, merged.inputs)
    square(x0 - x1) ('y', 'truth')
    """
    if set(second.outputs) & set(first.inputs):
        raise bad_value("merge", "a first code that reads nothing of the second", "one that does")
    outside = [name for name in second.inputs if name not in first.outputs]
    inputs = list(dict.fromkeys([*first.inputs, *outside]))
    build = Builder(len(inputs))
    known: dict[Hashable, Operand] = {name: number for number, name in enumerate(inputs)}
    outputs: dict[Hashable, Operand] = {}
    for bound in (first, second):
        values = build.include(bound.code, [known[name] for name in bound.inputs])
        for name, output in zip(bound.outputs, bound.code.outputs, strict=True):
            known[name] = values[output] if isinstance(output, int) else output
            if bound is second or name in kept:
                outputs[name] = known[name]
    # An input that the simpler code has no more use for would still have to be there.
    code, used = without_unused_inputs(build.code(list(outputs.values())))
    return Bound(code, tuple(inputs[number] for number in used), tuple(outputs))


def without_unused_inputs(code: Code) -> tuple[Code, list[int]]:
    """Return the code without the inputs that nothing reads, and which of them are left.

    Examples
    --------
    >>> from hotloop.ir.elementwise import Code, Step
    >>> code, used = without_unused_inputs(Code(3, (Step("exp", (2,)),), (3,)))
    >>> print(code, used)
    exp(x0) [2]
    """
    read = {o for step in code.steps for o in step.operands if isinstance(o, int)}
    read |= {o for o in code.outputs if isinstance(o, int)}
    used = [number for number in range(code.inputs) if number in read]
    build = Builder(len(used))
    places: dict[int, Operand] = {number: place for place, number in enumerate(used)}
    values = build.include(code, [places.get(number, 0.0) for number in range(code.inputs)])
    outputs = [values[o] if isinstance(o, int) else o for o in code.outputs]
    return build.code(outputs), used
