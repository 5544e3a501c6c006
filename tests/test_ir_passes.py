"""Each pass does what it says to a graph written out here, and nothing where it should do nothing."""

import warnings
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop.graph.parameters import Parameter, ParameterStore
from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.lower import lower
from hotloop.ir.passes.copy_outputs import copy_outputs
from hotloop.ir.passes.drop import drop_for_inference, drop_identities
from hotloop.ir.passes.fuse_activations import fuse_activations
from hotloop.ir.passes.losses import append_logits, final_activation, fuse_losses
from hotloop.ir.passes.precision import choose_precision
from hotloop.ir.passes.trainable import mark_trainable
from hotloop.ir.pipelines import for_inference
from hotloop.ir.views import is_wanted, source, users, views

L = hl.layers


def start(features: int = 4) -> tuple[Graph, Value]:
    graph = Graph()
    return graph, graph.add_input((features,))


def dense(graph: Graph, x: Value, units: int = 4, layer: str = "dense") -> Value:
    graph.layer = layer
    attributes = {"units": units, "last_axis": x.shape[-1]}
    kernel = np.zeros((x.shape[-1], units), np.float32)
    return graph.add("dense", [x], attributes, {"kernel": kernel}, shape=(units,))


def activation(graph: Graph, x: Value, kind: str, layer: str = "dense", last_axis: int = 4) -> Value:
    graph.layer = layer
    attributes = {"kind": kind, "alpha": 0.0, "beta": 0.0, "last_axis": last_axis}
    return graph.add("activation", [x], attributes)


def loss(graph: Graph, value: Value, computes: str = "", classes: int = 4) -> Op:
    attributes = {"loss": "some", "computes": computes, "classes": classes}
    return graph.insert(Op("loss", [value], [], attributes if computes else {"loss": "some"}))


def kinds(graph: Graph) -> list[str]:
    return [op.kind for op in graph]


# -- lowering


def test_layers_append_what_they_are_and_decide_nothing() -> None:
    hl.set_seed(0)
    model = hl.Sequential(
        [
            hl.Input((2, 2), name="pixels"),
            L.Flatten(),
            L.Dense(6, activation="relu"),
            L.Dropout(0.0),
            L.BatchNormalization(),
            L.Dense(4, activation="glu", use_bias=False),
        ]
    )
    text = str(lower(model.graph)).replace(str(model.layers[2]._stream(model.layers[2].nodes[0])), "STREAM")
    assert text == (
        "%0 = input() : float32(2, 2)  # pixels\n"
        "%1 = reshape(%0) : float32(4)  # flatten\n"
        "%2 = dense(%1, units=6, last_axis=4) kernel=(4, 6) bias=(6,) : float32(6)  # dense\n"
        "%3 = activation(%2, kind=relu, alpha=0, beta=0, last_axis=6) : float32(6)  # dense\n"
        "%4 = dropout(%3, rate=0, stream=STREAM) : float32(6)  # dropout\n"
        "%5 = batch_norm(%4, last_axis=6, momentum=0.99, epsilon=0.001) gamma=(6,) beta=(6,)"
        " moving_mean=(6,) moving_variance=(6,) : float32(6)  # batch_normalization\n"
        "%6 = dense(%5, units=4, last_axis=6) kernel=(6, 4) : float32(4)  # dense_1\n"
        "%7 = activation(%6, kind=glu, alpha=0, beta=0, last_axis=4) : float32(2)  # dense_1\n"
        "return %7"
    )


def test_a_layer_that_makes_another_shape_than_it_said_is_named() -> None:
    class Wrong(L.Layer):
        def lower(self, graph: Graph, inputs: list[Value], node: object) -> Value:
            return graph.add("rescale", inputs, {"scale": 2.0, "offset": 0.0}, shape=(3,))

    model = hl.Sequential([Wrong(input_shape=(4,), name="odd")])
    with pytest.raises(
        ValueError, match=r"layer 'odd': expected lower to make shape \(4,\), got float32\(3\)"
    ):
        model.predict(np.ones((2, 4), "float32"))


