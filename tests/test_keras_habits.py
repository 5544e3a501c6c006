"""What Keras's users count on beside the numbers: orders, shapes, dicts of outputs, hooks and their logs."""

import copy
import pickle

import numpy as np
import pytest

import hotloop as hl
from nets import blobs, classifier


@pytest.fixture(autouse=True)
def _seed():
    hl.set_seed(0)


def two_heads(outputs=list, metrics=None, loss="mse", **options):
    """Outputs "zed" and "alf" of two layers of these names, or of those keys in a dict."""
    x = hl.Input((6,))
    zed, alf = (hl.layers.Dense(1, name=name)(x) for name in ("zed", "alf"))
    model = hl.Model(x, [zed, alf] if outputs is list else {"second": zed, "first": alf})
    model.compile("sgd", loss, metrics=metrics, **options)
    return model


def test_evaluate_lists_losses_in_order_and_metrics_by_name(rng):
    """As Keras 3.15 lists them, which says so in no document."""
    x, _ = blobs(rng, 40)
    y = [x[:, :1], x[:, 1:2]]
    model = two_heads(metrics=[["mse", "mae"], ["mae"]], weighted_metrics=[["mae"], ["mse"]])
    names = ["loss", "zed_loss", "alf_loss", "alf_mae", "alf_mse", "zed_mae", "zed_mse", "zed_weighted_mae"]
    by_name = model.evaluate(x, y, verbose=0, return_dict=True)
    assert list(by_name) == model.metrics_names == names
    assert model.evaluate(x, y, verbose=0) == list(by_name.values())
    assert model.test_on_batch(x, y) == list(by_name.values())
    assert list(model.train_on_batch(x, y, return_dict=True)) == names
    history = model.fit(x, y, validation_split=0.5, verbose=0).history
    assert list(history) == [*names, *(f"val_{name}" for name in names)]
    frozen = hl.quantize_model(model, precision="int8", calibration_data=x)
    assert list(frozen.evaluate(x, y, return_dict=True)) == names
    alone = classifier(metrics=["crossentropy", "accuracy"])
    alone.fit(x, np.zeros(40, int), verbose=0)
    assert alone.metrics_names == ["loss", "crossentropy", "accuracy"]


def test_an_outputs_own_loss_stands_beside_others_alone(rng):
    x, _ = blobs(rng, 40)
    model = two_heads(loss={"zed": "mse"}, metrics={"zed": ["mae"]})
    assert list(model.evaluate(x, x[:, :1], verbose=0, return_dict=True)) == ["loss", "zed_mae"]


def test_a_dict_of_outputs(rng, tmp_path):
    x, _ = blobs(rng, 40)
    y = {"second": x[:, :1], "first": x[:, 1:2]}
    model = two_heads(dict, {"second": ["mae"]}, {"second": "mse", "first": "mae"})
    assert model.output_names == ["first", "second"]
    zed = model.get_layer("zed")
    wanted = {"first": 1, "second": 1}
    for got in (model.predict(x), model.predict(x, batch_size=7), model(x), model.predict_on_batch(x)):
        assert {key: value.shape[1] for key, value in got.items()} == wanted
        np.testing.assert_allclose(got["second"], x @ zed.kernel + zed.bias.numpy(), rtol=1e-4, atol=1e-5)
    assert {key: tensor.shape for key, tensor in model(hl.Input((6,))).items()} == dict.fromkeys(
        wanted, (None, 1)
    )
    names = ["loss", "first_loss", "second_loss", "second_mae"]
    assert list(model.fit(x, y, verbose=0).history) == names
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert list(logs) == names
    assert model.evaluate(x, [y["first"], y["second"]], verbose=0) == list(logs.values())
    model.save(tmp_path / "two.hotloop")
    again = hl.load_model(tmp_path / "two.hotloop")
    twins = [again, copy.deepcopy(model), pickle.loads(pickle.dumps(model)), hl.clone_model(model)]
    for twin in [*twins, hl.models.model_from_json(model.to_json())]:
        assert list(twin.predict(x)) == ["first", "second"]
    np.testing.assert_array_equal(again.predict(x)["first"], model.predict(x)["first"])
    frozen = hl.quantize_model(model, precision="int8", calibration_data=x)
    assert list(frozen.predict(x)) == ["first", "second"]
    assert list(frozen.evaluate(x, y, return_dict=True)) == names
    frozen.save(tmp_path / "int8.hotloop")
    assert list(hl.load_model(tmp_path / "int8.hotloop").predict(x)) == ["first", "second"]
    with pytest.raises(TypeError, match="Model: outputs: expected names as keys, got int"):
        hl.Model(model.inputs, {1: model.outputs[0]})


