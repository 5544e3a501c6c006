"""Graphs of ops become native programs: of live parameters, and of frozen arrays."""

from typing import Any

import numpy as np
import pytest

from hotloop.graph.parameters import Parameter, ParameterStore
from hotloop.ir.build import Built, build, native_graph
from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.weights import freeze

RNG = np.random.default_rng(0)


def made_parameters() -> dict[str, Parameter]:
    made = {
        "kernel": Parameter("kernel", (4, 3), layer_name="dense"),
        "bias": Parameter("bias", (3,), layer_name="dense"),
    }
    ParameterStore().add(made.values())
    for parameter in made.values():
        parameter.value[...] = RNG.normal(size=parameter.shape)
    return made


def dense_graph(weights: dict[str, Parameter]) -> tuple[Graph, dict[str, Value]]:
    """(2, 2) -> reshape -> dense 3 -> relu, and the dense's value times two."""
    graph = Graph()
    graph.layer = "dense"
    x = graph.add_input((2, 2))
    flat = graph.add("reshape", [x], shape=(4,))
    dense = graph.add("dense", [flat], {"units": 3, "last_axis": 4}, weights, shape=(3,))
    relu = graph.add("activation", [dense], {"kind": "relu", "alpha": 0.0, "beta": 0.0, "last_axis": 3})
    twice = graph.add("rescale", [dense], {"scale": 2.0, "offset": 0.0})
    graph.outputs = [relu, twice]
    return graph, {"x": x, "flat": flat, "dense": dense, "relu": relu, "twice": twice}


def predict(built: Built, x: np.ndarray) -> list[np.ndarray]:
    outputs = [np.empty((len(x), size), np.float32) for size in built.features]
    built.program.predict([x], outputs)
    return outputs


def test_a_program_of_live_parameters_follows_them_and_one_of_frozen_ones_does_not() -> None:
    weights = made_parameters()
    graph, _ = dense_graph(weights)
    live, frozen = build(graph), build(freeze(graph))
    x = RNG.normal(size=(5, 4)).astype(np.float32)
    kernel, bias = weights["kernel"].numpy(), weights["bias"].numpy()
    product = x.astype(np.float64) @ kernel + bias
    for built in (live, frozen):
        relu, twice = predict(built, x)
        np.testing.assert_allclose(relu, np.maximum(product, 0), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(twice, 2 * product, rtol=1e-5, atol=1e-6)
    weights["kernel"].value[...] = 0
    assert predict(live, x)[1].tolist() == np.tile(2 * bias, (5, 1)).tolist()
    np.testing.assert_allclose(predict(frozen, x)[1], 2 * product, rtol=1e-5, atol=1e-6)
    assert live.graph.arena is weights["kernel"].store.values
    assert live.features == [3, 3]
    assert live.graph.sources() == [("dense", "dense"), ("dense", "relu"), ("dense", "rescale")]


def test_outputs_may_be_others_than_the_graphs() -> None:
    graph, values = dense_graph(made_parameters())
    built = build(graph, outputs=[values["dense"]])
    x = RNG.normal(size=(2, 4)).astype(np.float32)
    assert (2 * predict(built, x)[0]).tolist() == predict(build(graph), x)[1].tolist()


def test_shared_arrays_lie_in_the_arena_once() -> None:
    kernel = RNG.normal(size=(4, 4)).astype(np.float32)
    graph = Graph()
    value = graph.add_input((4,))
    for _ in range(3):
        value = graph.add("dense", [value], {"units": 4, "last_axis": 4}, {"kernel": kernel})
    graph.outputs = [value]
    assert native_graph(graph).arena.size == 16


def test_weights_of_several_arenas_are_refused() -> None:
    graph, _ = dense_graph({**made_parameters(), "bias": made_parameters()["bias"]})
    with pytest.raises(ValueError, match="freeze the graph first"):
        build(graph)
    graph.ops[1].weights["bias"] = np.zeros(3, np.float32)
    with pytest.raises(ValueError, match="freeze the graph first"):
        build(graph)
    build(freeze(graph))


def test_what_the_native_half_refuses_names_the_layer() -> None:
    graph = Graph()
    x = graph.add_input((4,))
    graph.layer = "odd"
    graph.outputs = [graph.add("no such op", [x])]
    with pytest.raises(ValueError, match=r"layer 'odd': .*no such op"):
        build(graph)
    wrong = Graph()
    x = wrong.add_input((4,))
    wrong.layer = "odd"
    kernel = np.zeros((4, 3), np.float32)
    wrong.outputs = [wrong.add("dense", [x], {"units": 3, "last_axis": 4}, {"kernel": kernel})]
    with pytest.raises(ValueError, match=r"layer 'odd': op .dense. makes .float32.3.., .* .float32\(4\)"):
        build(wrong)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"attributes": {"order": "F"}}, r"layer 'odd': reshape: got attribute 'order', which"),
        (
            {"weights": {"kernel": np.zeros(4, np.float32)}},
            r"layer 'odd': reshape: got weight 'kernel', which",
        ),
        ({"constants": {"code": np.zeros(4, np.int32)}}, r"layer 'odd': reshape: got constant 'code', which"),
    ],
)
def test_what_a_reshape_does_not_read_is_refused(given: dict[str, Any], named: str) -> None:
    graph = Graph()
    x = graph.add_input((2, 2))
    graph.layer = "odd"
    graph.outputs = [graph.add("reshape", [x], shape=(4,), **given)]
    with pytest.raises(ValueError, match=named):
        build(graph)


def test_what_no_loss_reads_is_refused() -> None:
    weights = made_parameters()
    graph, values = dense_graph(weights)
    attributes = {"loss": "mean_squared_error", "positions": 1, "label_smothing": 0.1}
    loss = graph.insert(Op("loss", [values["relu"]], [], attributes))
    gradients = np.zeros(weights["kernel"].store.size, np.float32)
    with pytest.raises(ValueError, match="loss: got attribute 'label_smothing', which no loss reads"):
        build(graph, gradients=gradients)
    del loss.attributes["label_smothing"]
    loss.constants["classes"] = np.zeros(3, np.int32)
    with pytest.raises(ValueError, match="loss: got constant 'classes', which the op does not read"):
        build(graph, gradients=gradients)


def test_a_loss_is_told_to_the_program() -> None:
    weights = made_parameters()
    graph, values = dense_graph(weights)
    attributes = {"loss": "mean_squared_error", "fuse": False, "weight": 1.0, "positions": 1}
    graph.insert(Op("loss", [values["relu"]], [], attributes))
    gradients = np.zeros(weights["kernel"].store.size, np.float32)
    built = build(graph, gradients=gradients)
    x, y = RNG.normal(size=(5, 4)).astype(np.float32), RNG.normal(size=(5, 3)).astype(np.float32)
    relu, twice = predict(built, x)
    outputs = [np.empty_like(relu), np.empty_like(twice)]
    loss = built.program.evaluate([x], [y], [], outputs)
    assert outputs[0].tolist() == relu.tolist()
    assert loss == pytest.approx(((relu.astype(np.float64) - y) ** 2).mean(axis=1).sum(), rel=1e-6)
