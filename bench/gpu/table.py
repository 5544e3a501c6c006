"""The table of csrc/cuda/README.md: where each kernel file last passed, from bench/results/*.json."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gpu.hashes import ROOT, kernel_files

README = ROOT / "csrc" / "cuda" / "README.md"
BEGIN, END = "<!-- table: bench/gpu_check.py --update-table -->", "<!-- end of the table -->"
NEVER = "not yet run on hardware"


def last_pass(name: str, runs: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The latest run in which a kernel file's tests passed, or None."""
    passed = [run for run in runs if run["kernels"].get(name, {}).get("verdict") == "passed"]
    return max(passed, key=lambda run: str(run["date"]), default=None)


def line_of(name: str, runs: Iterable[dict[str, Any]]) -> str:
    """A kernel file's line in the table."""
    run = last_pass(name, runs)
    if run is None:
        return f"| `{name}` | {NEVER} | |"
    tools = ", ".join(
        tool for tool, verdict in sorted(run.get("sanitizer", {}).items()) if verdict == "clean"
    )
    where = f"{run['device']}, driver {run['driver']}, {run['date'][:10]}, commit {run['commit'][:7]}"
    return f"| `{name}` | {where} | {tools or 'not run'} |"


def table(runs: Iterable[dict[str, Any]], names: Iterable[str] | None = None) -> str:
    """The whole table, with a line for every kernel file there is."""
    runs = list(runs)
    head = ["| kernels | tests last passed on | compute-sanitizer clean |", "| --- | --- | --- |"]
    return "\n".join(head + [line_of(name, runs) for name in (kernel_files() if names is None else names)])


def table_in(text: str) -> str:
    """The table that a README has."""
    _, found, rest = text.partition(BEGIN)
    inside, closed, _ = rest.partition(END)
    if not found or not closed:
        raise ValueError(f"{README.name}: expected a table between '{BEGIN}' and '{END}'")
    return inside.strip()


def with_table(text: str, new: str) -> str:
    """A README's text with another table."""
    before, _, rest = text.partition(BEGIN)
    table_in(text)  # raises where there is no place for it
    return f"{before}{BEGIN}\n{new}\n{END}{rest.partition(END)[2]}"


def outdated(runs: Iterable[dict[str, Any]], hashes: dict[str, str]) -> list[str]:
    """Kernel files that have passed somewhere, but with another source than today's."""
    runs = list(runs)
    changed = []
    for name, today in hashes.items():
        run = last_pass(name, runs)
        if run is not None and run["kernels"][name]["hash"] != today:
            changed.append(name)
    return changed
