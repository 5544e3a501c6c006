"""What the machine can do at most, and rows about it: Adam's memory traffic, networks as they grow."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from hotloop import kernels
from hotloop.benchmark.checks import same_values
from hotloop.benchmark.context import Context
from hotloop.benchmark.row import OURS, Measured, Row, at_most, of_peak
from hotloop.benchmark.timing import Side

BYTES_A_PARAMETER = 28  # Adam reads weight, gradient and both moments, and writes all but the gradient.


def peaks(context: Context) -> Measured:
    """The limits that other rows are compared with."""
    found = context.peaks()
    figures = {
        "float32 GFLOP/s": found.float32_gflops,
        "bfloat16 GFLOP/s": found.bfloat16_gflops,
        "int8 GOP/s": found.int8_gops,
        "int8 in tiles GOP/s": found.int8_amx_gops,
        **{f"copy in {level.name} GB/s": level.copy_gbs for level in found.levels},
    }
    return Measured(figures={name: value for name, value in figures.items() if value is not None})


def adam(size: int, context: Context) -> Measured:
    """One step over many parameters, which no cache holds, against the copy bandwidth."""
    rng = np.random.default_rng(0)
    weights, gradients = rng.standard_normal((2, size), dtype=np.float32)
    m, v = np.zeros((2, size), np.float32)
    before, few = weights[:1000].astype(np.float64), gradients[:1000].astype(np.float64)
    kernels.adam_step(weights, gradients, m, v, step=1)
    expected = before - 1e-3 * np.sqrt(1 - 0.999) / 0.1 * 0.1 * few / (np.sqrt(0.001 * few**2) + 1e-7)
    same_values({OURS: weights[:1000]}, expected, tolerance=1e-6)
    sides = [Side(OURS, lambda: kernels.adam_step(weights, gradients, m, v, step=1))]
    context.add(sides, "numpy", lambda peer: peer.adam(weights, gradients, m, v))
    times, most = context.time_beside_peaks(sides)
    result = Measured("GB/s", BYTES_A_PARAMETER * size, times, peak=most(lambda peaks: peaks.copy_gbs))
    # A copy's hidden third stream, the lines that it overwrites, is not counted in its bandwidth.
    result.roof = most(lambda peaks: peaks.level("memory").update_gbs)
    return result


def growth(context: Context) -> Measured:
    """The worst loss of throughput from one width of a network to the next."""
    from hotloop.benchmark.width_sweep import worst_drop

    drop, curve = worst_drop(quick=context.quick)
    figures = {f"width {width}, GFLOP/s": speed / 1e9 for width, speed in curve}
    return Measured(figures={"share lost": drop, **figures})


def rows() -> Iterator[Row]:
    """All of them; the machine's limits are `peaks`."""
    million = 10
    goals = (of_peak("copy bandwidth", 0.85),)
    yield Row("adam", f"{million} million parameters", partial(adam, million * 10**6), goals, short=True)
    yield Row("growth", "16 to 1024 units", growth, (at_most("share lost", 0.10),))
