"""The tables: plain text in columns, or markdown."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from hotloop.benchmark.catalogue import GROUPS, Group
from hotloop.benchmark.row import OURS, Measured, Outcome, Verdict, amount

FACTS = (
    "measured",
    "CPU",
    "instruction set",
    "Python",
    "hotloop",
    "numpy",
    "torch",
    "jax",
    "onnxruntime",
    "openvino",
    "ai-edge-litert",
)


def grid(header: Sequence[str], rows: Sequence[Sequence[str]], markdown: bool = False) -> str:
    """Columns of text: the first and the last flush left, the others flush right; or a markdown table.

    Examples
    --------
    >>> print(grid(["case", "ratio", ""], [["gemm", "1.20x", "met"], ["adam", "0.9x", "missed"]]))
    case  ratio
    ----  -----  ------
    gemm  1.20x  met
    adam   0.9x  missed
    >>> print(grid(["case", "ratio"], [["gemm", "1.20x"]], markdown=True))
    | case | ratio |
    |---|---|
    | gemm | 1.20x |
    """
    if markdown:
        lines = [header, *rows]
        text = ["| " + " | ".join(line) + " |" for line in lines]
        return "\n".join([text[0], "|" + "---|" * len(header), *text[1:]])
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if 0 < column < len(header) - 1 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def targets(outcomes: Sequence[Outcome], facts: dict[str, Any], markdown: bool = False) -> str:
    """Every row with its targets, then each group in one line."""
    parts = [_head(facts, outcomes, markdown)]
    for group, some in by_group(outcomes):
        rows = [cells for outcome in some for cells in _target_cells(outcome)]
        rows += [("all of them", "", "", "", *_verdict_cells(verdict)) for verdict in overall(group, some)]
        if group.name != "peaks":
            header = (group.title, "threads", "hotloop", "spread", "measured", "beside", "target", "")
            parts.append(grid(header, rows, markdown))
    parts += [_summary(outcomes, markdown), _notes(outcomes)]
    return "\n\n".join(part for part in parts if part)


def speeds(outcomes: Sequence[Outcome], facts: dict[str, Any], markdown: bool = False) -> str:
    """Every row with its share of the machine's limit, and how many times its time the peers took."""
    parts = [_head(facts, outcomes, markdown)]
    for group, some in by_group(outcomes):
        if group.name != "peaks":
            header = (group.title, "threads", "hotloop", "spread", "of the limit", "times hotloop's time")
            parts.append(grid(header, [_speed_cells(outcome) for outcome in some], markdown))
    parts.append(_notes(outcomes))
    return "\n\n".join(part for part in parts if part)


def verdict_word(verdict: Verdict) -> str:
    """met, missed, or why neither."""
    if verdict.met is not None:
        return "met" if verdict.met else "missed"
    return "not measured" if verdict.value is None else "undecided"


def _problem_word(outcome: Outcome) -> str:
    """What a cell has room for; the notes under the tables say more."""
    return "sides disagree" if outcome.wrong else outcome.problem.partition(":")[0]


def by_group(outcomes: Sequence[Outcome]) -> list[tuple[Group, list[Outcome]]]:
    """Each group with its outcomes, which stand together."""
    return [(GROUPS[name], list(some)) for name, some in itertools.groupby(outcomes, lambda o: o.row.group)]


def overall(group: Group, outcomes: Sequence[Outcome]) -> list[Verdict]:
    """The targets that concern all of a group's rows."""
    measured = {outcome.row.name: outcome.measured for outcome in outcomes if outcome.measured is not None}
    return [] if group.overall is None else group.overall(measured)


def _own_cells(outcome: Outcome) -> tuple[str, str]:
    measured = outcome.measured
    if measured is None or OURS not in measured.times:
        return "-", "-"
    times = measured.times[OURS]
    return amount(measured.show(), measured.unit), f"±{times.spread:.1%}"


def _target_cells(outcome: Outcome) -> list[tuple[str, ...]]:
    name, threads = outcome.row.name, str(outcome.threads)
    if outcome.measured is None:
        return [(name, threads, "-", "-", "-", "-", "-", _problem_word(outcome))]
    lines: list[tuple[str, ...]] = []
    for verdict in outcome.verdicts:
        first = (name, threads, *_own_cells(outcome)) if not lines else ("", "", "", "")
        lines.append((*first, *_verdict_cells(verdict)))
    return lines


def _verdict_cells(verdict: Verdict) -> tuple[str, str, str, str]:
    return verdict.measured, verdict.against, verdict.target, verdict_word(verdict)


def _speed_cells(outcome: Outcome) -> tuple[str, ...]:
    measured = outcome.measured
    name, threads = outcome.row.name, str(outcome.threads)
    if measured is None:
        return (name, threads, "-", "-", "-", _problem_word(outcome))
    share = ""
    if measured.limits:
        share = f"{measured.times[OURS].times_faster_than(measured.times[measured.limits[-1]]):.0%}"
    return (name, threads, *_own_cells(outcome), share, _ratios(measured))


def _ratios(measured: Measured) -> str:
    ours = measured.times.get(OURS)
    others = [(side, times) for side, times in measured.times.items() if side not in (OURS, *measured.limits)]
    return ", ".join(f"{side} {ours.times_faster_than(times):.2f}x" for side, times in others) if ours else ""


def _head(facts: dict[str, Any], outcomes: Sequence[Outcome], markdown: bool) -> str:
    lines = ["; ".join(f"{name} {facts[name]}" for name in FACTS if facts.get(name))]
    for outcome in outcomes:
        if outcome.row.group == "peaks" and outcome.measured is not None:
            values = outcome.measured.figures
            shown = ", ".join(f"{name.replace('_', ' ')} {value:,.0f}" for name, value in values.items())
            lines.append(f"the machine's limits, {outcome.row.name}: {shown}")
    return "\n\n".join(lines) if markdown else "\n".join(lines)


def _summary(outcomes: Sequence[Outcome], markdown: bool) -> str:
    rows = []
    for group, some in by_group(outcomes):
        verdicts = [verdict for outcome in some for verdict in outcome.verdicts]
        verdicts = [verdict for verdict in (*verdicts, *overall(group, some)) if verdict.met is not None]
        if verdicts:
            met = sum(bool(verdict.met) for verdict in verdicts)
            rows.append((group.title, group.target, _ranges(some), f"{met} of {len(verdicts)}"))
    return grid(("work", "target", "measured", "met"), rows, markdown) if rows else ""


def _ranges(outcomes: Sequence[Outcome]) -> str:
    """From the least to the most, apart for each of a row's targets and for each kind of figure."""
    kinds: dict[tuple[int, str], list[Verdict]] = {}
    for outcome in outcomes:
        for position, verdict in enumerate(outcome.verdicts):
            if verdict.value is not None:
                kinds.setdefault((position, verdict.measured.lstrip("-0123456789.")), []).append(verdict)
    parts = []
    for some in kinds.values():
        ordered = sorted(some, key=lambda verdict: verdict.value or 0.0)
        parts.append(" to ".join(dict.fromkeys((ordered[0].measured, ordered[-1].measured))))
    return "; ".join(parts)


def _notes(outcomes: Sequence[Outcome]) -> str:
    lines = [f"{outcome.row.key}: {outcome.problem}" for outcome in outcomes if ":" in outcome.problem]
    missing = [note for outcome in outcomes if outcome.measured for note in outcome.measured.missing]
    lines += [f"without {note}" for note in dict.fromkeys(missing)]
    if any("No module named" in note for note in missing):
        lines.append('pip install "hotloop[bench]" brings the peers that are missing')
    return "\n".join(lines)
