"""Whether a kernel is still the one that ran: a hash of its source and of the headers that it includes.

Comments and the layout of lines don't count.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CSRC = ROOT / "csrc"
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


class HardwareOutdatedWarning(UserWarning):
    """A kernel's source has changed since it last passed on hardware."""


def kernel_files() -> list[str]:
    """Every file with kernels, as the table of csrc/cuda/README.md names it."""
    return sorted(path.relative_to(ROOT).as_posix() for path in CSRC.rglob("*_cuda.cu"))


def sources_of(path: Path) -> list[Path]:
    """A source and what it includes of the project, at any depth."""
    found: set[Path] = set()
    waiting = [path]
    while waiting:
        at = waiting.pop()
        if at in found:
            continue
        found.add(at)
        included = (CSRC / name for name in INCLUDE.findall(at.read_text()))
        waiting += [header for header in included if header.is_file()]
    return sorted(found)


def code_of(path: Path) -> str:
    """A source's text without comments, with single spaces."""
    without = re.sub(r"/\*.*?\*/|//[^\n]*", " ", path.read_text(), flags=re.DOTALL)
    return " ".join(without.split())


def source_hash(name: str) -> str:
    """The hash of a kernel file, named as by :func:`kernel_files`."""
    digest = hashlib.sha256()
    for path in sources_of(ROOT / name):
        digest.update(path.relative_to(CSRC).as_posix().encode())
        digest.update(code_of(path).encode())
    return digest.hexdigest()[:16]


def all_hashes() -> dict[str, str]:
    """The hash of every kernel file."""
    return {name: source_hash(name) for name in kernel_files()}