@pytest.mark.parametrize(("made", "named"), [(None, "NoneType"), ([], "list"), (3, "int")])
def test_a_layer_that_makes_no_value_is_named(made: Any, named: str) -> None:
    class Forgetful(L.Layer):
        def lower(self, graph: Graph, inputs: list[Value], node: object) -> Any:
            return made

    model = hl.Sequential([Forgetful(input_shape=(4,), name="odd")])
    with pytest.raises(TypeError, match=f"layer 'odd': lower: expected the value .* got {named}; return it"):
        model.predict(np.ones((2, 4), "float32"))


@pytest.mark.parametrize("kind", ["softmax", "relu", "leaky_relu", "sigmoid"])
def test_what_a_layer_leaves_to_an_op_is_the_same_everywhere(kind: str) -> None:
    """Flat samples have another last axis: a softmax went over all of the sample where a model was frozen."""

    class Brief(L.Layer):
        def lower(self, graph: Graph, inputs: list[Value], node: object) -> Value:
            return graph.add("activation", inputs, {"kind": kind})

    class Norm(L.Layer):
        def build(self, input_shape: tuple[int, ...]) -> None:
            mean = self.make_weight("moving_mean", input_shape[-1:], "ones", trainable=False)
            variance = self.make_weight("moving_variance", input_shape[-1:], "ones", trainable=False)
            self.add_weights(mean, variance)

        def lower(self, graph: Graph, inputs: list[Value], node: object) -> Value:
            weights = {weight.name: weight for weight in self.weights}
            return graph.add("batch_norm", inputs, {"momentum": 0.9, "epsilon": 0.1}, weights)

    hl.set_seed(0)
    layers = [L.Dense(6), L.Reshape((2, 3)), Norm(), Brief(), Norm(), L.Flatten(), L.Dense(3), Brief()]
    model = hl.Sequential([hl.Input((4,)), *layers])
    x = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
    classes = kind in ("softmax", "sigmoid")
    model.compile("sgd", loss="sparse_categorical_crossentropy" if classes else "mse")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sigmoids of single columns are no probabilities of classes
        model.fit(x, np.arange(16) % 3 if classes else x[:, :3], verbose=0)
    want = model.predict(x)
    np.testing.assert_array_equal(hl.freeze(model, batch_size=16).run(x), want)
    for precision in ("bf16", "int8_dynamic"):
        frozen = hl.quantize_model(model, precision=precision)
        np.testing.assert_allclose(frozen.predict(x), want, atol=0.05 * float(np.abs(want).max()))


def test_samples_may_be_single_numbers() -> None:
    model = hl.Sequential([hl.Input(()), L.Activation("relu")])
    assert model.predict(np.ones(3, "float32")).tolist() == [1, 1, 1]


def test_what_predicts_has_gone_through_all_its_passes() -> None:
    model = hl.Sequential(
        [hl.Input((4,)), L.Rescaling(1.0), L.Dense(4, "relu"), L.Dropout(0.5), L.Activation("tanh")]
    )
    graph = for_inference(model.graph)
    assert kinds(graph) == ["dense", "activation"]
    assert graph.ops[0].attributes["activation"] == "relu"


# -- views


def test_views_are_the_same_numbers() -> None:
    graph, x = start()
    square = graph.add("reshape", [x], shape=(2, 2))
    column = graph.add("reshape", [square], shape=(4, 1))
    total = graph.add("add", [square, square])
    last = graph.add("add", [column, column])
    graph.outputs = [square, total]
    assert source(graph, column) is x
    assert source(graph, total) is total
    assert views(graph, x) == [x, square, column]
    assert users(graph, x) == [graph.producer(total), graph.producer(last)]
    assert is_wanted(graph, x)
    assert not is_wanted(graph, column)


# -- dropping


