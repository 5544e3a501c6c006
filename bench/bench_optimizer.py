"""Optimizer steps against NumPy, in cache (a small network's parameters) and out of it.

pytest bench/bench_optimizer.py --benchmark-enable
"""

import numpy as np
import pytest

from hotloop.kernels.optimizer import adam_step, rmsprop_step, sgd_step

SIZES = [50_890, 4_000_000]


def numpy_sgd(w, g, v, a, b):
    v *= 0.9
    v -= 0.01 * g
    w += v


def numpy_rmsprop(w, g, r, a, b):
    r *= 0.9
    r += 0.1 * g * g
    w -= 0.001 * g / np.sqrt(r + 1e-7)


def numpy_adam(w, g, m, v, b):
    m += 0.1 * (g - m)
    v += 0.001 * (g * g - v)
    w -= 0.001 * np.sqrt(1 - 0.999**3) / (1 - 0.9**3) * m / (np.sqrt(v) + 1e-7)


RULES = {
    "sgd with momentum": (numpy_sgd, lambda w, g, v, a, b: sgd_step(w, g, v, momentum=0.9)),
    "rmsprop": (numpy_rmsprop, lambda w, g, r, a, b: rmsprop_step(w, g, r)),
    "adam": (numpy_adam, lambda w, g, m, v, b: adam_step(w, g, m, v, step=3)),
}


def arrays(n):
    rng = np.random.default_rng(0)
    return [*rng.normal(size=(2, n)).astype(np.float32), *np.zeros((3, n), np.float32)]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", RULES)
def test_optimizer_step(name, n, compare):
    theirs, ours = RULES[name]
    checked, expected = arrays(n), arrays(n)
    ours(*checked)
    theirs(*expected)
    np.testing.assert_allclose(checked[0], expected[0], rtol=1e-5, atol=1e-6)
    compare(lambda: ours(*checked), lambda: theirs(*expected))
