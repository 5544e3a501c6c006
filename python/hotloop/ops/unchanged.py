"""Whether a function still does what it did when it was traced: a model in memory is what was traced then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hotloop.core.errors import brief
from hotloop.graph.layer import GraphLayer
from hotloop.graph.symbolic import Node
from hotloop.ir.graph import Graph, Op, Value
from hotloop.ops.trace import Subgraph

_NONE = object()


def attributes_of(thing: object) -> dict[str, Any]:
    """The attributes of an object that are numbers and texts, for messages."""
    return {k: v for k, v in vars(thing).items() if isinstance(v, bool | int | float | str) or v is None}


def require_unchanged(
    what: str,
    label: str,
    before: Subgraph,
    again: Callable[[], Subgraph],
    owner: object = None,
    attributes: dict[str, Any] | None = None,
) -> None:
    """Refuse what does something else when it is called again than when it was traced.

    Parameters
    ----------
    what : str
        What a copy is made for: "save".
    label : str
        How messages call it.
    before : Subgraph
        What it did.
    again : callable
        Traces it once more.
    owner, attributes
        An object of the user's, and what :func:`attributes_of` said of it then.

    Raises
    ------
    ValueError
        When what it makes is another computation now, or it can't be called any more.
    """
    mend = "make the layer, and the model, anew of what counts now"
    try:
        after = again()
    except Exception as error:
        raise ValueError(
            f"{what}: {label} can't be called again, as a copy of the model does: {error}"
        ) from error
    if is_same(before, after):
        return
    now = vars(owner) if owner is not None else {}
    changed = [
        f"attribute {name!r} was {brief(value)} then and is {brief(now[name])} now"
        for name, value in (attributes or {}).items()
        if name in now and now[name] != value
    ]
    told = changed[0] if changed else "something that it reads has changed"
    raise ValueError(
        f"{what}: {label} computes something else now than in this model, so a copy would be another model: "
        f"{told}; {mend}"
    )


def is_same(one: Subgraph, other: Subgraph) -> bool:
    """Whether two calls did the same, whichever calls of their parts they are made of."""
    return _lowered(one) == _lowered(other)


def calls_within(subgraph: Subgraph) -> list[Node]:
    """The calls of layers that a call consists of, and those that these consist of."""
    found: dict[Node, None] = {}
    for node in subgraph.nodes:
        found[node] = None
        inner = getattr(node, "subgraph", None)
        if inner is not None:
            found.update(dict.fromkeys(calls_within(inner)))
    return list(found)


def _lowered(subgraph: Subgraph) -> list[Any]:
    """Something that is equal for functions that did the same."""
    graph = Graph([Value(t.sample_shape, t.dtype, batched=t.batched) for t in subgraph.inputs])
    calls = calls_within(subgraph)
    numbers = [node.index for node in calls]
    first: dict[GraphLayer, int] = {}
    for node in calls:
        first[node.layer] = min(node.index, first.get(node.layer, node.index))
    try:
        for node in calls:
            node.index -= first[node.layer]
        graph.outputs = subgraph.lower(graph, graph.inputs)
    finally:
        for node, index in zip(calls, numbers, strict=True):
            node.index = index
    number = {value: i for i, value in enumerate(graph.values)}
    return [*(_op(op, number) for op in graph), [number[value] for value in graph.outputs]]


def _op(op: Op, number: dict[Value, int]) -> list[Any]:
    return [
        op.kind,
        op.layer,
        [number[value] for value in op.inputs],
        [(value.shape, value.dtype, value.batched) for value in op.outputs],
        repr(op.attributes),  # in which NaN is NaN
        {name: id(weight) for name, weight in op.weights.items()},
        {name: (a.dtype.str, a.shape, a.tobytes()) for name, a in op.constants.items()},
    ]