def test_a_dict_of_one_output(rng):
    x, _ = blobs(rng, 40)
    inputs = hl.Input((6,))
    model = hl.Model(inputs, {"only": hl.layers.Dense(1)(inputs)})
    model.compile("sgd", "mse", metrics=["mae"])
    assert list(model.evaluate(x, {"only": x[:, :1]}, verbose=0, return_dict=True)) == ["loss", "mae"]
    assert list(model.predict(x)) == list(model.predict_on_batch(x[:1])) == ["only"]
    frozen = hl.quantize_model(model, precision="int8", calibration_data=x)
    assert list(frozen.predict(x)) == ["only"]
    with pytest.raises(ValueError, match="expected one output, got a dict"):
        hl.Sequential([hl.Input((6,)), model])


def test_shapes_begin_with_the_batch():
    x = hl.Input((3,))
    assert x.shape == (None, 3)
    layer = hl.layers.Dense(5)
    assert layer(x).shape == layer.output.shape == layer.output_shape == (None, 5)
    assert hl.Sequential([hl.Input((4, 2)), hl.layers.Flatten()]).outputs[0].shape == (None, 8)
    assert repr(x).startswith("<SymbolicTensor shape=(None, 3) from")


def test_a_clone_is_compiled_when_the_model_is(rng):
    x, y = blobs(rng, 40)
    model = classifier(optimizer=hl.optimizers.Adam(0.25))
    model.fit(x, y, verbose=0)
    clone = hl.clone_model(model)
    assert clone.optimizer is not model.optimizer
    assert (clone.optimizer.iterations, clone.optimizer.learning_rate) == (0, 0.25)
    assert not np.array_equal(clone.get_weights()[0], model.get_weights()[0])
    clone.fit(x, y, verbose=0)
    assert (clone.optimizer.iterations, model.optimizer.iterations) == (2, 2)
    assert clone.metrics_names == ["loss", "accuracy"]
    assert not hl.clone_model(hl.Sequential([hl.layers.Dense(1, input_shape=(2,))])).compiled


def test_l1_l2_by_its_defaults():
    assert hl.regularizers.l1_l2().get_config() == {"l1": 0.0, "l2": 0.0}
    assert hl.regularizers.l1_l2(0.5, 0.25).get_config() == {"l1": 0.5, "l2": 0.25}
    assert hl.regularizers.get("l1_l2").get_config() == {"l1": 0.01, "l2": 0.01}


class Listener(hl.callbacks.Callback):
    """Keeps what each hook was called with."""

    def __init__(self):
        self.calls = []

    def __getattribute__(self, name):
        if name.startswith("on_") and name not in ("on_batch_begin", "on_batch_end"):
            return lambda *arguments: self.calls.append((name, arguments, dict(self.params)))
        return super().__getattribute__(name)

    def overrides(self, phase):
        return True

    def named(self, name):
        return [arguments for called, arguments, _ in self.calls if called == name]


@pytest.mark.parametrize("shuffle", [False, True])
def test_logs_of_training(rng, shuffle):
    x, y = blobs(rng, 40)
    listener = Listener()
    model = classifier(optimizer=hl.optimizers.SGD(0.0), metrics=["accuracy"])
    history = model.fit(
        x,
        y,
        batch_size=16,
        epochs=2,
        shuffle=shuffle,
        validation_data=(x[:20], y[:20]),
        callbacks=[listener],
        verbose=0,
        validation_batch_size=8,
    ).history
    assert all(params == {"epochs": 2, "steps": 3, "verbose": 0} for _, _, params in listener.calls)
    begins = [call for call in listener.calls if call[0].endswith("_begin")]
    assert len(begins) == 1 + 2 * (1 + 3 + 1 + 3)
    assert all(arguments[-1] == {} for _, arguments, _ in begins)
    ends = listener.named("on_train_batch_end")
    assert [batch for batch, _ in ends] == [0, 1, 2] * 2
    assert all(list(logs) == ["loss", "accuracy"] for _, logs in ends)
    for epoch in range(2):
        last = ends[3 * epoch + 2][1]
        assert last == {key: history[key][epoch] for key in ("loss", "accuracy")}
    if not shuffle:  # the weights stand still: metrics are those of the rows so far
        for batch, logs in ends[:3]:
            rows = slice(0, 16 * (batch + 1))
            loss, accuracy = model.evaluate(x[rows], y[rows], verbose=0)
            assert logs == pytest.approx({"loss": loss, "accuracy": accuracy}, rel=1e-6)
    assert [batch for batch, _ in listener.named("on_test_batch_end")] == [0, 1, 2] * 2
    validated = {key: history[f"val_{key}"][-1] for key in ("loss", "accuracy")}
    assert listener.named("on_test_end")[-1] == (validated,)
    assert listener.named("on_test_batch_end")[-1][1] == pytest.approx(validated)


