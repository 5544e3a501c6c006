"""Prediction in int8 beside the same network in bfloat16, rows on the GPU."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from gpu import arrays
from gpu.measuring import Measuring
from gpu.row import OURS, Row, compared

PART = "inference"
OWN_BF16 = "own bfloat16"
CALIBRATION_ROWS = 512


def run(on: Measuring) -> None:
    """Measure int8 against bfloat16 at every batch of the target table."""
    name = "tiny" if on.tiny else "mlp2048"
    for batch in (64,) if on.tiny else (1024, 4096, 16_384):
        on.run(f"{name} int8, batch {batch:,}", partial(int8, on, name, batch), 8)


def int8(on: Measuring, name: str, batch: int) -> Row:
    """Sessions with final weights, both of the same model."""
    import hotloop as hl
    from hotloop.benchmark.networks import NETWORKS

    network = NETWORKS[name]
    x, _ = network.data(max(batch, CALIBRATION_ROWS))
    sessions: dict[str, Any] = {}
    for side, precision in ((OURS, "int8"), (OWN_BF16, "bf16")):
        calibration = x[:CALIBRATION_ROWS]
        small = hl.quantize_model(network.model(), precision=precision, calibration_data=calibration)
        expected = small.predict(x[:64])
        small.device = "cuda"
        sessions[side] = hl.freeze(small, batch_size=batch)
        got = _host(sessions[side].run(on.cupy.asarray(x[:batch])))[:64]
        # int8 layers give the CPU's bytes; the softmax at the end is float32 on both.
        arrays.require_close(
            f"{side} beside the CPU", got, expected[: len(got)], 1e-5 if precision == "int8" else 0.02
        )
    rows = on.cupy.asarray(x[:batch])
    times = on.times({side: partial(session.run, rows) for side, session in sessions.items()}, wall=True)
    work = dict.fromkeys(times, batch * 1e-6)
    return compared(PART, f"{name} int8, batch {batch:,}", times, work, "million rows/s", 1.3)


def _host(values: Any) -> Any:
    return np.asarray(values.get() if hasattr(values, "get") else values)
