"""Normalisation and rescaling go into the weights of the products around them, where that is exact."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hotloop as hl
from graphs import inputs_for, random_models, randomise
from hotloop.ir.build import build
from hotloop.ir.graph import Graph, Value
from hotloop.ir.lower import lower
from hotloop.ir.passes.fold import fold
from hotloop.ir.pipelines import Purpose, for_inference, run
from hotloop.ir.spread import evens_out, takes_offsets_off

X = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)


def numbers(*shape: int, low: float = -1.0) -> np.ndarray:
    return np.random.default_rng(shape[0]).uniform(low, 1.0, shape).astype(np.float32)


def start() -> tuple[Graph, Value]:
    graph = Graph()
    return graph, graph.add_input((6,))


def dense(graph: Graph, x: Value, units: int, last_axis: int = 6, **attributes: str) -> Value:
    how = {"units": units, "last_axis": last_axis, **attributes}
    weights = {"kernel": numbers(last_axis, units), "bias": numbers(units)}
    return graph.add("dense", [x], how, weights, shape=(x.features // last_axis * units,))


def batch_norm(graph: Graph, x: Value, size: int, spread: float = 1.0) -> Value:
    weights = {
        "gamma": numbers(size),
        "beta": numbers(size),
        "moving_mean": numbers(size),
        "moving_variance": np.linspace(1.0, spread**2, size).astype(np.float32),
    }
    return graph.add("batch_norm", [x], {"last_axis": size, "epsilon": 1e-3}, weights)


def rescale(graph: Graph, x: Value) -> Value:
    return graph.add("rescale", [x], {"scale": 0.5, "offset": 0.25})


def kinds_and_outputs(graph: Graph, *outputs: Value) -> tuple[list[str], list[np.ndarray]]:
    """What the graph consists of once folded, when its outputs are as close to those before as float32 is."""
    graph.outputs = outputs
    before = build(graph).run([X])
    fold(graph)
    after = build(graph).run([X])
    for one, other in zip(before, after, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-5)
    return [op.kind for op in graph], after


@pytest.mark.parametrize("last_axis", [6, 3, 2])
def test_both_go_into_the_product_before_them(last_axis: int) -> None:
    graph, x = start()
    made = dense(graph, x, 4, last_axis)
    kinds, _ = kinds_and_outputs(graph, rescale(graph, batch_norm(graph, made, 4)))
    assert kinds == ["dense"]


@pytest.mark.parametrize("last_axis", [6, 3])
@pytest.mark.parametrize("normalised", [False, True])
def test_each_goes_into_all_products_behind_it(last_axis: int, normalised: bool) -> None:
    graph, x = start()
    changed = batch_norm(graph, x, 3) if normalised else rescale(graph, x)
    kinds, _ = kinds_and_outputs(graph, dense(graph, changed, 4, last_axis), dense(graph, changed, 2))
    assert kinds == ["dense", "dense"]


def test_what_would_not_be_exact_stays() -> None:
    graph, x = start()
    wanted = batch_norm(graph, x, 6)  # an output as well
    active = dense(graph, wanted, 4, activation="relu", alpha=0.0, beta=0.0)
    normalised = batch_norm(graph, active, 4)  # behind an activation, in front of an op that is no product
    several = dense(graph, wanted, 4)
    summed = graph.add("add", [normalised, rescale(graph, several)])
    kinds, _ = kinds_and_outputs(graph, wanted, summed, several)
    assert kinds == ["batch_norm", "dense", "batch_norm", "dense", "rescale", "add"]


def test_vectors_that_do_not_line_up_with_the_kernel_stay() -> None:
    graph, x = start()
    kinds, _ = kinds_and_outputs(graph, dense(graph, batch_norm(graph, x, 6), 4, last_axis=3))
    assert kinds == ["batch_norm", "dense"]
    graph, x = start()
    kinds, _ = kinds_and_outputs(graph, batch_norm(graph, dense(graph, x, 4), 2))
    assert kinds == ["dense", "batch_norm"]


def test_a_weight_that_products_share_is_changed_for_one_alone() -> None:
    graph, x = start()
    first = dense(graph, x, 4)
    shared = graph.producer(first).weights
    second = graph.add("dense", [x], {"units": 4, "last_axis": 6}, shared, shape=(4,))
    kinds, outputs = kinds_and_outputs(graph, rescale(graph, first), second)
    assert kinds == ["dense", "dense"]
    np.testing.assert_allclose(outputs[0], 0.5 * outputs[1] + 0.25, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("spread", [2.0, 10.0])
def test_what_was_normalised_is_told_unless_its_columns_are_unlike(spread: float) -> None:
    graph, x = start()
    graph.outputs = [dense(graph, batch_norm(graph, x, 6, spread), 4)]
    assert evens_out(graph.ops[0]) == (spread > 4)
    assert fold(graph) == ({x} if spread < 4 else set())


def test_a_normalisation_may_be_kept_in_front_but_not_behind() -> None:
    graph, x = start()
    graph.outputs = [batch_norm(graph, dense(graph, batch_norm(graph, x, 6), 4), 4)]
    fold(graph, keep=lambda _: True)
    assert [op.kind for op in graph] == ["batch_norm", "dense"]


@pytest.mark.parametrize("mean", [3.0, 5.0])
def test_columns_far_from_zero_are_seen(mean: float) -> None:
    graph, x = start()
    batch_norm(graph, x, 6)
    graph.ops[0].weights["moving_mean"][2] = -mean
    assert takes_offsets_off(graph.ops[0]) == (mean > 4)


@given(random_models(mixing=True), st.integers(0, 99))
def test_random_models_predict_the_same_once_folded(model: hl.Model, seed: int) -> None:
    randomise(model, seed)
    folded, _ = run(lower(model.graph), Purpose.FOLDING, keep=None)
    x = [each.reshape(len(each), -1) for each in inputs_for(model)]
    (before,), (after,) = build(for_inference(model.graph)).run(x), build(folded).run(x)
    np.testing.assert_allclose(after, before, atol=1e-4 * (1 + np.abs(before).max()))
