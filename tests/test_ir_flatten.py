"""Flattened graphs do the same to samples of one axis, and keep shapes where an op needs them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hotloop as hl
from graphs import inputs_for, random_models, randomise
from hotloop.ir.build import build
from hotloop.ir.graph import Graph
from hotloop.ir.passes.flatten import flatten
from hotloop.ir.pipelines import for_inference
from hotloop.ir.weights import freeze
from traced_parts import KINDS, Traced


def flattened(model: hl.Model, seed: int) -> Graph:
    """The flattened graph, which makes the bytes that the other makes."""
    graph = freeze(for_inference(randomise(model, seed).graph))
    flat = flatten(graph)
    x = [each.reshape(len(each), -1) for each in inputs_for(model)]
    before, after = build(graph).run(x), build(flat).run(x)
    assert [each.tobytes() for each in after] == [each.tobytes() for each in before]
    return flat


@given(random_models(traced=False), st.integers(0, 99))
def test_random_models_predict_the_same_bytes_without_reshapes(model: hl.Model, seed: int) -> None:
    flat = flattened(model, seed)
    assert all(len(value.shape) == 1 for value in flat.values)
    assert "reshape" not in [op.kind for op in flat]


@given(random_models(mixing=True), st.integers(0, 99))
def test_random_models_with_layers_of_ones_own_predict_the_same_bytes(model: hl.Model, seed: int) -> None:
    flattened(model, seed)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(3,), (3, 3), (2, 4)])
def test_weights_keep_their_shapes(kind: str, shape: tuple[int, ...]) -> None:
    """Of a square sample a vector of the other axis fits as well."""
    x = hl.Input(shape)
    flattened(hl.Model(x, hl.layers.Dense(2)(Traced(kind)(hl.layers.Dense(3)(x)))), 1)


def test_an_op_of_which_nothing_is_known_has_its_shapes() -> None:
    graph = Graph()
    x = graph.add_input((2, 3), name="pixels")
    graph.layer = "turn"
    turned = graph.add("transpose", [x], {"axes": (2, 1)}, shape=(3, 2))
    graph.layer = "flat"
    graph.outputs = [graph.add("reshape", [turned], shape=(6,)), graph.add("multiply", [turned, turned])]
    assert str(flatten(graph)) == (
        "%0 = input() : float32(6)  # pixels\n"
        "%1 = reshape(%0) : float32(2, 3)  # turn\n"
        "%2 = transpose(%1, axes=(2, 1)) : float32(3, 2)  # turn\n"
        "%3 = reshape(%2) : float32(6)  # turn\n"
        "%4 = multiply(%3, %3) : float32(6)  # flat\n"
        "return %3, %4"
    )


def test_the_graph_and_its_weights_stay() -> None:
    model = hl.Sequential([hl.Input((2, 2)), hl.layers.Flatten(), hl.layers.Dense(3)])
    graph = freeze(for_inference(model.graph))
    text = str(graph)
    flat = flatten(graph)
    assert str(graph) == text
    flat.ops[0].weights["kernel"] = np.zeros((4, 3), np.float32)
    assert graph.ops[-1].weights["kernel"].any()