def test_inference_needs_no_dropout_no_stopped_gradient_and_no_rescaling_by_one() -> None:
    graph, x = start()
    value = graph.add("dropout", [x], {"rate": 0.5, "stream": 1})
    value = graph.add("stop_gradient", [value])
    value = graph.add("rescale", [value], {"scale": 1.0, "offset": 0.0})
    value = graph.add("rescale", [value], {"scale": 1.0, "offset": 0.5})
    graph.outputs = [graph.add("rescale", [value], {"scale": 2.0, "offset": 0.0})]
    drop_for_inference(graph)
    assert [(op.attributes["scale"], op.attributes["offset"]) for op in graph] == [(1.0, 0.5), (2.0, 0.0)]
    assert graph.ops[0].inputs == (x,)


def test_training_does_without_dropout_of_nothing() -> None:
    graph, x = start()
    value = graph.add("dropout", [x], {"rate": 0.0, "stream": 1})
    graph.outputs = [graph.add("dropout", [value], {"rate": 0.5, "stream": 2})]
    drop_identities(graph)
    assert [op.attributes["stream"] for op in graph] == [2]


# -- outputs


def test_outputs_that_are_inputs_or_outputs_already_are_copied() -> None:
    graph, x = start()
    value = dense(graph, x)
    view = graph.add("reshape", [value], shape=(2, 2))
    flat = graph.add("reshape", [x], shape=(2, 2))
    graph.outputs = [x, value, view, flat, value]
    copy_outputs(graph)
    assert kinds(graph) == ["dense", "reshape", "reshape", "rescale", "rescale", "rescale", "rescale"]
    assert graph.outputs[1] is value
    assert [v.shape for v in graph.outputs] == [(4,), (4,), (2, 2), (2, 2), (4,)]
    assert len({source(graph, v) for v in graph.outputs} - {x}) == 5
    assert [op.input for op in graph.ops[3:]] == [x, view, flat, value]


def test_outputs_of_their_own_are_left_alone() -> None:
    graph, x = start()
    first = dense(graph, x)
    graph.outputs = [first, dense(graph, first)]
    copy_outputs(graph)
    assert kinds(graph) == ["dense", "dense"]


# -- fusing activations


def test_a_product_applies_the_activation_of_its_layer() -> None:
    graph, x = start()
    value = activation(graph, dense(graph, x), "relu")
    graph.outputs = [value]
    fuse_activations(graph)
    assert kinds(graph) == ["dense"]
    assert graph.producer(value) is graph.ops[0]
    assert [graph.ops[0].attributes[key] for key in ("activation", "alpha", "beta")] == ["relu", 0.0, 0.0]


@pytest.mark.parametrize("kind", ["softmax", "gelu", "glu"])  # along rows; needs what it was applied to; both
def test_what_the_kernel_cannot_apply_stays(kind: str) -> None:
    graph, x = start()
    graph.outputs = [activation(graph, dense(graph, x), kind)]
    fuse_activations(graph)
    assert kinds(graph) == ["dense", "activation"]


def test_an_activation_stays_where_something_else_wants_the_product() -> None:
    graph, x = start()
    product = dense(graph, x)
    graph.outputs = [activation(graph, product, "relu"), product]
    fuse_activations(graph)
    assert kinds(graph) == ["dense", "activation"]


def test_activations_of_other_layers_and_second_ones_stay() -> None:
    graph, x = start()
    once = activation(graph, dense(graph, x), "relu")
    graph.outputs = [activation(graph, activation(graph, once, "tanh"), "relu", layer="activation")]
    fuse_activations(graph)
    assert kinds(graph) == ["dense", "activation", "activation"]


# -- losses


def test_a_loss_computes_the_activation_before_it() -> None:
    graph, x = start()
    value = activation(graph, dense(graph, x), "sigmoid")
    graph.outputs = [graph.add("reshape", [value], shape=(4, 1))]
    op = loss(graph, graph.outputs[0], "sigmoid", classes=1)
    fuse_losses(graph)
    fuse_activations(graph)
    assert op.attributes == {"loss": "some", "fuse": True}
    assert kinds(graph) == ["dense", "activation", "reshape", "loss"]


