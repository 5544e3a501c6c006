"""How layers hang together: symbolic tensors, the nodes that make them, and their order."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from hotloop.core.errors import bad_type, bad_value
from hotloop.graph.layer import GraphLayer
from hotloop.graph.operand import SymbolicOperand
from hotloop.graph.parameters import Shape


class SymbolicTensor(SymbolicOperand):
    """A value without numbers: what a layer returns when a model is put together.

    Python's operators on it, and :mod:`hotloop.ops`, make further ones.

    Attributes
    ----------
    shape : tuple of int or None
        None for the batch, then the shape of one sample, as in Keras. A value that is the same for all rows,
        such as a mean over the batch, has no None.
    sample_shape : tuple of int
        The shape without the batch.
    dtype : str
        ``"float32"``, ``"int32"`` or ``"bool"`` (``"uint8"`` only between the layers of a quantised model).
    mixes_rows : bool
        Whether a row of it depends on other rows of the batch. Such a value is never computed in chunks.
    node : Node
        The call that makes it.
    """

    def __init__(
        self,
        shape: Shape,
        node: Node,
        dtype: str = "float32",
        *,
        batched: bool = True,
        mixes_rows: bool = False,
    ) -> None:
        self.sample_shape = shape
        self.node = node
        self.dtype = dtype
        self.batched = batched
        self.mixes_rows = mixes_rows

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape with None for the batch."""
        return (None, *self.sample_shape) if self.batched else self.sample_shape

    @property
    def features(self) -> int:
        """Numbers a sample: the product of its shape."""
        return math.prod(self.sample_shape)

    @property
    def layer(self) -> GraphLayer:
        """The layer whose call makes it."""
        return self.node.layer

    def __repr__(self) -> str:
        dtype = "" if self.dtype == "float32" else f" dtype={self.dtype}"
        return f"<SymbolicTensor shape={self.shape}{dtype} from {self.layer.name!r}>"


class Node:
    """One call of a layer. A layer called twice has two nodes and one set of weights.

    Parameters
    ----------
    layer : Layer
    inputs : sequence of SymbolicTensor
        Empty for an input layer.
    shape : tuple of int
        Of one sample of what it makes; of the whole array where that is not ``batched``.
    dtype : str
    batched : bool
    mixes_rows : bool
        Whether the call itself makes rows depend on others; what its inputs do is added.

    Attributes
    ----------
    layer : Layer
    inputs : tuple of SymbolicTensor
    output : SymbolicTensor
    index : int
        Which of the layer's calls this is, from 0.
    """

    def __init__(
        self,
        layer: GraphLayer,
        inputs: Sequence[SymbolicTensor],
        shape: Shape,
        dtype: str,
        *,
        batched: bool = True,
        mixes_rows: bool = False,
    ) -> None:
        self.layer = layer
        self.inputs = tuple(inputs)
        self.index = len(layer.nodes)
        mixes_rows = mixes_rows or any(tensor.mixes_rows for tensor in self.inputs)
        self.output = SymbolicTensor(shape, self, dtype, batched=batched, mixes_rows=mixes_rows)

    def require_unchanged(self, what: str) -> None:
        """Refuse a call that would be another one by now, as one of a layer with Python in it may."""


def as_tensors(what: str, tensors: object) -> list[SymbolicTensor]:
    """Return a tensor, a list or tuple of tensors, or a dict of them, as a list."""
    if isinstance(tensors, SymbolicTensor):
        return [tensors]
    items = list(tensors.values()) if isinstance(tensors, dict) else tensors
    if not isinstance(items, list | tuple) or not items:
        raise bad_type(
            what,
            "a symbolic tensor or a list of them",
            tensors,
            "start with hotloop.Input(shape); models compute on arrays",
        )
    for item in items:
        if not isinstance(item, SymbolicTensor):
            raise bad_type(what, "symbolic tensors", item, "start with hotloop.Input(shape)")
    return list(items)


