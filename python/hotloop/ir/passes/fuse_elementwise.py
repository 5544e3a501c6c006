"""Joins elementwise ops that follow each other into one small program."""

from __future__ import annotations

from collections.abc import Sequence

from hotloop.ir.applied import is_computed_by_a_loss
from hotloop.ir.elementwise import (
    INSTRUCTIONS,
    Bound,
    Code,
    activation_code,
    decode,
    encode,
    fits,
    merge,
)
from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.op import ELEMENTWISE
from hotloop.ir.ops import product_of

# So much that a program, and that of its gradients, which is about three times as long, fit into the native
# limits and their blocks into the first-level cache.
MOST_STEPS, MOST_INPUTS, MOST_OUTPUTS = 64, 8, 4
# What other ops read too is made once more rather than stored where it takes no more than that.
RECOMPUTED = 2


def fuse_elementwise(graph: Graph) -> None:
    """Join elementwise ops of one shape.

    An op takes in the one that makes what it reads, where the joined op can stand in place of both: nothing
    that lies between them in the graph reads the one and is read by the other. What other ops read of the
    first one becomes an output of the joined one, or is computed twice where that costs next to nothing. An
    op of a smaller shape, such as one on a bias, stays by itself: it would be done for every row. Activations
    that are made of instructions go along with elementwise ops beside them; others, those that stand alone
    and those that a product may apply keep their kernels. No number changes.
    """
    for op in graph.ops:
        if _code(graph, op) is not None:
            while (joined := _join_with_a_maker(graph, op)) is not None:
                op = joined


def _code(graph: Graph, op: Op) -> Code | None:
    """What an op computes, where that is a small program."""
    if op.kind == ELEMENTWISE:
        return decode(op.constants)
    if op.kind != "activation" or is_computed_by_a_loss(graph, op):
        return None
    maker = graph.producer(op.input)
    if maker is not None and product_of(maker) is not None and graph.only_reader(maker.output) is op:
        return None  # a product of int8 applies it
    return activation_code(str(op.attributes["kind"]))


def _join_with_a_maker(graph: Graph, op: Op) -> Op | None:
    """Join an op with one that makes what it reads, and return what stands in their place."""
    for value in dict.fromkeys(op.inputs):
        maker = graph.producer(value)
        if maker is None or ELEMENTWISE not in (maker.kind, op.kind):
            continue
        if _code(graph, maker) is not None and _domain(maker) == _domain(op):
            kept = _kept(graph, maker, op)
            joined = _recompute(graph, maker, op) if kept else None
            joined = joined or _join(graph, maker, op, kept)
            if joined is not None:
                return joined
    return None


def _domain(op: Op) -> tuple[bool, tuple[int, ...]]:
    """What a program goes over."""
    return op.output.batched, op.output.shape


def _bound(graph: Graph, op: Op) -> Bound:
    code = _code(graph, op)
    assert code is not None
    return Bound(code, op.inputs, op.outputs)


def _kept(graph: Graph, maker: Op, op: Op) -> list[Value]:
    """What an op makes that others than ``op`` need."""
    return [v for v in maker.outputs if graph.is_output(v) or any(r is not op for r in graph.readers(v))]


def _is_small(bound: Bound) -> bool:
    code = bound.code
    return (
        len(code.steps) <= MOST_STEPS
        and code.inputs <= MOST_INPUTS
        and len(code.outputs) <= MOST_OUTPUTS
        and fits(code)
    )


def _covers(bound: Bound, op: Op) -> bool:
    """Whether one of the inputs has the whole shape: broadcasting the others would not come to it."""
    whole = _domain(op)
    return any(isinstance(v, Value) and (v.batched, v.shape) == whole for v in bound.inputs)


def _recompute(graph: Graph, maker: Op, op: Op) -> Op | None:
    """Let an op compute for itself what its maker, which stays, makes for others too."""
    first = _bound(graph, maker)
    steps = first.code.steps
    if len(steps) > RECOMPUTED or any(INSTRUCTIONS[step.name].costly for step in steps):
        return None
    joined = merge(first, _bound(graph, op))
    if len(joined.inputs) > len(op.inputs) or not _is_small(joined) or not _covers(joined, op):
        return None
    return _replace(graph, [op], joined, op)


def _join(graph: Graph, maker: Op, op: Op, kept: Sequence[Value]) -> Op | None:
    """Put one op in place of two; ``kept`` is what others need of the first."""
    joined = merge(_bound(graph, maker), _bound(graph, op), kept)
    if not _is_small(joined) or not _covers(joined, op):
        return None
    # It stands where all that it reads is there, and nothing reads yet what it makes.
    readers = [reader for value in kept for reader in graph.readers(value) if reader is not op]
    place = min([op, *readers], key=lambda reader: reader.place)
    makers = (graph.producer(value) for value in joined.inputs if isinstance(value, Value))
    if any(one is not None and one is not maker and one.place >= place.place for one in makers):
        return None
    return _replace(graph, [op, maker], joined, place)


def _replace(graph: Graph, old: Sequence[Op], joined: Bound, place: Op) -> Op:
    """Put a program in place of ops whose values it makes."""
    arrays = dict(zip(("code", "constants"), encode(joined.code), strict=True))
    inputs = [value for value in joined.inputs if isinstance(value, Value)]
    made = [value for value in joined.outputs if isinstance(value, Value)]
    twins = [Value(value.shape, value.dtype, value.name, value.batched) for value in made]
    op = graph.insert(Op(ELEMENTWISE, inputs, twins, {}, {}, arrays, old[0].layer), place)
    for value, twin in zip(made, twins, strict=True):
        graph.replace(value, twin)
    for each in old:
        graph.remove(each)
    return op
