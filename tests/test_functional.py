"""Functional models: branches, sharing, several inputs and outputs, nesting; finite differences."""

import json

import numpy as np
import pytest

import hotloop as hl


def branched() -> hl.Model:
    a, b = hl.Input((6,), name="a"), hl.Input((3,), name="b")
    shared = hl.layers.Dense(4, "tanh", name="shared")
    left = shared(hl.layers.Dense(5, "gelu", name="left")(a))
    right = shared(hl.layers.Dense(5, name="right")(b))
    joined = hl.layers.Concatenate(name="joined")([left, right, hl.layers.Multiply()([left, right])])
    number = hl.layers.Dense(1, name="number")(joined)
    kind = hl.layers.Dense(3, "softmax", name="kind")(hl.layers.Add()([left, right]))
    return hl.Model([a, b], [number, kind], name="branched")


def data(rng, rows=40):
    return {
        "a": rng.normal(size=(rows, 6)).astype(np.float32),
        "b": rng.normal(size=(rows, 3)).astype(np.float32),
    }


def test_branches_and_shared_layers_equal_numpy(rng):
    model, x = branched(), data(rng)
    w = {p.path: p.value.astype(float) for p in model.weights}

    def dense(value, name):
        return value @ w[f"{name}/kernel"] + w[f"{name}/bias"]

    left = np.tanh(dense(hl.activations.gelu(dense(x["a"], "left")), "shared"))
    right = np.tanh(dense(dense(x["b"], "right"), "shared"))
    number = dense(np.concatenate([left, right, left * right], 1), "number")
    kind = np.exp(dense(left + right, "kind"))
    got = model.predict(x)
    np.testing.assert_allclose(got[0], number, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(got[1], kind / kind.sum(1, keepdims=True), rtol=1e-4, atol=1e-5)
    for other in (model.predict([x["a"], x["b"]]), model({"b": x["b"], "a": x["a"]})):
        np.testing.assert_array_equal(other[0], got[0])


def test_shared_layer_has_one_set_of_weights():
    model = branched()
    assert [layer.name for layer in model.layers].count("shared") == 1
    assert model.count_params() == (30 + 5) + (15 + 5) + (20 + 4) + (12 + 1) + (12 + 3)
    assert len(model.get_layer("shared").nodes) == 2


def numeric_gradient(model, parameter, loss, step=1e-2):
    gradient = np.zeros(parameter.shape)
    for index in np.ndindex(*parameter.shape):
        old = parameter.value[index]
        values = []
        for sign in (1, -1):
            parameter.value[index] = old + sign * step
            values.append(loss())
        parameter.value[index] = old
        gradient[index] = (values[0] - values[1]) / (2 * step)
    return gradient


def test_gradients_of_a_branched_model_are_the_finite_differences(rng):
    hl.set_seed(2)
    model, x = branched(), data(rng, 12)
    y = [rng.normal(size=12), rng.integers(0, 3, 12)]
    model.compile(hl.optimizers.SGD(0.0), ["mse", "sparse_categorical_crossentropy"], loss_weights=[1.0, 0.5])
    model.train_on_batch(x, y)

    def loss():
        number, kind = model.predict(x)
        first = np.mean((number[:, 0].astype(float) - y[0]) ** 2)
        return first - 0.5 * np.mean(np.log(kind[np.arange(12), y[1]].astype(float)))

    for parameter in model.weights:
        got = parameter.of(model.gradients)
        np.testing.assert_allclose(got, numeric_gradient(model, parameter, loss), rtol=0.02, atol=2e-3)


def test_several_outputs_train_with_a_log_for_each(rng):
    model, x = branched(), data(rng, 50)
    y = {"number": rng.normal(size=50), "kind": rng.integers(0, 3, 50)}
    model.compile(
        "adam",
        {"number": "mse", "kind": "sparse_categorical_crossentropy"},
        loss_weights={"number": 2.0},
        metrics={"kind": ["accuracy"], "number": "mae"},
    )
    history = model.fit(x, y, epochs=3, validation_split=0.2, verbose=0).history
    names = ["loss", "number_loss", "kind_loss", "kind_accuracy", "number_mae"]
    assert list(history) == names + [f"val_{name}" for name in names]
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(2 * logs["number_loss"] + logs["kind_loss"], rel=1e-5)
    assert model.metrics_names == names
    assert model.evaluate(x, [y["number"], y["kind"]], verbose=0) == list(logs.values())


def test_an_output_without_a_loss_needs_no_labels(rng):
    model, x = branched(), data(rng, 20)
    model.compile("sgd", [None, "sparse_categorical_crossentropy"], metrics=[None, ["accuracy"]])
    model.fit(x, rng.integers(0, 3, 20), verbose=0)
    assert [out.shape for out in model.predict(x)] == [(20, 1), (20, 3)]


def test_config_round_trip_keeps_graph_and_order(rng):
    model, x = branched(), data(rng)
    again = hl.Model.from_config(json.loads(json.dumps(model.get_config())))
    assert again.get_config() == model.get_config()
    assert [p.path for p in again.weights] == [p.path for p in model.weights]
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(x)[1], model.predict(x)[1])


