"""What a bug report says of the machine and of what is installed."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from typing import TextIO

from hotloop import _native
from hotloop.core.version import own_version, version_of
from hotloop.device.choice import get_device
from hotloop.device.gpu import cuda_text


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
    versions = {package: version_of(package) or "not installed" for package in ("numpy", "tqdm")}
    return {
        "hotloop": own_version(),
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
