"""Programs of values of all sorts: int32 labels, weights, constants, means over the batch."""

import numpy as np
import pytest

import labelled_net
from everywhere import same_everywhere
from hotloop import _native
from labelled_net import CLASSES, FEATURES, UNITS, Labelled

BATCH = 8


@pytest.mark.parametrize("threads", [1, 3])
def test_training_goes_down_the_slope_batch_by_batch(rng: np.random.Generator, threads: int) -> None:
    rows = 29  # the last batch is short
    data, order = labelled_net.data(rng, rows), rng.permutation(rows).astype(np.int32)
    net = Labelled()
    steps, total, done = net.train(data, BATCH, order, threads)
    values, expected = net.initial.astype(float), 0.0
    for first in range(0, rows, BATCH):
        x, labels, y = (array[order[first : first + BATCH]] for array in data)
        expected += float(((labelled_net.made(values, x, labels) - y) ** 2).mean(axis=1).sum())
        values = values - 0.5 * labelled_net.slope(values, x, labels, y)
    assert (steps, done) == (4, rows)
    assert total == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(net.values, values, rtol=1e-4, atol=1e-5)


def test_bits_are_the_same_everywhere(rng: np.random.Generator) -> None:
    data, order = labelled_net.data(rng, 300), rng.permutation(300).astype(np.int32)

    def compute() -> list[np.ndarray]:
        net = Labelled()
        total = net.train(data, 64, order, _native.num_threads())[1]
        return [net.values, net.gradients, np.array(total)]

    same_everywhere(compute)


@pytest.mark.parametrize("rows", [1, 3, 1000])
def test_predictions_see_the_whole_batch(rng: np.random.Generator, rows: int) -> None:
    x, labels, y = labelled_net.data(rng, rows)
    net = Labelled()
    results = [np.empty((rows, UNITS), np.float32) for _ in range(2)]
    net.program().predict([x, labels, y], results)
    expected = labelled_net.made(net.values, x, labels)
    np.testing.assert_allclose(results[0], expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(results[1], (expected - y) ** 2, rtol=1e-4, atol=1e-5)
    assert Labelled().program().evaluate([x, labels, y], [None]) == pytest.approx(
        results[1].astype(float).mean(axis=1).sum(), rel=1e-5, abs=1e-7
    )


def test_a_session_keeps_weights_and_constants(rng: np.random.Generator) -> None:
    x, labels, y = labelled_net.data(rng, 700)
    expected = np.empty((700, UNITS), np.float32)
    net = Labelled()
    _native.Program(net.graph, [net.made], net.values).predict([x, labels, y], [expected])
    net = Labelled()
    session = _native.Session(net.graph, [net.made], net.values, [], [])
    net.values[:] = np.nan
    made = np.empty_like(expected)
    session.run([x, labels, y], [made])
    assert made.tobytes() == expected.tobytes()


def test_rows_of_integers_take_the_short_way(rng: np.random.Generator) -> None:
    graph = _native.Graph()
    labels = graph.input(2, dtype="int32")
    numbers = graph.add("constant", [], {"shape": [2]}, arrays={"value": np.float32([0.5, 2.0])})
    build = labelled_net.Builder(2)
    code = labelled_net.node_arrays(build.code([build("multiply", 0, 1)]))
    made = graph.add("elementwise", [labels, numbers], arrays=code)
    session = _native.Session(graph, [made], np.zeros(0, np.float32), [(2,)], [(2,)])
    given = rng.integers(-9, 9, (3, 2)).astype(np.int32)
    np.testing.assert_array_equal(session.run_rows(given, None, False), given * np.float32([0.5, 2.0]))
    for other in (np.float32, np.uint8, np.int64, np.uint32, ">i4"):
        assert session.run_rows(given.astype(other), None, False) is None


def test_what_has_no_batch_axis_takes_the_memory_of_one_sample() -> None:
    """A million numbers that are made anew in each step: for each of so many rows they would be 80 GB."""
    side, rows = 1024, 20_000
    graph = _native.Graph()
    x = graph.input(1)
    weight = graph.add("weight", [], {"shape": [side, side], "trainable": 0}, {"value": 16})
    turned = graph.add("transpose", [weight], {"axes": [1, 0]})
    corner = graph.add("slice", [turned], {"begin": [0, side - 1], "size": [1, 1]})
    learned = graph.add("dense", [x], {"units": 1}, {"kernel": 0})
    made = graph.add("matmul", [learned, corner])
    values = np.zeros(16 + side * side, np.float32)
    values[[0, 16 + side * (side - 1)]] = 3.0, 2.0  # the corner is the other one of the weight
    gradients = np.zeros_like(values)
    program = _native.Program(graph, [made], values, gradients)
    program.set_loss([{"output": made, "loss": "values"}])
    program.set_optimizer({"kind": "sgd"}, [None] * 3, [(0, 1)])
    given = np.ones((rows, 1), np.float32)
    rates = np.zeros(1, np.float32)
    _, total, _ = program.train([given], [None], [], None, rows, 0, 1, rates, iteration=0, seed=0)
    assert total == 6.0 * rows
    assert gradients[0] == pytest.approx(2.0, rel=rows * 2.0**-24)  # a sum of so many terms


def test_a_profile_counts_what_has_no_batch_axis_once(rng: np.random.Generator) -> None:
    data, rows = labelled_net.data(rng, 64), 64
    rates = np.zeros(1, np.float32)
    parts, seconds = (
        Labelled()
        .program()
        .profile_train(list(data), [None], [], None, rows, 1, rates, iteration=0, seed=0, threads=1)
    )
    assert seconds.shape == (1, len(parts))
    assert [part["phase"] for part in parts].count("forward") == 7  # neither the weight nor the constant
    chosen = next(part for part in parts if part["phase"] == "forward" and part["node"] == 3)
    numbers = rows * CLASSES + CLASSES * UNITS + rows * UNITS
    assert chosen["bytes"] == 4 * numbers
    gathered = rows * (FEATURES + 1 + UNITS)
    assert parts[0]["bytes"] == 2 * 4 * gathered
