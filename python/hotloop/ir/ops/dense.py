"""dense: the product of the last axis with a kernel, and a bias."""

from __future__ import annotations

from collections.abc import Sequence

from hotloop.graph.parameters import Shape
from hotloop.ir.op import Op
from hotloop.ir.record import Record, integer_attribute
from hotloop.ir.units import Atoms, UnitTrace


class DenseRecord(Record):
    """It makes units. Those that it reads have a row each of its kernel."""

    def weight_shapes(self, op: Op) -> dict[str, Shape]:
        inputs, units = integer_attribute(op, "last_axis"), integer_attribute(op, "units")
        return {"kernel": (inputs, units), "bias": (units,)}

    def pass_units(self, trace: UnitTrace, op: Op, inputs: Sequence[Atoms]) -> list[Atoms]:
        kernel, bias = op.weights["kernel"], op.weights.get("bias")
        trace.stand(kernel, 0, "reads", inputs[0])
        atoms = trace.at(kernel, 1)
        if atoms is None:
            atoms = trace.new(op.layer, kernel.shape[1])
            for parameter, axis in ((kernel, 1), (bias, 0)):
                if parameter is not None:
                    trace.stand(parameter, axis, "makes", atoms)
        return [atoms]
