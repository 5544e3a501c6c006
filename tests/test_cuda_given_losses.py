"""Losses that ops of the graph have computed give the CPU's bits on a GPU."""

import numpy as np
import pytest

import cuda_half
from given_losses import FEATURES, UNITS, Regression

cuda = cuda_half.load()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("positions", [1, UNITS])
def test_training_and_evaluation(rng: np.random.Generator, weighted: bool, positions: int) -> None:
    rows = 29
    x = rng.normal(size=(rows, FEATURES)).astype(np.float32)
    y = rng.normal(size=(rows, UNITS)).astype(np.float32)
    weights = rng.uniform(0, 2, (rows, positions)).astype(np.float32) if weighted else None
    results = []
    for half, place in (({}, {}), ({"half": cuda}, {"place": cuda_half.on_gpu})):
        net = Regression(True, **half, **place, positions=positions, weight=0.7)
        before = net.evaluate(x, y, weights)
        done = net.train(x, y, weights)
        results.append((before, done, cuda_half.bits(net.values), net.evaluate(x, y, weights)))
    assert results[0] == results[1]
