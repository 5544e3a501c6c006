"""A training step against the NumPy implementation of the same network.

pytest bench/bench_training.py --benchmark-enable

`hotloop bench --peers --only training` has PyTorch and JAX beside it too.
"""

import pytest

from hotloop.benchmark.context import Context
from hotloop.benchmark.groups.training import OwnTraining, check, prepare
from hotloop.benchmark.networks import NETWORKS
from hotloop.benchmark.peers import numpy
from side_by_side import in_turns


@pytest.mark.parametrize("name", NETWORKS)
def test_training_step(name, benchmark, tell):
    network = NETWORKS[name]
    x, y, steps = prepare(network, Context(quick=not benchmark.enabled))
    ours, theirs = OwnTraining(network, x, y), numpy.Training(network, x, y)
    check(network, ours, [theirs], tolerance=0.01)
    if not benchmark.enabled:
        return
    seconds = in_turns({side.name: side.epoch for side in (ours, theirs)})
    tell({side: 1e6 * value / steps for side, value in seconds.items()})
    benchmark.pedantic(ours.epoch, rounds=3)
