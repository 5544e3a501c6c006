"""What the machine can do at most, and rows about it: Adam's memory traffic, networks as they grow."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial

import numpy as np

from hotloop import kernels
from hotloop.benchmark.checks import same_values
from hotloop.benchmark.context import Context
from hotloop.benchmark.row import OURS, Measured, Row, at_most, of_peak
from hotloop.benchmark.timing import Side
from hotloop.profiling import measure_peaks

COPY, UPDATE = "copy bandwidth", "update bandwidth"
BYTES_A_PARAMETER = 28  # Adam reads weight, gradient and both moments, and writes all but the gradient.


def peaks(context: Context) -> Measured:
    """The limits that other rows are compared with."""
    found = measure_peaks(context.threads)
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
    # A copy moves a third stream that its figure leaves out, the lines that it overwrites. So there is a
    # second limit: an update's, which reads four arrays, writes three of them back, and does nothing else.
    work = BYTES_A_PARAMETER * size
    sides += [context.stream(COPY, "copy", work), context.stream(UPDATE, "update", work)]
    return Measured("GB/s", work, context.time(sides), limits=[COPY, UPDATE])


def growth(context: Context) -> Measured:
    """The worst loss of throughput from one width of a network to the next."""
    from hotloop.benchmark.width_sweep import worst_drop

    drop, points = worst_drop(quick=context.quick)
    (width, _), (wider, _) = max(itertools.pairwise(points), key=lambda pair: 1 - pair[1][1] / pair[0][1])
    figures = {"share lost": drop, "from width": float(width), "to": float(wider)}
    return Measured(figures=figures, points=[(float(width), speed) for width, speed in points])


def rows() -> Iterator[Row]:
    """All of them; the machine's limits are `peaks`."""
    million = 10
    goals = (of_peak(COPY, 0.85),)
    yield Row("adam", f"{million} million parameters", partial(adam, million * 10**6), goals, short=True)
    yield Row("growth", "16 to 1024 units", growth, (at_most("share lost", 0.10),))