class FunctionalGraph:
    """The nodes between given inputs and outputs, in an order in which they can run.

    Attributes
    ----------
    inputs, outputs : list of SymbolicTensor
    nodes : list of Node
        Every node after those it reads.
    layers : list of Layer
        Each once, in Keras's order: by decreasing depth, which is also the order of the weights.

    Raises
    ------
    ValueError
        When an output does not come from the inputs, or an input is used by no output.
    """

    def __init__(self, inputs: Sequence[SymbolicTensor], outputs: Sequence[SymbolicTensor]) -> None:
        self.inputs = list(inputs)
        self.outputs = list(outputs)
        if len({id(tensor) for tensor in inputs}) < len(self.inputs):
            raise ValueError("inputs: expected every input once, got one twice")
        for tensor in self.inputs:
            if tensor.node.inputs:
                raise bad_value("inputs", "what hotloop.Input returned", tensor, "models start at an Input")
        for tensor in self.outputs:
            _require_rows(tensor)
        discovered: dict[GraphLayer, int] = {}
        self.nodes = _sorted_nodes(self.inputs, self.outputs, discovered)
        self.layers = _layers_by_depth(self.nodes, discovered)
        reached = {id(node) for node in self.nodes}
        for tensor in self.inputs:
            if id(tensor.node) not in reached:
                raise ValueError(
                    f"input {tensor.layer.name!r}: no output depends on it; leave it out of inputs"
                )

    def replay(self, inputs: Sequence[SymbolicTensor]) -> list[SymbolicTensor]:
        """Call all layers again on other inputs (the weights are shared) and return the new outputs."""
        made: dict[SymbolicTensor, SymbolicTensor] = dict(zip(self.inputs, inputs, strict=True))
        for node in self.nodes:
            if node.output not in made:
                sources = [made[tensor] for tensor in node.inputs]
                made[node.output] = node.layer(sources[0] if len(sources) == 1 else sources)
        return [made[tensor] for tensor in self.outputs]


def _require_rows(tensor: SymbolicTensor) -> None:
    """Refuse what can't be an output."""
    if not tensor.batched:
        mend = "hotloop.ops.full_like(x, value) repeats it for every row of x"
        raise bad_value("outputs", "a row for each row of the inputs", f"shape {tensor.shape}", mend)
    if tensor.dtype != "float32":
        mend = "write hotloop.ops.cast(x, 'float32')"
        raise bad_value("outputs", "float32", f"{tensor.dtype} from {tensor.layer.name!r}", mend)


def _sorted_nodes(
    inputs: list[SymbolicTensor], outputs: list[SymbolicTensor], discovered: dict[GraphLayer, int]
) -> list[Node]:
    starts = {tensor.node for tensor in inputs}

    def look_at(node: Node) -> None:
        discovered.setdefault(node.layer, len(discovered))
        if not node.inputs and node not in starts:
            raise bad_value(
                "outputs",
                "tensors made from the given inputs",
                f"one that depends on input {node.layer.name!r}",
                "add it to inputs",
            )

    return nodes_in_order(outputs, (), look_at)


def nodes_in_order(
    outputs: Sequence[SymbolicTensor], known: Iterable[Node], look_at: Callable[[Node], None]
) -> list[Node]:
    """Return the nodes that outputs depend on, every one after those it reads.

    Depth-first, without recursion: chains may be thousands of layers long.

    Parameters
    ----------
    outputs : sequence of SymbolicTensor
    known : iterable of Node
        Left out, with what they alone depend on.
    look_at : callable
        Called with each node before its sources are looked for; may raise.
    """
    done = set(known)
    order: list[Node] = []
    for output in outputs:
        stack = [(output.node, False)]
        while stack:
            node, sources_done = stack.pop()
            if node in done:
                continue
            if sources_done:
                done.add(node)
                order.append(node)
                continue
            look_at(node)
            stack.append((node, True))
            stack.extend((tensor.node, False) for tensor in reversed(node.inputs))
    return order


def _layers_by_depth(nodes: list[Node], discovered: dict[GraphLayer, int]) -> list[GraphLayer]:
    depth_of_node = dict.fromkeys(nodes, 0)
    depth_of_layer: dict[GraphLayer, int] = {}
    for node in reversed(nodes):
        depth = max(depth_of_node[node], depth_of_layer.get(node.layer, 0))
        depth_of_layer[node.layer] = depth_of_node[node] = depth
        for tensor in node.inputs:
            depth_of_node[tensor.node] = max(depth_of_node[tensor.node], depth + 1)
    return sorted(depth_of_layer, key=lambda layer: (-depth_of_layer[layer], discovered[layer]))
