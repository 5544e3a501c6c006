"""Products beside cuBLAS: bfloat16, int8, float32 without tensor cores, TF32."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from gpu import arrays
from gpu.clock import rotating, sets_needed
from gpu.measuring import Measuring
from gpu.row import OURS, Row, compared

PART = "gemm"
CUBLAS = "cuBLAS"


def run(on: Measuring) -> None:
    """Measure every product of the target table."""
    large, small = (96, 64) if on.tiny else (8192, 4096)
    for size in (small, large):
        on.run(f"bfloat16 {size} cubed", partial(bfloat16, on, size), 10)
    on.run(f"int8 {large} cubed", partial(int8, on, large), 10)
    on.run(f"float32 {small} cubed, no tensor cores", partial(float32, on, small), 10)
    on.run(f"TF32 {small} cubed", partial(tf32, on, small), 10)


def _operands(on: Measuring, size: int, bytes_each: int) -> range:
    return range(sets_needed(3 * size * size * bytes_each, 0 if on.tiny else arrays.cache_bytes(on.cupy)))


def _row(on: Measuring, name: str, size: int, sides: dict[str, Any], target: float, note: str = "") -> Row:
    operations = 2e-12 * size**3
    times = on.times(sides)
    if on.torch is None:
        note = f"{note}; no PyTorch to compare with".removeprefix("; ")
    return compared(PART, name, times, dict.fromkeys(times, operations), "TFLOP/s", target, note)


def bfloat16(on: Measuring, size: int) -> Row:
    """bfloat16 operands, float32 sums, bfloat16 out."""
    sets = []
    for seed in _operands(on, size, 2):
        a, b = (
            arrays.bfloat16(on.cuda, on.cupy, arrays.normal(on.cupy, (size, size), 2 * seed + i))
            for i in (0, 1)
        )
        sets.append((a, b, on.cupy.empty((size, size), np.uint16)))
    a, b, out = sets[0]
    on.cuda.gemm_tensor(a, b, out)
    wide = on.cupy.empty((size, size), np.float32)
    on.cuda.from_bf16(out, wide)
    _check_rows(on, a, b, wide, 2**-6)  # the largest of many is about 6 times the mean, rounded to 2**-9
    sides: dict[str, Any] = {OURS: rotating(on.cuda.gemm_tensor, sets)}
    if on.torch is not None:
        views = [tuple(arrays.torch_view(on.torch, array) for array in one) for one in sets]
        sides[CUBLAS] = rotating(lambda a, b, out: on.torch.mm(a, b, out=out), views)
    engine = f"engine {on.cuda.tensor_engine(a, b, out)}"
    return _row(on, f"bfloat16 {size} cubed", size, sides, 0.97, engine)


def _check_rows(on: Measuring, a: Any, b: Any, out: Any, tolerance: float) -> None:
    """The first rows against NumPy in double precision; all of b takes part in them."""
    host_a, host_b = a[:4].get(), b.get()
    if host_a.dtype == np.uint16:
        host_a, host_b = ((x.astype(np.uint32) << 16).view(np.float32) for x in (host_a, host_b))
    expected = host_a.astype(np.float64) @ host_b.astype(np.float64)
    arrays.require_close(OURS, out[:4].get(), expected, tolerance)


def int8(on: Measuring, size: int) -> Row:
    """uint8 by int8 into int32; PyTorch's are int8 by int8, which is as much work."""
    cuda, cupy = on.cuda, on.cupy
    random = np.random.default_rng(0)
    a = np.clip(np.rint(random.standard_normal((size, size), np.float32) * 32 + 128), 0, 255).astype(np.uint8)
    w = np.clip(np.rint(random.standard_normal((size, size), np.float32) * 32), -127, 127).astype(np.int8)
    device_a, out = cupy.asarray(a), cupy.empty((size, size), np.int32)
    placed = cupy.asarray(np.ascontiguousarray(w.T))  # as a model on a GPU keeps them

    def ours() -> None:
        cuda.gemm_int8(device_a, placed, size, out)

    ours()
    arrays.require_same_bits("int8", out[:4].get(), a[:4].astype(np.int32) @ w.astype(np.int32))
    sides: dict[str, Any] = {OURS: ours}
    if on.torch is not None:
        left = on.torch.as_tensor((a.astype(np.int16) - 128).astype(np.int8)).cuda()
        right = on.torch.as_tensor(w).cuda()
        turned = right.t().contiguous().t()  # the layout that cuBLASLt likes is the case, whichever it is
        sides["cuBLASLt, column-major"] = lambda: on.torch._int_mm(left, turned)
        sides["cuBLASLt, row-major"] = lambda: on.torch._int_mm(left, right)
        for name in [name for name in sides if name != OURS]:
            try:
                theirs = sides[name]()[:4].cpu().numpy() + 128 * w.astype(np.int32).sum(0)
                arrays.require_same_bits(name, theirs, out[:4].get())
            except RuntimeError:
                del sides[name]  # a layout that this version does not take
    return _row(on, f"int8 {size} cubed", size, sides, 0.95, "operations, not FLOP")


def _float32_sets(on: Measuring, size: int) -> list[tuple[Any, Any, Any]]:
    return [
        (
            arrays.normal(on.cupy, (size, size), 2 * seed),
            arrays.normal(on.cupy, (size, size), 2 * seed + 1),
            on.cupy.empty((size, size), np.float32),
        )
        for seed in _operands(on, size, 4)
    ]


def _torch_mm(on: Measuring, sets: list[tuple[Any, Any, Any]], allow_tf32: bool) -> Any:
    views = [tuple(arrays.torch_view(on.torch, array) for array in one) for one in sets]

    def multiply(a: Any, b: Any, out: Any) -> None:
        on.torch.backends.cuda.matmul.allow_tf32 = allow_tf32
        on.torch.mm(a, b, out=out)

    return rotating(multiply, views)


def float32(on: Measuring, size: int) -> Row:
    """One chain of fused multiply-adds an element, the CPU's bits."""
    sets = _float32_sets(on, size)
    a, b, out = sets[0]
    on.cuda.gemm(a, b, out)
    from hotloop import _native

    expected = np.empty((4, size), np.float32)
    _native.gemm(a[:4].get(), b.get(), expected)
    arrays.require_same_bits("float32", out[:4].get(), expected)
    sides: dict[str, Any] = {OURS: rotating(on.cuda.gemm, sets)}
    if on.torch is not None:
        sides[CUBLAS] = _torch_mm(on, sets, allow_tf32=False)
    return _row(on, f"float32 {size} cubed, no tensor cores", size, sides, 0.93)


def tf32(on: Measuring, size: int) -> Row:
    """float32 in and out, products of TF32."""
    sets = _float32_sets(on, size)
    a, b, out = sets[0]
    on.cuda.gemm_tensor(a, b, out)
    _check_rows(on, a, b, out, 2**-8)
    sides: dict[str, Any] = {OURS: rotating(on.cuda.gemm_tensor, sets)}
    if on.torch is not None:
        sides[CUBLAS] = _torch_mm(on, sets, allow_tf32=True)
    return _row(on, f"TF32 {size} cubed", size, sides, 0.93, f"engine {on.cuda.tensor_engine(a, b, out)}")
