"""From a model to a plan."""

from __future__ import annotations

from typing import cast

from hotloop.compress.plan import Attributes, Op, Plan
from hotloop.graph.still import still
from hotloop.ir.op import RESHAPE, Value
from hotloop.ir.pipelines import for_inference
from hotloop.ir.weights import freeze
from hotloop.models.clone import require_model
from hotloop.models.functional import Model


def record(model: Model) -> Plan:
    """Write down what a model does in inference; weights are copied, once where layers share them."""
    with still(require_model("quantize", model)) as resting:
        graph = freeze(for_inference(resting.graph))
    numbers: dict[Value, int] = {}
    for value in graph.inputs:
        numbers[value] = len(numbers)
    ops = []
    for op in graph:
        read = [numbers[value] for value in op.inputs]
        made = numbers[op.output] = read[0] if op.kind == RESHAPE else len(numbers)
        if op.kind != RESHAPE:
            how = cast("Attributes", op.attributes)
            ops.append(Op(op.kind, read, made, how, op.weights, op.constants, op.layer))
    inputs = {numbers[value]: value.features for value in graph.inputs}
    return Plan(inputs, ops, [numbers[value] for value in graph.outputs])
