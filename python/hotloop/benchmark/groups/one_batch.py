"""What a call of `train_on_batch` costs beyond the step that it makes."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterator
from functools import partial

from hotloop.benchmark.checks import same_path
from hotloop.benchmark.context import Context
from hotloop.benchmark.networks import NETWORKS, Network
from hotloop.benchmark.row import OURS, Measured, Row, at_most
from hotloop.benchmark.timing import Side

INSIDE, OVER = "step inside fit", "us over the step"
CHECKED = 5


def measure(network: Network, context: Context) -> Measured:
    """Single batches through `train_on_batch`, and the same batches as an epoch of `fit`."""
    steps = network.rows // network.batch
    x, y = network.data(steps * network.batch)
    batches = [
        (x[at : at + network.batch], y[at : at + network.batch]) for at in range(0, len(x), network.batch)
    ]
    single, whole = network.model(), network.model()

    def epoch(rows: int) -> None:
        whole.fit(x[:rows], y[:rows], epochs=1, batch_size=network.batch, shuffle=False, verbose=0)

    for batch in batches[:CHECKED]:
        single.train_on_batch(*batch)
    epoch(CHECKED * network.batch)
    same_path(network.weights(), single.get_weights(), {INSIDE: whole.get_weights()}, tolerance=0.0)

    upcoming = itertools.cycle(batches)
    train = single.train_on_batch

    def inside(calls: int) -> float:
        start = time.perf_counter()
        epoch(len(x))
        return (time.perf_counter() - start) / steps * calls

    times = context.time(
        [Side(OURS, lambda: train(*next(upcoming))), Side(INSIDE, lambda: epoch(len(x)), time=inside)]
    )
    over = [1e6 * (one - step) for one, step in zip(times[OURS].rounds, times[INSIDE].rounds, strict=True)]
    return Measured("us", 1, times, figures={OVER: statistics.median(over)})


def rows() -> Iterator[Row]:
    """One: the network whose step is shortest."""
    yield Row("one-batch", "tiny, train_on_batch", partial(measure, NETWORKS["tiny"]), (at_most(OVER, 20.0),))
