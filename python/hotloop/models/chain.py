"""The network of a chain of layers, which may wait for the shape of its input."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hotloop.core.errors import bad_type, bad_value
from hotloop.feed.arrays import as_array
from hotloop.graph.layer import GraphLayer
from hotloop.graph.network import Network, make_names_unique
from hotloop.graph.parameters import Shape
from hotloop.graph.symbolic import FunctionalGraph, SymbolicTensor
from hotloop.layers.input import Input, InputLayer
from hotloop.models.functional import Model
from hotloop.ops.layer import Layer
from hotloop.ops.undo import Undo

Item = Layer | Model


class Chain(Network):
    """Layers and models, each of which reads what the one before it makes.

    Attributes
    ----------
    items : list of Layer or Model
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.items: list[Item] = []
        self._names: set[str] = set()  # those of its layers, and perhaps some that were
        self._tensors: list[SymbolicTensor] = []  # the input, then the output of each item

    def __copy__(self) -> Chain:
        """A chain of the same layers, which is added to for itself."""
        made = type(self).__new__(type(self))
        lists = {"items", "_names", "_tensors"}
        state = self.__getstate__()
        made.__setstate__({k: copy.copy(v) if k in lists else v for k, v in state.items()})
        return made

    def add(self, layer: Any) -> None:
        """Append a layer, a model, or an input; see ``Sequential.add``."""
        if isinstance(layer, SymbolicTensor) and isinstance(layer.layer, InputLayer):
            layer = layer.layer
        if isinstance(layer, InputLayer):
            if self.items or self._tensors:
                raise ValueError(
                    f"Sequential.add: an input must come first, got {layer.name!r} behind other layers"
                )
            self._tensors = [layer()]
            self._graph = None
            return
        if not isinstance(layer, Layer | Model):
            raise bad_type("Sequential.add", "a layer or a model", layer)
        self._keep_names_apart(layer)
        shape = None if self._tensors or self.items else _declared_shape(layer)
        tensors = self._tensors if shape is None else [Input(shape)]
        if tensors:
            undo = self._undo([layer]) if isinstance(layer, Model) else None  # a layer does so itself
            try:
                tensors.append(self._call(layer, tensors[-1]))
            except BaseException:
                if undo is not None:
                    undo()
                raise
        self._tensors = tensors
        self.items.append(layer)
        self._graph = None

    def _keep_names_apart(self, layer: Item) -> None:
        """Rename what may be renamed. All layers are looked at only where a name may be taken: long chains
        would take time by the square of their length."""
        new = _flat(layer)
        names = {each.name for each in new}
        called = isinstance(layer, Model) or bool(layer.nodes)
        if called or len(names) < len(new) or not names.isdisjoint(self._names):
            if any(item is layer for item in self.items):
                raise ValueError(
                    f"Sequential.add: {layer!r} is in the chain already; share layers by a Model"
                )
            make_names_unique([*self.layers, *new])
            names = {each.name for each in [*self.layers, *new]}
        self._names |= names

    def pop(self) -> Item:
        """Remove the last item and return it; see ``Sequential.pop``."""
        if not self.items:
            raise ValueError(f"model {self.name!r}: pop from a chain without layers")
        item = self.items.pop()
        if self._tensors:
            _forget_call(item, self._tensors.pop())
        self._graph = None
        return item

    def begin_with(self, shape: Shape) -> Callable[[], object]:
        """Make the weights for samples of this shape, and return what undoes that."""
        if self._tensors:
            if self._tensors[0].sample_shape != shape:
                raise bad_value(
                    f"model {self.name!r}: input", f"shape {self._tensors[0].sample_shape}", f"{shape}"
                )
            return super().build_for(shape)
        undo = self._undo(self.items)
        try:
            tensors = [Input(shape)]
            for item in self.items:
                tensors.append(self._call(item, tensors[-1]))
        except BaseException:
            undo()
            raise
        self._tensors = tensors
        self._graph = None
        return undo

    def build_for(self, x: Any) -> Callable[[], object]:
        if self._tensors:
            return super().build_for(x)
        if isinstance(x, Mapping | SymbolicTensor):
            raise ValueError(f"model {self.name!r} has no input shape yet; give its first layer input_shape=")
        shape = as_array("x", x).shape
        return self.begin_with(shape[1:] if len(shape) > 1 else (1,))

    def _undo(self, items: Sequence[Item]) -> Undo:
        """What makes the chain and items that it is about to call as they are now."""
        models = (item._network for item in items if isinstance(item, Model))
        return Undo((layer for item in items for layer in _flat(item)), [self, *models])

    def _call(self, item: Item, tensor: SymbolicTensor) -> SymbolicTensor:
        output = item(tensor)
        if not isinstance(output, SymbolicTensor):
            got = "a dict" if isinstance(output, dict) else f"{len(output)}"
            raise bad_value(f"Sequential: model {item.name!r}", "one output", got)
        return output

    def replay(self, tensors: list[SymbolicTensor]) -> list[SymbolicTensor]:
        if len(tensors) == 1:
            self.begin_with(tensors[0].sample_shape)
        return super().replay(tensors)

    @property
    def built(self) -> bool:
        return len(self._tensors) > 1

    @property
    def graph(self) -> FunctionalGraph:
        if self._graph is None:
            if not self.items:
                raise ValueError(f"model {self.name!r} has no layers; add some")
            if self._tensors:
                self._take(FunctionalGraph(self._tensors[:1], self._tensors[-1:]))
        return super().graph

    @property
    def layers(self) -> list[Layer]:
        """The layers without its input; those of a model in the chain stand in its place."""
        return [layer for item in self.items for layer in _flat(item)]

    @property
    def input_layer(self) -> GraphLayer | None:
        """Where it begins; None while its input's shape is not known."""
        return self._tensors[0].layer if self._tensors else None


def _forget_call(item: Item, tensor: SymbolicTensor) -> None:
    """Take a call off its layer, unless a shallow copy of the chain, which has the same layers, did."""
    if isinstance(item, Layer) and tensor.node in item.nodes:
        item.nodes.remove(tensor.node)


def _flat(item: Item) -> list[Layer]:
    if isinstance(item, Layer):
        return [item]
    return [layer for layer in item.layers if not isinstance(layer, InputLayer)]


def _declared_shape(item: Item) -> Shape | None:
    if isinstance(item, Layer):
        return item.declared_shape
    if item.built and len(item.inputs) == 1:
        return item.inputs[0].sample_shape
    return None
