"""Models of hl.ops: files, copies, configs, calls on other tensors, and what a model refuses."""

import copy
import json
import pickle

import numpy as np
import pytest

import hotloop as hl
from hotloop import ops

RNG = np.random.default_rng(3)
X = RNG.normal(size=(10, 4)).astype(np.float32)


def model_of_many_ops() -> hl.Model:
    x = hl.Input((4,), name="x")
    h = hl.layers.Dense(6, name="dense")(x)
    h = ops.where(h > 0, h, np.arange(6, dtype=np.float32)) + np.float32([[1, 2, 3, 4, 5, 6]])
    h = ops.minimum(h, float("inf")) * 2.0
    h = ops.concatenate([h[:, ::2], ops.softmax(h), h[:, -1:] ** 2], axis=-1)
    h = ops.transpose(ops.reshape(h, (-1, 2, 5)), (0, 2, 1)) @ RNG.normal(size=(2, 3))
    return hl.Model(x, ops.cast(ops.logsumexp(h, axis=1), "float32"))


def test_a_saved_model_predicts_the_same(tmp_path):
    model = model_of_many_ops()
    model.save(tmp_path / "ops.hotloop")
    again = hl.load_model(tmp_path / "ops.hotloop")
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_copies_and_configs_compute_the_same():
    model = model_of_many_ops()
    expected = model.predict(X, verbose=0)
    json.loads(model.to_json())
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), hl.clone_model(model)):
        twin.set_weights(model.get_weights())
        np.testing.assert_array_equal(twin.predict(X, verbose=0), expected)
    y = hl.Input((4,))
    np.testing.assert_array_equal(hl.Model(y, model(y)).predict(X, verbose=0), expected)


def test_a_frozen_model_computes_the_same():
    model = model_of_many_ops()
    np.testing.assert_array_equal(hl.freeze(model).run(X), model.predict(X, verbose=0))


def test_operations_have_names_of_their_own(capsys):
    hl.core.naming.reset_names()
    x = hl.Input((4,), name="x")
    model = hl.Model(x, ops.relu(x + 1.0) + ops.mean(x, axis=1, keepdims=True))
    assert sorted(layer.name for layer in model.layers) == ["add", "add_1", "mean", "relu", "x"]
    model.summary()
    shown = capsys.readouterr().out
    assert "mean (Operation)" in shown
    assert all(isinstance(layer, hl.layers.Layer) for layer in model.layers)


def test_names_of_layers_do_not_depend_on_what_was_computed_before():
    hl.core.naming.reset_names()
    ops.add(1.0, 2.0)
    hl.layers.Lambda(lambda x: x + x)(hl.Input((4,)))
    x = hl.Input((4,))
    assert hl.layers.Add()([x, x]).layer.name == "add"


def test_models_train_through_operations():
    x = hl.Input((4,))
    h = hl.layers.Dense(8)(x)
    h = h * ops.sigmoid(1.702 * h)
    h = h - ops.mean(h, axis=-1, keepdims=True)
    model = hl.Model(x, hl.layers.Dense(1)(h / ops.sqrt(ops.var(h, axis=-1, keepdims=True) + 1e-5)))
    model.compile(optimizer=hl.optimizers.Adam(0.01), loss="mse")
    y = (X[:, :1] * X[:, 1:2]).astype(np.float32)
    history = model.fit(X, y, epochs=60, verbose=0).history["loss"]
    assert history[-1] < 0.3 * history[0]


def test_chains_become_one_op():
    x = hl.Input((4,))
    h = x * 2.0 + 1.0
    model = hl.Model(x, ops.exp(-(h * h)) / (1.0 + ops.absolute(h)))
    from hotloop.ir.pipelines import for_inference

    assert [op.kind for op in for_inference(model.graph)] == ["elementwise"]


def test_outputs_and_inputs_that_are_no_rows_are_refused():
    x = hl.Input((4,))
    with pytest.raises(ValueError, match="a row for each row"):
        hl.Model(x, ops.mean(x, axis=0))
    with pytest.raises(ValueError, match=r"cast\(x, 'float32'\)"):
        hl.Model(x, ops.argmax(x, axis=-1))
    with pytest.raises(ValueError, match="tensors with a batch"):
        hl.layers.Dense(3)(ops.mean(x, axis=0))
    dense = hl.layers.Dense(3)
    dense(x)
    with pytest.raises(ValueError, match=r"weight 'dense.*/kernel' beside a symbolic tensor"):
        x @ dense.kernel
    with pytest.raises(ValueError, match="weight 'dense"):
        ops.matmul(x, dense.kernel)


def test_weights_are_arrays_for_operators_and_numpy():
    dense = hl.layers.Dense(3, kernel_initializer="ones")
    dense(hl.Input((2,)))
    np.testing.assert_array_equal(dense.kernel + 1, np.full((2, 3), 2))
    np.testing.assert_array_equal(np.ones((2, 3), np.float32) * dense.kernel, np.ones((2, 3)))
    np.testing.assert_array_equal(np.exp(dense.bias), np.ones(3))
    np.testing.assert_array_equal(ops.sum(dense.kernel, axis=0), np.full(3, 2))
    assert np.mean(dense.kernel) == 1


def computed(config):
    operation = ops.operation.Operation.from_config({"name": "op", **config})
    x = hl.Input((4,))
    return hl.Model(x, operation([x] * sum(o is None for o in operation.operands))).predict(X, verbose=0)


@pytest.mark.parametrize(
    "config",
    [
        {"op": "nothing"},
        {"op": "elementwise", "operands": [None, "a"], "arguments": {"kind": "add"}},
        {"op": "elementwise", "operands": [None, {"dtype": "object", "shape": [1], "base64": ""}]},
        {"op": "elementwise", "operands": [None, {"dtype": "float32", "shape": [9], "base64": "AAAA"}]},
        {"op": "elementwise", "operands": [None], "arguments": {"kind": "nothing"}},
        {"op": "elementwise", "operands": [None], "arguments": {}},
        {"op": "reshape", "arguments": {"shape": [5]}},
        {"op": "reshape", "arguments": {"shape": [-1]}},
        {"op": "transpose", "arguments": {"axes": [1, 0]}},
        {"op": "transpose", "arguments": {"axes": [0, 0]}},
        {"op": "reduce", "arguments": {"kind": "sum", "axes": [7], "keepdims": False}},
        {"op": "reduce", "arguments": {"kind": "what", "axes": [1], "keepdims": False}},
        {"op": "slice", "arguments": {"starts": [0], "sizes": [9], "steps": [1]}},
        {"op": "slice", "arguments": {"starts": [0], "sizes": [2], "steps": [0]}},
        {"op": "concatenate", "operands": [None, None], "arguments": {"axis": 5}},
        {"op": "cast", "arguments": {"dtype": "float16"}},
        {"op": "activation", "arguments": {"kind": "what", "alpha": 0.0, "beta": 0.0}},
        {"op": "matmul", "operands": [None, None]},
    ],
    ids=str,
)
def test_configs_that_say_no_operation_are_refused(config):
    with pytest.raises((ValueError, TypeError, KeyError, IndexError)):
        computed(config)
