"""What a run was made on: device, driver, commit, versions."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("numpy", "cupy-cuda13x", "cupy-cuda12x", "torch", "pybind11", "scikit-build-core")


def _said(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def gpu() -> tuple[str, str, str] | None:
    """(name, driver, compute capability such as "9.0") of the first GPU, or None."""
    fields = "name,driver_version,compute_cap"
    lines = _said("nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader").splitlines()
    if not lines:
        return None
    name, driver, capability = (part.strip() for part in lines[0].split(","))
    return name, driver, capability


def architecture(capability: str) -> str:
    """What CMake calls a GPU of this capability; only Hopper has kernels that need the letter.

    >>> architecture("8.6"), architecture("9.0"), architecture("12.0")
    ('86-real', '90a-real', '120-real')
    """
    number = capability.replace(".", "")
    return f"{number}a-real" if number == "90" else f"{number}-real"


def commit() -> str:
    """The checkout's commit, with "+changes" where files differ from it; "unknown" without git."""
    head = _said("git", "rev-parse", "HEAD")
    if not head:
        return "unknown"
    changed = _said("git", "status", "--porcelain", "--untracked-files=no", "--", "csrc", "python", "tests")
    return f"{head}+changes" if changed else head


def facts(device: tuple[str, str, str]) -> dict[str, Any]:
    """Everything but the measurements."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    name, driver, capability = device
    return {
        "device": name,
        "driver": driver,
        "capability": capability,
        "commit": commit(),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "nvcc": (_said("nvcc", "--version").splitlines() or [""])[-1],
        "versions": versions,
    }
