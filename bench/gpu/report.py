"""What a run found, as people read it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gpu.memory import NOT_MEASURED
from gpu.row import OURS, Row


def amount(value: float) -> str:
    """Three digits that count.

    >>> amount(0.01234), amount(3.14159), amount(788.4), amount(12345.6)
    ('0.0123', '3.14', '788', '12,346')
    """
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def verdict(row: Row) -> str:
    """met, missed, or why neither."""
    if row.met is None:
        return "failed" if row.note.startswith("FAILED") else "-"
    return "met" if row.met else "missed"


def lines(rows: Iterable[Row]) -> list[str]:
    """A Markdown table of rows, its columns padded for a terminal."""
    head = ("work", "hotloop", "beside", "ratio", "target", "", "spread", "note")
    cells = [head]
    for row in rows:
        others = ", ".join(f"{name} {amount(value)}" for name, value in row.values.items() if name != OURS)
        ours = f"{amount(row.values[OURS])} {row.unit}" if OURS in row.values else "-"
        ratio = "-" if row.ratio is None else f"{row.ratio:.2f}x"
        target = "-" if row.target is None else f"{row.target:g}x"
        note = (row.note.splitlines() or [""])[0]
        cells.append((row.name, ours, others or "-", ratio, target, verdict(row), f"±{row.spread:.1%}", note))
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    made = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    return [made[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *made[1:]]


def crossing(rows: Iterable[Row]) -> list[str]:
    """From which size on the GPU wins, for each family of the crossover table."""
    families: dict[str, list[Row]] = {}
    for row in rows:
        if row.part == "crossover" and row.ratio is not None:
            families.setdefault(row.name.rsplit(" ", 2)[0], []).append(row)
    made = []
    for family, members in families.items():
        wins = [row.ratio is not None and row.ratio > 1 for row in members]
        first = next((i for i in range(len(wins)) if all(wins[i:])), None)
        size = (
            "at none of these sizes"
            if first is None
            else f"from {' '.join(members[first].name.rsplit(' ', 2)[1:])}"
        )
        made.append(f"{family}: the GPU wins {size}")
    return made


def text(result: dict[str, Any]) -> str:
    """All of a run."""
    out = [
        f"{result['device']}, driver {result['driver']}, commit {result['commit'][:7]}, {result['date']}",
        "",
    ]
    tests, tools = result.get("tests", {}), result.get("sanitizer", {})
    if tests:
        counts = {word: list(tests.values()).count(word) for word in ("passed", "failed", "skipped")}
        out.append("test files: " + ", ".join(f"{count} {word}" for word, count in counts.items()))
        out += [f"  {name} failed" for name, word in sorted(tests.items()) if word == "failed"]
    out += [f"compute-sanitizer {tool}: {said}" for tool, said in tools.items()]
    rows = [Row.from_json(row) for row in result.get("rows", [])]
    for part in dict.fromkeys(row.part for row in rows):
        out += ["", f"{part}:", "", *lines(row for row in rows if row.part == part)]
        if part == "memory":
            out += ["", "asked for, not measured:", *(f"- {what}" for what in NOT_MEASURED)]
    out += ["", *crossing(rows)]
    judged = [row.met for row in rows if row.met is not None]
    out.append(f"{judged.count(True)} of {len(judged)} targets met")
    return "\n".join(out)


def failures(result: dict[str, Any]) -> list[str]:
    """What is wrong, apart from targets that were missed."""
    wrong = [f"{name}: {said}" for name, said in result.get("errors", {}).items()]
    wrong += [f"{name} failed" for name, word in result.get("tests", {}).items() if word == "failed"]
    wrong += [
        f"compute-sanitizer {tool} {said}"
        for tool, said in result.get("sanitizer", {}).items()
        if said.startswith("found errors")
    ]
    rows = result.get("rows", [])
    return wrong + [
        f"{row['part']}: {row['name']}: {row['note']}" for row in rows if row["note"].startswith("FAILED")
    ]
