"""Programs of values of all sorts give the CPU's bits on a GPU: labels, weights, means over the batch."""

from typing import Any

import numpy as np

import cuda_half
import labelled_net
from hotloop import _native
from labelled_net import UNITS, Labelled

cuda = cuda_half.load()
HALVES: list[tuple[Any, Any]] = [(_native, np.copy), (cuda, cuda_half.on_gpu)]


def test_training(rng: np.random.Generator) -> None:
    data, order = labelled_net.data(rng, 29), rng.permutation(29).astype(np.int32)
    results = []
    for half, place in HALVES:
        net = Labelled(half, place)
        done = net.train(data, 8, order)
        results.append((done, cuda_half.bits(net.values), cuda_half.bits(net.gradients)))
    assert results[0] == results[1]


def test_predictions_of_programs_and_sessions(rng: np.random.Generator) -> None:
    data = labelled_net.data(rng, 300)
    results = []
    for half, place in HALVES:
        for make in (half.Program, lambda *a, half=half: half.Session(*a, [], [])):
            net = Labelled(half, place)
            runner, out = make(net.graph, [net.made], net.values), place(np.zeros((300, UNITS), np.float32))
            (runner.predict if make is half.Program else runner.run)([place(a) for a in data], [out])
            results.append(cuda_half.bits(out))
    assert len(set(results)) == 1
