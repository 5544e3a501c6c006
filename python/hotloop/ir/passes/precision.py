"""In what numbers products are computed."""

from __future__ import annotations

from hotloop.ir.graph import Graph
from hotloop.ir.ops import product_of


def choose_precision(graph: Graph, precision: str, on_gpu: bool) -> None:
    """Let products compute in what ``compile`` was told; others than products stay in float32.

    Parameters
    ----------
    precision : {"float32", "tf32", "mixed_bfloat16"}
    on_gpu : bool
        TF32 is a GPU's: on the CPU products stay in float32.
    """
    for op in graph.ops:
        product = product_of(op)
        if product is None:
            continue
        if precision == "mixed_bfloat16":
            op.kind = product.forms[precision]
        elif precision == "tf32" and on_gpu:
            op.attributes["precision"] = "tf32"
