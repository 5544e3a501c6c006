"""From which size on the GPU wins against this machine's own CPU on two threads."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from gpu import arrays
from gpu.measuring import Measuring
from gpu.row import OURS, Row, compared

PART = "crossover"
CPU = "own CPU, 2 threads"


def run(on: Measuring) -> None:
    """Products and training steps over sizes, and prediction of one row up to many."""
    for size in (32, 64) if on.tiny else (32, 64, 128, 256, 512, 1024, 2048):
        on.run(f"float32 product {size} cubed", partial(product, on, size), 3)
    names = ("tiny",) if on.tiny else ("tiny", "mlp64", "mlp512", "mlp2048")
    for name in names:
        for batch in (1, 32) if on.tiny else (1, 16, 256, 4096):
            on.run(f"prediction {name}, batch {batch:,}", partial(prediction, on, name, batch), 4)
    for name in names:
        for batch in (32,) if on.tiny else (32, 256, 2048, 8192):
            on.run(f"training {name}, batch {batch:,}", partial(training, on, name, batch), 6)


def product(on: Measuring, size: int) -> Row:
    """Both where the operands lie: copying them is not counted."""
    from hotloop import _native

    a, b = (arrays.normal(on.cupy, (size, size), seed) for seed in (1, 2))
    out, host_a, host_b = on.cupy.empty((size, size), np.float32), a.get(), b.get()
    host_out = np.empty((size, size), np.float32)
    on.cuda.gemm(a, b, out)
    _native.gemm(host_a, host_b, host_out)
    arrays.require_same_bits("float32", out.get(), host_out)
    sides = {OURS: lambda: on.cuda.gemm(a, b, out), CPU: lambda: _native.gemm(host_a, host_b, host_out)}
    times = on.times(sides, budget=0.5, wall=True)
    work = dict.fromkeys(times, 2e-9 * size**3)
    return compared(PART, f"float32 product {size} cubed", times, work, "GFLOP/s")


def training(on: Measuring, name: str, batch: int) -> Row:
    """The same fit on both, data where the device is."""
    from gpu.training import OwnTraining
    from hotloop.benchmark.networks import NETWORKS

    network = replace(NETWORKS[name], batch=batch)
    steps = 2 if on.tiny else max(2, min(100, 20_000 // batch))
    x, y = network.data(batch * steps)
    ours = OwnTraining(on, network, x, y, "float32")
    model = network.model()

    def cpu() -> Any:
        return model.fit(x, y, epochs=1, batch_size=batch, verbose=0)

    times = on.times({OURS: ours.epoch, CPU: cpu}, budget=1.0, wall=True)
    return compared(
        PART,
        f"training {name}, batch {batch:,}",
        times,
        dict.fromkeys(times, batch * steps * 1e-6),
        "million rows/s",
    )


def prediction(on: Measuring, name: str, batch: int) -> Row:
    """Sessions of one model on both, rows where the device is: copying them is not counted."""
    import hotloop as hl
    from hotloop.benchmark.networks import NETWORKS

    network = NETWORKS[name]
    x = network.data(batch)[0][:batch]
    rows, model = on.cupy.asarray(x), network.model()
    cpu = hl.freeze(model, batch_size=batch)
    expected = np.array(cpu.run(x))
    on_gpu = network.model()
    on_gpu.set_weights(model.get_weights())
    on_gpu.device = "cuda"
    ours = hl.freeze(on_gpu, batch_size=batch)
    got = ours.run(rows)
    arrays.require_same_bits(name, np.asarray(got.get() if hasattr(got, "get") else got), expected)
    times = on.times({OURS: partial(ours.run, rows), CPU: partial(cpu.run, x)}, budget=0.5, wall=True)
    work = dict.fromkeys(times, batch * 1e-6)
    return compared(PART, f"prediction {name}, batch {batch:,}", times, work, "million rows/s")
