"""The grids of quantised ops in words."""

from __future__ import annotations

from hotloop.ir.op import Op


def scales_text(op: Op) -> str:
    """The grids of what an op reads and makes, and the range of its weights' scales."""
    parts = []
    for end in ("in", "out"):
        if f"{end}_scale" in op.attributes:
            parts.append(f"{end} {op.attributes[f'{end}_scale']:.4g} @ {op.attributes[f'{end}_zero_point']}")
    if op.kind == "quantize":
        if "scale" in op.constants:
            low, high = op.constants["scale"].min(), op.constants["scale"].max()
            return f"out {low:.3g} to {high:.3g} by {op.constants['scale'].size} columns"
        parts.append(f"out {op.attributes['scale']:.4g} @ {op.attributes['zero_point']}")
    if "scale" in op.constants:
        parts.append(f"weights {op.constants['scale'].min():.3g} to {op.constants['scale'].max():.3g}")
    return ", ".join(parts)
