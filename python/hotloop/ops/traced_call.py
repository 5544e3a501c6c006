"""Calls of layers that compute by functions of this room: traced once, and lowered as what they did."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Protocol

from hotloop.core.errors import bad_type, bad_value
from hotloop.graph.layer import GraphLayer
from hotloop.graph.symbolic import Node, SymbolicTensor
from hotloop.graph.tracing import training_is
from hotloop.ops.flags import FLAGS, differs_by_training
from hotloop.ops.kept import keeping_nothing
from hotloop.ops.parts import claim_parts
from hotloop.ops.trace import Subgraph, trace
from hotloop.ops.types import spec_of
from hotloop.ops.unchanged import attributes_of, calls_within, is_same, require_unchanged
from hotloop.ops.undo import undone_on_error


class TracedLayer(GraphLayer, Protocol):
    """A layer that has a ``call``."""

    built: bool
    shape_built_for: Any

    def call(self, *args: Any, **kwargs: Any) -> Any: ...

    def call_flags(self) -> tuple[str, ...]: ...

    def build_for(self, shape: Any) -> None: ...

    def adopt_parts(self) -> None: ...


class TracedNode(Node):
    """A call of a layer together with what its ``call`` did.

    Attributes
    ----------
    subgraph : Subgraph
    attributes : dict
        What the layer's were, as far as they are numbers and texts.
    """

    def __init__(self, layer: GraphLayer, tensors: Sequence[SymbolicTensor], subgraph: Subgraph) -> None:
        (made,) = subgraph.outputs
        super().__init__(
            layer, tensors, made.sample_shape, made.dtype, batched=made.batched, mixes_rows=made.mixes_rows
        )
        self.subgraph = subgraph
        self.attributes = attributes_of(layer)

    def require_unchanged(self, what: str) -> None:
        """Refuse a layer whose ``call`` does something else by now; see :func:`require_unchanged`."""
        layer: Any = self.layer
        calls = [(each, len(each.nodes)) for each in layer.with_parts()]
        label = f"call of layer {layer.name!r}"
        try:
            require_unchanged(
                what, label, self.subgraph, lambda: _trace(layer, self.inputs), layer, self.attributes
            )
        finally:
            for each, count in calls:
                del each.nodes[count:]


def call_traced(layer: TracedLayer, tensors: list[SymbolicTensor]) -> TracedNode:
    """Build a layer where it is not built yet, call its ``call``, and return the node of that.

    Raises
    ------
    TypeError, ValueError
        When ``call`` returns something else than one tensor, or uses weights that are not the layer's. Then,
        and when ``build`` or ``call`` raises something, the layer and its parts are as they were before.
    """
    _require_plain_call(layer)
    with undone_on_error([layer]):
        made = _build_and_trace(layer, tensors)
        layer.nodes.append(made)
    return made


def _build_and_trace(layer: TracedLayer, tensors: list[SymbolicTensor]) -> TracedNode:
    shapes = [tensor.shape for tensor in tensors]
    given: Any = shapes if len(tensors) > 1 else shapes[0]
    claim_parts(layer)  # which then have their names before they have weights
    if not layer.built:
        layer.build_for(given)
    elif layer.parameters and given != layer.shape_built_for:
        expected = f"{layer.shape_built_for}, for which its weights were made"
        raise bad_value(f"layer {layer.name!r}: input shape", expected, given)

    subgraph = _trace(layer, tensors)
    layer.adopt_parts()
    _require_own_weights(layer, subgraph)
    return TracedNode(layer, tensors, subgraph)


def _trace(layer: TracedLayer, tensors: Sequence[SymbolicTensor]) -> Subgraph:
    flags = layer.call_flags()
    if "training" not in flags:
        return _trace_with(layer, tensors, None, dict.fromkeys(flags))
    training = _trace_with(layer, tensors, True, dict.fromkeys(flags))
    for node in calls_within(training):
        node.layer.nodes.remove(node)  # as if only the other one had been made
    found = _trace_with(layer, tensors, False, dict.fromkeys(flags))
    if not is_same(training, found):
        raise differs_by_training(f"layer {layer.name!r}")
    return found


def _trace_with(
    layer: TracedLayer, tensors: Sequence[SymbolicTensor], training: bool | None, flags: dict[str, Any]
) -> Subgraph:
    if training is not None:
        flags["training"] = training

    def called(*inputs: SymbolicTensor) -> SymbolicTensor:
        result: SymbolicTensor = layer.call(list(inputs) if len(tensors) > 1 else inputs[0], **flags)
        if isinstance(result, list | tuple | dict):
            mend = "write a layer for each, or concatenate them"
            raise bad_type(f"layer {layer.name!r}: what call returns", "one tensor", result, mend)
        return result

    what, weights = f"call of layer {layer.name!r}", len(layer.parameters)
    with keeping_nothing(what, layer, getattr(layer, "function", None)), training_is(training):
        subgraph = trace(called, [spec_of(tensor) for tensor in tensors], what)
        if len(layer.parameters) > weights:
            made = layer.parameters[weights].name
            raise bad_value(what, "all weights from build", f"a new one, {made!r}", "make it in build")
    return subgraph


def _require_plain_call(layer: TracedLayer) -> None:
    """Refuse a ``call`` with arguments of its own, which would be left at their defaults."""
    parameters = list(inspect.signature(layer.call).parameters.values())
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    others = [p.name for p in parameters[1:] if p.kind not in kinds and p.name not in FLAGS]
    if others:
        mend = "several tensors come as a list, anything else belongs into __init__"
        what = f"layer {layer.name!r}: call"
        raise bad_value(what, "one argument, inputs", f"{', '.join(others)} too", mend)


def _require_own_weights(layer: TracedLayer, subgraph: Subgraph) -> None:
    own = set(layer.parameters)
    for parameter in subgraph.parameters:
        if parameter not in own:
            raise ValueError(
                f"layer {layer.name!r}: call uses weight {parameter.path!r} of another layer; keep that "
                "layer, or model, as an attribute, or in a list, tuple or dict that is one, set in __init__"
            )
