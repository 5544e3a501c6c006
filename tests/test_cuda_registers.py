"""What tools/cuda_registers.py reads from the compiler, and what it refuses; CI runs it on every kernel."""

import json

import pytest

import cuda_registers
from cuda_registers import Kernel

LOG = """\
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_ZN7hotloop4eachINS_12_GLOBAL__N_13SumEEEvT_l' for 'sm_80'
ptxas info    : Function properties for _ZN7hotloop4eachINS_12_GLOBAL__N_13SumEEEvT_l
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 32 registers, used 0 barriers
ptxas info    : Compile time = 53.110 ms
ptxas info    : Function properties for _ZN7hotloop6helperEv
    16 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Compiling entry function '_ZN7hotloop12_GLOBAL__N_14lossEPf' for 'sm_90a'
ptxas info    : Function properties for _ZN7hotloop12_GLOBAL__N_14lossEPf
    8 bytes stack frame, 4 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 255 registers, used 1 barriers, 8 bytes cumulative stack size
"""
SUM = Kernel("each<Sum>", "sm_80", 32, 0, 0)


def test_a_log_is_read_kernel_by_kernel():
    assert cuda_registers.parse(LOG) == [SUM, Kernel("loss", "sm_90a", 255, 8, 16)]
    assert cuda_registers.parse("ptxas info    : 0 bytes gmem\n") == []


@pytest.mark.parametrize(
    ("demangled", "short"),
    [
        ("hotloop::(anonymous namespace)::loss(float*)", "loss"),
        ("void hotloop::cuda::rows<4, hotloop::cuda::Sum>(float const*)", "rows<4, Sum>"),
        ("void hotloop::each<void (*)(float)>(int)", "each<void (*)(float)>"),
    ],
)
def test_names_are_shortened_to_what_tells_kernels_apart(demangled, short):
    assert cuda_registers.shorten(demangled) == short


def test_a_kernel_as_listed_or_better_passes():
    listed = {"x_cuda.cu": {SUM.name: {"sm_80": 32}}}
    assert cuda_registers.judge("x_cuda.cu", [SUM], listed) == []
    listed["x_cuda.cu"][SUM.name]["sm_80"] = 40
    assert cuda_registers.judge("x_cuda.cu", [SUM], listed) == []


@pytest.mark.parametrize(
    ("kernel", "listed", "says"),
    [
        (SUM, {}, "not listed"),
        (SUM, {SUM.name: {"sm_90a": 32}}, "not listed"),
        (SUM, {SUM.name: {"sm_80": 31}}, "32 registers, 31 are listed"),
        (Kernel(SUM.name, "sm_80", 32, 8, 0), {SUM.name: {"sm_80": 32}}, "8 bytes of stack"),
        (Kernel(SUM.name, "sm_80", 32, 0, 4), {SUM.name: {"sm_80": 32}}, "4 bytes spilled"),
        (SUM, {SUM.name: {"sm_80": 32}, "gone": {"sm_80": 8}}, "no such kernel"),
    ],
)
def test_what_is_wrong_is_said(kernel, listed, says):
    complaint, *more = cuda_registers.judge("x_cuda.cu", [kernel], {"x_cuda.cu": listed})
    assert says in complaint
    assert not more


def test_products_that_wait_for_each_other_are_a_complaint():
    slow = "ptxas info    : (C7510) Potential Performance Loss: wgmma.mma_async instructions are serialized"
    assert cuda_registers.complaints(f"{LOG}{slow}\n") == [slow]
    assert cuda_registers.complaints(LOG) == []


def test_the_list_is_written_as_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(cuda_registers, "LISTED", tmp_path / "list.json")
    listed = {"b_cuda.cu": cuda_registers.as_listed([SUM]), "a_cuda.cu": {}}
    cuda_registers.write(listed)
    assert json.loads(cuda_registers.LISTED.read_text()) == listed


def test_every_file_with_kernels_is_listed():
    there = {path.relative_to(cuda_registers.ROOT).as_posix() for path in cuda_registers.sources()}
    listed = set(json.loads(cuda_registers.LISTED.read_text()))
    assert there
    assert there == listed, f"run `{cuda_registers.UPDATE}`"


def test_flags_come_from_cmake():
    assert {"-fmad=false", "-O3", "-std=c++20"} <= set(cuda_registers.flags())
