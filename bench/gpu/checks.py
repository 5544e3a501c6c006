"""The parts before timing: building the package, its CUDA tests, compute-sanitizer."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from gpu.hashes import ROOT

TOOLS = ("memcheck", "racecheck", "synccheck", "initcheck")
# The machine's own pytest may lack the project's plugins, whose options pyproject.toml has.
PYTEST_INI = """\
[pytest]
pythonpath = bench tools
filterwarnings =
    error
    default:.*changed since it last passed on hardware
"""
OUTCOME = re.compile(
    r"^(PASSED|FAILED|ERROR|SKIPPED|XFAILED|XPASSED) ?(?:\[\d+\] )?(tests/\w+\.py)", re.MULTILINE
)


def run(command: list[str], log: Path, seconds: float, env: Mapping[str, str]) -> int:
    """Run a command with its output in a file; 124 if it took too long, and all of it was ended."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as out:
        child = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT, env=dict(env), start_new_session=True
        )
        try:
            return child.wait(timeout=max(seconds, 1.0))
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, 9)
            child.wait()
            out.write(f"\nended after {seconds:.0f} s\n")
            return 124


def tail(log: Path, lines: int = 25) -> str:
    """The end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def build(scratch: Path, architecture: str, seconds: float) -> str:
    """Build the package into scratch/site with the machine's own tools; returns what went wrong."""
    command = [
        *(sys.executable, "-m", "pip", "install", "--no-build-isolation", "--no-deps", "--upgrade"),
        *("--target", str(scratch / "site"), str(ROOT)),
        *("-C", f"build-dir={scratch / 'build'}"),
        *("-C", "cmake.define.HOTLOOP_CUDA=ON"),
        *("-C", f"cmake.define.HOTLOOP_CUDA_ARCHITECTURES={architecture}"),
    ]
    env = {**os.environ, "CMAKE_BUILD_PARALLEL_LEVEL": str(os.cpu_count() or 2), "PIP_NO_INPUT": "1"}
    log = scratch / "build.log"
    return "" if run(command, log, seconds, env) == 0 else tail(log)


def tests(scratch: Path, seconds: float, env: Mapping[str, str]) -> dict[str, str]:
    """Run tests/test_cuda_*.py; returns a verdict for each file: passed, failed, or skipped."""
    ini = scratch / "pytest.ini"
    ini.write_text(PYTEST_INI)
    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").glob("test_cuda_*.py"))
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-rA", "--tb=short", "-p", "no:cacheprovider"),
        *("-c", str(ini), "--rootdir", str(ROOT), *files),
    ]
    log = scratch / "tests.log"
    code = run(command, log, seconds, env)
    return verdicts(log.read_text(errors="replace"), files, finished=code in (0, 1))


def verdicts(text: str, files: list[str], finished: bool) -> dict[str, str]:
    """Read pytest's summary; what a run that broke off says nothing of has failed."""
    found: dict[str, set[str]] = {name: set() for name in files}
    for outcome, name in OUTCOME.findall(text):
        found.setdefault(name, set()).add(outcome)
    made = {}
    for name, outcomes in found.items():
        if outcomes & {"FAILED", "ERROR", "XPASSED"} or (not finished and not outcomes):
            made[name] = "failed"
        else:
            made[name] = "passed" if "PASSED" in outcomes else "skipped"
    return made


def sanitizer(scratch: Path, seconds: float, env: Mapping[str, str]) -> dict[str, str]:
    """Run every tool over every kernel; returns by tool: clean, what was found, or why it did not run."""
    program = shutil.which("compute-sanitizer")
    if program is None:
        return dict.fromkeys(TOOLS, "not run: there is no compute-sanitizer")
    made = {}
    until = time.monotonic() + seconds
    for number, tool in enumerate(TOOLS):
        share = (until - time.monotonic()) / (len(TOOLS) - number)
        if share < 5:
            made[tool] = "not run: no time left"
            continue
        options = ["--error-exitcode", "86", "--tool", tool]
        options += ["--leak-check", "no"] if tool == "memcheck" else []
        command = [program, *options, sys.executable, "-m", "gpu.kernels"]
        log = scratch / f"{tool}.log"
        made[tool] = _sanitized(run(command, log, share, env), log.read_text(errors="replace"))
        print(f"  {tool}: {made[tool].splitlines()[0]}", flush=True)
    return made


def _sanitized(code: int, text: str) -> str:
    if "Device not supported" in text or "could not connect" in text.lower():
        return "not run: the tool does not work on this machine"
    if code == 124:
        return "not finished in time"
    if code == 0:
        return "clean"
    errors = [line for line in text.splitlines() if line.startswith(("========= ", "FAILED"))]
    return "found errors: " + "\n".join(errors[:20] or text.splitlines()[-10:])
