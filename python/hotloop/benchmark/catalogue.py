"""Every row, by group, and the choice of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hotloop.benchmark.groups import (
    chains,
    inference,
    machine,
    one_batch,
    product_grid,
    products,
    training,
    widths,
)
from hotloop.benchmark.row import Measured, Row, Verdict
from hotloop.core.errors import unknown_name


@dataclass(frozen=True)
class Group:
    """Rows that belong to one line of the target table.

    Attributes
    ----------
    name, title, target : str
        How it is asked for; what it is; what is aimed at.
    family : str
        Groups of one family run in one process, so that libraries are imported once.
    overall : callable, optional
        Given the rows' measurements by their names, what is aimed at for all of them together.
    """

    name: str
    title: str
    target: str
    family: str
    overall: Callable[[Mapping[str, Measured]], list[Verdict]] | None = None


GROUPS = {
    group.name: group
    for group in (
        Group("peaks", "the machine's limits", "", "kernels"),
        Group(
            "gemm",
            "float32 GEMM, 512 to 2048 cubed",
            "90% of the FMA peak, and 1.03x the best peer",
            "kernels",
        ),
        Group("skinny", "float32 GEMM, skinny", "1.15x the best peer", "kernels"),
        Group(
            "gemm-grid",
            "float32 GEMM, a layer's products by rows and width",
            "1.0x the best peer or 85% of the FMA peak, 1.05x in the median, 0.9x neighbours",
            "kernels",
            product_grid.overall,
        ),
        Group("gemm-threads", "float32 GEMM, skinny, 2 threads", "1.7x one thread", "kernels"),
        Group("bf16", "bfloat16 GEMM, float32 sums", "1.0x oneDNN", "kernels"),
        Group("int8", "int8 GEMM, requantisation fused", "85% of the vpdpbusd peak", "kernels"),
        Group(
            "training",
            "training, float32",
            "2.5x / 1.5x / 1.25x / 1.25x / 1.25x JAX's scan, 30x / 5x / 2.8x / 2.2x PyTorch eager",
            "training",
        ),
        Group("training-threads", "training, 2 threads", "1.3x / 1.75x / 1.75x one thread", "training"),
        Group(
            "mixed",
            "training, mixed_bfloat16",
            "1.6x own float32, 1.25x / 1.2x PyTorch's bf16 autocast, accuracy within 0.005",
            "training",
        ),
        Group(
            "inference-int8",
            "int8 inference",
            "1.5x / 1.2x / 1.2x ONNX Runtime's better int8, or 88% of the int8 peak",
            "inference",
        ),
        Group("inference", "float32 inference", "1.2x the better of ONNX Runtime and OpenVINO", "inference"),
        Group(
            "chain",
            "ten layers, one row (MLPerf Tiny's autoencoder)",
            "1.5x LiteRT or 85% of reading the weights",
            "inference",
        ),
        Group("one-batch", "train_on_batch", "at most 20 us over the step", "training"),
        Group("widths", "widths 16 to 2100", "1.1x the next multiple of 16, 1.05x neighbours", "kernels"),
        Group("one-row", "predict_on_batch, one row", "at most 3 us", "inference"),
        Group("adam", "Adam over 10 million parameters", "85% of the copy bandwidth", "kernels"),
        Group("growth", "a network that grows unit by unit", "no drop above 10%", "training"),
    )
}


def all_rows() -> list[Row]:
    """Return every row, the machine's limits first."""
    limits = [
        Row("peaks", f"{threads} thread{'s' * (threads > 1)}", machine.peaks, (), threads)
        for threads in (1, 2)
    ]
    modules = (products, product_grid, training, one_batch, inference, chains, machine, widths)
    return [*limits, *(row for module in modules for row in module.rows())]


def choose(wanted: Sequence[str] = (), short: bool = False, quick: bool = False) -> list[Row]:
    """Return the rows of some groups, or some of their rows.

    Parameters
    ----------
    wanted : sequence of str
        A group's name, or that with a part of its rows' names: "training/mlp64". Nothing means all rows.
    short : bool
        Only what plain ``hotloop bench`` shows; what is asked for by name comes whole.
    quick : bool
        Without the rows that a quick run leaves out; what is asked for by a part of its name is there.

    Raises
    ------
    ValueError
        No group or no row is called so.

    Examples
    --------
    >>> len(choose(["inference"])), len(choose(["inference/mlp64"])), len(choose(short=True)) < len(choose())
    (9, 3, True)
    """
    rows = all_rows()
    if not wanted:
        some = [row for row in rows if row.short or row.group == "peaks" or not short]
        return [row for row in some if row.quick or not quick]
    chosen: set[str] = set()
    for text in wanted:
        group, _, part = text.partition("/")
        if group not in GROUPS:
            raise unknown_name("group", group, GROUPS)
        found = {row.key for row in rows if row.group == group and part in row.name}
        if not found:
            raise unknown_name(f"row of {group}", part, [row.name for row in rows if row.group == group])
        chosen |= {row.key for row in rows if row.key in found and (row.quick or part or not quick)}
    return [row for row in rows if row.key in chosen]
