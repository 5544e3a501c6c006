"""batch_norm: normalisation of each position of the last axis over the rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hotloop.graph.parameters import Shape
from hotloop.ir.op import Op
from hotloop.ir.record import Doubles, Record, describes, write_last_axis
from hotloop.ir.units import Atoms, UnitTrace


@describes("batch_norm")
class BatchNormRecord(Record):
    """It has vectors of one number a unit."""

    def write_down(self, op: Op) -> None:
        write_last_axis(op)

    def is_flat(self, op: Op) -> bool:
        return True

    def affine(self, op: Op) -> tuple[Doubles, Doubles]:
        vectors = {name: array.astype(np.float64) for name, array in op.weights.items()}
        mean, deviation = self.spread(op)
        factor = vectors.get("gamma", 1.0) / deviation
        return factor, vectors.get("beta", 0.0) - mean * factor

    def spread(self, op: Op) -> tuple[Doubles, Doubles]:
        mean, variance = (op.weights[f"moving_{name}"].astype(np.float64) for name in ("mean", "variance"))
        return mean, np.sqrt(variance + op.number("epsilon"))

    def weight_shapes(self, op: Op) -> dict[str, Shape]:
        return dict.fromkeys(op.weights, (op.integer("last_axis"),))

    def pass_units(self, trace: UnitTrace, op: Op, inputs: Sequence[Atoms]) -> list[Atoms]:
        for vector in op.weights.values():
            trace.stand(vector, 0, "carries", inputs[0])
        return [inputs[0]]
