"""The emulator itself is as strict as a GPU where that can be had: its memory is not the host's."""

import importlib
import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cuda_half

cuda_half.load()
if not cuda_half.is_emulated():
    pytest.skip("this is a GPU", allow_module_level=True)

cupy = importlib.import_module("cupy")
PROGRAM = """
import ctypes, sys
sys.path.insert(0, {tests!r})
import cuda_half
cuda_half.load()
import cupy
array = cupy.zeros(4, "f4")
assert array.get().tolist() == [0] * 4
print("there", flush=True)
ctypes.c_float.from_address(array.data.ptr).value
print("and read")
"""


@pytest.mark.skipif("HOTLOOP_SANITIZED" in os.environ, reason="the sanitizer reports the same in its own way")
def test_host_code_that_reads_device_memory_dies():
    program = PROGRAM.format(tests=str(Path(__file__).parent))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "there\n"
    assert done.returncode == -signal.SIGSEGV


def test_what_nobody_wrote_is_no_number():
    first = cupy.empty((3, 5), np.float32)
    first.fill(1)
    address = first.data.ptr
    del first
    again = cupy.empty((3, 5), np.float32)
    assert again.data.ptr == address  # as of a pool
    assert not (again.get() == 1).any()


def test_blocks_begin_where_cupys_do_and_do_not_touch():
    blocks = [cupy.empty(size, np.uint8) for size in (1, 511, 512, 513)]
    starts = sorted((block.data.ptr, block.size) for block in blocks)
    assert all(start % 512 == 0 for start, _ in starts)
    assert all(a + size + 512 <= b for (a, size), (b, _) in itertools.pairwise(starts))
