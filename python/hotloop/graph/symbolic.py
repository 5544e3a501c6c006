"""How layers hang together: symbolic tensors, the nodes that make them, and their order."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hotloop.core.errors import bad_type, bad_value
from hotloop.graph.layer import GraphLayer
from hotloop.graph.parameters import Shape


class SymbolicTensor:
    """A value without numbers: what a layer returns when a model is put together.

    Attributes
    ----------
    shape : tuple of int or None
        None for the batch, then the shape of one sample, as in Keras.
    sample_shape : tuple of int
        Of one sample.
    dtype : str
        ``"float32"`` (``"uint8"`` only between the layers of a quantised model).
    node : Node
        The call that makes it.
    """

    def __init__(self, shape: Shape, node: Node, dtype: str = "float32") -> None:
        self.sample_shape = shape
        self.node = node
        self.dtype = dtype

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape with None for the batch."""
        return (None, *self.sample_shape)

    @property
    def features(self) -> int:
        """Numbers a sample: the product of its shape."""
        return math.prod(self.sample_shape)

    @property
    def layer(self) -> GraphLayer:
        """The layer whose call makes it."""
        return self.node.layer

    def __repr__(self) -> str:
        return f"<SymbolicTensor shape={self.shape} from {self.layer.name!r}>"


class Node:
    """One call of a layer. A layer called twice has two nodes and one set of weights.

    Attributes
    ----------
    layer : Layer
    inputs : tuple of SymbolicTensor
        Empty for an input layer.
    output : SymbolicTensor
    index : int
        Which of the layer's calls this is, from 0.
    """

    def __init__(self, layer: GraphLayer, inputs: Sequence[SymbolicTensor], shape: Shape, dtype: str) -> None:
        self.layer = layer
        self.inputs = tuple(inputs)
        self.index = len(layer.nodes)
        self.output = SymbolicTensor(shape, self, dtype)


def as_tensors(what: str, tensors: object) -> list[SymbolicTensor]:
    """Return a tensor, a list or tuple of tensors, or a dict of them, as a list."""
    if isinstance(tensors, SymbolicTensor):
        return [tensors]
    items = list(tensors.values()) if isinstance(tensors, dict) else tensors
    if not isinstance(items, list | tuple) or not items:
        raise bad_type(
            what, "a symbolic tensor or a list of them", tensors, "start with hotloop.Input(shape)"
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


def _sorted_nodes(
    inputs: list[SymbolicTensor], outputs: list[SymbolicTensor], discovered: dict[GraphLayer, int]
) -> list[Node]:
    """Depth-first from the outputs, without recursion: chains may be thousands of layers long."""
    starts = {id(tensor.node) for tensor in inputs}
    done: set[int] = set()
    order: list[Node] = []
    for output in outputs:
        stack = [(output.node, False)]
        while stack:
            node, sources_done = stack.pop()
            if id(node) in done:
                continue
            if sources_done:
                done.add(id(node))
                order.append(node)
                continue
            discovered.setdefault(node.layer, len(discovered))
            if not node.inputs and id(node) not in starts:
                raise bad_value(
                    "outputs",
                    "tensors made from the given inputs",
                    f"one that depends on input {node.layer.name!r}",
                    "add it to inputs",
                )
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
