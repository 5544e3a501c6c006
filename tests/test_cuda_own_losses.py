"""Losses that users write give the CPU's bits on a GPU, with all rows there or a part of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cuda_half

cuda_half.load()

import cupy  # noqa: E402 - the stand-in's folder is known now

import hotloop as hl  # noqa: E402
import own_losses  # noqa: E402
from hotloop.training import staging  # noqa: E402
from own_losses import data, regression  # noqa: E402

LOSSES = {
    "huber": own_losses.huber,
    "class": own_losses.Huber(0.5),
    "quantile": own_losses.quantile,
    "of the batch": own_losses.spread,
    "sum": own_losses.Huber(reduction="sum"),
    "native sum": hl.losses.Huber(reduction="sum"),
}


def fit(where: str, loss: Any, x: Any, y: Any, weights: Any = None, **options: Any) -> list[Any]:
    model = regression()
    model.compile(hl.optimizers.Adam(0.01), loss=loss, metrics=["mae"], device=where)
    history = model.fit(x, y, sample_weight=weights, batch_size=8, epochs=2, verbose=0, **options).history
    assert model.device == where
    evaluated = model.evaluate(x, y, batch_size=20, sample_weight=weights, verbose=0)
    stepped = model.train_on_batch(x[:9], y[:9])
    return [history, evaluated, stepped, *(w.tobytes() for w in model.get_weights())]


@pytest.mark.parametrize("name", LOSSES)
def test_training_and_evaluation_have_the_bits_of_the_cpu(name: str, rng: np.random.Generator) -> None:
    x, y = data(rng)
    weights = rng.uniform(0.5, 2, len(x)).astype(np.float32)
    here, there = (fit(each, LOSSES[name], x, y, weights, validation_split=0.3) for each in ("cpu", "cuda"))
    assert here == there
    assert fit("cuda", LOSSES[name], cupy.asarray(x), cupy.asarray(y)) == fit("cpu", LOSSES[name], x, y)


@pytest.mark.parametrize("name", ["huber", "of the batch"])
def test_more_data_than_fits(name: str, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    if not cuda_half.is_emulated():
        pytest.skip("needs the stand-in for CuPy")
    x, y = data(rng, 400)
    weights = rng.uniform(0.5, 2, len(x)).astype(np.float32)
    whole = fit("cuda", LOSSES[name], x, y, weights)
    streams = []
    real = staging.Streamed.__init__

    def streamed(self: Any, *given: Any) -> None:
        streams.append(given[-1])
        real(self, *given)

    monkeypatch.setattr(staging.Streamed, "__init__", streamed)
    monkeypatch.setattr(cupy.cuda, "most_bytes", 65_000)
    assert fit("cuda", LOSSES[name], x, y, weights) == whole
    assert streams
    assert max(streams) < len(x)
