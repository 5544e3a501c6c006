"""Compile every CUDA kernel and hold it to tests/cuda_registers.json; needs nvcc, but no GPU.

    python tools/cuda_registers.py                   fails on spills, stack frames, more registers than listed
    python tools/cuda_registers.py --update          writes the list
    python tools/cuda_registers.py gemm optimizer    only files whose path has one of these words
    python tools/cuda_registers.py --nvcc /opt/cuda/bin/nvcc

Flags are those of csrc/CMakeLists.txt. The compiler's warnings fail too: among them are those of instructions
that it could not keep asynchronous, which cost more than any register.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LISTED = ROOT / "tests" / "cuda_registers.json"
ARCHITECTURES = {"sm_80": "arch=compute_80,code=sm_80", "sm_90a": "arch=compute_90a,code=sm_90a"}
UPDATE = "python tools/cuda_registers.py --update"

COMPILING = re.compile(r"Compiling entry function '(\w+)' for '(\w+)'")
FRAME = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
REGISTERS = re.compile(r"Used (\d+) registers")
COMPLAINT = re.compile(r"warning|Potential Performance Loss", re.IGNORECASE)


@dataclass(frozen=True)
class Kernel:
    """What one kernel takes on one architecture: registers a thread, bytes of stack and of spills."""

    name: str
    architecture: str
    registers: int
    stack: int
    spilled: int


Listed = dict[str, dict[str, dict[str, int]]]  # file -> kernel -> architecture -> registers


def flags() -> list[str]:
    """Return what csrc/CMakeLists.txt gives to nvcc."""
    text = (ROOT / "csrc" / "CMakeLists.txt").read_text()
    found = re.search(r"set\(HOTLOOP_NVCC_FLAGS ([^)]+)\)", text)
    assert found, "csrc/CMakeLists.txt sets no HOTLOOP_NVCC_FLAGS"
    return ["-std=c++20", "-DHOTLOOP_CUDA_HALF=1", f"-I{ROOT / 'csrc'}", *found[1].split()]


def sources() -> list[Path]:
    """Return every file with kernels."""
    return sorted((ROOT / "csrc").rglob("*_cuda.cu"))


def readable(mangled: list[str]) -> list[str]:
    """Demangle, and leave out what every kernel's name has: the namespaces, the result and the arguments."""
    text = subprocess.run(
        ["c++filt"], input="\n".join(mangled), check=True, capture_output=True, text=True
    ).stdout
    return [shorten(line) for line in text.splitlines()]


def shorten(demangled: str) -> str:
    """Leave out of a demangled name the namespaces, the result and the arguments.

    >>> shorten("void hotloop::cuda::rows<hotloop::(anonymous namespace)::Sum, 4>(float const*, long)")
    'rows<Sum, 4>'
    """
    name = re.sub(r"hotloop::|cuda::|\(anonymous namespace\)::", "", demangled.strip())
    name = name.removeprefix("void ")
    depth = 0
    for at, letter in enumerate(
        name
    ):  # the arguments begin at the first bracket that is in no template's list
        depth += (letter == "<") - (letter == ">")
        if letter == "(" and depth == 0:
            return name[:at]
    return name


def parse(log: str) -> list[Kernel]:
    """Read what `ptxas -v` said of each kernel; functions that are no kernels are left out."""
    rows: list[tuple[str, str, int, int, int]] = []
    entry, frame = None, (0, 0)
    for line in log.splitlines():
        if found := COMPILING.search(line):
            entry, frame = (found[1], found[2]), (0, 0)
        elif (found := FRAME.search(line)) and entry:
            frame = int(found[1]), int(found[2]) + int(found[3])
        elif (found := REGISTERS.search(line)) and entry:
            rows.append((*entry, int(found[1]), *frame))
            entry = None
    names = readable([row[0] for row in rows]) if rows else []
    return [Kernel(name, *row[1:]) for name, row in zip(names, rows, strict=True)]


def complaints(log: str) -> list[str]:
    """Return the compiler's lines that are warnings, or say that a kernel will be slow."""
    return [line.strip() for line in log.splitlines() if COMPLAINT.search(line)]


