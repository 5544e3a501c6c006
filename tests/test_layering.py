"""Who may include or import whom, how long a file may be, and where dangerous words may stand.

These tests read the checkout's sources; they are skipped where only the installed package is there.
"""

import ast
import re
from pathlib import Path

import pytest

from imports import NATIVE, circles, import_graph, room

ROOT = Path(__file__).resolve().parent.parent
CSRC, PACKAGE = ROOT / "csrc", ROOT / "python" / "hotloop"
SOURCES = sorted(path for path in CSRC.rglob("*") if path.suffix in {".h", ".cpp", ".cu", ".cuh"})
MODULES = sorted(PACKAGE.rglob("*.py"))

pytestmark = pytest.mark.skipif(not CSRC.is_dir(), reason="no sources beside the tests")

# Files that may be longer than 400 lines, each with its reason.
LONG_FILES: dict[str, str] = {}
GENERATED = {"python/hotloop/_native.pyi"}

# Room -> what its files may include from the project, as the beginnings of paths. "own" is the file's own
# folder; "interfaces" are the X.h of any op's room, but not its insides (X_kernels.h and the like).
ROOMS: list[tuple[str, list[str]]] = [
    (r"base/.*", ["base/"]),
    (r"math/.*", ["math/"]),
    (r"cpu/simd/.*", ["base/", "cpu/simd/"]),
    (r"cpu/[^/]*", ["base/", "cpu/"]),
    (r"cuda/device/.*", ["cuda/device/"]),
    (r"cuda/team_cuda\.cpp", ["cpu/team.h"]),  # stands in for cpu/team.cpp
    (r"cuda/[^/]*", ["base/", "cuda/"]),
    (r"ops/.*_ref\.cpp", ["base/", "own", "interfaces"]),
    (r"ops/.*_(cpu|avx512_bf16|amx)\.cpp", ["base/", "cpu/simd/", "math/", "own", "interfaces"]),
    # Fuses what other rooms do to a row.
    (r"ops/mlp/.*(_cuda\.cu|\.cuh)", ["base/", "cuda/", "own", "interfaces", "ops/activation/", "ops/loss/"]),
    (r"ops/.*(_cuda\.cu|\.cuh)", ["base/", "cuda/", "math/", "own", "interfaces"]),
    (r"ops/.*_(formula|rows|rules)\.h", ["base/", "math/", "own", "interfaces"]),  # both devices share these
    (r"ops/.*_tile\.h", ["base/", "cpu/simd/", "own"]),
    (r"ops/mlp/.*\.h", ["base/", "cuda/context.h", "own", "interfaces"]),  # there is none of it on the CPU
    (r"ops/.*\.h", ["base/", "cpu/isa.h", "cpu/kernel.h", "own", "interfaces"]),
    (r"ops/.*\.cpp", ["base/", "cpu/cache.h", "cpu/isa.h", "cpu/team.h", "cuda/", "own", "interfaces"]),
    (r"program/.*", ["base/", "cpu/cache.h", "cpu/isa.h", "cpu/team.h", "cuda/", "program/", "interfaces"]),
    (
        r"bind/.*",
        ["base/", "cpu/cache.h", "cpu/isa.h", "cpu/team.h", "cuda/", "program/", "bind/", "interfaces"],
    ),
]
INSIDES = re.compile(r"_(kernels|cpu|cuda|pack|tile|rows)\.h$")