def test_tampered_configs_are_refused():
    for key, value in {
        "inputs": [99],
        "outputs": [-1],
        "nodes": None,
        "layers": [{"class_name": "x"}],
    }.items():
        with pytest.raises((ValueError, TypeError), match="config"):
            hl.Model.from_config({**branched().get_config(), key: value})


def test_nested_models_share_their_weights(rng):
    x = rng.normal(size=(7, 4)).astype(np.float32)
    encoder = hl.Sequential([hl.Input((4,)), hl.layers.Dense(3, "tanh")], name="encoder")
    decoder = hl.Sequential([hl.layers.Dense(4)], name="decoder")
    inputs = hl.Input((4,))
    auto = hl.Model(inputs, decoder(encoder(inputs)))
    np.testing.assert_allclose(auto.predict(x), decoder.predict(encoder.predict(x)), rtol=1e-5, atol=1e-6)
    assert auto.store is encoder.store is decoder.store
    auto.compile(hl.optimizers.Adam(0.05), "mse")
    before = auto.evaluate(x, x, verbose=0)
    auto.fit(x, x, epochs=30, verbose=0)
    assert auto.evaluate(x, x, verbose=0) < before
    np.testing.assert_allclose(auto.predict(x), decoder.predict(encoder.predict(x)), rtol=1e-5, atol=1e-6)


def test_optimizer_state_follows_weights_into_another_arena(rng):
    x = rng.normal(size=(16, 4)).astype(np.float32)

    def run(merge: bool) -> list[np.ndarray]:
        hl.set_seed(4)
        first = hl.Sequential([hl.layers.Dense(4, "tanh", name="p", input_shape=(4,))])
        second = hl.Sequential([hl.layers.Dense(4, name="q", input_shape=(4,))])
        for model in (first, second):
            model.compile("adam", "mse")
            model.fit(x, x, epochs=2, batch_size=4, verbose=0)
        if merge:
            inputs = hl.Input((4,))
            hl.Model(inputs, hl.layers.Add()([second(inputs), first(inputs)]))
            assert first.store is second.store
        for model in (first, second):
            model.fit(x, x, epochs=2, batch_size=4, verbose=0)
        return first.get_weights() + second.get_weights()

    for apart, together in zip(run(False), run(True), strict=True):
        np.testing.assert_array_equal(apart, together)


def test_weight_order_is_kerass_by_depth():
    a, b = hl.Input((2,)), hl.Input((2,))
    late = hl.layers.Dense(2, name="late")(hl.layers.Dense(2, name="early")(b))
    short = hl.layers.Dense(2, name="short")(a)
    model = hl.Model([a, b], hl.layers.Add()([short, late]))
    assert [p.path for p in model.weights if p.name == "kernel"] == [
        "early/kernel",
        "short/kernel",
        "late/kernel",
    ]


def test_deep_chains_do_not_recurse():
    tensor = inputs = hl.Input((2,))
    for _ in range(2000):
        tensor = hl.layers.Rescaling(1.0)(tensor)
    model = hl.Model(inputs, tensor)
    np.testing.assert_array_equal(model.predict([[1, 2]]), [[1, 2]])


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda x, y: hl.Model(hl.Input((2,)), y), "depends on input"),
        (lambda x, y: hl.Model([x, hl.Input((2,))], y), "no output depends on it"),
        (lambda x, y: hl.Model([x, x], y), "got one twice"),
        (lambda x, y: hl.Model(y, y), r"what hotloop\.Input returned"),
        (lambda x, y: hl.Model(x, np.zeros(2)), "symbolic tensor"),
        (lambda x, y: hl.Model(x, []), "symbolic tensor"),
    ],
)
def test_graphs_that_make_no_model(make, match):
    x = hl.Input((2,))
    with pytest.raises((ValueError, TypeError), match=match):
        make(x, hl.layers.Dense(2)(x))


def test_outputs_that_are_inputs_or_come_twice(rng):
    x = hl.Input((3,))
    y = hl.layers.Dense(2, "softmax")(x)
    model = hl.Model(x, [x, y, y])
    values = rng.normal(size=(5, 3)).astype(np.float32)
    first, second, third = model.predict(values)
    np.testing.assert_array_equal(first, values)
    np.testing.assert_array_equal(second, third)
    model.compile("sgd", [None, "categorical_crossentropy", "mse"])
    model.fit(values, [second, second], verbose=0)
