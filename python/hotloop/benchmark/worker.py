"""The process that measures: ``python -m hotloop.benchmark.worker`` with a request as JSON.

Threads and CPUs must be settled before any library is loaded, so every thread count needs a fresh process.
It prints one JSON line a row; whatever libraries print goes to standard error.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any


def environment(threads: int) -> dict[str, str]:
    """Return the variables that give every library the same number of threads.

    Examples
    --------
    >>> environment(2)["OMP_NUM_THREADS"]
    '2'
    """
    names = ("HOTLOOP", "OMP", "OPENBLAS", "MKL")
    settings = {f"{name}_NUM_THREADS": str(threads) for name in names}
    # XLA takes the CPUs that the affinity mask leaves; one thread needs to be said, or products get a pool.
    settings["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
    settings["JAX_PLATFORMS"] = "cpu"
    return settings


def command(module: str) -> list[str]:
    """Return how to run a module in a process that finds modules where this one does.

    ``-m`` alone would look in the current folder first, where somebody's own ``random.py`` may lie.

    Examples
    --------
    >>> command("json.tool")[-1]
    'json.tool'
    """
    code = (
        "import sys; sys.path[:] = sys.argv.pop(1).split(':'); import runpy; "
        "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
    )
    return [sys.executable, "-c", code, ":".join(sys.path), module]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the rows of the request: {"rows", "cpus", "threads", "quick"}."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the command, which ends this process.
    request = json.loads((sys.argv[1:] if arguments is None else arguments)[0])
    if request["cpus"]:
        os.sched_setaffinity(0, request["cpus"])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for key in request["rows"]:
        answers.write(json.dumps({"key": key, **measure(key, request)}) + "\n")
        answers.flush()
    return 0


_contexts: dict[int, Any] = {}


def measure(key: str, request: dict[str, Any]) -> dict[str, Any]:
    """Measure one row; an error is told in the answer, so that the other rows go on."""
    from hotloop.benchmark.catalogue import all_rows
    from hotloop.benchmark.checks import DisagreementError
    from hotloop.benchmark.context import Context
    from hotloop.benchmark.timing import FULL, QUICK

    threads, quick = int(request["threads"]), bool(request["quick"])
    context = _contexts.setdefault(threads, Context(threads, QUICK if quick else FULL, quick))
    context.missing = []
    row = next(row for row in all_rows() if row.key == key)
    try:
        measured = row.measure(context)
    except DisagreementError as error:
        return {"wrong": str(error)}
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"}
    measured.missing += context.missing
    return {"measured": measured.to_json()}


if __name__ == "__main__":
    sys.exit(main())
