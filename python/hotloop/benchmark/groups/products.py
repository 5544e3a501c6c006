"""Matrix products: float32, bfloat16 and int8."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

import hotloop as hl
from hotloop import _native, kernels
from hotloop.benchmark.checks import same_values
from hotloop.benchmark.context import Context
from hotloop.benchmark.row import OURS, Measured, Row, faster, of_peak
from hotloop.benchmark.timing import Side

Array = npt.NDArray[Any]
Shape = tuple[int, int, int]  # of the product m x n and what is summed over, k

FMA_PEAK, DOT_PEAK = "FMA peak", "vpdpbusd peak"
BEST_BLAS = ("NumPy", "OpenBLAS", "oneDNN", "MKL")
SQUARE: list[Shape] = [(512, 512, 512), (1024, 1024, 1024), (2048, 2048, 2048)]
SKINNY: list[Shape] = [
    (32, 64, 784),
    (32, 10, 64),
    (64, 784, 32),
    (128, 256, 784),
    (128, 512, 512),
    (256, 1024, 1024),
    (4096, 1024, 256),
    (50000, 64, 128),
]
LAYOUTS = ("NN", "NT", "TN")
SHARED = SKINNY[4:]  # What is worth a second thread.


def matrix(rng: np.random.Generator, rows: int, columns: int, layout: str) -> Array:
    """Normal float32 numbers; with layout "T" the transposed view of a row-major array."""
    if layout == "T":
        return np.transpose(rng.standard_normal((columns, rows), dtype=np.float32))
    return rng.standard_normal((rows, columns), dtype=np.float32)


def operands(shape: Shape, layout: str) -> tuple[Array, Array, Array]:
    """Two matrices and room for their product."""
    m, n, k = shape
    rng = np.random.default_rng(0)
    a, b = matrix(rng, m, k, layout[0]), matrix(rng, k, n, layout[1])
    return a, b, np.empty((m, n), np.float32)


def own_product(name: str, a: Array, b: Array, out: Array) -> Side:
    """hotloop's side."""
    return Side(name, lambda: kernels.gemm(a, b, out=out), lambda: out)


def _check(sides: list[Side], a: Array, b: Array, tolerance: float) -> None:
    # A sample of rows in double precision: all of them would take longer than the benchmark.
    rows = np.unique(np.linspace(0, a.shape[0] - 1, 64).astype(int))
    expected = a[rows].astype(np.float64) @ b.astype(np.float64)
    results = {}
    for side in sides:
        side.run()
        if side.result is not None:
            results[side.name] = np.asarray(side.result(), np.float32)[rows]
    same_values(results, expected, tolerance)


def beside_blas(shape: Shape, layout: str, libraries: tuple[str, ...], context: Context) -> Measured:
    """Beside some of NumPy, OpenBLAS with its AVX-512 kernels, MKL and oneDNN, and the machine's limit."""
    m, n, k = shape
    a, b, out = operands(shape, layout)
    sides = [own_product(OURS, a, b, out)]
    if "NumPy" in libraries:
        context.add(sides, "numpy", lambda peer: peer.product(a, b))
    context.add(sides, "openblas", lambda peer: peer.product(shape, layout))
    context.add(sides, "pytorch", lambda peer: peer.products(a, b))
    _check(sides, a, b, tolerance=1e-4)
    work = 2.0 * m * n * k
    sides.append(context.arithmetic(FMA_PEAK, "float32", work))
    return Measured("GFLOP/s", work, context.time(sides), limits=[FMA_PEAK])


def scaling(shape: Shape, layout: str, context: Context) -> Measured:
    """hotloop's own product with all threads and with one."""
    m, n, k = shape
    a, b, out = operands(shape, layout)
    sides = [own_product(OURS, a, b, out), own_product("one thread", a, b, np.empty_like(out))]
    sides = [with_threads(sides[0], context.threads), with_threads(sides[1], 1)]
    _check(sides, a, b, tolerance=1e-4)
    return Measured("GFLOP/s", 2.0 * m * n * k, context.time(sides))


def with_threads(side: Side, threads: int) -> Side:
    """The side, on so many threads."""

    def timed(calls: int) -> float:
        before = hl.num_threads()
        hl.set_num_threads(threads)
        try:
            return Side(side.name, side.run).seconds(calls) * calls
        finally:
            hl.set_num_threads(before)

    return Side(side.name, side.run, side.result, timed)


