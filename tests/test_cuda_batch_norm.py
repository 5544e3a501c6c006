"""Batch normalisation on a GPU gives the CPU's bits, forward and backward."""

import numpy as np
import pytest

import cuda_half
from hotloop import _native

cuda = cuda_half.load()
SHAPES = [(0, 3), (1, 1), (2, 16), (7, 17), (128, 33), (129, 5), (300, 40), (64, 100), (2 * 64 * 128 + 3, 4)]
HALVES = ((_native, np.copy), (cuda, cuda_half.on_gpu))


def given(rng, rows, cols, special=False):
    x, dy, dx = rng.standard_normal((3, rows, cols)).astype("f4")
    x = (3 * x + 5).astype("f4")
    if special and rows > 3 and cols > 3:
        x[1, 0], x[2, 1], dy[1, 2], x[:, 3] = np.nan, np.inf, -np.inf, 7
        x[:, -1] *= np.float32(1e25)
    columns = rng.uniform(0.5, 2, (8, cols)).astype("f4")
    return x, dy, dx, columns


def check(results):
    here, there = results
    for name, a, b in zip(here, here.values(), there.values(), strict=True):
        assert cuda_half.bits(a) == cuda_half.bits(b), name


@pytest.mark.parametrize(("rows", "cols"), SHAPES)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("scaled", [True, False])
def test_forward(rng, rows, cols, training, scaled):
    for special, in_place in ((False, False), (True, True)):
        x, _, _, columns = given(rng, rows, cols, special)
        results = []
        for half, put in HALVES:
            arrays = {
                "x": put(x),
                "moving_mean": put(columns[0]),
                "moving_variance": put(columns[1]),
                "gamma": put(columns[2]) if scaled else None,
                "beta": put(columns[3]) if scaled else None,
                "mean": put(columns[4]) if training else None,
                "inverse": put(columns[5]) if training else None,
            }
            arrays["y"] = arrays["x"] if in_place else put(np.zeros_like(x))
            half.batch_norm(**arrays, epsilon=1e-3, momentum=0.9)
            results.append({name: a for name, a in arrays.items() if a is not None})
        check(results)


@pytest.mark.parametrize(("rows", "cols"), SHAPES)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "wanted", [("dx", "dgamma", "dbeta"), ("dx",), ("dgamma",), ("dbeta",), ()], ids=lambda w: "+".join(w)
)
def test_backward(rng, rows, cols, training, wanted):
    for special, accumulate, accumulate_gamma, accumulate_beta in (
        (False, False, True, True),
        (False, True, True, False),
        (False, False, False, True),
        (True, False, False, False),
    ):
        x, dy, dx, columns = given(rng, rows, cols, special)
        outputs = {"dx": dx, "dgamma": columns[3], "dbeta": columns[4]}
        results = []
        for half, put in HALVES:
            arrays = {name: put(outputs[name]) for name in wanted}
            half.batch_norm_backward(
                put(x),
                put(dy),
                put(columns[0]),
                put(columns[1]),
                training,
                gamma=None if special else put(columns[2]),
                **arrays,
                accumulate=accumulate,
                accumulate_gamma=accumulate_gamma,
                accumulate_beta=accumulate_beta,
            )
            results.append(arrays)
        check(results)
