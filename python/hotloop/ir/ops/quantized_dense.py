"""dense_int8 and dense_bf16: the product of the last axis with a kernel that is stored in fewer bits."""

from __future__ import annotations

from hotloop.graph.parameters import Shape
from hotloop.ir.op import Array, Op
from hotloop.ir.record import Record, describes


@describes("dense_bf16", "dense_int8")
class QuantizedDenseRecord(Record):
    """Its numbers are constants; the kernel is packed."""

    quantized = True

    def weight_shapes(self, op: Op) -> dict[str, Shape]:
        op.integer("last_axis"), op.integer("units")  # which it has to say all the same
        return {}

    def parameters(self, op: Op) -> list[tuple[Array, int]]:
        bias = [(op.constants["bias"], op.constants["bias"].size)] if "bias" in op.constants else []
        return [(op.constants["weight"], op.integer("last_axis") * op.integer("units")), *bias]

    def grids(self, op: Op) -> str:
        ends = [
            f"{end} {op.number(f'{end}_scale'):.4g} @ {op.integer(f'{end}_zero_point')}"
            for end in ("in", "out")
            if f"{end}_scale" in op.attributes
        ]
        if "scale" in op.constants:
            scale = op.constants["scale"]
            ends.append(f"weights {scale.min():.3g} to {scale.max():.3g}")
        return ", ".join(ends)
