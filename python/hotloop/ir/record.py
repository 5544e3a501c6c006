"""What passes have to know of an op beside its numbers: a record a kind, which hotloop.ir.ops holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from hotloop.graph.parameters import Shape
from hotloop.ir.op import Array, Op
from hotloop.ir.units import Atoms, UnitTrace

Doubles = npt.NDArray[np.float64]


class Record:
    """What there is to say of an op where nothing else is known of its kind.

    Attributes
    ----------
    quantized : bool
        Whether its weights are stored in fewer bits than float32.
    """

    quantized = False

    def write_down(self, op: Op) -> None:
        """Write into the attributes what the native half takes from a sample's shape where it is not given.

        Passes read it, and flatten samples, which have another shape then.
        """

    def is_flat(self, op: Op) -> bool:
        """Whether its attributes say all that there is to say of axes: then samples may have a single one."""
        return False

    def does_nothing(self, op: Op, training: bool) -> bool:
        """Whether what it makes is what it reads, be it in training or in inference alone."""
        return False

    def blocked_by(self, op: Op, at: int) -> str:
        """What keeps the gradient of what it makes from the input of this number, in a word; empty where
        nothing does."""
        has_one = any(value.dtype == "float32" for value in op.outputs)
        return "" if has_one else str(op.attributes.get("kind", op.kind))

    def activation(self, op: Op) -> str:
        """Which activation it is, or applies to what it makes."""
        return str(op.attributes.get("activation", "linear"))

    def affine(self, op: Op) -> tuple[Doubles, Doubles] | None:
        """Factors and shifts by columns, where in inference ``x * factor + shift`` is all that it does."""
        return None

    def spread(self, op: Op) -> tuple[Doubles, Doubles] | None:
        """Of an op that normalises, means and standard deviations of the columns that it reads."""
        return None

    def parameters(self, op: Op) -> list[tuple[Array, int]]:
        """The arrays of a frozen op that hold what was trained, and how many numbers each stands for."""
        return [(array, array.size) for array in op.weights.values()]

    def grids(self, op: Op) -> str:
        """The scales of what a quantised op reads and makes, and the range of its weights', in words."""
        return ""

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


class Product(Record):
    """A product of the last axis with a kernel in float32.

    Attributes
    ----------
    forms : dict of str to str
        The kinds that compute the same in other numbers, by the name of these.
    """

    forms: ClassVar[Mapping[str, str]] = {}

    def columns_read(self, op: Op) -> int:
        """How many columns of what it reads the kernel has rows for."""
        raise NotImplementedError

    def columns_made(self, op: Op) -> int:
        """How many columns the kernel makes."""
        raise NotImplementedError

    def scale_inputs(self, op: Op, factor: Doubles, shift: Doubles) -> None:
        """Let a frozen op do to x what it did to ``x * factor + shift``, which is by some of the columns."""
        raise NotImplementedError

    def scale_outputs(self, op: Op, factor: Doubles, shift: Doubles) -> None:
        """Let a frozen op make ``y * factor + shift`` of what it made."""
        raise NotImplementedError


RecordClass = TypeVar("RecordClass", bound=type[Record])
RECORDS: dict[str, Record] = {}  # by kind of op


def describes(*kinds: str) -> Callable[[RecordClass], RecordClass]:
    """Make a class the record of these kinds of ops; to be written above it."""

    def register(cls: RecordClass) -> RecordClass:
        RECORDS.update(dict.fromkeys(kinds, cls()))
        return cls

    return register


def write_last_axis(op: Op) -> None:
    """Write down the axis that an op works along; samples that are single numbers have none."""
    if op.input.shape:
        op.attributes.setdefault("last_axis", op.input.shape[-1])


def last_axis(shape: Sequence[int]) -> int:
    """How many positions a value has for units."""
    return shape[-1] if shape else 1
