"""The passes that graphs of ops go through on their way to programs: one list, in order."""

from __future__ import annotations

from collections.abc import Callable
from enum import Flag, auto
from typing import Any, NamedTuple

from hotloop.graph.symbolic import FunctionalGraph
from hotloop.ir.graph import Graph
from hotloop.ir.lower import lower
from hotloop.ir.passes.blocked import find_blocked
from hotloop.ir.passes.copy_outputs import copy_outputs
from hotloop.ir.passes.differentiate import differentiate
from hotloop.ir.passes.drop import drop_for_inference, drop_identities
from hotloop.ir.passes.flatten import flatten
from hotloop.ir.passes.fold import fold
from hotloop.ir.passes.fuse_activations import fuse_activations, fuse_into
from hotloop.ir.passes.fuse_elementwise import fuse_elementwise
from hotloop.ir.passes.fuse_reductions import fuse_reductions
from hotloop.ir.passes.losses import append_logits, fuse_losses
from hotloop.ir.passes.precision import choose_precision
from hotloop.ir.passes.trainable import mark_trainable
from hotloop.ir.weights import freeze


class Purpose(Flag):
    """What a graph is for."""

    INFERENCE = auto()
    TRAINING = auto()
    FOLDING = auto()  # a float graph of fixed weights, which quantising begins with
    QUANTIZING = auto()  # a copy of a folded graph


class Pass(NamedTuple):
    """A place in the list.

    Attributes
    ----------
    function : callable or str
        Rewrites a graph in place, or returns another one. A name is that of a function which :func:`run` is
        given: what knows of losses or codings stands on floors above this one.
    purposes : Purpose
        What it applies to.
    told : tuple of str
        The arguments of :func:`run` that it takes behind the graph.
    """

    function: Callable[..., Any] | str
    purposes: Purpose
    told: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it is called."""
        return self.function if isinstance(self.function, str) else self.function.__name__


INFERENCE, TRAINING, FOLDING, QUANTIZING = Purpose
PASSES = (
    Pass(drop_identities, TRAINING),
    Pass(drop_for_inference, INFERENCE | FOLDING),
    Pass(copy_outputs, INFERENCE | TRAINING | FOLDING),
    Pass("append_losses", TRAINING),
    Pass(mark_trainable, TRAINING, ("learning",)),
    Pass(find_blocked, TRAINING),
    Pass(fuse_losses, TRAINING),
    Pass(append_logits, TRAINING, ("logits",)),
    Pass(fuse_activations, INFERENCE | TRAINING | FOLDING),
    Pass(fuse_elementwise, INFERENCE | TRAINING | FOLDING),
    Pass(fuse_reductions, INFERENCE | TRAINING),
    Pass(choose_precision, TRAINING, ("precision", "on_gpu")),
    Pass(differentiate, TRAINING),
    Pass(freeze, FOLDING),
    Pass(flatten, FOLDING),
    Pass(fold, FOLDING, ("keep",)),
    Pass(fuse_into, QUANTIZING, ("products",)),
    Pass("quantize_products", QUANTIZING),
)


def run(graph: Graph, purpose: Purpose, **told: Any) -> tuple[Graph, dict[str, Any]]:
    """Let a graph go through the passes of a purpose.

    Parameters
    ----------
    graph : Graph
        Rewritten.
    purpose : Purpose
    **told
        What the passes take, and those that are given; see :class:`Pass`.

    Returns
    -------
    graph : Graph
    found : dict
        By the names of passes: what those returned that found something out.
    """
    found: dict[str, Any] = {}
    for each in PASSES:
        if purpose in each.purposes:
            function = told[each.function] if isinstance(each.function, str) else each.function
            result = function(graph, *(told[name] for name in each.told))
            if isinstance(result, Graph):
                graph = result
            elif result is not None:
                found[each.name] = result
    return graph, found


def for_inference(graph: FunctionalGraph) -> Graph:
    """Lower a graph of layers to what predicts, with live parameters."""
    return run(lower(graph), INFERENCE)[0]
