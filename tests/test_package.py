"""What is installed: quick to import, small, typed, and honest about what the native module holds."""

import ast
import importlib
import inspect
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import hotloop
from hotloop import _native


def stub() -> ast.Module:
    return ast.parse(Path(hotloop.__file__).with_name("_native.pyi").read_text())


@pytest.mark.skipif("HOTLOOP_SANITIZED" in os.environ, reason="sanitizers slow the start down")
def test_import_takes_less_than_a_fifth_of_a_second():
    code = "import time; start = time.perf_counter(); import hotloop; print(time.perf_counter() - start)"
    seconds = min(float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(7))
    assert seconds < 0.2


def test_import_loads_nothing_heavy():
    code = "import sys, hotloop; print(*sys.modules)"
    loaded = set(subprocess.check_output([sys.executable, "-c", code], text=True).split())
    heavy = {"matplotlib", "mlxtend", "sklearn", "scipy", "torch", "pandas", "tqdm", "safetensors"}
    assert not loaded & heavy


def test_describing_a_model_imports_nothing_that_trains_lowers_or_saves():
    code = "import sys, hotloop as hl; hl.Sequential([hl.layers.Dense(1, input_shape=(1,))]); "
    code += "print(*sys.modules)"
    loaded = set(subprocess.check_output([sys.executable, "-c", code], text=True).split())
    late = ("losses", "metrics", "optimizers", "schedules", "saving", "callbacks", "ir.graph", "ops.trace")
    assert not [name for name in loaded if name.startswith(tuple(f"hotloop.{each}" for each in late))]


def test_the_cpu_imports_nothing_for_the_gpu():
    code = "import sys, numpy; before = set(sys.modules); "
    code += "import hotloop, hotloop.training.fit, hotloop.kernels; "
    code += "print(*(set(sys.modules) - before))"
    loaded = set(subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert not loaded & {
        "concurrent.futures",
        "importlib.util",
        "logging",
        "queue",
        "traceback",
        "cupy",
        "hotloop._cuda",
    }


def test_every_public_name_resolves_and_is_documented():
    for name in hotloop.__all__:
        thing = getattr(hotloop, name)
        if inspect.isclass(thing) or inspect.isfunction(thing) or inspect.ismodule(thing):
            assert inspect.getdoc(thing), f"hotloop.{name} has no docstring"
    with pytest.raises(AttributeError, match="no_such_name"):
        hotloop.no_such_name  # noqa: B018


FACES = ["hotloop", *(f"hotloop.{n}" for n in hotloop.__all__ if inspect.ismodule(getattr(hotloop, n)))]


@pytest.mark.parametrize("name", [*FACES, "hotloop.models", "hotloop.saving"])
def test_dir_shows_public_names(name):
    """Neither what a module imports nor its own files and helpers."""
    module = importlib.import_module(name)
    shown = dir(module)
    own = [name for name in shown if name.startswith("__") and name.endswith("__")]
    assert {"__all__", "__doc__", "__name__"} <= set(own)
    assert sorted(set(shown) - set(own)) == sorted(module.__all__)
    for thing in (getattr(module, name) for name in module.__all__):
        assert getattr(thing, "__module__", "hotloop").startswith("hotloop")
        assert not isinstance(thing, dict) or thing is hotloop.activations.ALIASES


@pytest.mark.parametrize("kind", [hotloop.Model, hotloop.Session, hotloop.QuantizedModel])
def test_what_predicts_says_that_arrays_come(kind):
    for name in ("predict", "predict_on_batch", "run"):
        if hasattr(kind, name):
            assert inspect.signature(getattr(kind, name)).return_annotation == "Predicted"


def test_package_is_typed():
    assert Path(hotloop.__file__).with_name("py.typed").exists()


def test_stub_lists_what_the_native_module_has():
    listed = {node.name for node in stub().body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    there = {name for name, thing in vars(_native).items() if not name.startswith("_") and callable(thing)}
    assert listed == there, "run `python tools/make_stubs.py`"
    for node in stub().body:
        if isinstance(node, ast.ClassDef):
            methods = {inner.name for inner in node.body if isinstance(inner, ast.FunctionDef)}
            has = {name for name in vars(getattr(_native, node.name)) if not name.startswith("_")}
            assert {name for name in methods if not name.startswith("_")} == has


@pytest.mark.skipif("HOTLOOP_WHEEL" not in os.environ, reason="HOTLOOP_WHEEL names no wheel")
def test_wheel_is_small_and_complete():
    path = Path(os.environ["HOTLOOP_WHEEL"])
    assert path.stat().st_size < 5_000_000
    names = zipfile.ZipFile(path).namelist()
    peer = "hotloop/benchmark/peers/numpy.py"  # from bench/
    for wanted in ("hotloop/__init__.py", "hotloop/_native.pyi", "hotloop/py.typed", peer):
        assert wanted in names
    assert any(name.startswith("hotloop/_native.") and name.endswith(".so") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if "_cuda" in name]
    assert not [name for name in names if name.startswith(("tests/", "csrc/", "lib"))]
