"""A profile as a table of text."""

from __future__ import annotations

from hotloop.profiling.profile_rows import ProfileRow, StepFigures

_LEFT = {0, 1, 2, 9}


def table(profile: StepFigures) -> str:
    """Return the rows with their totals, the step's time with and without timing, and the limits."""
    flop = "OP" if any(row.arithmetic == "int8" for row in profile.rows) else "FLOP"
    header = ("op", "layer", "phase", "us", "share", f"G{flop}/s", "GB/s", f"{flop}/B", "roof", "bound by")
    cells = [header, *map(_cells, profile.rows)]
    total = sum(row.microseconds for row in profile.rows)
    sums = ("sum", "", "", f"{total:,.1f}", "100%", _rate(profile.gflops), _rate(profile.gbytes))
    cells.append((*sums, "", percent_text(profile.percent_of_roofline), ""))
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = ["  ".join(_aligned(row, widths)).rstrip() for row in cells]
    rule = "-" * max(map(len, lines))
    threads = f"{profile.threads} thread{'s' if profile.threads != 1 else ''}"
    title = f"{profile.name}: {profile.kind}, {profile.batch_size} rows a step, {threads}"
    overhead = profile.step_microseconds / profile.unprofiled_microseconds - 1
    step = (
        f"A {'step' if profile.kind == 'training' else 'call'} takes {profile.unprofiled_microseconds:,.1f} "
        f"us; with its parts timed {profile.step_microseconds:,.1f} us ({overhead:+.1%}). "
        f"Rows are medians of {profile.steps:,}."
    )
    return "\n".join(
        [
            title,
            rule,
            lines[0],
            rule,
            *lines[1:-1],
            rule,
            lines[-1],
            "",
            step,
            "Limits: " + str(profile.peaks),
        ]
    )


def _cells(row: ProfileRow) -> tuple[str, ...]:
    percent = row.percent_of_roofline
    counted = percent is not None
    return (
        row.op,
        row.layer,
        row.phase,
        f"{row.microseconds:,.1f}",
        f"{row.share:.1%}",
        _rate(row.gflops),
        _rate(row.gbytes),
        f"{row.intensity:,.2f}" if counted else "",
        percent_text(percent),
        "" if not counted else f"compute, {row.arithmetic}" if row.bound == "compute" else row.level,
    )


def percent_text(percent: float | None) -> str:
    """Two digits of a percentage; nothing for None."""
    if percent is None:
        return ""
    return f"{percent:.1f}%" if percent < 9.95 else f"{percent:.0f}%"


def _rate(value: float) -> str:
    return f"{value:,.1f}" if value else ""


def _aligned(cells: tuple[str, ...], widths: list[int]) -> list[str]:
    return [
        f"{cell:<{width}}" if i in _LEFT else f"{cell:>{width}}"
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
