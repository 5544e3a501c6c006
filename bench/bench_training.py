"""A training step against the NumPy implementation of the same network.

pytest bench/bench_training.py --benchmark-enable
"""

import pytest

from side_by_side import in_turns
from training_cases import CASES, assert_same_training


@pytest.mark.parametrize("name", CASES)
def test_training_step(name, benchmark, tell):
    case = CASES[name]
    assert_same_training(case)
    if not benchmark.enabled:
        return
    sides = case.epochs()
    seconds = in_turns(sides, rounds=7 if name != "mlp2048" else 3)
    tell({side: 1e6 * value / case.steps() for side, value in seconds.items()})
    benchmark.pedantic(sides["hotloop"], rounds=3)