def test_hooks_of_evaluate(rng):
    x, y = blobs(rng, 40)
    model = classifier()
    wanted = model.evaluate(x, y, verbose=0, return_dict=True)
    listener = Listener()
    got = model.evaluate(x, y, batch_size=16, verbose=0, callbacks=[listener], return_dict=True)
    assert got == pytest.approx(wanted)
    assert all(params == {"verbose": 0, "epochs": 1, "steps": 3} for _, _, params in listener.calls)
    batch = ["on_test_batch_begin", "on_test_batch_end"]
    assert [name for name, _, _ in listener.calls] == ["on_test_begin", *batch * 3, "on_test_end"]
    first = model.evaluate(x[:16], y[:16], verbose=0, return_dict=True)
    assert listener.named("on_test_batch_end")[0] == (0, pytest.approx(first))
    assert listener.named("on_test_end") == [(got,)]


def test_hooks_of_predict(rng):
    x, _ = blobs(rng, 40)
    model = classifier()
    listener = Listener()
    got = model.predict(x, batch_size=16, verbose=0, callbacks=[listener])
    np.testing.assert_array_equal(got, model.predict(x))
    np.testing.assert_array_equal(model.predict(x, batch_size=8, steps=2), got[:16])
    assert all(params == {"verbose": 0, "epochs": 1, "steps": 3} for _, _, params in listener.calls)
    parts = [logs["outputs"] for _, logs in listener.named("on_predict_batch_end")]
    assert [len(part) for part in parts] == [16, 16, 8]
    np.testing.assert_array_equal(np.concatenate(parts), got)
    assert listener.named("on_predict_end") == listener.named("on_predict_begin") == [({},)]


def test_metrics_of_batches_are_worked_out_for_who_asks(rng):
    x, y = blobs(rng, 40)
    counted = []

    def share(y_true, y_pred):
        counted.append(len(y_pred))
        return np.mean(y_pred, axis=-1)

    seen = []
    for look, calls in (
        (lambda logs: logs["loss"], [40]),
        (lambda logs: logs["share"], [16, 32, 40, 40]),
        (lambda logs: seen.append(logs), [16, 32, 40, 40]),  # kept for later
    ):
        counted.clear()
        hook = hl.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs, look=look: look(logs))
        classifier(metrics=[share]).fit(x, y, batch_size=16, callbacks=[hook], verbose=0)
        assert counted == calls
    assert len({logs["share"] for logs in seen}) == 3
    assert [{**logs} == dict(logs) == copy.deepcopy(logs) == logs | {} for logs in seen] == [True] * 3
    assert all("share" in logs and len(logs) == 2 and logs.get("x", 1) == 1 for logs in seen)


def test_steps_that_do_not_divide_the_rows(rng):
    """Every epoch has its steps; the rows of a pass are each seen once before the next pass."""
    x = np.arange(10, dtype=np.float32)[:, None]
    model = hl.Sequential([hl.layers.Dense(1, input_shape=(1,), kernel_initializer="zeros")])
    model.compile(hl.optimizers.SGD(0.0), "mse", metrics=["mae"])
    listener = Listener()
    history = model.fit(
        x, x, batch_size=4, steps_per_epoch=2, epochs=3, shuffle=False, callbacks=[listener], verbose=0
    ).history
    rows = [[0, 1, 2, 3, 4, 5, 6, 7], [8, 9, 0, 1, 2, 3], [4, 5, 6, 7, 8, 9]]
    np.testing.assert_allclose(history["mae"], [np.mean(part) for part in rows])
    assert [batch for batch, _ in listener.named("on_train_batch_end")] == [0, 1] * 3
    in_between = listener.named("on_train_batch_end")[2][1]
    assert in_between["mae"] == 8.5


def test_what_training_says_goes_to_stdout(rng, capsys):
    x, y = blobs(rng, 40)
    model = classifier()
    stop = hl.callbacks.EarlyStopping("loss", min_delta=9, verbose=1)
    model.fit(x, y, epochs=3, verbose=2, callbacks=[stop])
    model.evaluate(x, y, verbose=2)
    shown = capsys.readouterr()
    assert shown.err == ""
    lines = shown.out.splitlines()
    assert lines[0].startswith("Epoch 1/3")
    assert lines[2] == "Epoch 2: early stopping"
    assert lines[3].startswith("loss: ")
