"""The per-ISA objects are sealed: nothing in them can be taken by code that runs on a lesser CPU.

Needs a CMake build directory, named by HOTLOOP_BUILD_DIR:

    HOTLOOP_BUILD_DIR=build/cp312-cp312-linux_x86_64 pytest tests/test_symbols.py
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

BUILD = Path(os.environ.get("HOTLOOP_BUILD_DIR", ""))
LEVELS = ("baseline", "avx2", "avx512")  # every kernel is built at each of them
EXTRA_LEVELS = ("avx512_bf16", "amx")  # and some at these

pytestmark = [
    pytest.mark.skipif(
        "HOTLOOP_BUILD_DIR" not in os.environ, reason="HOTLOOP_BUILD_DIR names no build directory"
    ),
    pytest.mark.skipif(
        shutil.which("nm") is None or shutil.which("objdump") is None, reason="binutils are missing"
    ),
]

# What a kernel may call: the compiler itself puts these in for loops over memory. ASan and UBSan add theirs.
MAY_CALL = ("memcpy", "memset", "memmove", "__asan_", "__ubsan_", "_GLOBAL_OFFSET_TABLE_")


def objects() -> list[tuple[str, Path]]:
    found = [
        (level, path)
        for level in LEVELS + EXTRA_LEVELS
        for path in sorted(BUILD.glob(f"csrc/CMakeFiles/hotloop_{level}.dir/**/*.cpp.o"))
    ]
    assert found, f"no per-ISA objects under {BUILD.resolve()}: is it a CMake build directory?"
    return found


def symbols(path: Path) -> list[tuple[str, str]]:
    """(kind letter, demangled name) of every symbol."""
    text = subprocess.run(["nm", "--demangle", str(path)], check=True, capture_output=True, text=True).stdout
    lines = (line[17:] if line[:1] != "U" else line for line in text.splitlines())
    return [(kind, name) for kind, _, name in (line.strip().partition(" ") for line in lines)]


def test_every_kernel_is_built_at_every_level():
    names = {level: {path.name for at, path in objects() if at == level} for level in LEVELS}
    built = [level for level in LEVELS if names[level]]
    assert names["baseline"], "the baseline level has no kernels"
    for level in built:
        assert names[level] == names["baseline"]


def test_no_weak_symbol():
    """The linker keeps one copy of a weak function for all: it may be the one with AVX-512 in it."""
    for level, path in objects():
        weak = [name for kind, name in symbols(path) if kind in "wWvVu"]
        assert not weak, f"{level} {path.name} has weak symbols: {weak}"


def test_what_is_exported_lies_in_the_level_s_own_namespace():
    for level, path in objects():
        strangers = [
            name
            for kind, name in symbols(path)
            if kind in "TDBRGSC" and not name.startswith(f"hotloop::{level}::")
        ]
        assert not strangers, f"{level} {path.name} exports {strangers}"


def test_kernels_call_memory_functions_and_the_project_s_common_code_only():
    for level, path in objects():
        others = tuple(f"hotloop::{other}::" for other in LEVELS if other != level)
        called = [name for kind, name in symbols(path) if kind == "U" and not name.startswith(MAY_CALL)]
        strangers = [name for name in called if not name.startswith("hotloop::") or name.startswith(others)]
        assert not strangers, f"{level} {path.name} calls {strangers}"


def test_nothing_runs_before_main():
    """A static initialiser would run its level's instructions on every CPU at import."""
    for level, path in objects():
        text = subprocess.run(["objdump", "-h", str(path)], check=True, capture_output=True, text=True).stdout
        for section in (".init_array", ".ctors"):
            assert section not in text, f"{level} {path.name} has {section}"
