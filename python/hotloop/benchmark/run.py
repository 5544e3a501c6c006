"""The command's own process: asks workers for rows, judges them, keeps what is there when stopped."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TextIO

from hotloop.benchmark import report
from hotloop.benchmark.catalogue import GROUPS, choose
from hotloop.benchmark.row import Measured, Outcome, Row, judge
from hotloop.benchmark.worker import command, environment
from hotloop.core import files
from hotloop.core.errors import bad_value

PACKAGES = ("numpy", "torch", "jax", "jaxlib", "onnx", "onnxruntime", "openvino", "ai-edge-litert")
FORMAT = 1


@dataclass(frozen=True)
class Options:
    """What ``hotloop bench`` was asked for.

    Attributes
    ----------
    peers : bool
        All rows with their targets, instead of a short list.
    only : tuple of str
        Groups, or parts of them as "group/part of a name"; none means all.
    threads : int
        For every side of the rows whose number of threads is not part of their target.
    quick : bool
        A short budget and smaller epochs: shows that everything runs; ratios are rough.
    markdown : bool
    """

    peers: bool = False
    only: tuple[str, ...] = ()
    threads: int = 1
    quick: bool = False
    markdown: bool = False


def run(options: Options, json_path: str | None = None, out: TextIO | None = None) -> int:
    """Measure, print the table, and write the JSON.

    Parameters
    ----------
    options : Options
    json_path : str, optional
        Where the figures go as JSON.
    out : text file, optional
        Where the table goes; standard output by default. Progress goes to standard error.

    Returns
    -------
    int
        0; 1 where sides disagreed or a row failed; 130 after Ctrl-C, with what was there printed.

    Raises
    ------
    ValueError
        No group or row is called so, or `json_path` can't be a file.
    OSError
        When the JSON can't be written; the table is out by then.
    """
    rows = choose(options.only, short=not options.peers, quick=options.quick)
    if json_path is not None:
        _check_path(json_path)
    out = out or sys.stdout
    start = before = time.monotonic()
    outcomes: list[Outcome] = []
    stopped = False
    try:
        for outcome in _outcomes(rows, options):
            outcome.seconds, before = time.monotonic() - before, time.monotonic()
            outcomes.append(outcome)
            _progress(outcome, len(outcomes), len(rows))
    except KeyboardInterrupt:
        stopped = True
        print("hotloop: interrupted; this is what was there", file=sys.stderr)
    order = {row.key: number for number, row in enumerate(rows)}
    outcomes.sort(key=lambda outcome: order[outcome.row.key])
    facts = machine_facts()
    facts["measured"] = _now() + (", quick: ratios are rough" if options.quick else "")
    table = report.targets if options.peers else report.speeds
    print(table(outcomes, facts, options.markdown), file=out, flush=True)
    if json_path is not None:
        files.replace_file(
            json_path, (json.dumps(as_json(outcomes, facts, options), indent=1) + "\n").encode()
        )
    print(f"hotloop: {time.monotonic() - start:.0f} s", file=sys.stderr)
    bad = any(outcome.wrong or outcome.problem.startswith("failed") for outcome in outcomes)
    return 130 if stopped else int(bad)


def _check_path(path: str) -> None:
    """Minutes of measuring are not to end in a path that was wrong from the start."""
    if os.path.isdir(path):
        raise bad_value("--json", "the path of a file", f"the folder {path!r}")
    if not os.path.isdir(os.path.dirname(path) or "."):
        raise bad_value("--json", "a path in a folder that is there", repr(path), "make the folder first")


def as_json(outcomes: Sequence[Outcome], facts: dict[str, Any], options: Options) -> dict[str, Any]:
    """All figures: format, date, machine, options, rows, and what is aimed at for groups as a whole."""
    return {
        "format": FORMAT,
        "date": _now(),
        "machine": facts,
        "options": asdict(options),
        "rows": [outcome.to_json() for outcome in outcomes],
        "groups": {
            group.name: [asdict(verdict) for verdict in report.overall(group, some)]
            for group, some in report.by_group(outcomes)
        },
    }


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def machine_facts() -> dict[str, Any]:
    """CPU, instruction set, system, and the versions of all libraries; "not installed" for missing ones."""
    from hotloop.device.report import configuration

    facts: dict[str, Any] = dict(configuration())
    for package in PACKAGES:
        try:
            facts[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            facts[package] = "not installed"
    facts["CPUs"] = sorted(os.sched_getaffinity(0))
    return facts


def _outcomes(rows: Sequence[Row], options: Options) -> Iterator[Outcome]:
    cpus = sorted(os.sched_getaffinity(0))
    jobs: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        jobs.setdefault((GROUPS[row.group].family, row.threads or options.threads), []).append(row)
    for (_, threads), some in jobs.items():
        if threads > len(cpus):
            needed = f"needs {threads} CPUs, this process has {len(cpus)}"
            yield from (Outcome(row, threads, problem=needed) for row in some)
            continue
        # The last CPUs: the system's own work gathers on the first.
        yield from _measured(some, threads, cpus[len(cpus) - threads :], options.quick)


def _measured(rows: Sequence[Row], threads: int, cpus: list[int], quick: bool) -> Iterator[Outcome]:
    """One worker's rows; where it dies, a fresh one takes up after the row that it died of."""
    left = list(rows)
    while left:
        request = {"rows": [row.key for row in left], "cpus": cpus, "threads": threads, "quick": quick}
        with subprocess.Popen(
            [*command("hotloop.benchmark.worker"), json.dumps(request)],
            env={**os.environ, **environment(threads)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        ) as worker:
            try:
                for line in worker.stdout or ():
                    yield _judged(left.pop(0), threads, json.loads(line))
                status = worker.wait()
            finally:
                worker.kill()
        if left:
            yield Outcome(left.pop(0), threads, problem=f"failed: the process ended with status {status}")


def _judged(row: Row, threads: int, answer: dict[str, Any]) -> Outcome:
    if "measured" not in answer:
        wrong = answer.get("wrong")
        problem = f"sides disagree: {wrong}" if wrong else f"failed: {answer['failed']}"
        return Outcome(row, threads, problem=problem, wrong=wrong is not None)
    measured = Measured.from_json(answer["measured"])
    verdicts = [judge(goal, measured) for goal in row.goals]
    return Outcome(row, threads, measured, verdicts=verdicts)


def _progress(outcome: Outcome, number: int, total: int) -> None:
    said = outcome.problem or ", ".join(
        f"{verdict.measured} (target {verdict.target}, {report.verdict_word(verdict)})"
        for verdict in outcome.verdicts
    )
    print(
        f"[{number}/{total}] {outcome.row.key}: {said or 'done'}, {outcome.seconds:.1f} s",
        file=sys.stderr,
        flush=True,
    )
