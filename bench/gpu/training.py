"""Training beside PyTorch with CUDA graphs: an epoch over data on the GPU, Adam, softmax cross-entropy."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from gpu import arrays
from gpu.measuring import Measuring
from gpu.row import OURS, Row, compared

PART = "training"
BY_HAND, COMPILED = "PyTorch, graph by hand", "PyTorch, compiled"
CHECKED_STEPS = 5
LARGE_BATCH = 8192
# Of the way that weights went in the checked steps: Adam's first divide gradients near zero by their own
# size, and PyTorch adds epsilon elsewhere.
TOLERANCE = {"float32": 0.1, "tf32": 0.2, "mixed_bfloat16": 0.4}


def run(on: Measuring) -> None:
    """Measure the target table's networks: graphs by hand, then ``torch.compile``, which takes long."""
    precisions = ("float32", "mixed_bfloat16", "tf32")
    cases = [(name, batch, p) for p in precisions for name in _networks(on) for batch in (None, LARGE_BATCH)]
    if on.tiny:
        cases = [("tiny", None, "float32")]
    for name, batch, precision in cases:
        on.run(_title(name, batch, precision), partial(case, on, name, batch, precision, False), 8)
    if on.torch is not None and not on.tiny:
        for name, batch, precision in cases:
            title = f"{_title(name, batch, precision)}, compiled peer"
            on.run(title, partial(case, on, name, batch, precision, True), 45)


def _networks(on: Measuring) -> tuple[str, ...]:
    return ("tiny",) if on.tiny else ("mlp64", "mlp512", "mlp2048")


def _title(name: str, batch: int | None, precision: str) -> str:
    return f"{name}, batch {batch or 'as usual'}, {precision}"


class OwnTraining:
    """hotloop's side: data on the GPU, an epoch is one call of fit."""

    def __init__(self, on: Measuring, network: Any, x: Any, y: Any, precision: str) -> None:
        import hotloop as hl

        self._batch, self._x, self._y = network.batch, on.cupy.asarray(x), on.cupy.asarray(y.astype(np.int32))
        self._model = network.model()
        self._model.compile(
            optimizer=hl.optimizers.Adam(),
            loss="sparse_categorical_crossentropy",
            precision=precision,
            device="cuda",
        )
        self._model.set_weights(network.weights())

    def epoch(self, shuffle: bool = True) -> None:
        """Train on every row once."""
        self._model.fit(self._x, self._y, epochs=1, batch_size=self._batch, shuffle=shuffle, verbose=0)

    def weights(self) -> list[Any]:
        """Kernels and biases, first layer first."""
        return list(self._model.get_weights())


def case(on: Measuring, name: str, batch: int | None, precision: str, compiled: bool) -> Row:
    """One network, batch and precision."""
    from hotloop.benchmark.networks import NETWORKS

    network = NETWORKS[name]
    if batch is not None:
        network = replace(network, batch=batch)
    steps = 4 if on.tiny else 40 if batch else max(50, min(400, network.rows // network.batch))
    x, y = network.data(network.batch * steps)
    few = slice(0, network.batch * CHECKED_STEPS)
    _check(on, network, x[few], y[few], precision, compiled)
    sides = {OURS: OwnTraining(on, network, x, y, precision).epoch}
    note = "" if on.torch is not None else "no PyTorch to compare with"
    if on.torch is not None:
        from gpu.torch_training import TorchTraining

        peer = TorchTraining(on.torch, network, x, y, precision, compiled)
        sides[COMPILED if compiled else BY_HAND] = peer.epoch
    times = on.times(sides, budget=2.0, wall=True)
    title = _title(name, batch, precision) + (", compiled peer" if compiled else "")
    work = dict.fromkeys(times, network.batch * steps * 1e-6)
    return compared(PART, title, times, work, "million rows/s", 1.5, note)


def _check(on: Measuring, network: Any, x: Any, y: Any, precision: str, compiled: bool) -> None:
    """After a few steps from the same weights over the same rows, both sides are at the same place."""
    if on.torch is None:
        from hotloop.benchmark.checks import same_path

        host = network.model()
        host.fit(x, y, epochs=1, batch_size=network.batch, shuffle=False, verbose=0)
        expected = host.get_weights()
    else:
        from gpu.torch_training import TorchTraining
        from hotloop.benchmark.checks import same_path

        peer = TorchTraining(on.torch, network, x, y, precision, compiled)
        peer.epoch(shuffle=False)
        expected = peer.weights()
    ours = OwnTraining(on, network, x, y, precision)
    ours.epoch(shuffle=False)
    mine = [np.asarray(w.get() if hasattr(w, "get") else w) for w in ours.weights()]
    if not all(np.isfinite(w).all() for w in mine):
        raise arrays.DisagreementError(f"{network.name}: weights are not finite")
    same_path(network.weights(), mine, {"the other side": expected}, TOLERANCE[precision])