def test_a_loss_that_computes_none_leaves_the_activation_to_the_product() -> None:
    graph, x = start()
    graph.outputs = [activation(graph, dense(graph, x), "sigmoid")]
    op = loss(graph, graph.outputs[0])
    fuse_losses(graph)
    fuse_activations(graph)
    assert op.attributes == {"loss": "some", "fuse": False}
    assert kinds(graph) == ["dense", "loss"]


def test_a_softmax_along_other_rows_than_the_losss_classes_is_not_fused() -> None:
    graph, x = start(8)
    graph.outputs = [activation(graph, x, "softmax", last_axis=4)]
    op = loss(graph, graph.outputs[0], "softmax", classes=8)
    fuse_losses(graph)
    assert op.attributes["fuse"] is False


def test_an_activation_ends_in_an_output_only_where_nothing_else_reads_its_ends() -> None:
    graph, x = start()
    product = dense(graph, x)
    end = activation(graph, product, "softmax")
    graph.outputs = [end]
    assert final_activation(graph, end) is graph.producer(end)
    view = graph.add("reshape", [end], shape=(2, 2))
    assert final_activation(graph, view) is graph.producer(end)
    reader = graph.add("add", [view, view])
    assert final_activation(graph, end) is None
    graph.remove(graph.ops[-1])
    assert reader not in graph
    graph.outputs = [end, product]
    assert final_activation(graph, end) is None
    graph.outputs = [end]
    graph.add("add", [product, product])
    assert final_activation(graph, end) is None
    assert final_activation(graph, x) is None


def test_logits_that_are_wanted_come_behind_the_outputs() -> None:
    graph, x = start()
    logits = [dense(graph, x, layer=f"dense_{i}") for i in range(3)]
    graph.outputs = [
        activation(graph, v, k, f"dense_{i}")
        for i, (v, k) in enumerate(zip(logits, ["sigmoid", "softmax", "sigmoid"], strict=True))
    ]
    before = list(graph.outputs)
    wanted = {0: (["softmax", "sigmoid"], 1), 1: (["softmax"], 3), 2: (["sigmoid"], 4)}
    assert append_logits(graph, wanted) == {0: ("sigmoid", 3), 2: ("sigmoid", 4)}
    assert list(graph.outputs) == [*before, logits[0], logits[2]]
    fuse_activations(graph)
    assert kinds(graph).count("activation") == 3


# -- precision and what learns


@pytest.mark.parametrize(
    ("precision", "on_gpu", "expected"),
    [
        ("float32", True, [("dense", None), ("rescale", None)]),
        ("tf32", False, [("dense", None), ("rescale", None)]),
        ("tf32", True, [("dense", "tf32"), ("rescale", None)]),
        ("mixed_bfloat16", False, [("dense_mixed", None), ("rescale", None)]),
    ],
)
def test_products_compute_in_what_was_asked_for(
    precision: str, on_gpu: bool, expected: list[tuple[str, str | None]]
) -> None:
    graph, x = start()
    graph.outputs = [graph.add("rescale", [dense(graph, x)], {"scale": 2.0, "offset": 0.0})]
    choose_precision(graph, precision, on_gpu)
    assert [(op.kind, op.attributes.get("precision")) for op in graph] == expected


def test_an_op_learns_when_all_its_weights_do() -> None:
    made = [Parameter(name, (4,), layer_name="norm") for name in ("mean", "variance")]
    ParameterStore().add(made)
    graph, x = start()
    value = graph.add("batch_norm", [x], {}, dict(zip(("mean", "variance"), made, strict=True)))
    graph.outputs = [graph.add("rescale", [value], {"scale": 2.0})]
    norm, rescale = graph.ops
    mark_trainable(graph, set(made))
    assert norm.attributes == {"trainable": 1}
    mark_trainable(graph, set(made[:1]))
    assert norm.attributes == {"trainable": 0}
    assert "trainable" not in rescale.attributes
