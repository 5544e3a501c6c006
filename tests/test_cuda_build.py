"""The CUDA half as nvcc builds it, on a machine that need not have a GPU: it loads, and says what is missing.

HOTLOOP_CUDA_BUILT says that the installed package was built with it.
"""

import importlib
import os
import re
import subprocess
import sys

import pytest

import hotloop
from hotloop import _native

pytestmark = pytest.mark.skipif(
    "HOTLOOP_CUDA_BUILT" not in os.environ, reason="HOTLOOP_CUDA_BUILT does not say that there is a CUDA half"
)
# Of the CPU alone: instruction sets, threads, peaks, references, formulas, the short way for NumPy.
CPU_ONLY = re.compile(r".*(_ref|isa_levels?|threads|_cpus)|.*(peak|stream|formula).*|caches|gemm_quick")


def cuda():
    return importlib.import_module("hotloop._cuda")


def test_it_loads_without_a_driver_and_has_the_cpus_kernels():
    there = {name for name in dir(cuda()) if not name.startswith("_")}
    kernels = {name for name in dir(_native) if not name.startswith("_") and not CPU_ONLY.fullmatch(name)}
    assert len(there & kernels) > 30
    assert kernels - there == set()
    assert not [name for name in there if name.endswith("_ref")]
    assert {"require_device", "device_info"} <= there


def test_without_a_gpu_it_says_what_is_missing():
    reasons = "no NVIDIA driver answers|the NVIDIA driver is for CUDA|no GPU that this process may use"
    try:
        cuda().require_device()
    except RuntimeError:
        for ask in (cuda().require_device, lambda: hotloop.set_device("cuda")):
            with pytest.raises(RuntimeError, match=reasons):
                ask()
    else:
        pytest.skip("there is a GPU")


def test_the_package_does_not_load_it_before_it_is_asked_for():
    code = "import sys, hotloop; print('hotloop._cuda' in sys.modules, 'cupy' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["False", "False"]


def test_it_needs_no_cuda_library_at_run_time():
    text = subprocess.check_output(["readelf", "-d", cuda().__file__], text=True)
    needed = [line for line in text.splitlines() if "NEEDED" in line]
    assert needed
    assert not [line for line in needed if "cuda" in line]


def test_what_it_exports_is_its_beginning():
    text = subprocess.check_output(["nm", "-D", "--defined-only", cuda().__file__], text=True)
    strong = [line.split()[-1] for line in text.splitlines() if line.split()[-2] in "TDBR"]
    assert strong == ["PyInit__cuda"]
