"""The graph of ops that a model is lowered to: typed values, and the ops that make them, in running order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hotloop.graph.parameters import Parameter
from hotloop.ir.op import Array, Attribute, Attributes, Op, Value
from hotloop.ir.order import Order
from hotloop.ir.text import op_text, remark

__all__ = ["Array", "Attribute", "Attributes", "Graph", "Op", "Value"]


class Graph:
    """Ops in an order in which they can run.

    Whatever is done to it, every op stays behind those whose values it reads; what would break that is
    refused. To find the maker or the readers of a value, to insert and to remove takes no longer in a graph
    of thousands of ops.

    Parameters
    ----------
    inputs : sequence of Value
    ops : sequence of Op
        They belong to this graph from here on.
    outputs : sequence of Value

    Attributes
    ----------
    inputs : list of Value
    layer : str
        The layer that :meth:`add` says its ops come from.

    Examples
    --------
    >>> graph = Graph()
    >>> x = graph.add_input((4,), name="pixels")
    >>> graph.outputs = [graph.add("rescale", [x], {"scale": 2.0, "offset": 0.0})]
    >>> print(graph)
    %0 = input() : float32(4)  # pixels
    %1 = rescale(%0, scale=2, offset=0) : float32(4)
    return %1
    """

    def __init__(
        self, inputs: Sequence[Value] = (), ops: Sequence[Op] = (), outputs: Sequence[Value] = ()
    ) -> None:
        self.inputs: list[Value] = []
        self.layer = ""
        self._order: Order[Op] = Order()
        self._makers: dict[Value, Op | None] = {}  # of all values; an input has none
        self._readers: dict[Value, dict[Op, None]] = {}
        self._outputs: tuple[Value, ...] = ()
        self._wanted: frozenset[Value] = frozenset()
        for value in inputs:
            self._add_value(value, None)
            self.inputs.append(value)
        for op in ops:
            self.insert(op)
        self.outputs = outputs

    # -- looking

    @property
    def ops(self) -> list[Op]:
        """All ops in order, as they are now: the graph may be changed while one goes through the list."""
        return list(self._order)

    def __iter__(self) -> Iterator[Op]:
        return iter(self._order)

    def __len__(self) -> int:
        return len(self._order)

    @property
    def outputs(self) -> Sequence[Value]:
        """The values that the graph is there for, none of which a rewrite takes away."""
        return self._outputs

    @outputs.setter
    def outputs(self, values: Sequence[Value]) -> None:
        for value in values:
            self._require_known(value, "the outputs")
        self._outputs = tuple(values)
        self._wanted = frozenset(values)

    @property
    def values(self) -> list[Value]:
        """Inputs, and what ops make, in order."""
        return [*self.inputs, *(value for op in self for value in op.outputs)]

    def __contains__(self, value: Value) -> bool:
        return value in self._makers

    def producer(self, value: Value) -> Op | None:
        """The op that makes a value; None for an input."""
        self._require_known(value, "producer")
        return self._makers[value]

    def readers(self, value: Value) -> list[Op]:
        """The ops that read a value, each once, in the order in which they run."""
        self._require_known(value, "readers")
        readers = list(self._readers[value])
        return sorted(readers, key=_place) if len(readers) > 1 else readers

    def is_read_otherwise(self, value: Value, op: Op) -> bool:
        """Whether something else than an op reads a value, or it is an output."""
        readers = self._readers[value]
        return value in self._wanted or len(readers) > (op in readers)

    def first_reader(self, value: Value, than: Op, after: int) -> Op | None:
        """The first op that reads a value, or ``than`` where that comes before; None where one is not
        behind a place."""
        first = than
        for reader in self._readers[value]:
            if reader.place <= after:
                return None
            if reader.place < first.place:
                first = reader
        return first

    def only_reader(self, value: Value) -> Op | None:
        """The op that alone reads a value which is no output, else None."""
        self._require_known(value, "only_reader")
        readers = self._readers[value]
        return next(iter(readers)) if len(readers) == 1 and value not in self._wanted else None

    def is_output(self, value: Value) -> bool:
        """Whether a value is one of the outputs."""
        return value in self._wanted

    # -- growing

    def add_input(self, shape: Sequence[int], dtype: str = "float32", name: str = "") -> Value:
        """Add an input and return it; the shape is that of one sample."""
        value = Value(shape, dtype, name)
        self._add_value(value, None)
        self.inputs.append(value)
        return value

    def add(
        self,
        kind: str,
        inputs: Sequence[Value],
        attributes: Mapping[str, Attribute] | None = None,
        weights: Mapping[str, Parameter | Array | None] | None = None,
        constants: Mapping[str, Array] | None = None,
        *,
        shape: Sequence[int] | None = None,
        dtype: str | None = None,
        batched: bool | None = None,
        before: Op | None = None,
    ) -> Value:
        """Add an op that makes one value, at the end or before another op, and return the value.

        Parameters
        ----------
        kind, inputs, attributes, weights, constants
            As for :class:`Op`; a weight that is None is left out.
        shape, dtype : optional
            Of the value; by default those of the first input.
        batched : bool, optional
            By default whether an input is.
        before : Op, optional
            Whose layer the new op is said to come from, too.
        """
        value = Value(
            inputs[0].shape if shape is None else shape,
            inputs[0].dtype if dtype is None else dtype,
            batched=(inputs[0].batched or _is_any_batched(inputs)) if batched is None else batched,
        )
        layer = self.layer if before is None else before.layer
        self.insert(Op(kind, inputs, (value,), attributes, weights, constants, layer), before)
        return value

    def insert(self, op: Op, before: Op | None = None) -> Op:
        """Add an op that stands in no graph yet, at the end or before another one, and return it.

        Raises
        ------
        ValueError
            When it reads what is not made by then, or makes what there is already.
        """
        self._order.insert(op, before)
        try:
            self._require_made(op.inputs, op)
            for value in op.outputs:
                if value in self._makers or op.outputs.count(value) > 1:
                    raise ValueError(f"{op!r}: expected outputs that nothing makes yet, got {value!r} again")
        except ValueError:
            self._order.remove(op)
            raise
        for value in op.inputs:
            self._readers[value][op] = None
        for value in op.outputs:
            self._makers[value], self._readers[value] = op, {}
        return op

    # -- rewriting

    def replace(self, old: Value, new: Value) -> None:
        """Let all that reads a value, the outputs too, read another one instead; only the maker of that one
        may go on reading the first."""
        self._require_known(old, "replace")
        self._require_known(new, "replace")
        readers = [op for op in self._readers[old] if op is not self._makers[new]]
        for op in readers:
            self._require_made([new], op)
        for op in readers:
            self.set_inputs(op, [new if value is old else value for value in op.inputs])
        if old in self._wanted:
            self.outputs = [new if value is old else value for value in self._outputs]

    def set_inputs(self, op: Op, inputs: Sequence[Value]) -> None:
        """Let an op read other values."""
        self._require_made(inputs, op)
        for value in op.inputs:
            self._readers[value].pop(op, None)
        op.inputs = tuple(inputs)
        for value in op.inputs:
            self._readers[value][op] = None

    def remove(self, op: Op) -> None:
        """Take out an op whose values nothing reads."""
        for value in op.outputs:
            if self._readers[value] or value in self._wanted:
                raise ValueError(f"{op!r} can't be removed: something reads {value!r}, which it makes")
        self._order.remove(op)
        for value in op.inputs:
            self._readers[value].pop(op, None)
        for value in op.outputs:
            del self._makers[value], self._readers[value]

    def bypass(self, op: Op) -> None:
        """Take out an op; whatever reads what it makes reads its first input instead."""
        self.replace(op.output, op.input)
        self.remove(op)

    def absorb(self, maker: Op, op: Op) -> None:
        """Take out an op whose work the maker of its only input does now as well: it makes the op's value."""
        if op.inputs != maker.outputs or self.only_reader(maker.output) is not op:
            raise ValueError(f"{maker!r} can't absorb {op!r}, which is not all that reads it")
        outputs = op.outputs
        self._order.remove(op)
        for value in maker.outputs:
            del self._makers[value], self._readers[value]
        maker.outputs = outputs
        for value in outputs:
            self._makers[value] = maker

    def fuse(self, ops: Sequence[Op], into: Op, before: Op) -> Op:
        """Put an op that makes what others made, but for what nothing reads then, in their place.

        Takes no longer where many ops read those values, unless they have to be made later than before.

        Raises
        ------
        ValueError
            When it would read what is not made by then, or be read before it stands.
        """
        self._order.insert(into, before)
        try:
            self._require_made(into.inputs, into)
            self._require_replaceable(ops, into)
        except ValueError:
            self._order.remove(into)
            raise
        for op in ops:
            self._order.remove(op)
            for value in op.inputs:
                self._readers[value].pop(op, None)
        for value in into.outputs:
            self._makers[value] = into
        for value in (value for op in ops for value in op.outputs):
            if self._makers[value] is not into:
                del self._makers[value], self._readers[value]
        for value in into.inputs:
            self._readers[value][into] = None
        return into

    def copy(self) -> Graph:
        """Return a graph of the same values with ops of its own; their weights and constants are the same."""
        return Graph(self.inputs, [Op(*op.parts()) for op in self], self._outputs)

    def __reduce__(self) -> tuple[Any, ...]:
        """Ops are links of a chain, too long to be followed by whoever copies or pickles."""
        return _restored, (self.inputs, [op.parts() for op in self], self._outputs)

    def __str__(self) -> str:
        names = {value: f"%{number}" for number, value in enumerate(self.values)}
        lines = [f"{names[value]} = input() : {value!r}{remark(value.name)}" for value in self.inputs]
        lines += [op_text(op, names) for op in self]
        return "\n".join([*lines, f"return {', '.join(names[value] for value in self.outputs)}".rstrip()])

    # -- its own account

    def _add_value(self, value: Value, maker: Op | None) -> None:
        if value in self._makers:
            raise ValueError(f"graph: expected every value once, got {value!r} again")
        self._makers[value] = maker
        self._readers[value] = {}

    def _require_replaceable(self, ops: Sequence[Op], into: Op) -> None:
        replaced = set(ops)
        for value in into.inputs:
            if self._makers[value] in replaced:
                raise ValueError(f"{into!r}: expected inputs that stay, got {value!r}, whose maker goes")
        for value in into.outputs:
            maker = self._makers.get(value)
            if maker not in replaced:
                raise ValueError(f"{into!r}: expected outputs of the ops in whose place it is, got {value!r}")
            if maker.place < into.place:
                late = (op for op in self._readers[value] if op.place <= into.place and op not in replaced)
                for reader in late:
                    raise ValueError(f"{reader!r} reads {value!r} before {into!r} stands")
        made = set(into.outputs)
        for value in (value for op in ops for value in op.outputs):
            if value not in made and (value in self._wanted or not replaced.issuperset(self._readers[value])):
                raise ValueError(f"{into!r}: expected it to make {value!r}, which something reads")

    def _require_known(self, value: Value, what: str) -> None:
        if value not in self._makers:
            raise ValueError(f"{what}: expected values of this graph, got another {value!r}")

    def _require_made(self, values: Iterable[Value], op: Op) -> None:
        for value in values:
            if value not in self._makers:
                self._require_known(value, repr(op))
            maker = self._makers[value]
            if maker is not None and maker.place >= op.place:
                raise ValueError(
                    f"{op!r}: expected inputs that are made before it, got {value!r} of {maker!r}"
                )


def _place(op: Op) -> int:
    return op.place


def _is_any_batched(values: Sequence[Value]) -> bool:
    return any(value.batched for value in values)


def _restored(inputs: Sequence[Value], parts: Sequence[tuple[Any, ...]], outputs: Sequence[Value]) -> Graph:
    return Graph(inputs, [Op(*of_op) for of_op in parts], outputs)
