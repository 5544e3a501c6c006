"""From a graph of ops to the native program that runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.device import HOST, Host
from hotloop.device.chunks import run_forward
from hotloop.device.memory import aligned_zeros
from hotloop.graph.parameters import Parameter, Shape, aligned_size
from hotloop.ir.graph import Array, Graph, Op, Value
from hotloop.ir.op import LOSS, RESHAPE, layer_text
from hotloop.ir.rows import mixing_layer
from hotloop.ir.text import op_label

Floats = npt.NDArray[np.float32]
ShortWay = Callable[[Any, bool], Any]


@dataclass
class NativeGraph:
    """A graph as a program of a device takes it.

    Attributes
    ----------
    graph : _native.Graph
    arena : float32 array
        All weights, on the device; the program reads them in place.
    values : dict of Value to int
        The native graph's number of each value.
    ops : list of Op
        By native node.
    losses : list of dict
        What ``Program.set_loss`` is told.
    mixing : str
        The layer that mixes rows, which are never cut into chunks then; empty where none does.
    """

    graph: Any
    arena: Floats
    values: dict[Value, int] = field(default_factory=dict)
    ops: list[Op] = field(default_factory=list)
    losses: list[dict[str, Any]] = field(default_factory=list)
    mixing: str = ""

    def numbers(self, values: Sequence[Value]) -> list[int]:
        """The native graph's numbers of some values."""
        return [self.values[value] for value in values]

    def sources(self) -> list[tuple[str, str]]:
        """By native node: the layer it comes from, and what it computes."""
        return [(op.layer, op_label(op.kind, op.attributes)) for op in self.ops]


@dataclass
class Built:
    """A native program of a graph.

    Attributes
    ----------
    program : _native.Program
    graph : NativeGraph
        What it was made of.
    features : list of int
        Numbers a sample, of each output.
    backend : device.Host
        Where it runs.
    """

    program: Any
    graph: NativeGraph
    features: list[int]
    backend: Host

    def run(self, inputs: list[Array]) -> list[Floats]:
        """Predict: an array (rows, features) for each output, on the GPU where an input is there."""
        return run_forward(
            self.backend, self.program.predict, inputs, self.features, mixing=self.graph.mixing
        )

    def short_way(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> ShortWay | None:
        """Bind the quickest way to predict, which there is for one input and one output on the CPU.

        Called with an array and whether numbers may be NaN or infinite, it returns the result, or None where
        the array wants a closer look.
        """
        if len(inputs) != 1 or len(outputs) != 1 or self.backend is not HOST:
            return None
        self.program.set_shapes(inputs[0], outputs[0])
        way: ShortWay = self.program.predict_rows
        return way


def build(
    graph: Graph,
    where: Host = HOST,
    outputs: Sequence[Value] | None = None,
    arena: Floats | None = None,
    gradients: Floats | None = None,
) -> Built:
    """Make a native program for a device.

    Parameters
    ----------
    graph : Graph
    where : device.Host
    outputs : sequence of Value, optional
        Others than the graph's.
    arena : float32 array, optional
        By default that of the parameters' store, or a new one for the arrays of a frozen graph.
    gradients : float32 array, optional
        Laid out like the arena, for a program that trains.

    Raises
    ------
    ValueError
        For an op that the native half does not know, or what it refuses; the layer is named.
    """
    made = native_graph(graph, where, arena)
    wanted = list(graph.outputs if outputs is None else outputs)
    program = where.native.Program(
        made.graph, outputs=made.numbers(wanted), parameters=made.arena, gradients=gradients
    )
    if made.losses:
        program.set_loss(made.losses)
    return Built(program, made, [value.features for value in wanted], where)


def native_graph(graph: Graph, where: Host = HOST, arena: Floats | None = None) -> NativeGraph:
    """Make the native graph alone; see :func:`build`."""
    found, starts = _arena(graph, where)
    if arena is None:
        arena = found
    native = where.native.Graph()
    made = NativeGraph(native, arena, mixing=mixing_layer(graph))
    values = made.values
    for value in graph.inputs:
        values[value] = int(native.input(value.shape, value.dtype))
        if not value.batched:
            raise ValueError(f"input {value!r}: expected a value with a batch axis")
    for op in graph:
        if op.kind in (RESHAPE, LOSS):
            _refuse_unread(op)
        if op.kind == LOSS:
            made.losses.append({**op.attributes, "output": values[op.input]})
            continue
        values.update(zip(op.outputs, _add_node(native, op, made.numbers(op.inputs), starts), strict=True))
        if op.kind != RESHAPE:
            made.ops.append(op)
    return made


def _refuse_unread(op: Op) -> None:
    """What native ops refuse themselves; a loss's attributes are looked at by the program."""
    for what, given in (
        ("attribute", {} if op.kind == LOSS else op.attributes),
        ("weight", op.weights),
        ("constant", op.constants),
        ("input", op.inputs[1:]),
    ):
        for name in given:
            raise ValueError(
                f"{layer_text(op.layer)}: {op.kind}: got {what} {name!r}, which the op does not read"
            )


def _add_node(native: Any, op: Op, inputs: list[int], starts: Mapping[int, int]) -> Sequence[int]:
    offsets = {
        name: weight.offset if isinstance(weight, Parameter) else starts[id(weight)]
        for name, weight in op.weights.items()
    }
    try:
        if op.kind == RESHAPE:
            added = native.reshape(inputs[0], op.output.shape)
        else:
            added = native.add(op.kind, inputs, op.attributes, offsets, op.constants)
    except ValueError as error:
        raise ValueError(f"{layer_text(op.layer)}: {error}") from error
    numbers: Sequence[int] = added if isinstance(added, tuple) else (added,)
    if len(numbers) != len(op.outputs) or not all(map(_is_as_said, repeat(native), numbers, op.outputs)):
        made = [Value(native.shape(n), native.dtype(n), batched=native.batched(n)) for n in numbers]
        raise ValueError(
            f"{layer_text(op.layer)}: op {op.kind!r} makes {made}, but was said to make {list(op.outputs)}"
        )
    return numbers


def _is_as_said(native: Any, number: int, value: Value) -> bool:
    described = native.shape(number), native.dtype(number), native.batched(number)
    return described == (value.shape, value.dtype, value.batched)


def _arena(graph: Graph, where: Host) -> tuple[Floats, dict[int, int]]:
    """Where all weights of a graph lie, and by their identity where arrays begin in it."""
    distinct: dict[int, Any] = {id(weight): weight for op in graph for weight in op.weights.values()}
    stores = {id(p.store): p.store for p in distinct.values() if isinstance(p, Parameter)}
    if len(stores) > 1 or (stores and not all(isinstance(p, Parameter) for p in distinct.values())):
        raise ValueError("build: expected all weights in one arena, got several; freeze the graph first")
    for store in stores.values():
        return store.values, {}
    starts: dict[int, int] = {}
    end = 0
    for key, array in distinct.items():
        starts[key] = end
        end += aligned_size(array.size)
    arena = aligned_zeros(end)
    for key, array in distinct.items():
        arena[starts[key] : starts[key] + array.size] = array.reshape(-1)
    return where.upload(arena), starts