# The floors, from the ground up: which rooms (folders and modules under python/hotloop) each room may import,
# wherever the statement stands, in a function or for types alone too.
FLOORS = {
    "core": "",
    "device": "core _native _cuda",
    "graph": "core device",
    "ir": "core device graph _native",
    "kernels": "core device ir _native",
    "activations": "core graph ir kernels",
    "initializers": "core",
    "regularizers": "core device",
    "schedules": "core",
    "optimizers": "core device graph schedules",
    "ops": "core device graph ir activations initializers regularizers",
    "losses": "core graph ir ops",
    "metrics": "core device graph ir losses ops",
    "layers": "core device graph ir ops activations initializers regularizers",
    "feed": "core device graph losses _native",
    "saving": "core device graph",
    "callbacks": "core saving",
    "training": "core device graph ir losses metrics optimizers feed callbacks _native",
    "models": "core device graph ops layers optimizers feed saving callbacks training",
    "inference": "core device graph ir feed saving training models _native",
    "compress": "core device graph ir kernels metrics optimizers ops layers feed inference training "
    "models _native",
    "profiling": "core device ir losses metrics feed inference training models compress _native",
    "data": "core",
    # These use the package as its users do.
    "hotloop": "core device activations callbacks compress data inference initializers kernels layers losses "
    "metrics models ops optimizers profiling regularizers saving schedules",
    "demo": "core device data hotloop",
    "benchmark": "core device data kernels profiling hotloop _native",
    "cli": "core benchmark demo hotloop",
    "__main__": "cli",
}
# Only needed by some: to be imported inside the function that uses them.
OPTIONAL = {"matplotlib", "mlxtend", "sklearn", "torch", "pandas", "polars", "pyarrow", "scipy", "cupy"}
OPTIONAL |= {"ai_edge_litert", "flatbuffers", "jax", "onnx", "onnxruntime", "openvino"}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def includes(path: Path) -> list[str]:
    return re.findall(r'^\s*#\s*include\s*"([^"]+)"', path.read_text(), re.MULTILINE)


def allowed_prefixes(name: str) -> list[str]:
    for pattern, prefixes in ROOMS:
        if re.fullmatch(pattern, name):
            return prefixes
    raise AssertionError(f"csrc/{name} lies in no known room; add the room to ROOMS, or move the file")


def may_include(name: str, included: str) -> bool:
    for prefix in allowed_prefixes(name):
        if prefix == "own":
            if included.rpartition("/")[0] == name.rpartition("/")[0]:
                return True
        elif prefix == "interfaces":
            if included.startswith("ops/") and not INSIDES.search(included):
                return True
        elif included.startswith(prefix):
            return True
    return False


def test_something_is_looked_at():
    assert len(SOURCES) > 20
    assert len(MODULES) > 10


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_includes_stay_within_the_rooms(path):
    name = path.relative_to(CSRC).as_posix()
    wrong = [included for included in includes(path) if not may_include(name, included)]
    assert not wrong, f"csrc/{name} may include {allowed_prefixes(name)}, not {wrong}"


@pytest.mark.parametrize(
    ("word", "home"),
    [
        (r"#\s*pragma\s+omp|<omp\.h>", r"nowhere"),
        (r"<(thread|pthread\.h|linux/futex\.h)>", r"cpu/.*|program/program\.h|bind/gil\.cpp"),
        (r"<pybind11/", r"bind/.*"),
        (r"<\w*intrin\.h>|<arm_neon\.h>|\b_mm\d*_\w+", r"cpu/simd/.*"),
        (r"<cpuid\.h>|__builtin_cpu_", r"cpu/(isa|cache)\.cpp"),
        (r"<cuda\w*\.h>|__global__|__device__", r"cuda/.*|.*\.cuh?|math/common\.h"),
        (r"\basm\s+volatile", r"(cuda/device|cpu/simd|ops/peaks)/.*|math/common\.h"),
        (r"(?i)emulat", r"nowhere"),
        (r"\b(abort|exit|_Exit|terminate)\s*\(", r"nowhere"),
        (r"-ffast-math|fast-math", r"nowhere"),
    ],
)
def test_dangerous_words_stand_only_at_home(word, home):
    strays = []
    for path in SOURCES:
        name = path.relative_to(CSRC).as_posix()
        code = re.sub(r"//.*", "", path.read_text())
        if re.search(word, code) and not re.fullmatch(home, name):
            strays.append(name)
    assert not strays


@pytest.mark.parametrize("path", sorted((CSRC / "cuda" / "device").glob("*.h")), ids=relative)
def test_what_only_a_gpu_understands_has_a_stand_in(path):
    """Instructions of the GPU stay in cuda/device; the emulator has the same functions under that name."""
    if re.search(r"\basm\b", re.sub(r"//.*", "", path.read_text())):
        assert (ROOT / "tests" / "emulator" / "cuda" / "device" / path.name).exists()