def bfloat16(size: int, context: Context) -> Measured:
    """bfloat16 in, float32 sums, beside oneDNN."""
    a, b, _ = operands((size, size, size), "NN")
    a16, b16 = kernels.to_bf16(a), kernels.to_bf16(b)
    out = kernels.gemm_bf16(a16, b16)  # aligned to a cache line, as PyTorch's own tensors are
    sides = [Side(OURS, lambda: kernels.gemm_bf16(a16, b16, out=out), lambda: out)]
    context.add(sides, "pytorch", lambda peer: peer.bfloat16_product(a, b))
    # oneDNN's result is rounded to bfloat16: 2**-9 of values up to six times the root mean square.
    _check(sides, kernels.from_bf16(a16), kernels.from_bf16(b16), tolerance=6 * 2.0**-8)
    work = 2.0 * size**3
    limits = {
        name: context.arithmetic(name, kind, work)
        for kind, name in (("bfloat16_dot", "vdpbf16ps peak"), ("bfloat16_tiles", "tile peak"))
        if _native.has_peak(kind)
    }
    times = context.time([*sides, *limits.values()])
    return Measured("GFLOP/s", work, times, limits=list(limits))


def int8(shape: Shape, context: Context) -> Measured:
    """uint8 by int8 with bias, ReLU and the rounding to uint8 in the same pass, and NumPy in float32."""
    m, n, k = shape
    rng = np.random.default_rng(0)
    a = rng.integers(0, 256, (m, k), dtype=np.uint8)
    w = rng.integers(-127, 128, (k, n), dtype=np.int8)
    bias = rng.integers(-1000, 1000, n, dtype=np.int32)
    scale = np.full(n, 1.0 / (60 * np.sqrt(k)), np.float32)
    packed, out = kernels.pack_weights(w), np.empty((m, n), np.uint8)

    def ours() -> Array:
        return kernels.gemm_int8(a, packed, bias, scale, 10, activation="relu", out=out)

    sums = a[:16].astype(np.int64) @ w.astype(np.int64) + bias
    value = np.maximum(sums.astype(np.float32) * scale, np.float32(0))
    same_values({OURS: ours()[:16]}, np.clip(np.rint(value) + 10, 0, 255), tolerance=0)
    a32, w32, out32 = a.astype(np.float32), w.astype(np.float32), np.empty((m, n), np.float32)
    sides = [Side(OURS, ours), Side("NumPy float32", lambda: np.matmul(a32, w32, out=out32))]
    work = 2.0 * m * n * k
    limits = {DOT_PEAK: context.arithmetic(DOT_PEAK, "int8", work)}
    if _native.has_peak("int8_tiles"):
        limits["tile peak"] = context.arithmetic("tile peak", "int8_tiles", work)
    times = context.time([*sides, *limits.values()])
    return Measured("GOP/s", work, times, limits=list(limits))


def rows() -> Iterator[Row]:
    """All of them."""
    both = (of_peak(FMA_PEAK, 0.90), faster(BEST_BLAS, 1.03))
    for shape in SQUARE:
        yield Row(
            "gemm",
            dimensions(shape),
            partial(beside_blas, shape, "NN", BEST_BLAS),
            both,
            short=shape == SQUARE[1],
        )
    for shape, layout in itertools.product(SKINNY, LAYOUTS):
        measure = partial(beside_blas, shape, layout, BEST_BLAS)
        short = layout == "NN" and shape in (SKINNY[0], SKINNY[4])
        yield Row("skinny", f"{dimensions(shape)} {layout}", measure, (faster(BEST_BLAS, 1.15),), short=short)
    for shape, layout in itertools.product(SHARED, LAYOUTS):
        measure = partial(scaling, shape, layout)
        yield Row(
            "gemm-threads", f"{dimensions(shape)} {layout}", measure, (faster(("one thread",), 1.7),), 2
        )
    for size in (1024, 2048):
        goals = (faster(("oneDNN",), 1.0),)
        yield Row("bf16", dimensions((size,) * 3), partial(bfloat16, size), goals, short=size == 1024)
    shape = (256, 2048, 2048)
    yield Row("int8", dimensions(shape), partial(int8, shape), (of_peak(DOT_PEAK, 0.85),), short=True)


def dimensions(shape: tuple[int, ...]) -> str:
    """As a row's name has it.

    Examples
    --------
    >>> dimensions((32, 64, 784))
    '32x64x784'
    """
    return "x".join(map(str, shape))
