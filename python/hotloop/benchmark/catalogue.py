"""Every row, by group, and the choice of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hotloop.benchmark.groups import inference, machine, products, training
from hotloop.benchmark.row import Row
from hotloop.errors import unknown_name


@dataclass(frozen=True)
class Group:
    """Rows that belong to one line of the target table.

    Attributes
    ----------
    name, title, target : str
        How it is asked for; what it is; what is aimed at.
    family : str
        Groups of one family run in one process, so that libraries are imported once.
    """

    name: str
    title: str
    target: str
    family: str


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
        Group("gemm-threads", "float32 GEMM, skinny, 2 threads", "1.7x one thread", "kernels"),
        Group("bf16", "bfloat16 GEMM, float32 sums", "1.0x oneDNN", "kernels"),
        Group("int8", "int8 GEMM, requantisation fused", "85% of the vpdpbusd peak", "kernels"),
        Group(
            "training",
            "training, float32",
            "2.5x / 1.5x / 1.25x / 1.25x JAX's scan, 30x / 5x / 2.8x / 2.2x PyTorch eager",
            "training",
        ),
        Group("training-threads", "training, 2 threads", "1.3x / 1.75x / 1.75x one thread", "training"),
        Group(
            "mixed",
            "training, mixed_bfloat16",
            "1.6x own float32, 1.25x PyTorch's bf16 autocast, accuracy within 0.005",
            "training",
        ),
        Group(
            "inference-int8", "int8 inference", "1.5x / 1.25x / 1.2x ONNX Runtime's better int8", "inference"
        ),
        Group("inference", "float32 inference", "1.2x the better of ONNX Runtime and OpenVINO", "inference"),
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
    return [*limits, *products.rows(), *training.rows(), *inference.rows(), *machine.rows()]


def choose(groups: Sequence[str] = (), short: bool = False) -> list[Row]:
    """Return the rows of some groups.

    Parameters
    ----------
    groups : sequence of str
        Their names; none means all.
    short : bool
        Only what plain ``hotloop bench`` shows; groups asked for by name come whole.

    Raises
    ------
    ValueError
        A group has another name.

    Examples
    --------
    >>> len(choose(["inference"])), len(choose(["inference"], short=True)) < len(choose())
    (9, True)
    """
    for name in groups:
        if name not in GROUPS:
            raise unknown_name("group", name, GROUPS)
    wanted = [row for row in all_rows() if not groups or row.group in groups]
    return [row for row in wanted if row.short or row.group == "peaks" or not short or groups]
