"""A frozen program as data: the ops of a lowered model with the numbers they use.

Quantisation rewrites such a plan, a saved quantised model holds one, and `build` makes it a native program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.device import HOST, Host
from hotloop.device.memory import aligned_zeros
from hotloop.feed.chunks import run_forward
from hotloop.graph.parameters import aligned_size
from hotloop.ir.text import op_label

Array = npt.NDArray[Any]
Attributes = dict[str, int | float | str]


@dataclass
class Op:
    """One node: what it reads, the value it makes, its numbers.

    Attributes
    ----------
    op : str
        The native name.
    inputs : list of int
        Value numbers.
    output : int
    attributes : dict
    weights : dict of str to float32 array
        What lies in the arena of a running program.
    arrays : dict of str to ndarray
        Constants of other types: packed int8 weights and the like.
    source : str
        The layer it comes from.
    """

    op: str
    inputs: list[int]
    output: int
    attributes: Attributes = field(default_factory=dict)
    weights: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)
    source: str = ""


@dataclass
class Plan:
    """Ops in an order in which they can run.

    Attributes
    ----------
    inputs : dict of int to int
        Value number to features.
    ops : list of Op
    outputs : list of int
    """

    inputs: dict[int, int]
    ops: list[Op]
    outputs: list[int]

    def copy(self) -> Plan:
        """A plan whose ops can be rewritten; the arrays are the same."""
        ops = [
            replace(
                op,
                inputs=list(op.inputs),
                attributes=dict(op.attributes),
                weights=dict(op.weights),
                arrays=dict(op.arrays),
            )
            for op in self.ops
        ]
        return Plan(dict(self.inputs), ops, list(self.outputs))

    def producer(self, value: int) -> Op | None:
        """The op that makes a value; None for an input."""
        return next((op for op in self.ops if op.output == value), None)

    def consumers(self, value: int) -> list[Op]:
        """The ops that read a value."""
        return [op for op in self.ops if value in op.inputs]

    def new_value(self) -> int:
        """A number that no value has yet."""
        return 1 + max([*self.inputs, *(op.output for op in self.ops)])

    def drop(self, op: Op) -> None:
        """Take an op with one input out; whoever read its output reads its input."""
        self.ops.remove(op)
        for reader in self.ops:
            reader.inputs = [op.inputs[0] if value == op.output else value for value in reader.inputs]

    def absorb(self, maker: Op, op: Op) -> None:
        """Take an op out whose work the maker of its input now does as well."""
        self.ops.remove(op)
        maker.output = op.output

    def only_reader(self, value: int) -> Op | None:
        """The op that alone reads a value which is no output, else None."""
        readers = self.consumers(value)
        return readers[0] if len(readers) == 1 and value not in self.outputs else None

    def sources(self) -> list[tuple[str, str]]:
        """By op: the layer it comes from, and what it computes."""
        return [(op.source, op_label(op.op, op.attributes)) for op in self.ops]

    def tensors(self) -> dict[str, Array]:
        """Every array once, by a name; layers that are used twice share theirs."""
        groups = [group for op in self.ops for group in (op.weights, op.arrays)]
        distinct = {id(group[key]): group[key] for group in groups for key in sorted(group)}
        return {f"tensor_{i}": array for i, array in enumerate(distinct.values())}


@dataclass
class BuiltPlan:
    """A native program of a plan.

    Attributes
    ----------
    program : _native.Program
    arena : float32 array
        All weights; the program reads them in place.
    features : list of int
        Of each output.
    described : dict of int to (int, str)
        Features and type of each of the plan's values.
    backend : device.Host
        Where it runs.
    """

    program: Any
    arena: npt.NDArray[np.float32]
    features: list[int]
    described: dict[int, tuple[int, str]]
    backend: Host

    def run(self, inputs: list[Array]) -> list[npt.NDArray[np.float32]]:
        """Return an array (rows, features) for each output, on the GPU where an input is there."""
        return run_forward(self.backend, self.program.predict, inputs, self.features)


@dataclass
class LoweredPlan:
    """A native graph of a plan.

    Attributes
    ----------
    graph : _native.Graph
    arena : float32 array
        All weights.
    values : dict of int to int
        The graph's number of each of the plan's values.
    """

    graph: Any
    arena: npt.NDArray[np.float32]
    values: dict[int, int]


def lower(plan: Plan, where: Host = HOST) -> LoweredPlan:
    """Make a native graph for a device, and the arena there that its nodes refer to."""
    distinct = {id(array): array for op in plan.ops for array in op.weights.values()}
    starts: dict[int, int] = {}
    end = 0
    for key, array in distinct.items():
        starts[key] = end
        end += aligned_size(array.size)
    arena = aligned_zeros(end)
    for key, array in distinct.items():
        arena[starts[key] : starts[key] + array.size] = array.reshape(-1)
    graph = where.native.Graph()
    values = {value: int(graph.input(features)) for value, features in plan.inputs.items()}
    for op in plan.ops:
        values[op.output] = int(
            graph.add(
                op.op,
                [values[value] for value in op.inputs],
                attributes=op.attributes,
                parameters={name: starts[id(array)] for name, array in op.weights.items()},
                arrays=op.arrays,
            )
        )
    return LoweredPlan(graph, where.upload(arena), values)


def build(plan: Plan, outputs: Sequence[int] | None = None, where: Host = HOST) -> BuiltPlan:
    """Make a native program for a device; `outputs` may name other values than the plan's."""
    lowered = lower(plan, where)
    graph, arena, values = lowered.graph, lowered.arena, lowered.values
    wanted = [values[value] for value in (plan.outputs if outputs is None else outputs)]
    program = where.native.Program(graph, outputs=wanted, parameters=arena, gradients=None)
    described = {value: (int(graph.features(made)), str(graph.dtype(made))) for value, made in values.items()}
    return BuiltPlan(program, arena, [int(graph.features(value)) for value in wanted], described, where)