def test_the_emulator_is_for_tests_alone():
    for path in sorted((ROOT / "tests" / "emulator").rglob("*.*")):
        if path.suffix in {".h", ".cpp"}:
            wrong = [
                name for name in includes(path) if name.startswith(("ops/", "program/", "bind/", "cpu/"))
            ]
            assert not wrong, f"{relative(path)} must not know {wrong}"


def test_no_file_outgrows_its_room():
    folders = (CSRC, PACKAGE, ROOT / "tests", ROOT / "bench", ROOT / "examples", ROOT / "tools")
    files = [
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix in {".h", ".cpp", ".cu", ".py"}
    ]
    long = {relative(path) for path in files if len(path.read_text().splitlines()) > 400} - GENERATED
    assert long == set(LONG_FILES), "split the new ones; take those that became short off LONG_FILES"


IMPORTS = import_graph(MODULES)


def test_the_table_of_floors_goes_upwards_only():
    below = {name.removeprefix("hotloop.") for name in NATIVE}
    for name, allowed in FLOORS.items():
        assert set(allowed.split()) <= below, f"{name} may import only what stands above it in FLOORS"
        below.add(name)
    assert set(map(room, IMPORTS)) == set(FLOORS), "every room has its line in FLOORS"


@pytest.mark.parametrize("name", FLOORS)
def test_imports_stay_within_the_floors(name):
    found = {
        room(target) for module, targets in IMPORTS.items() if room(module) == name for target in targets
    }
    upwards = found - {name} - set(FLOORS[name].split())
    assert not upwards, f"{name} may import {FLOORS[name]}; {upwards} stand above it, or beside it unasked"


def test_modules_form_no_circle():
    assert not circles(IMPORTS)


def test_the_page_draws_the_floors_that_there_are():
    page = (ROOT / "ARCHITECTURE.md").read_text().partition("```\n")[2].partition("```")[0].splitlines()
    # Rooms stand at the beginning of a line; what they have follows behind many spaces.
    drawn = [re.split(r" {6,}", line.strip())[0].split() if line[1:2].strip() else [] for line in page]
    floor = {name: -number for number, names in enumerate(drawn) for name in names}
    assert set(FLOORS) - {"__main__"} <= set(floor)
    for name, allowed in FLOORS.items():
        for below in set(allowed.split()) if name in floor else ():
            assert floor[below] < floor[name], f"ARCHITECTURE.md: {below} has to stand below {name}"


def test_the_page_names_files_that_there_are():
    page = (ROOT / "ARCHITECTURE.md").read_text()
    for name in re.findall(r"[a-z_]+(?:/[a-z_]+)*/[a-z_]+\.(?:py|h|cpp)\b", page):
        places = (ROOT / name, PACKAGE / name, CSRC / name, PACKAGE.parent / name)
        assert any(path.is_file() for path in places), f"ARCHITECTURE.md: there is no {name}"


def imported_at_once(tree: ast.Module) -> set[str]:
    """The top-level packages that importing a module imports."""
    found: set[str] = set()
    rest: list[ast.AST] = [tree]
    while rest:
        node = rest.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
        rest += ast.iter_child_nodes(node)
    return found


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_what_only_some_need_is_imported_by_the_function_that_does(path):
    assert not imported_at_once(ast.parse(path.read_text())) & OPTIONAL


@pytest.mark.parametrize("path", sorted((CSRC / "ops").glob("*/*_cpu.cpp")), ids=relative)
def test_every_kernel_has_its_interface_its_door_and_no_standard_library(path):
    stem = path.name.removesuffix("_cpu.cpp")
    headers = {header.name for header in path.parent.glob("*.h")}
    # Either a header of its own, or the room's, whose name it then carries on: loss.h, class_loss_cpu.cpp.
    assert {f"{stem}.h", f"{stem}_kernels.h"} & headers or stem.endswith(path.parent.name)
    code = re.sub(r"//.*", "", path.read_text())
    standard = set(re.findall(r"#include <([\w.]+)>", code)) - {"cstdint", "cstddef"}
    assert not standard, "a sealed object must not emit templates of the standard library"
    assert "namespace HOTLOOP_LEVEL" in code
