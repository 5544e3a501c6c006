"""A whole run: parts in order, each with its share of the time that is left, results kept after each."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpu import checks, machine, report, results
from gpu.hashes import ROOT
from gpu.kernel_tests import kernel_verdicts

# Part -> its share of the time. The peers' compiling is what makes training long.
PARTS = {
    "build": 30,
    "tests": 14,
    "sanitizer": 14,
    "gemm": 8,
    "memory": 6,
    "training": 18,
    "inference": 4,
    "crossover": 6,
}
MEASURED = ("gemm", "memory", "training", "inference", "crossover")
EMULATED = ("an emulated GPU", "none", "8.0")


@dataclass
class Run:
    """What was asked for, and what has been found.

    Attributes
    ----------
    parts : list of str
    seconds : float
        For all of them.
    scratch : Path
        For the build, logs and rows.
    out : Path or None
        The result's file; by default the device's in bench/results.
    tiny, peers, installed : bool
        Small sizes; whether to compare; whether to use the installed package instead of a fresh build.
    """

    parts: list[str]
    seconds: float
    scratch: Path
    out: Path | None = None
    tiny: bool = False
    peers: bool = True
    installed: bool = False
    result: dict[str, Any] = field(default_factory=dict)

    def __call__(self) -> int:
        """Run all parts; 0 where nothing failed, whatever targets were missed."""
        emulated = bool(os.environ.get("HOTLOOP_CUDA_EMULATED"))
        device = EMULATED if emulated else machine.gpu()
        if device is None:
            print("there is no GPU here: nvidia-smi is missing, or lists none", file=sys.stderr)
            return 2
        until = time.monotonic() + self.seconds
        self.result = {**machine.facts(device), "tests": {}, "sanitizer": {}, "rows": [], "errors": {}}
        self.result |= {"seconds": {}, "kernels": {}}
        path = self._path(device[0], emulated)
        self._continue(path)
        for number, part in enumerate(self.parts):
            left = until - time.monotonic()
            share = left * PARTS[part] / sum(PARTS[later] for later in self.parts[number:])
            print(f"== {part} ({share:.0f} of {left:.0f} s)", flush=True)
            start = time.monotonic()
            self._part(part, share, device[2])
            self.result["seconds"][part] = round(time.monotonic() - start, 1)
            self.result["kernels"] = kernel_verdicts(self.result["tests"], device[2])
            results.write(path, self.result)
            if part == "build" and "build" in self.result["errors"]:
                break
        print(report.text(self.result))
        wrong = report.failures(self.result)
        print("\n".join(["", *wrong, f"written to {path}; logs in {self.scratch}"]))
        return 1 if wrong else 0

    def _path(self, device: str, emulated: bool) -> Path:
        """Results that say little of a device, or of an older commit's rest, stay out of bench/results."""
        if self.out is not None:
            return self.out
        path = results.RESULTS / results.file_name(device)
        whole = set(PARTS) - {"build"} <= set(self.parts)
        before = [old for old in results.recorded() if old["device"] == device]
        fits = whole or not before or before[0]["commit"] == self.result["commit"]
        return path if fits and not emulated and not self.tiny else self.scratch / path.name

    def _continue(self, path: Path) -> None:
        """Keep what an earlier run of the same commit found in parts that this one leaves out."""
        old = next(
            (old for old in results.recorded(path.parent) if old["commit"] == self.result["commit"]), None
        )
        if old is None or old["device"] != self.result["device"]:
            return
        for part in ("tests", "sanitizer"):
            if part not in self.parts:
                self.result[part] = old[part]
        self.result["rows"] = [row for row in old["rows"] if row["part"] not in self.parts]

    def _part(self, part: str, seconds: float, capability: str) -> None:
        env = self._environment()
        if part == "build":
            if self.installed:
                return
            wrong = checks.build(self.scratch, machine.architecture(capability), seconds)
            if wrong:
                self.result["errors"][part] = wrong
        elif part == "tests":
            self.result["tests"] = checks.tests(self.scratch, seconds, env)
        elif part == "sanitizer":
            self.result["sanitizer"] = checks.sanitizer(self.scratch, seconds, env)
        else:
            self._measure(part, seconds, env)

    def _measure(self, part: str, seconds: float, env: dict[str, str]) -> None:
        """In a process of its own: a fault on the GPU ends that part alone, and what it had written stays."""
        rows, log = self.scratch / f"{part}.rows", self.scratch / f"{part}.log"
        rows.unlink(missing_ok=True)
        command = [sys.executable, "-m", "gpu.part", part, "--rows", str(rows), "--seconds", f"{seconds:.0f}"]
        command += ["--tiny"] if self.tiny else []
        command += [] if self.peers else ["--no-peers"]
        code = checks.run(command, log, seconds + 30, env)
        self.result["rows"] += results.rows_in(rows)
        if code != 0:
            self.result["errors"][part] = f"ended with {code}: {checks.tail(log, 6)}"

    def _environment(self) -> dict[str, str]:
        """The fresh build before what is installed, and the benches' packages."""
        paths = [] if self.installed else [str(self.scratch / "site")]
        paths += [str(ROOT / "bench"), os.environ.get("PYTHONPATH", "")]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}
        return env | {"HOTLOOP_NUM_THREADS": "2", "HOTLOOP_CUDA_BUILT": "1", "PYTHONUNBUFFERED": "1"}
