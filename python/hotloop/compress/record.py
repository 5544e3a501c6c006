"""From a model to a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hotloop.compress.plan import Array, Op, Plan
from hotloop.graph.parameters import Parameter
from hotloop.graph.still import still
from hotloop.ir.lowering import Lowering
from hotloop.models.clone import require_model
from hotloop.models.functional import Model

if TYPE_CHECKING:
    from hotloop.graph.symbolic import SymbolicTensor


class _Recorder(Lowering):
    """Lowers as usual and writes down what it is told."""

    def __init__(self) -> None:
        super().__init__(training=False)
        self.plan = Plan({}, [], [])
        self._copies: dict[int, npt.NDArray[np.float32]] = {}

    def add_input(self, tensor: SymbolicTensor) -> None:
        super().add_input(tensor)
        self.plan.inputs[self.values[tensor]] = tensor.features

    def add(
        self,
        op: str,
        inputs: Sequence[int],
        attributes: Mapping[str, Any],
        parameters: Mapping[str, Parameter | None] | None = None,
        arrays: Mapping[str, Array] | None = None,
    ) -> int:
        value = super().add(op, inputs, attributes, parameters, arrays)
        weights = {
            name: self._copies.setdefault(p.offset, p.numpy())
            for name, p in (parameters or {}).items()
            if p is not None
        }
        self.plan.ops.append(
            Op(op, list(inputs), value, dict(attributes), weights, dict(arrays or {}), self.layer_name)
        )
        return value


def record(model: Model) -> Plan:
    """Write down what a model does in inference; weights are copied, once where layers share them."""
    recorder = _Recorder()
    with still(require_model("quantize", model)) as resting:
        recorder.run(resting.graph)
    recorder.plan.outputs = list(recorder.outputs)
    return recorder.plan
