"""Losses that ops of the graph have computed, and others beside them, give the CPU's bits on a GPU."""

import numpy as np
import pytest

import cuda_half
from given_losses import FEATURES, UNITS, Regression

cuda = cuda_half.load()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("positions", [1, UNITS])
@pytest.mark.parametrize("head", [{"weight": 0.7}, {"weight": 0.02, "sum": True}], ids=["mean", "sum"])
@pytest.mark.parametrize("given", [True, False])
def test_training_and_evaluation(
    rng: np.random.Generator, weighted: bool, positions: int, head: dict[str, float], given: bool
) -> None:
    rows = 29
    x = rng.normal(size=(rows, FEATURES)).astype(np.float32)
    y = rng.normal(size=(rows, UNITS)).astype(np.float32)
    weights = rng.uniform(0, 2, (rows, positions)).astype(np.float32) if weighted else None
    results = []
    for half, place in (({}, {}), ({"half": cuda}, {"place": cuda_half.on_gpu})):
        net = Regression(given, **half, **place, positions=positions, **head)
        before = net.evaluate(x, y, weights)
        done = net.train(x, y, weights)
        results.append((before, done, cuda_half.bits(net.values), net.evaluate(x, y, weights)))
    assert results[0] == results[1]
