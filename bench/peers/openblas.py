"""OpenBLAS with its AVX-512 kernels, through NumPy.

On CPUs that OpenBLAS does not know by name it may pick kernels for an older one, at half the speed.
``OPENBLAS_CORETYPE`` overrides that, but is read once, when the library is loaded. So this side is a second
Python process, which times its own calls and gets its turns through a pipe; between them it sleeps. Where the
CPU has no AVX-512, nothing is overridden.
"""

from __future__ import annotations

import atexit
import functools
import os
import pickle
import subprocess
import sys
from typing import Any

import numpy as np

from hotloop.benchmark.groups.products import operands
from hotloop.benchmark.timing import Side
from hotloop.benchmark.worker import command

CORE_TYPE = "SkylakeX"  # OpenBLAS's name for its AVX-512 kernels.


def product(shape: tuple[int, int, int], layout: str) -> Side:
    """a @ b in the other process, which makes the same operands."""
    child = _child()
    child.ask("prepare", shape, layout)
    return Side(
        "OpenBLAS",
        lambda: child.ask("seconds", 1),
        lambda: child.ask("result"),
        lambda calls: calls * float(child.ask("seconds", calls)),
    )


def _has_avx512() -> bool:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            return any("avx512bw" in line for line in file if line.startswith("flags"))
    except OSError:
        return False


class _Child:
    """The other process; it ends when its input does."""

    def __init__(self) -> None:
        choice = {"OPENBLAS_CORETYPE": CORE_TYPE} if _has_avx512() else {}
        self._process = subprocess.Popen(
            command(__name__),
            env={**os.environ, **choice},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

        atexit.register(self._process.communicate)

    def ask(self, *request: object) -> Any:
        """Send one request and wait for its answer."""
        to, answers = self._process.stdin, self._process.stdout
        if to is None or answers is None:
            raise OSError("the OpenBLAS process has no pipes")
        pickle.dump(request, to)
        to.flush()
        return pickle.load(answers)


@functools.cache
def _child() -> _Child:
    return _Child()


def _serve() -> None:
    side, out = None, None
    while True:
        try:
            what, *arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        answer: Any = None
        if what == "prepare":
            a, b, out = operands(*arguments)
            side = Side("OpenBLAS", functools.partial(np.matmul, a, b, out=out))
        elif what == "seconds" and side is not None:
            answer = side.seconds(*arguments)
        elif what == "result":
            answer = out
        pickle.dump(answer, sys.stdout.buffer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _serve()
