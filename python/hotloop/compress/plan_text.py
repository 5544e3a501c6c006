"""Plans in words."""

from __future__ import annotations

from hotloop.compress.plan import Op


def scales_text(op: Op) -> str:
    """The grids of what an op reads and makes, and the range of its weights' scales."""
    parts = []
    for end in ("in", "out"):
        if f"{end}_scale" in op.attributes:
            parts.append(f"{end} {op.attributes[f'{end}_scale']:.4g} @ {op.attributes[f'{end}_zero_point']}")
    if op.op == "quantize":
        if "scale" in op.arrays:
            low, high = op.arrays["scale"].min(), op.arrays["scale"].max()
            return f"out {low:.3g} to {high:.3g} by {op.arrays['scale'].size} columns"
        parts.append(f"out {op.attributes['scale']:.4g} @ {op.attributes['zero_point']}")
    if "scale" in op.arrays:
        parts.append(f"weights {op.arrays['scale'].min():.3g} to {op.arrays['scale'].max():.3g}")
    return ", ".join(parts)
