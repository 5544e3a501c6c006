"""Settings of the whole process: the random seed, the threads, and a report for bug reports."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Callable
from typing import TextIO

_seed: int | None = None
_generation = 0


def set_seed(seed: int) -> None:
    """Make all that follows reproducible: initial weights, shuffling, dropout.

    Every layer draws from the seed and its own name, so adding a layer does not change what the others draw.
    Automatic names start again from the first one (``"dense"``), so that a model built after the same
    ``set_seed`` gets the same names, hence the same weights. Results for one seed stay the same within a
    minor version.

    Parameters
    ----------
    seed : int
        Any integer from 0 on.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.set_seed(7)
    """
    from hotloop.core.errors import integer
    from hotloop.core.naming import reset_names

    global _seed, _generation
    _seed = integer("seed", seed, at_least=0)
    _generation += 1
    reset_names()


def seed_generation() -> int:
    """How often :func:`set_seed` was called: whoever keeps a derived seed compares it."""
    return _generation


def derive_seed(*parts: object) -> int:
    """Return a number in [0, 2**63) that depends on the seed and on ``parts`` (their text) alone.

    Without :func:`set_seed`, the seed comes from the operating system, once a process.
    """
    global _seed
    if _seed is None:
        _seed = int.from_bytes(os.urandom(7), "little")
    text = "\0".join([str(_seed), *map(str, parts)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def set_num_threads(threads: int) -> None:
    """Set how many threads a call may use; no result depends on it.

    Parameters
    ----------
    threads : int
        At least 1. Before the first call the limit is ``HOTLOOP_NUM_THREADS``, else ``OMP_NUM_THREADS``,
        else the CPUs that the affinity mask and the container's quota leave to the process.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.set_num_threads(2)
    >>> hl.num_threads()
    2
    """
    from hotloop import _native
    from hotloop.core.errors import integer

    # Whatever no C int can hold is refused in the same words.
    _native.set_num_threads(min(integer("threads", threads, at_least=1), 2**31 - 1))


def num_threads() -> int:
    """Return how many threads a call may use; see :func:`set_num_threads`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.num_threads() >= 1
    True
    """
    from hotloop import _native

    return int(_native.num_threads())


def cpu_name() -> str:
    """Return the processor's name as the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or "unknown"


def _told(ask: Callable[[], object]) -> str:
    """The answer, or what keeps it from being given: a variable of the environment may be wrong."""
    try:
        return str(ask())
    except (RuntimeError, ValueError, ImportError) as error:
        return f"not usable: {error}"


def configuration() -> dict[str, str]:
    """Return what :func:`show_config` prints, as a dict of texts; what is at fault says so in its place."""
    import importlib.metadata

    import hotloop
    from hotloop import _native
    from hotloop.device import cuda_text, get_device

    versions = {}
    for package in ("numpy", "tqdm"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "hotloop": hotloop.__version__,
        "CPU": cpu_name(),
        "instruction set": f"{_told(_native.isa_level)} (best of this CPU: {_native.best_isa_level()})",
        "caches": _told(_native.caches),
        "threads": f"{_told(_native.num_threads)} (CPUs available: {_native.available_cpus()})",
        "device": _told(get_device),
        "CUDA": _told(cuda_text),
        "Python": platform.python_version(),
        **versions,
        "system": platform.platform(),
    }


def show_config(print_fn: Callable[[str], object] | None = None, file: TextIO | None = None) -> None:
    """Print the CPU, the instruction set in use, caches, threads, CUDA and versions: what a bug report needs.

    Where a variable such as ``HOTLOOP_ISA`` or ``HOTLOOP_NUM_THREADS`` is wrong, the report says so.

    Parameters
    ----------
    print_fn : callable, optional
        Called with every line instead of printing.
    file : text file, optional
        Where to print; standard output by default.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.show_config()  # doctest: +SKIP
    """
    for name, value in configuration().items():
        line = f"{name + ':':<17} {value}"
        if print_fn is not None:
            print_fn(line)
        else:
            print(line, file=file or sys.stdout)
