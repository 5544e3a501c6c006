"""Models whose rows depend on each other, such as by a mean over the batch: all rows are one batch, wherever
they go through the model, and no number depends on chunks, threads or callbacks."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import hotloop as hl
from hotloop import ops
from hotloop.device import chunks
from hotloop.device.gpu import Gpu
from hotloop.ir.config import graph_config, graph_from_config
from hotloop.ir.pipelines import for_inference
from hotloop.ir.rows import mixing_layer
from hotloop.ir.weights import freeze, tensors

RNG = np.random.default_rng(8)
ROWS = 3001  # many chunks of what takes rows apart
X = RNG.normal(size=(ROWS, 6)).astype(np.float32)
Y = RNG.normal(size=(ROWS, 3)).astype(np.float32)


@hl.saving.register_serializable(package="mixed")
def centred(x):
    return x - ops.mean(x, axis=0)


@hl.saving.register_serializable(package="mixed")
class Centre(hl.layers.Layer):
    def call(self, inputs):
        return centred(inputs)


def as_lambda(x):
    return hl.layers.Lambda(centred, name="mix")(x)


def as_layer(x):
    return Centre(name="mix")(x)


def as_activation(x):
    return hl.layers.Activation(centred, name="mix")(x)


def as_operations(x):
    return x - ops.mean(x, axis=0)


def of_dense(x):
    """A product that applies it."""
    units = x.shape[-1]
    return hl.layers.Dense(units, activation=centred, kernel_initializer="identity", name="mix")(x)


WAYS = [as_lambda, as_layer, as_activation, as_operations, of_dense]


def model_of(mix=as_lambda, metrics=("mae",)):
    hl.set_seed(1)
    x = hl.Input((6,), name="x")
    h = mix(hl.layers.Dense(5, "relu", name="before")(x))
    model = hl.Model(x, hl.layers.Dense(3, name="behind")(h))
    model.compile("sgd", "mse", metrics=list(metrics))
    return model


def expected(model, x):
    weights = [np.float64(weight) for weight in model.get_weights()]
    kernel, bias, kernel_behind, bias_behind = [*weights[:2], *weights[-2:]]
    h = np.maximum(x @ kernel + bias, 0)
    return (h - h.mean(axis=0)) @ kernel_behind + bias_behind


@pytest.fixture
def restored_threads():
    before = hl.num_threads()
    yield
    hl.set_num_threads(before)


class Batches(hl.callbacks.Callback):
    """Wants to be told of every batch, and counts them."""

    def __init__(self):
        self.count = 0

    def on_predict_batch_end(self, batch, logs=None):
        self.count += 1

    on_test_batch_end = on_predict_batch_end


@pytest.mark.parametrize("mix", WAYS)
def test_every_way_to_predict_takes_the_batch_whole(mix):
    model, told = model_of(mix), Batches()
    assert model.outputs[0].mixes_rows
    whole = model.predict_on_batch(X)
    np.testing.assert_allclose(whole, expected(model, X), atol=1e-5)
    session = hl.freeze(model, batch_size=4)
    for made in (
        model.predict(X, verbose=0),
        model.predict(X, batch_size=7, verbose=0),
        model.predict({"x": X}, batch_size=7, verbose=0),
        model.predict(X.tolist(), verbose=0),
        model.predict(X, batch_size=7, verbose=0, callbacks=[told]),
        session.run(X),
        session.run([X]),
        session.run(X.astype(float), np.empty_like(Y)),
    ):
        np.testing.assert_array_equal(made, whole)
    assert told.count == 1
    np.testing.assert_allclose(model.predict(X[:1], verbose=0), expected(model, X[:1]), atol=1e-6)
    # So many steps are so many rows, and these are the batch.
    first = model.predict(X, batch_size=7, steps=2, verbose=0)
    np.testing.assert_allclose(first, expected(model, X[:14]), atol=1e-6)


@pytest.mark.parametrize("mix", WAYS)
def test_results_have_the_same_bits_on_any_number_of_threads(mix, restored_threads):
    model = model_of(mix)
    session = hl.freeze(model)
    found = set()
    for number in (1, 2, 3, 5):
        hl.set_num_threads(number)
        found.add(model.predict(X, verbose=0).tobytes())
        found.add(session.run(X).tobytes())
        found.add(np.float64(model.evaluate(X, Y, verbose=0)).tobytes() + b"loss")
    assert len(found) == 2


def test_threads_that_call_a_session_get_their_own_batches():
    model = model_of()
    session = hl.freeze(model)
    parts = [X[first : first + 300] for first in range(0, ROWS, 300)]
    alone = [model.predict(part, verbose=0) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for made, one in zip(pool.map(session.run, parts), alone, strict=True):
                np.testing.assert_array_equal(made, one)


@pytest.mark.parametrize("mix", WAYS)
def test_evaluating_takes_the_batch_whole(mix):
    model, told = model_of(mix), Batches()
    made = expected(model, X)
    loss, error = model.evaluate(X, Y, verbose=0)
    assert loss == pytest.approx(((made - Y) ** 2).mean(), rel=1e-5)
    assert error == pytest.approx(np.abs(made - Y).mean(), rel=1e-5)
    assert model.evaluate(X, Y, batch_size=9, verbose=0) == [loss, error]
    assert model.evaluate(X, Y, batch_size=9, verbose=0, callbacks=[told]) == [loss, error]
    assert told.count == 1
    assert model.test_on_batch(X, Y) == [loss, error]
    some = model.evaluate(X, Y, batch_size=9, steps=2, verbose=0)
    assert some == model.evaluate(X[:18], Y[:18], verbose=0)


@pytest.mark.parametrize("callbacks", [[], [Batches()]])
def test_validation_takes_its_rows_whole_and_training_its_batches(callbacks):
    model = model_of()
    history = model.fit(
        X[:400],
        Y[:400],
        batch_size=50,
        epochs=2,
        verbose=0,
        validation_data=(X[400:], Y[400:]),
        validation_batch_size=7,
        callbacks=callbacks,
    ).history
    again = model.evaluate(X[400:], Y[400:], verbose=0)
    assert [history["val_loss"][-1], history["val_mae"][-1]] == again
    one, other = model_of(), model_of()
    one.fit(X[:100], Y[:100], batch_size=50, shuffle=False, verbose=0)
    for first in (0, 50):
        other.train_on_batch(X[first : first + 50], Y[first : first + 50])
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_profile_takes_as_many_rows_as_predict_does():
    model = model_of()
    assert hl.profile(model, X, seconds=0.01, threads=1).batch_size == ROWS
    assert hl.profile(hl.freeze(model), X, seconds=0.01, threads=1).batch_size == ROWS
    assert hl.profile(model, X, batch_size=700, seconds=0.01, threads=1).batch_size == 700


@pytest.mark.parametrize("precision", ["int8", "int8_dynamic", "bf16"])
def test_quantising_sees_and_measures_the_batch_whole(precision, tmp_path):
    model = model_of()
    made = [hl.quantize_model(model, precision, X, batch_size=size) for size in (16, 5000)]
    assert made[0].report() == made[1].report()
    assert made[0].report().outputs[0].snr > 25
    whole = made[0].predict(X)
    np.testing.assert_allclose(whole, expected(model, X), atol=0.2)
    made[0].save(tmp_path / "small.hotloop")
    for again in (made[1], hl.load_model(tmp_path / "small.hotloop"), hl.freeze(made[0]), copy.copy(made[1])):
        predict = again.run if isinstance(again, hl.Session) else again.predict
        np.testing.assert_array_equal(predict(X), whole)
    loss = made[0].evaluate(X, Y)[0]
    assert loss == pytest.approx(((np.float64(whole) - Y) ** 2).mean(), rel=1e-5)


def test_a_row_that_is_not_finite_spoils_all_rows_of_bytes():
    x = hl.Input((6,))
    h = hl.layers.Dense(5, "relu")(x)
    model = hl.Model(x, [hl.layers.Dense(2)(as_lambda(h)), hl.layers.Dense(2)(h)])
    small = hl.quantize_model(model, "int8", X, fallback="never")
    broken = X[:100].copy()
    broken[3, 1] = np.nan
    mixed, apart = small.predict(broken, allow_nonfinite=True)
    assert np.isnan(mixed).all()
    assert np.isnan(apart).any(axis=1).nonzero()[0].tolist() == [3]


@pytest.mark.parametrize("mix", WAYS)
def test_the_mark_survives_files_copies_and_configs(mix, tmp_path):
    model = model_of(mix)
    whole = model.predict(X, verbose=0)
    model.save(tmp_path / "mixed.hotloop")
    twins = [hl.load_model(tmp_path / "mixed.hotloop"), copy.deepcopy(model)]
    twins += [pickle.loads(pickle.dumps(model)), hl.clone_model(model)]
    y = hl.Input((6,))
    for twin in [*twins, hl.Model(y, model(y))]:
        twin.set_weights(model.get_weights())
        assert twin.outputs[0].mixes_rows
        np.testing.assert_array_equal(twin.predict(X, batch_size=7, verbose=0), whole)


@pytest.mark.parametrize("mix", WAYS)
def test_graphs_of_ops_name_the_layer_and_keep_it_in_json(mix):
    graph = freeze(for_inference(model_of(mix).graph))
    assert mixing_layer(graph) == ("mean" if mix is as_operations else "mix")
    assert mixing_layer(graph_from_config(graph_config(graph), tensors(graph))) == mixing_layer(graph)
    for function in (lambda x: x - ops.mean(x, axis=-1, keepdims=True), lambda x: x + ops.mean(np.ones(3))):
        apart = hl.Sequential([hl.layers.Lambda(function, input_shape=(6,))])
        apart.build((None, 6))
        assert mixing_layer(for_inference(apart.graph)) == ""


def test_ops_and_symbolic_tensors_agree_on_what_mixes_rows():
    x = hl.Input((4, 3))
    for function in (
        lambda x: ops.max(x, axis=(0, 2)),
        lambda x: ops.logsumexp(x, axis=0),
        lambda x: ops.argmax(x, axis=0),
        lambda x: ops.sum(x, axis=None),
        lambda x: ops.var(x, axis=[0, 1]),
        lambda x: ops.mean(x, axis=(1, 2)),
        lambda x: ops.softmax(x, axis=1),
        lambda x: ops.matmul(x, np.ones((3, 2), np.float32)),
        lambda x: ops.transpose(x, (0, 2, 1)),
    ):
        made = function(x)
        numbers = ops.cast(made, "float32")
        total = ops.sum(numbers, axis=[*range(1, len(made.shape))]) if made.batched else ops.sum(numbers)
        rows = ops.sum(x, axis=(1, 2)) + total
        model = hl.Model(x, rows)
        assert made.mixes_rows == bool(mixing_layer(for_inference(model.graph)))


class TinyGpu(Gpu):
    """Has room for so many bytes; whatever is brought there stays where it is."""

    def __init__(self, free):
        self.free = free

    def free_bytes(self):
        return self.free

    def memory_error(self, needed, purpose=""):
        return MemoryError(f"{needed} bytes for {purpose}")


def test_more_rows_than_fit_a_gpu_are_refused_by_name_not_cut(monkeypatch):
    def predict(inputs, outputs):
        raise AssertionError("it was cut")

    with pytest.raises(MemoryError, match=r"32000 bytes for a batch of 500 rows, which layer 'mix' mixes"):
        chunks.run_forward(TinyGpu(20_000), predict, [np.ones((500, 6), np.float32)], [4], mixing="mix")
    taken = []
    monkeypatch.setattr(chunks, "Chunks", lambda gpu, arrays, rows: taken.append(rows) or Cut())

    class Cut:
        def of(self, begin, end, order):
            return []

    chunks.run_forward(TinyGpu(40_000), predict, [np.ones((500, 6), np.float32)], [4], mixing="mix")
    chunks.run_forward(TinyGpu(40_000), predict, [np.ones((500, 6), np.float32)], [4])
    assert taken == [500, 292]
