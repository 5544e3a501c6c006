"""Sums of squares and of absolutes by blocks, and clipping by the norms made of them."""

from typing import Any

import numpy as np
import pytest

from everywhere import same_everywhere
from hotloop import _native
from tolerance import EPS32, assert_close


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 4095, 4096, 4097, 4096 + 63, 200_003])
def test_block_sums(n: int) -> None:
    x = np.random.default_rng(n).normal(size=n).astype(np.float32)
    squares, absolutes = same_everywhere(
        lambda: [_native.sum_squares_blocks(x), _native.sum_absolute_blocks(x)]
    )
    starts = range(0, n, 4096)
    # At most 64 terms in a chain, then the fold of 4 chains of 16 lanes.
    assert_close(squares, np.array([np.sum(x[b : b + 4096].astype(float) ** 2) for b in starts]), ulps=70)
    assert_close(
        absolutes, np.array([np.sum(np.abs(x[b : b + 4096].astype(float))) for b in starts]), ulps=70
    )


LARGE = {
    "two": np.array([3e19, 4e19], np.float32),
    "the largest": np.full(4096, np.finfo(np.float32).max),
    "one of many": np.concatenate([np.ones(9000, np.float32), np.float32([1e20]), np.ones(99, np.float32)]),
    "a sum alone": np.full(5000, 5e17, np.float32),
}


@pytest.mark.parametrize("x", LARGE.values(), ids=LARGE)
def test_block_sums_beyond_float32(x: np.ndarray) -> None:
    """A block whose sum is infinite in float32 is kept 2^160 times smaller and less than zero."""
    squares, absolutes = same_everywhere(
        lambda: [_native.sum_squares_blocks(x), _native.sum_absolute_blocks(x)]
    )
    for got, term in ((squares, np.square), (absolutes, np.abs)):
        blocks = [float(term(x[b : b + 4096].astype(float)).sum()) for b in range(0, len(x), 4096)]
        for sum_, exact in zip(got.astype(float), blocks, strict=True):
            assert (sum_ < 0) == (exact > float(np.finfo(np.float32).max))
            assert (-sum_ * 2.0**160 if sum_ < 0 else sum_) == pytest.approx(exact, rel=70 * EPS32)


def test_block_sums_keep_infinity_and_nan(isa: str) -> None:
    for bad in (np.inf, -np.inf, np.nan):
        x = np.ones(5000, np.float32)
        x[4500] = bad
        for blocks in (_native.sum_squares_blocks(x), _native.sum_absolute_blocks(x)):
            assert blocks[0] == 4096
            assert np.isnan(blocks[1]) if np.isnan(bad) else np.isinf(blocks[1])


def moved_by(half: Any, put: Any, gradients: np.ndarray, **clip: float) -> Any:
    """How one step of rate 1 against these gradients moves weights, clipped by norm."""
    graph = half.Graph()
    n = len(gradients)
    attributes = {"units": n, "last_axis": 1, "activation": "linear"}
    output = graph.add("dense", [graph.input(1)], attributes=attributes, parameters={"kernel": 0})
    arenas = [put(np.zeros(-(-n // 16) * 16, np.float32)) for _ in range(2)]
    program = half.Program(graph, [output], *arenas)
    program.set_loss([{"output": output, "loss": "half_squared_error"}])  # whose gradient is p - y
    program.set_optimizer({"kind": "sgd"}, [None] * 3, [(0, n)], **clip)
    program.train(
        [put(np.ones((1, 1), np.float32))],
        [put(gradients[None])],
        weights=None,
        order=None,
        batch_size=1,
        first_step=0,
        steps=1,
        learning_rates=np.ones(1, np.float32),
        iteration=0,
        seed=0,
    )
    return arenas[0][:n]


@pytest.mark.parametrize("clip", ["clipnorm", "global_clipnorm"])
def test_clipping_by_a_norm_beyond_float32(isa: str, threads: int, clip: str) -> None:
    for gradients in LARGE.values():
        norm = np.sqrt(np.square(gradients.astype(float)).sum())
        # 1 / norm can be so small that float32 holds it to 2^-149.
        rtol = 4 * EPS32 + 2.0**-149 * norm
        np.testing.assert_allclose(
            moved_by(_native, np.copy, gradients, **{clip: 1.0}), gradients / norm, rtol=rtol
        )