def compile_file(nvcc: str, path: Path) -> tuple[list[Kernel], list[str]]:
    """Compile one file's device code for all architectures."""
    with tempfile.TemporaryDirectory() as folder:
        targets = [word for target in ARCHITECTURES.values() for word in ("-gencode", target)]
        command = [nvcc, *flags(), *targets, "-Xptxas", "-v", "-fatbin", str(path), "-o", f"{folder}/out"]
        done = subprocess.run(command, capture_output=True, text=True)
    log = done.stdout + done.stderr
    if done.returncode != 0:
        return [], [f"does not compile:\n{log}"]
    return parse(log), complaints(log)


def judge(path: str, kernels: list[Kernel], listed: Listed) -> list[str]:
    """Return what is wrong with a file's kernels, one line each."""
    wrong = []
    known = listed.get(path, {})
    for kernel in kernels:
        at = f"{path}: {kernel.name} on {kernel.architecture}"
        if kernel.spilled or kernel.stack:
            wrong.append(
                f"{at}: {kernel.spilled} bytes spilled, {kernel.stack} bytes of stack; none is wanted"
            )
        most = known.get(kernel.name, {}).get(kernel.architecture)
        if most is None:
            wrong.append(f"{at}: is not listed ({kernel.registers} registers); run `{UPDATE}`")
        elif kernel.registers > most:
            wrong.append(
                f"{at}: {kernel.registers} registers, {most} are listed; make it need fewer, or say why it "
                f"needs more where you run `{UPDATE}`"
            )
    gone = sorted(set(known) - {kernel.name for kernel in kernels})
    return wrong + [f"{path}: {name} is listed, but there is no such kernel; run `{UPDATE}`" for name in gone]


def as_listed(kernels: list[Kernel]) -> dict[str, dict[str, int]]:
    """Turn kernels into the list's form."""
    made: dict[str, dict[str, int]] = {}
    for kernel in sorted(kernels, key=lambda kernel: (kernel.name, kernel.architecture)):
        made.setdefault(kernel.name, {})[kernel.architecture] = kernel.registers
    return made


def write(listed: Listed) -> None:
    """Write the list, a kernel a line, so that changes read well."""
    files = []
    for path, kernels in sorted(listed.items()):
        rows = ",\n".join(f"    {json.dumps(name)}: {json.dumps(row)}" for name, row in kernels.items())
        files.append(f"  {json.dumps(path)}: {{\n{rows}\n  }}" if rows else f"  {json.dumps(path)}: {{}}")
    LISTED.write_text("{\n" + ",\n".join(files) + "\n}\n")


def main(arguments: list[str] | None = None) -> int:
    """Compile, compare, say what is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("words", nargs="*", help="parts of paths; default: every file")
    parser.add_argument("--update", action="store_true", help="write the list instead of comparing with it")
    parser.add_argument("--nvcc", default=os.environ.get("CUDACXX") or shutil.which("nvcc"))
    options = parser.parse_args(arguments)
    if not options.nvcc:
        parser.error(
            "there is no nvcc on PATH; `pip install nvidia-cuda-nvcc` brings one, --nvcc names another"
        )
    paths = [
        path for path in sources() if not options.words or any(word in str(path) for word in options.words)
    ]
    listed: Listed = json.loads(LISTED.read_text()) if LISTED.exists() else {}
    wrong: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        for path, (kernels, said) in zip(
            paths, pool.map(lambda path: compile_file(options.nvcc, path), paths), strict=True
        ):
            name = path.relative_to(ROOT).as_posix()
            for kernel in kernels:
                print(f"{kernel.registers:4} registers  {kernel.architecture:7} {name}: {kernel.name}")
            wrong += [f"{name}: {line}" for line in said]
            if options.update:
                listed[name] = as_listed(kernels)
            wrong += judge(name, kernels, listed)
    gone = {name for name in listed if not (ROOT / name).exists()}
    if options.update:
        write({name: kernels for name, kernels in listed.items() if name not in gone})
    else:
        wrong += [f"{name} is listed, but there is no such file; run `{UPDATE}`" for name in sorted(gone)]
    print("\n".join(wrong), file=sys.stderr)
    print(f"{len(paths)} files, {len(wrong)} complaints", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
