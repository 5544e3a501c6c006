"""Which passes a graph goes through on its way to a program, and in what order."""

from __future__ import annotations

from collections.abc import Callable

from hotloop.graph.symbolic import FunctionalGraph
from hotloop.ir.graph import Graph
from hotloop.ir.lower import lower
from hotloop.ir.passes.copy_outputs import copy_outputs
from hotloop.ir.passes.drop import drop_for_inference
from hotloop.ir.passes.fuse_activations import fuse_activations
from hotloop.ir.passes.fuse_elementwise import fuse_elementwise

Pass = Callable[[Graph], None]
INFERENCE: tuple[Pass, ...] = (drop_for_inference, fuse_activations, fuse_elementwise, copy_outputs)


def for_inference(graph: FunctionalGraph) -> Graph:
    """Lower a graph of layers to what predicts, with live parameters."""
    made = lower(graph)
    for each in INFERENCE:
        each(made)
    return made
