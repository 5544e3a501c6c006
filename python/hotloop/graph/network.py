"""A graph with its weights on a device: what the parts of a model that compute share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy.typing as npt

from hotloop.core.errors import bad_value
from hotloop.core.locks import make_lock
from hotloop.core.naming import unique_name
from hotloop.device import Host, backend
from hotloop.graph.layer import GraphLayer
from hotloop.graph.parameters import Parameter, ParameterStore, Shape, gather_stores, set_parameters
from hotloop.graph.symbolic import FunctionalGraph, SymbolicTensor


class Network:
    """A graph, the arena of its weights, and the device where they are.

    Parameters
    ----------
    name : str
        The model's.
    graph : FunctionalGraph, optional
        Without one the network is not built yet.
    output_keys : list of str, optional
        Of outputs that are a dict.

    Attributes
    ----------
    lock : RLock
        Held while programs are made and while weights move.
    """

    def __init__(
        self, name: str, graph: FunctionalGraph | None = None, output_keys: list[str] | None = None
    ) -> None:
        self.name = name
        self.output_keys = output_keys
        self.lock = make_lock()
        self._where: Host | None = None  # where an arena goes that has yet to be placed
        self._named: Host | None = None  # the device that somebody named, if any
        self._graph: FunctionalGraph | None = None
        if graph is not None:
            self._take(graph)

    def _take(self, graph: FunctionalGraph) -> None:
        """Compute this graph from now on."""
        make_names_unique(graph.layers)
        self._graph = graph
        self._store = gather_stores(p for layer in graph.layers for p in layer.parameters)

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles, which get a lock of their own."""
        # In this order no copier has to go deep: each tensor's sources are there already.
        tensors = [node.output for node in self.graph.nodes] if self.built else []
        return {"_tensors_in_order": tensors, **vars(self), "lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        del vars(self)["_tensors_in_order"]
        self.lock = make_lock()

    # -- structure

    @property
    def built(self) -> bool:
        """Whether the shapes are known, and so the weights are there."""
        return self._graph is not None

    @property
    def graph(self) -> FunctionalGraph:
        """The calls of its layers, from inputs to outputs."""
        if self._graph is None:
            raise ValueError(
                f"model {self.name!r} has no weights yet; give its first layer input_shape=, or call fit"
            )
        return self._graph

    @property
    def layers(self) -> Sequence[GraphLayer]:
        """The layers that compute, each once; inputs are none."""
        begin = {tensor.layer for tensor in self.graph.inputs}
        return [layer for layer in self.graph.layers if layer not in begin]

    def build_for(self, x: Any) -> Callable[[], object]:
        """Build it for data like these, where it waits for their shape; return what undoes that."""
        return _nothing

    @property
    def weights(self) -> list[Parameter]:
        """All weights, layer by layer, in Keras's order; each once, where it comes first."""
        return list(dict.fromkeys(p for layer in self.graph.layers for p in layer.parameters))

    @property
    def trainable_weights(self) -> list[Parameter]:
        """Those that training changes by their gradients."""
        learning = {p for layer in self.trainable_layers() for p in layer.own_parameters if p.trainable}
        return [parameter for parameter in self.weights if parameter in learning]

    def trainable_layers(self) -> frozenset[GraphLayer]:
        """Those whose weights learn, and the parts of layers."""
        return frozenset([each for layer in self.graph.layers for each in layer.learning_layers()])

    @property
    def input_names(self) -> list[str]:
        """Keys for a dict of inputs: the names of the input layers."""
        return [tensor.layer.name for tensor in self.graph.inputs]

    @property
    def input_shapes(self) -> list[Shape]:
        """Of one sample."""
        return [tensor.sample_shape for tensor in self.graph.inputs]

    @property
    def output_names(self) -> list[str]:
        """Keys for a dict of labels and prefixes in the logs: the outputs' own, or their layers' names."""
        if self.output_keys is not None:
            return list(self.output_keys)
        names: list[str] = []
        for tensor in self.graph.outputs:
            name = tensor.layer.name
            names.append(name if name not in names else f"{name}_{tensor.node.index}_{len(names)}")
        return names

    @property
    def output_shapes(self) -> list[Shape]:
        """Of one sample."""
        return [tensor.sample_shape for tensor in self.graph.outputs]

    def structured(self, outputs: list[Any]) -> Any:
        """Return what belongs to each output as the outputs were given: alone, in a list or in a dict."""
        if self.output_keys is not None:
            return dict(zip(self.output_keys, outputs, strict=True))
        return outputs[0] if len(outputs) == 1 else outputs

    def replay(self, tensors: list[SymbolicTensor]) -> list[SymbolicTensor]:
        """Call all layers again on other tensors and return what they make.

        Raises
        ------
        ValueError
            For other shapes.
        """
        expected = self.graph.inputs
        if [tensor.shape for tensor in tensors] != [tensor.shape for tensor in expected]:
            wanted = ", ".join(str(tensor.shape) for tensor in expected)
            got = ", ".join(str(tensor.shape) for tensor in tensors)
            raise bad_value(f"model {self.name!r}: inputs", f"shapes {wanted}", got)
        return self.graph.replay(tensors)

    # -- weights

    @property
    def store(self) -> ParameterStore:
        """The arena of its weights; another object after it was merged with another model's."""
        for layer in self.graph.layers:
            if layer.parameters:
                return layer.parameters[0].store
        return self._store

    def set_weights(self, weights: Sequence[npt.ArrayLike]) -> None:
        """Overwrite all weights between two steps; nothing changes when one of them does not fit."""
        what = f"model {self.name!r}"
        self.store.turns.between_steps(lambda: set_parameters(what, self.weights, weights))

    def placed_store(self) -> ParameterStore:
        """The arena, on the device that was named, or on the default one."""
        store = self.store
        if not store.placed:
            with self.lock:
                store = self.store
                if not store.placed:
                    store.move(self._where or backend(), named=self._named is not None)
        return store

    @property
    def where(self) -> Host:
        """The device where it computes, or is to compute."""
        if self.built and self.store.placed:
            return self.store.backend
        return self._where or backend()

    @property
    def named(self) -> Host | None:
        """The device that somebody named for this network, or for one that it shares layers with."""
        if self.built and self.store.placed:
            return self.store.backend if self.store.named else None
        return self._named

    def place(self, told: Host | None) -> None:
        """Move to a device that somebody named; without one stay, if ever one was, or go to the default."""
        named = told or self.named
        where = named or backend()
        if self.built:
            self.store.move(where, named=named is not None)
        self._where, self._named = where, named


def _nothing() -> None:
    """Undo what was there before."""


def make_names_unique(layers: Sequence[GraphLayer]) -> None:
    """Rename layers with automatic names that are taken.

    Raises
    ------
    ValueError
        When two layers were given the same name.
    """
    given: set[str] = set()
    for layer in layers:
        if not layer.has_automatic_name:
            if layer.name in given:
                raise ValueError(f"layers: expected a name of its own for each, got two named {layer.name!r}")
            given.add(layer.name)
    for layer in layers:
        if layer.has_automatic_name:
            while layer.name in given:
                layer.rename(unique_name(layer.automatic_prefix))
            given.add(layer.name)
