"""A frozen graph's native program, run on arrays of either place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hotloop.device import HOST, Host
from hotloop.feed.arrays import Array, Floats
from hotloop.feed.chunks import run_forward
from hotloop.ir.build import build
from hotloop.ir.graph import Graph, Value


class FrozenProgram:
    """A frozen graph that runs.

    Parameters
    ----------
    graph : Graph
        With arrays for weights.
    where : device.Host
        Where it computes.
    outputs : sequence of Value, optional
        Others than the graph's.

    Attributes
    ----------
    graph : Graph
    native : _native.Program
    features : tuple of int
        Numbers a sample, of each output.
    sources : list of (str, str)
        By native node: its layer, and what it computes.
    backend : device.Host
    """

    def __init__(self, graph: Graph, where: Host = HOST, outputs: Sequence[Value] | None = None) -> None:
        built = build(graph, where, outputs)
        self.graph = graph
        self.native: Any = built.program
        self.features, self.sources, self.backend = built.features, built.graph.sources(), where

    def run(self, inputs: list[Array]) -> list[Floats]:
        """Return an array (rows, features) for each output, on the GPU where an input is there."""
        return run_forward(self.backend, self.native.predict, inputs, self.features)
