"""Joins elementwise ops that follow each other into one small program."""

from __future__ import annotations

from collections.abc import Sequence

from hotloop.ir.applied import is_computed_by_a_loss
from hotloop.ir.elementwise import (
    INSTRUCTIONS,
    LIMITS,
    Bound,
    Code,
    Growing,
    activation_code,
    decode,
    encode,
)
from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.op import ELEMENTWISE, layers_of
from hotloop.ir.ops import product_of

# So much that every value of a program may have a block of its own. That of its gradients, which is about
# three times as long, may not fit then: where it does not, differentiating cuts the program.
MOST_INPUTS, MOST_OUTPUTS = 8, 4
MOST_STEPS = LIMITS["blocks"] - MOST_INPUTS - MOST_OUTPUTS
# What other ops read too is made once more rather than stored where it takes no more than that.
RECOMPUTED = 2


def fuse_elementwise(graph: Graph) -> None:
    """Join elementwise ops of one shape.

    An op takes in the one that makes what it reads, where the joined op can stand in place of both: nothing
    that lies between them in the graph reads the one and is read by the other. What other ops read of the
    first one becomes an output of the joined one, or is computed twice where that costs next to nothing. An
    op of a smaller shape, such as one on a bias, stays by itself: it would be done for every row. Activations
    that are made of instructions go along with elementwise ops beside them; others, those that stand alone
    and those that a product may apply keep their kernels. A joined op names the layers of all that it was.

    Forward no number changes. Gradients that come back to a value from several ops may be added up in another
    order in a joined one.
    """
    _Fusion(graph).run()


class _Fusion:
    """Codes stay codes until all are joined: only then are they written down for the native half."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._grown: dict[Op, Growing] = {}

    def run(self) -> None:
        for op in self._graph.ops:
            if self._code(op) is not None:
                while (joined := self._recompute_makers(op) or self._join_with_a_maker(op)) is not None:
                    op = joined
        for op, grown in self._grown.items():
            op.constants = dict(zip(("code", "constants"), encode(grown.bound().code), strict=True))

    def _code(self, op: Op) -> Code | Growing | None:
        """What an op computes, where that is a small program."""
        if op in self._grown:
            return self._grown[op]
        if op.kind == ELEMENTWISE:
            return decode(op.constants)
        graph = self._graph
        if op.kind != "activation" or is_computed_by_a_loss(graph, op):
            return None
        maker = graph.producer(op.input)
        if maker is not None and product_of(maker) is not None and graph.only_reader(maker.output) is op:
            return None  # a product of int8 applies it
        return activation_code(str(op.attributes["kind"]))

    def _steps(self, op: Op) -> int:
        code = self._code(op)
        return code.steps if isinstance(code, Growing) else len(code.steps) if code is not None else 0

    def _bound(self, op: Op) -> Bound:
        code = self._code(op)
        assert code is not None
        return code.bound() if isinstance(code, Growing) else Bound(code, op.inputs, op.outputs)

    def _makers(self, op: Op) -> list[Op]:
        """The ops that make what one reads, as far as they could be joined with it."""
        found = dict.fromkeys(self._graph.producer(value) for value in op.inputs)
        return [
            maker
            for maker in found
            if maker is not None
            and ELEMENTWISE in (maker.kind, op.kind)
            and _domain(maker) == _domain(op)
            and self._code(maker) is not None
        ]

    def _recompute_makers(self, op: Op) -> Op | None:
        """Let an op compute for itself what one of its makers, which stays, makes for others too."""
        for maker in self._makers(op):
            if self._steps(maker) > RECOMPUTED or not self._kept(maker, op):
                continue
            first = self._bound(maker)
            if self._steps(op) + len(first.code.steps) > MOST_STEPS or any(
                INSTRUCTIONS[step.name].costly for step in first.code.steps
            ):
                continue
            grown = Growing(first).taking(self._bound(op))
            if len(grown.inputs) <= len(op.inputs) and _covers(grown, op):
                return self._put(grown, [op], op)
        return None

    def _join_with_a_maker(self, op: Op) -> Op | None:
        """Join an op with one that makes what it reads, and return what stands in their place."""
        for maker in self._makers(op):
            if self._steps(maker) + self._steps(op) > MOST_STEPS:
                continue
            kept = self._kept(maker, op)
            inputs = [value for value in {*maker.inputs, *op.inputs} if value not in maker.outputs]
            if len(inputs) > MOST_INPUTS or len(kept) + len(op.outputs) > MOST_OUTPUTS:
                continue
            place = self._place(maker, op, kept, inputs)
            if place is None:
                continue
            first = self._grown.get(maker) or Growing(self._bound(maker))
            grown = first.taking(self._bound(op), kept)
            if _covers(grown, op):
                return self._put(grown, [maker, op], place)
        return None

    def _kept(self, maker: Op, op: Op) -> list[Value]:
        """What an op makes that others than ``op`` need."""
        return [value for value in maker.outputs if self._graph.is_read_otherwise(value, op)]

    def _place(self, maker: Op, op: Op, kept: Sequence[Value], inputs: Sequence[Value]) -> Op | None:
        """The op before which a joined one stands: all that it reads is there, and nothing reads yet what
        it makes."""
        made = (self._graph.producer(value) for value in inputs)
        latest = max((one.place for one in made if one is not None), default=-1)
        if latest < maker.place:
            return maker
        place: Op | None = op
        for value in kept:
            place = place and self._graph.first_reader(value, place, latest)
        return place

    def _put(self, grown: Growing, old: Sequence[Op], place: Op) -> Op:
        """Put a program in place of ops whose values it makes."""
        inputs = [value for value in grown.inputs if isinstance(value, Value)]
        made = [value for value in grown.outputs if isinstance(value, Value)]
        op = self._graph.fuse(old, Op(ELEMENTWISE, inputs, made, layer=layers_of(*old)), place)
        for each in old:
            self._grown.pop(each, None)
        self._grown[op] = grown
        return op


def _domain(op: Op) -> tuple[bool, tuple[int, ...]]:
    """What a program goes over."""
    return op.output.batched, op.output.shape


def _covers(grown: Growing, op: Op) -> bool:
    """Whether one of the inputs has the whole shape: broadcasting the others would not come to it."""
    whole = _domain(op)
    return any(isinstance(v, Value) and (v.batched, v.shape) == whole for v in grown.inputs)
