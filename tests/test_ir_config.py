"""Graphs come back from JSON as they were, what is none is refused; plans of old files become graphs."""

import copy
import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hotloop as hl
from graphs import inputs_for, random_models, randomise
from hotloop.ir.build import build
from hotloop.ir.config import graph_config, graph_from_config, require_finite
from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.old_plan import upgraded
from hotloop.ir.pipelines import for_inference
from hotloop.ir.weights import freeze, tensors
from hotloop.saving.container import read_container

OLD = Path(__file__).with_name("files") / "2026-12"


def example() -> Graph:
    """All that a graph may hold."""
    kernel = np.arange(12, dtype=np.float32).reshape(4, 3)
    graph = Graph()
    x = graph.add_input((2, 2), "int32", "pixels")
    graph.layer = "dense"
    scale = graph.add("constant", [x], constants={"value": np.ones(4, np.int8)}, shape=(4,), batched=False)
    attributes = {
        "units": 3,
        "last_axis": 4,
        "axes": (0, 1),
        "ends": (0.5, math.inf),
        "low": -math.inf,
        "fuse": True,
        "kind": "relu",
    }
    left, right = Value((3,)), Value((1, 3), "uint8")
    graph.insert(Op("dense", [x, scale], [left, right], attributes, {"kernel": kernel}, {}, "dense"))
    again = graph.add("dense", [left], {"units": 3, "last_axis": 4}, {"kernel": kernel}, shape=(3,))
    graph.insert(Op("loss", [again], []))
    graph.outputs = [again, right, again]
    return graph


def through_json(graph: Graph) -> Graph:
    config = json.loads(json.dumps(graph_config(graph), allow_nan=False))
    return graph_from_config(config, tensors(graph))


def predict(graph: Graph, inputs: list[np.ndarray]) -> list[bytes]:
    built = build(graph)
    outputs = [np.empty((len(inputs[0]), size), np.float32) for size in built.features]
    built.program.predict([x.reshape(len(x), -1) for x in inputs], outputs)
    return [output.tobytes() for output in outputs]


def test_all_that_a_graph_may_hold_comes_back() -> None:
    graph = example()
    twin = through_json(graph)
    assert str(twin) == str(graph)
    for before, after in zip(graph, twin, strict=True):
        assert after.attributes == before.attributes
        assert {k: type(v) for k, v in after.attributes.items()} == {
            k: type(v) for k, v in before.attributes.items()
        }
    dense, again = twin.ops[1:3]
    assert dense.weights["kernel"] is again.weights["kernel"]
    assert dense.weights["kernel"].tolist() == graph.ops[1].weights["kernel"].tolist()


@given(random_models(), st.integers(0, 99))
def test_random_models_predict_the_same_bytes(model: hl.Model, seed: int) -> None:
    graph = freeze(for_inference(randomise(model, seed).graph))
    twin = through_json(graph)
    assert str(twin) == str(graph)
    assert predict(twin, inputs_for(model)) == predict(graph, inputs_for(model))


def test_a_graph_of_live_weights_is_not_written() -> None:
    model = hl.Sequential([hl.layers.Dense(2, input_shape=(3,))])
    with pytest.raises(TypeError, match="freeze it first"):
        graph_config(for_inference(model.graph))


def spoiled(config: Any, rng: random.Random) -> None:
    """Put something else into one place of JSON values."""
    places: list[tuple[Any, Any]] = []

    def walk(item: Any) -> None:
        keys = item if isinstance(item, dict) else range(len(item)) if isinstance(item, list) else ()
        for key in keys:
            places.append((item, key))
            walk(item[key])

    walk(config)
    holder, key = rng.choice(places)
    holder[key] = rng.choice([None, -1, 2**70, "x", [], {}, [None], 1.5, [2**40], True, float("nan")])


def test_what_is_no_graph_is_refused_in_known_ways() -> None:
    graph = example()
    config, arrays = graph_config(graph), tensors(graph)
    rng = random.Random(0)
    refused = 0
    for _ in range(500):
        bad = copy.deepcopy(config)
        spoiled(bad, rng)
        try:
            graph_from_config(bad, arrays)
        except (ValueError, TypeError, KeyError):
            refused += 1
    assert refused > 300


def test_a_weight_of_another_shape_or_type_is_refused() -> None:
    graph = example()
    config, arrays = graph_config(graph), tensors(graph)
    name = config["ops"][1]["weights"]["kernel"]
    for bad in (np.zeros((3, 4), np.float32), np.zeros((4, 3), np.float64)):
        with pytest.raises(ValueError, match=r"weight 'kernel' of layer 'dense': .*\(4, 3\)"):
            graph_from_config(config, {**arrays, name: bad})


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_found(bad: float) -> None:
    graph = example()
    with pytest.raises(ValueError, match="attribute 'low' is -inf, not finite"):
        require_finite(graph)
    graph.ops[1].attributes["low"] = 0.0
    require_finite(graph)
    graph.ops[1].weights["kernel"][0, 0] = bad
    with pytest.raises(ValueError, match="'kernel' holds NaN or infinity"):
        require_finite(graph)


@pytest.mark.parametrize("name", ["int8", "int8_sequential", "int8_dynamic", "bf16"])
def test_plans_of_old_files_become_graphs_that_predict_the_same_bytes(name: str) -> None:
    model, file = hl.load_model(OLD / f"{name}.hotloop"), read_container(OLD / f"{name}.hotloop")
    graph = graph_from_config(upgraded(file.config, file.tensors), file.tensors)
    require_finite(graph)
    rng = np.random.default_rng(0)
    inputs = [rng.random((5, *shape), dtype=np.float32) for shape in model.input_shapes]
    answers = model.predict(inputs if len(inputs) > 1 else inputs[0])
    expected = [a.tobytes() for a in (answers if isinstance(answers, list) else [answers])]
    assert predict(graph, inputs) == expected
    assert predict(through_json(graph), inputs) == expected


def test_what_is_no_plan_is_refused_in_known_ways() -> None:
    file = read_container(OLD / "int8.hotloop")
    plan = {key: file.config[key] for key in ("inputs", "ops", "outputs")}
    rng = random.Random(1)
    refused = 0
    for _ in range(300):
        bad = copy.deepcopy(plan)
        spoiled(bad, rng)
        try:
            graph_from_config(upgraded(bad, file.tensors), file.tensors)
        except (ValueError, TypeError, KeyError):
            refused += 1
    assert refused > 150
