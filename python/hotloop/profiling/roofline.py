"""The picture of a profile: each op under the machine's limits, on logarithmic axes."""

from __future__ import annotations

import io
import math
import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from hotloop.core.files import replace_file
from hotloop.profiling.peaks import MemoryLevel, Peaks
from hotloop.profiling.profile_rows import ProfileRow, StepFigures
from hotloop.profiling.report import percent_text

# Phases by colour and mark, so that the picture can be read without colours.
MARKS = {
    "forward": ("#0b6e99", "o"),
    "loss": ("#6b4fa0", "D"),
    "backward": ("#c2571a", "s"),
    "update": ("#3d7a3a", "^"),
}
ARITHMETIC = {"float32": "float32 FMA", "bfloat16": "bfloat16", "int8": "int8"}


def draw(profile: StepFigures, path: str | None) -> Any:
    """Draw the roofline; see :meth:`Profile.plot`."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(
            'a roofline plot needs matplotlib, which is not installed; pip install "hotloop[demo]"'
        ) from None
    rows = [row for row in profile.rows if row.operations > 0 and row.bytes > 0]
    figure: Any = Figure(figsize=(10, 6.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_yscale("log")
    left, right, bottom, top = _limits(profile, rows)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    _draw_roofs(axes, profile, rows, left, right)
    for phase, (colour, mark) in MARKS.items():
        points = [row for row in rows if row.phase == phase]
        if points:
            axes.scatter(
                [row.intensity for row in points],
                [row.gflops for row in points],
                s=[_area(row) for row in points],
                c=colour,
                marker=mark,
                alpha=0.75,
                linewidths=0,
                zorder=4,
                label=phase,
            )
    axes.set_xlabel("operations a byte of compulsory traffic")
    axes.set_ylabel("10⁹ operations a second")
    threads = f"{profile.threads} thread{'s' if profile.threads != 1 else ''}"
    axes.set_title(
        f"{profile.name}: {profile.kind}, {profile.batch_size} rows a step, "
        f"{profile.unprofiled_microseconds:,.1f} µs, {threads}\n{profile.peaks.cpu}, {profile.peaks.isa}",
        fontsize=11,
    )
    axes.grid(True, which="major", linewidth=0.4, alpha=0.4)
    if rows:
        legend = axes.legend(title="area: share of time", loc="lower right", fontsize=9, title_fontsize=9)
        for handle in legend.legend_handles:
            handle.set_sizes([45])
    # Now that everything has its place, labels find theirs.
    figure.canvas.draw()
    figure.set_layout_engine("none")
    _label_slopes(axes, profile.peaks)
    _label_points(figure, axes, rows, profile.peaks)
    if path is not None:
        buffer = io.BytesIO()
        figure.savefig(buffer, format=os.path.splitext(path)[1].lstrip(".") or "png", dpi=150)
        replace_file(path, buffer.getvalue())
    return figure


def _arithmetics(rows: Sequence[ProfileRow]) -> list[str]:
    """Whose roofs to show: of what the ops compute in, float32 at least."""
    return [kind for kind in ARITHMETIC if kind == "float32" or any(row.arithmetic == kind for row in rows)]


def _limits(profile: StepFigures, rows: Sequence[ProfileRow]) -> tuple[float, float, float, float]:
    peaks = profile.peaks
    highest = max(peaks.roof(kind) for kind in _arithmetics(rows))
    ridge = highest / peaks.levels[-1].best_gbs
    left = min([0.1, *(row.intensity / 2 for row in rows)])
    right = max([ridge * 3, *(row.intensity * 4 for row in rows)])
    bottom = min([1.0, *(row.gflops / 3 for row in rows)])
    return left, right, bottom, highest * 2.5


def _draw_roofs(
    axes: Any, profile: StepFigures, rows: Sequence[ProfileRow], left: float, right: float
) -> None:
    peaks = profile.peaks
    highest = max(peaks.roof(kind) for kind in _arithmetics(rows))
    for kind in _arithmetics(rows):
        roof = peaks.roof(kind)
        start = roof / peaks.levels[0].best_gbs
        axes.plot([start, right], [roof, roof], color="black", linewidth=1.4, zorder=3)
        axes.annotate(
            f"{ARITHMETIC[kind]} {roof:,.0f}",
            (right, roof),
            xytext=(-4, 3),
            textcoords="offset points",
            ha="right",
            fontsize=9,
        )
    for level, shade in _shaded(peaks):
        ends = np.array([left, highest / level.best_gbs])
        axes.plot(ends, ends * level.best_gbs, color=shade, linewidth=1.1, linestyle="--", zorder=2)


def _label_slopes(axes: Any, peaks: Peaks) -> None:
    """Along each bandwidth's line, from where it enters the picture."""
    for level, shade in _shaded(peaks):
        start = max(axes.get_xlim()[0], axes.get_ylim()[0] / level.best_gbs) * 1.15
        line = axes.transData.transform(
            [(start, start * level.best_gbs), (10 * start, 10 * start * level.best_gbs)]
        )
        axes.annotate(
            f"{level.name} {level.best_gbs:,.0f} GB/s",
            (start, start * level.best_gbs),
            # The lowest has room below it.
            xytext=(0, 3 if level.capacity is not None else -10),
            textcoords="offset points",
            color=shade,
            fontsize=8.5,
            rotation=math.degrees(math.atan2(*(line[1] - line[0])[::-1])),
            rotation_mode="anchor",
        )


