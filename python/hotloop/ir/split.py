"""Cuts small programs into pieces whose gradients are small enough."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from hotloop.ir.elementwise import Code, Operand, Step, decode, encode, fits, gradient
from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.op import ELEMENTWISE


@dataclass(frozen=True)
class _Piece:
    """Some of a code's steps, with the numbers there of what they read, and of what they make for others.

    Copies are outputs that are no step's own; the last piece has them.
    """

    steps: range
    reads: tuple[int, ...]
    makes: tuple[int, ...]
    copies: tuple[Operand, ...]


def split(graph: Graph, op: Op, learning: Collection[Value]) -> list[Op]:
    """Put several programs in place of one whose gradient does not fit, and return them in order.

    The gradient of a program makes again what it needs, and keeps all of it in blocks of the cache until it
    has come back to the first step: one of half as many steps needs half as many. What the pieces hand on is
    stored. Forward no number changes.

    Parameters
    ----------
    graph : Graph
    op : Op
        Of kind ``elementwise``, without a step that nothing needs. Where it adds up what it makes, the last
        piece does so.
    learning : collection of Value
        Those whose gradients are wanted.
    """
    code = decode(op.constants)
    values = dict(enumerate(op.inputs))
    trained = {number for number, value in values.items() if value in learning}
    shape = np.broadcast_shapes(*(value.shape for value in op.inputs))
    # A piece of smaller inputs alone would make smaller values.
    covering = tuple(n for n in range(code.inputs) if op.inputs[n].shape == shape)[:1] or range(code.inputs)
    parts: list[Op] = []
    begin = 0
    while begin < len(code.steps):
        piece = _next_piece(code, begin, covering, trained)
        begin = piece.steps.stop
        is_last = begin == len(code.steps)
        made = [Value(shape, batched=op.output.batched) for _ in piece.makes + piece.copies]
        if is_last and "reduce" in op.attributes:
            made = [Value(op.output.shape, batched=op.output.batched)]
        arrays = dict(zip(("code", "constants"), encode(_cut(code, piece)), strict=True))
        inputs = [values[number] for number in piece.reads]
        attributes = op.attributes if is_last else {}
        parts.append(graph.insert(Op(ELEMENTWISE, inputs, made, attributes, {}, arrays, op.layer), op))
        if not trained.isdisjoint(piece.reads):
            trained.update(piece.makes)
        values |= zip(piece.makes, made, strict=False)
    copies = iter(made[len(piece.makes) :])
    for number, old in enumerate(op.outputs):
        output = code.outputs[number]
        if number in _copied(code) or not isinstance(output, int):
            graph.replace(old, next(copies))
        else:
            graph.replace(old, values[output])
    graph.remove(op)
    return parts


def _next_piece(code: Code, begin: int, covering: Collection[int], trained: Collection[int]) -> _Piece:
    """The largest piece, of all steps that are left, half of them, a quarter of them ..., that fits."""
    size = len(code.steps) - begin
    while True:
        piece = _piece(code, range(begin, begin + size), covering)
        wanted = [place for place, number in enumerate(piece.reads) if number in trained]
        cut = _cut(code, piece)
        if size == 1 or (fits(cut) and fits(gradient(cut, wanted))):
            return piece
        size = (size + 1) // 2


def _piece(code: Code, steps: range, covering: Collection[int]) -> _Piece:
    first, behind = code.inputs + steps.start, code.inputs + steps.stop
    copies = tuple(code.outputs[number] for number in _copied(code)) if steps.stop == len(code.steps) else ()
    read = [o for place in steps for o in code.steps[place].operands] + [*copies]
    reads = dict.fromkeys(o for o in read if isinstance(o, int) and o < first)
    if not any(number >= code.inputs or number in covering for number in reads):
        reads |= dict.fromkeys(covering)
    later = {o for step in code.steps[steps.stop :] for o in step.operands if isinstance(o, int)}
    later |= {output for output in code.outputs if isinstance(output, int)}
    return _Piece(steps, tuple(reads), tuple(n for n in range(first, behind) if n in later), copies)


def _copied(code: Code) -> list[int]:
    """Which outputs are no step's own: inputs, constants, and what is another output already."""
    outputs = code.outputs
    return [
        number
        for number, output in enumerate(outputs)
        if not isinstance(output, int)
        or output < code.inputs
        or any(isinstance(other, int) and other == output for other in outputs[:number])
    ]


def _cut(code: Code, piece: _Piece) -> Code:
    """The code of a piece."""
    known = [*piece.reads, *(code.inputs + place for place in piece.steps)]
    numbers = {number: place for place, number in enumerate(known)}

    def find(operand: Operand) -> Operand:
        return numbers[operand] if isinstance(operand, int) else operand

    steps = (code.steps[place] for place in piece.steps)
    made = tuple(Step(step.name, tuple(map(find, step.operands))) for step in steps)
    return Code(len(piece.reads), made, tuple(map(find, piece.makes + piece.copies)))
