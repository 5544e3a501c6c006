"""The demo's closing table and the sentences under it."""

from collections.abc import Sequence
from typing import Any

_HEADER = (
    "model",
    "accuracy",
    "precision",
    "recall",
    "F1",
    "AUC",
    "weights",
    "bytes",
    "file",
    "p50 us",
    "p99 us",
    "rows/s",
    "made in",
)
_METRICS = ("accuracy", "precision", "recall", "f1", "auc")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns of text: the first flush left, the others flush right.

    Examples
    --------
    >>> print(table(["name", "n"], [["a", "1"], ["long", "23"]]))
    name   n
    ----  --
    a      1
    long  23
    """
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(
            [
                line[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)),
            ]
        )
        for line in lines
    )


def models_table(figures: dict[str, Any]) -> str:
    """The models side by side; latency is at batch 1, rows a second at batch 256, "made in" is in seconds."""
    return table(_HEADER, [_row(name, model) for name, model in figures["models"].items()])


def _row(name: str, model: dict[str, Any]) -> list[str]:
    metrics = [f"{model['metrics'][key]:.4f}" if key in model["metrics"] else "-" for key in _METRICS]
    latency = model["latency_us"]["1"]
    return [
        name,
        *metrics,
        f"{model['parameters']:,}",
        f"{model['parameter_bytes']:,}",
        f"{model['file_bytes']:,}",
        f"{latency['p50']:.1f}",
        f"{latency['p99']:.1f}",
        f"{model['throughput']['256']:,.0f}",
        f"{model['seconds']:.2f} s",
    ]


def summary(figures: dict[str, Any]) -> str:
    """What the table says, in words."""
    models, ratios = figures["models"], figures["ratios"]
    full, small, fast = models["float32"], models["pruned"], models["int8"]
    lines = [
        f"pruned: {1 - small['parameters'] / full['parameters']:.0%} of the weights are gone, "
        f"accuracy {_points(small, full)}",
        f"int8:   {full['parameter_bytes'] / fast['parameter_bytes']:.1f}x smaller in memory than float32, "
        f"accuracy {_points(fast, small)} against pruned",
        f"speed:  int8 runs {ratios['int8_throughput_over_float32']:.1f}x as many rows a second as float32 "
        f"at batch 256; at batch 1 float32 takes {ratios['float32_latency_over_int8']:.1f}x as long",
        f"NumPy:  takes {ratios['numpy_training_over_hotloop']:.1f}x as long for an epoch; "
        f"float32 runs {ratios['hotloop_throughput_over_numpy']:.1f}x as many rows a second at batch 256",
    ]
    return "\n".join(lines)


def _points(model: dict[str, Any], other: dict[str, Any]) -> str:
    return f"{100 * (model['metrics']['accuracy'] - other['metrics']['accuracy']):+.2f} points"
