"""A loss that ops of the graph have computed: sums, weights and gradients of one that takes targets."""

import numpy as np
import pytest

from given_losses import FEATURES, SIZE, UNITS, Regression
from hotloop import _native

ROWS = 29  # the last batch of 8 is short


def data(rng: np.random.Generator, rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    return (
        rng.normal(size=(rows, FEATURES)).astype(np.float32),
        rng.normal(size=(rows, UNITS)).astype(np.float32),
    )


@pytest.mark.parametrize(
    "head",
    [
        {},
        {"weight": 0.3},
        {"positions": 3},
        {"positions": 3, "weight": -2.0},
        {"sum": True, "weight": 0.02},
        {"sum": True, "positions": 3, "weight": 0.01},
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_given_squared_error_is_the_losss_own(
    rng: np.random.Generator, head: dict[str, float], weighted: bool, threads: int
) -> None:
    x, y = data(rng)
    positions = int(head.get("positions", 1))
    weights = rng.uniform(0, 2, (ROWS, positions)).astype(np.float32) if weighted else None
    order = rng.permutation(ROWS).astype(np.int32)
    given, computed = Regression(True, **head), Regression(False, **head)
    first = given.evaluate(x, y, weights)
    assert first == computed.evaluate(x, y, weights)  # the same numbers in the same order of sums
    ours = given.train(x, y, weights, order=order, threads=threads)
    theirs = computed.train(x, y, weights, order=order, threads=threads)
    assert ours[::2] == theirs[::2] == (4, ROWS)
    assert ours[1] == pytest.approx(theirs[1], rel=1e-6)
    np.testing.assert_allclose(given.values, computed.values, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(given.gradients, computed.gradients, rtol=1e-4, atol=1e-6)
    assert given.evaluate(x, y, weights) == pytest.approx(computed.evaluate(x, y, weights), rel=1e-6)


def test_the_gradient_is_the_weight_by_rows_and_positions(rng: np.random.Generator) -> None:
    graph = _native.Graph()
    x = graph.input(UNITS)
    loss = graph.add("dense", [x], {"units": UNITS}, {"kernel": 0})
    values = rng.normal(size=SIZE).astype(np.float32)
    gradients = np.zeros_like(values)
    program = _native.Program(graph, [loss], values, gradients)
    program.set_loss([{"output": loss, "loss": "values", "positions": UNITS, "weight": 0.5}])
    program.set_optimizer({"kind": "sgd"}, [None] * 3, [(0, UNITS * UNITS)])
    given = rng.normal(size=(7, UNITS)).astype(np.float32)
    weights = rng.uniform(0, 2, (7, UNITS)).astype(np.float32)
    exact = (given.astype(float) @ values[: UNITS * UNITS].reshape(UNITS, UNITS)) * weights
    _, total, _ = program.train(
        [given], [None], [weights], None, 7, 0, 1, np.zeros(1, np.float32), iteration=0, seed=0
    )
    assert total == pytest.approx(0.5 / UNITS * exact.sum(), rel=1e-5)
    slope = 0.5 / (7 * UNITS) * weights
    np.testing.assert_allclose(
        gradients[: UNITS * UNITS].reshape(UNITS, UNITS), given.T.astype(float) @ slope, rtol=1e-5, atol=1e-6
    )


def test_bits_do_not_depend_on_the_team(rng: np.random.Generator) -> None:
    x, y = data(rng, 200)
    results = []
    for threads in (1, 2, 4):
        net = Regression(True)
        results.append((net.train(x, y, threads=threads), net.values.tobytes()))
    assert results[0] == results[1] == results[2]


def test_targets_are_given_to_the_losses_that_take_them(rng: np.random.Generator) -> None:
    x, y = data(rng)
    given, computed = Regression(True), Regression(False)
    with pytest.raises(ValueError, match="expected None for a loss that is a value of the program"):
        given.program.evaluate([x, y], [y])
    with pytest.raises(ValueError, match=r"an array of targets for each loss .* got None"):
        computed.program.evaluate([x], [None])
    with pytest.raises(ValueError, match="values can't fuse"):
        given.program.set_loss([{"output": 5, "loss": "values", "fuse": True}])


def test_given_and_computed_losses_stand_side_by_side(rng: np.random.Generator) -> None:
    graph = _native.Graph()
    x = graph.input(FEATURES)
    a = graph.add("dense", [x], {"units": 2}, {"kernel": 0})
    squared = graph.add("multiply", [a, a])
    b = graph.add("dense", [x], {"units": UNITS}, {"kernel": 16})
    program = _native.Program(graph, [squared, b], np.ones(SIZE, np.float32), np.zeros(SIZE, np.float32))
    program.set_loss([{"output": squared, "loss": "values"}, {"output": b, "loss": "mean_squared_error"}])
    given, y = data(rng)
    total = given.astype(float).sum(axis=1)
    expected = (total**2).sum() + ((total[:, None] - y) ** 2).mean(axis=1).sum()
    assert program.evaluate([given], [None, y]) == pytest.approx(expected, rel=1e-5)


def test_a_sum_is_that_of_a_batch(rng: np.random.Generator) -> None:
    """Summed up over batches of 8, 8, 8 and 5 rows, each times its rows: what a mean by rows is made of."""
    x, y = data(rng)
    weights = rng.uniform(0, 2, (ROWS, 1)).astype(np.float32)
    nets = [Regression(False, sum=kind, weight=0.5) for kind in (True, False)]
    for net in nets:
        net.program.set_optimizer({"kind": "sgd"}, [None] * 3, [])
    each = [nets[1].evaluate(x[at : at + 8], y[at : at + 8], weights[at : at + 8]) for at in range(0, 29, 8)]
    _, total, _ = nets[0].train(x, y, weights)
    assert total == pytest.approx(8 * sum(each[:3]) + 5 * each[3], rel=1e-6)
    nets[1].train(x[24:], y[24:], weights[24:])  # the last batch of both
    np.testing.assert_allclose(nets[0].gradients, 5 * nets[1].gradients, rtol=1e-5, atol=1e-6)
