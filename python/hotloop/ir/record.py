"""What passes have to know of an op beside its numbers: one record a kind, in :mod:`hotloop.ir.ops`."""

from __future__ import annotations

from collections.abc import Sequence

from hotloop.graph.parameters import Shape
from hotloop.ir.op import Op
from hotloop.ir.units import Atoms, UnitTrace


class Record:
    """What there is to say of an op where nothing else is known of its kind."""

    def weight_shapes(self, op: Op) -> dict[str, Shape] | None:
        """The shapes that the op's weights have by its attributes; None where nothing is known of the kind.

        Raises
        ------
        TypeError, KeyError
            When an attribute that says so is missing or no integer.
        """
        return None

    def pass_units(self, trace: UnitTrace, op: Op, inputs: Sequence[Atoms]) -> list[Atoms]:
        """Say which units stand at the positions of the last axis of what the op makes.

        By default each position depends on all of the inputs, so that none of them can go.

        Parameters
        ----------
        trace : UnitTrace
            To be told what is tied, what has to stay, and which weights have a position for each unit.
        op : Op
        inputs : sequence of int array
            The units at the positions of the last axis of what it reads.

        Returns
        -------
        list of int array
            One for each of its outputs.
        """
        for atoms in inputs:
            trace.freeze(atoms)
        return [trace.frozen(last_axis(value.shape)) for value in op.outputs]


class Elementwise(Record):
    """Each number depends on those at its own place alone: what meets there is tied."""

    def pass_units(self, trace: UnitTrace, op: Op, inputs: Sequence[Atoms]) -> list[Atoms]:
        if any(other.size != inputs[0].size for other in inputs):
            return super().pass_units(trace, op, inputs)
        for other in inputs[1:]:
            trace.tie(inputs[0], other)
        return [inputs[0]]


def integer_attribute(op: Op, name: str) -> int:
    """An attribute that has to be an integer; TypeError or KeyError where it isn't."""
    value = op.attributes[name]
    if not isinstance(value, int):
        raise TypeError(f"op {op.kind!r}: {name}: expected an integer, got {value!r}")
    return value


def last_axis(shape: Sequence[int]) -> int:
    """How many positions a value has for units."""
    return shape[-1] if shape else 1