def _shaded(peaks: Peaks) -> list[tuple[MemoryLevel, str]]:
    """The memory levels, each with its grey."""
    shades = np.linspace(0.15, 0.6, len(peaks.levels))
    return [(level, f"{shade:.2f}") for level, shade in zip(peaks.levels, shades, strict=True)]


def _label_points(figure: Any, axes: Any, rows: Sequence[ProfileRow], peaks: Peaks) -> None:
    """Put each label at the first free place around its mark, away from the lines if that can be.

    The longest times choose first; a label that finds no place is left out.
    """
    renderer = figure.canvas.get_renderer()
    pixels = figure.dpi / 72
    marks = [(*axes.transData.transform((row.intensity, row.gflops)), _radius(row) * pixels) for row in rows]
    lines = [(x, y, 3 * pixels) for x, y in _points_of_lines(axes, rows, peaks)]
    taken = [axes.get_legend().get_window_extent(renderer)] if rows else []
    taken += [text.get_window_extent(renderer) for text in axes.texts]
    inside = axes.get_window_extent(renderer)
    # Layers that have different ops in one phase.
    several = Counter((layer, phase) for layer, phase, _ in {(row.layer, row.phase, row.op) for row in rows})
    for row in sorted(rows, key=lambda row: -row.share):
        colour = MARKS[row.phase][0]
        text = axes.annotate(
            f"{_name(row, several)} {percent_text(row.percent_of_roofline)}",
            (row.intensity, row.gflops),
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=8,
            color=colour,
            zorder=5,
            arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": colour, "alpha": 0.6, "shrinkB": 4},
        )
        text.arrow_patch.set_visible(False)
        box = text.get_window_extent(renderer)
        width, height = box.width / pixels, box.height / pixels
        place = next(
            (
                (dx, dy, reach)
                for obstacles in ([*marks, *lines], marks)
                for reach in (1.0, 1.6, 2.4, 3.4, 5.0, 7.0)
                for dx, dy in _places((_radius(row) + 2) * reach, width, height)
                if _is_free(box.translated(dx * pixels, dy * pixels), taken, obstacles, inside)
            ),
            None,
        )
        if place is None:
            text.remove()
            continue
        dx, dy, reach = place
        text.set_position((dx, dy))
        text.arrow_patch.set_visible(reach > 2)
        taken.append(box.translated(dx * pixels, dy * pixels))


def _name(row: ProfileRow, several: Counter[tuple[str, str]]) -> str:
    """The layer, and the op where there are several or no layer."""
    op = row.op.split(" + ")[0]
    if not row.layer:
        return op
    return f"{row.layer} {op}" if several[row.layer, row.phase] > 1 else row.layer


def _points_of_lines(axes: Any, rows: Sequence[ProfileRow], peaks: Peaks) -> list[Any]:
    """Points along the roofs and the bandwidths' lines, too close together for a label to slip between."""
    left, right = axes.get_xlim()
    highest = axes.get_ylim()[1]
    lines = []
    for level in peaks.levels:
        x = np.geomspace(left, highest / level.best_gbs, 150)
        lines.append((x, x * level.best_gbs))
    for kind in _arithmetics(rows):
        roof = peaks.roof(kind)
        x = np.geomspace(roof / peaks.levels[0].best_gbs, right, 150)
        lines.append((x, np.full_like(x, roof)))
    return [point for line in lines for point in axes.transData.transform(np.column_stack(line))]


def _places(reach: float, width: float, height: float) -> list[tuple[float, float]]:
    """Offsets of a label's lower left corner: right, left, above, below, and between."""
    middle = -height / 2
    return [
        (reach, middle),
        (-reach - width, middle),
        (-width / 2, reach),
        (-width / 2, -reach - height),
        (reach * 0.7, reach * 0.7),
        (-reach * 0.7 - width, reach * 0.7),
        (reach * 0.7, -reach * 0.7 - height),
        (-reach * 0.7 - width, -reach * 0.7 - height),
    ]


def _is_free(box: Any, taken: Sequence[Any], marks: Sequence[Any], inside: Any) -> bool:
    whole = inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 and box.y1 <= inside.y1
    return (
        whole
        and not any(box.overlaps(other) for other in taken)
        and not any(box.x0 - r < x < box.x1 + r and box.y0 - r < y < box.y1 + r for x, y, r in marks)
    )


def _area(row: ProfileRow) -> float:
    """Of a mark, in points squared."""
    return 30 + 400 * row.share


def _radius(row: ProfileRow) -> float:
    return math.sqrt(_area(row)) / 2
