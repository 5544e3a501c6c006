"""Training: what fit, evaluate and the batch methods return, the order of things, and that nothing drifts."""

import os
import signal
import threading
import time

import numpy as np
import pytest

import hotloop as hl
from nets import blobs, classifier


@pytest.fixture(autouse=True)
def _seed():
    hl.set_seed(0)


def test_issue_example_learns(rng):
    x, y = blobs(rng)
    model = classifier()
    history = model.fit(x, y, epochs=20, batch_size=8, verbose=0)
    loss, accuracy = model.evaluate(x, y, verbose=0)
    assert accuracy > 0.95
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert history.epoch == list(range(20))
    assert history.params == {"epochs": 20, "steps": 38, "verbose": 0}
    assert model.history is history
    assert all(type(value) is float for values in history.history.values() for value in values)
    probabilities = model.predict(x[:10])
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    assert loss == pytest.approx(-np.log(model.predict(x)[np.arange(300), y].astype(float)).mean(), rel=1e-5)


def test_same_seed_same_weights_with_dropout_and_shuffling(rng):
    x, y = blobs(rng)

    def train(seed, shuffle=True):
        hl.set_seed(seed)
        model = hl.Sequential(
            [
                hl.layers.Dense(16, "relu", input_shape=(6,)),
                hl.layers.Dropout(0.5),
                hl.layers.Dense(3, "softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(x, y, epochs=3, verbose=0, shuffle=shuffle)
        return model.get_weights()[0]

    np.testing.assert_array_equal(train(1), train(1))
    assert not np.array_equal(train(1), train(2))
    assert not np.array_equal(train(1), train(1, shuffle=False))


def test_trained_weights_are_the_same_bits_for_any_thread_count(rng, threads):
    x, y = blobs(np.random.default_rng(1), 500)
    hl.set_seed(3)
    model = hl.Sequential(
        [
            hl.layers.Dense(70, "gelu", input_shape=(6,)),
            hl.layers.BatchNormalization(),
            hl.layers.Dropout(0.2),
            hl.layers.Dense(3, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=2, batch_size=64, verbose=0)
    got = b"".join(w.tobytes() for w in model.get_weights())
    first = _weights_at_first.setdefault("bytes", got)
    assert got == first


_weights_at_first: dict[str, bytes] = {}


def test_per_batch_callbacks_train_the_same(rng):
    x, y = blobs(rng, 100)
    seen = []
    results = []
    for callbacks in (
        [],
        [hl.callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: seen.append((b, logs)))],
    ):
        hl.set_seed(5)
        model = classifier()
        history = model.fit(x, y, epochs=2, batch_size=30, callbacks=callbacks, verbose=0).history
        results.append((model.get_weights(), history, model.optimizer.iterations))
    assert [batch for batch, _ in seen] == [0, 1, 2, 3] * 2
    assert seen[-1][1]["loss"] == pytest.approx(results[1][1]["loss"][-1])
    assert results[0][2] == results[1][2] == 8
    for a, b in zip(results[0][0], results[1][0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert results[0][1]["accuracy"] == results[1][1]["accuracy"]
    assert results[0][1]["loss"] == pytest.approx(results[1][1]["loss"])


def test_hooks_come_in_kerass_order(rng):
    x, y = blobs(rng, 40)
    calls: list[str] = []

    class Recorder(hl.callbacks.Callback):
        def __getattribute__(self, name):
            if name.startswith("on_") and "batch" not in name:
                calls.append(name)
            return super().__getattribute__(name)

    classifier().fit(x, y, epochs=2, validation_split=0.5, callbacks=[Recorder()], verbose=0)
    epoch = ["on_epoch_begin", "on_test_begin", "on_test_end", "on_epoch_end"]
    assert calls == ["on_train_begin", *epoch, *epoch, "on_train_end"]


def test_stop_training_ends_after_the_epoch_and_within_it(rng):
    x, y = blobs(rng, 64)
    model = classifier()

    def stop(*_):
        model.stop_training = True

    history = model.fit(x, y, epochs=5, callbacks=[hl.callbacks.LambdaCallback(on_epoch_end=stop)], verbose=0)
    assert history.epoch == [0]
    before = model.optimizer.iterations
    model.fit(x, y, epochs=5, callbacks=[hl.callbacks.LambdaCallback(on_train_batch_end=stop)], verbose=0)
    assert model.optimizer.iterations == before + 1


def test_terminate_on_nan_stops_inside_the_epoch(rng):
    x, y = blobs(rng, 320)
    model = hl.Sequential([hl.layers.Dense(1, input_shape=(6,))])
    model.compile(hl.optimizers.SGD(1e20), "mse")
    history = model.fit(x, y, epochs=3, callbacks=[hl.callbacks.TerminateOnNaN()], verbose=0)
    assert len(history.epoch) == 1
    assert model.optimizer.iterations < 10


def test_validation(rng):
    x, y = blobs(rng, 100)
    model = classifier(optimizer=hl.optimizers.SGD(0.0))
    history = model.fit(x, y, validation_split=0.25, verbose=0).history
    want = model.evaluate(x[75:], y[75:], verbose=0)
    assert [history["val_loss"][0], history["val_accuracy"][0]] == pytest.approx(want)
    assert history["loss"][0] == pytest.approx(model.evaluate(x[:75], y[:75], verbose=0)[0], rel=1e-6)
    weights = rng.random(20)
    history = model.fit(x, y, validation_data=(x[:20], y[:20], weights), verbose=0).history
    assert history["val_loss"][0] == pytest.approx(
        model.evaluate(x[:20], y[:20], sample_weight=weights, verbose=0)[0]
    )
    frequent = model.fit(x, y, epochs=6, validation_split=0.2, validation_freq=2, verbose=0).history
    assert (len(frequent["loss"]), len(frequent["val_loss"])) == (6, 3)
    listed = model.fit(x, y, epochs=6, validation_split=0.2, validation_freq=[1, 6], verbose=0).history
    assert len(listed["val_loss"]) == 2


def test_initial_epoch_counts_on(rng):
    x, y = blobs(rng, 40)
    model = classifier()
    assert model.fit(x, y, epochs=5, initial_epoch=3, verbose=0).epoch == [3, 4]


def test_steps_per_epoch_goes_on_where_it_stopped(rng):
    x = np.arange(10, dtype=np.float32)[:, None]
    model = hl.Sequential([hl.layers.Dense(1, input_shape=(1,), kernel_initializer="zeros")])
    model.compile(hl.optimizers.SGD(0.0), "mse", metrics=["mae"])
    history = model.fit(x, x, batch_size=2, steps_per_epoch=2, epochs=3, shuffle=False, verbose=0).history
    rows = [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 0, 1]]
    np.testing.assert_allclose(history["mae"], [np.mean(part) for part in rows])
    np.testing.assert_allclose(history["loss"], [np.mean(np.square(part)) for part in rows])


def test_full_batch_gradient_descent_makes_one_step_an_epoch(rng):
    x, y = blobs(rng, 90)
    model = classifier(optimizer=hl.optimizers.GradientDescent(0.1))
    model.fit(x, y, epochs=7, verbose=0)
    assert model.optimizer.iterations == 7


def test_batch_methods(rng):
    x, y = blobs(rng, 20)
    model = classifier()
    assert model.test_on_batch(x, y) == model.evaluate(x, y, verbose=0)
    logs = model.train_on_batch(x, y, return_dict=True)
    assert list(logs) == ["loss", "accuracy"]
    assert model.optimizer.iterations == 1
    np.testing.assert_array_equal(model.predict_on_batch(x), model.predict(x))
    plain = classifier(metrics=[])
    assert isinstance(plain.train_on_batch(x, y), float)
    assert isinstance(plain.evaluate(x, y, verbose=0), float)


def test_steps_one_by_one_equal_fit(rng):
    x, y = blobs(rng, 96)
    hl.set_seed(1)
    whole = classifier()
    hl.set_seed(1)
    single = classifier()
    whole.fit(x, y, batch_size=32, shuffle=False, epochs=2, verbose=0)
    for _ in range(2):
        for i in range(0, 96, 32):
            single.train_on_batch(x[i : i + 32], y[i : i + 32])
    for a, b in zip(whole.get_weights(), single.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_training_goes_on_with_the_optimizer_state(rng):
    x, y = blobs(rng, 96)
    results = []
    for epochs in ([4], [1, 3]):
        hl.set_seed(1)
        model = classifier()
        for n in epochs:
            model.fit(x, y, epochs=n, verbose=0)
        results.append(model.get_weights()[0])
    np.testing.assert_array_equal(*results)


@pytest.fixture
def _interruptible():
    """Python's own handler: a job in the background starts with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
def test_keyboard_interrupt_leaves_the_last_finished_step(rng):
    x, y = blobs(rng, 4000)
    model = classifier()
    model.train_on_batch(x[:32], y[:32])
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=1_000_000, steps_per_epoch=10_000_000, batch_size=8, verbose=0)
    timer.join()
    assert time.monotonic() - begin < 20
    steps = model.optimizer.iterations
    assert steps > 1
    assert all(np.isfinite(w).all() for w in model.get_weights())
    model.fit(x, y, batch_size=400, verbose=0)
    assert model.optimizer.iterations == steps + 10


def test_interrupted_weights_equal_those_of_as_many_steps(rng):
    x, y = blobs(rng, 64)

    class Interrupt(hl.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 4:
                raise KeyboardInterrupt

    hl.set_seed(1)
    model = classifier()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=8, shuffle=False, callbacks=[Interrupt()], verbose=0)
    assert model.optimizer.iterations == 5
    hl.set_seed(1)
    other = classifier()
    other.fit(x[:40], y[:40], batch_size=8, shuffle=False, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], other.get_weights()[0])


def test_trajectory_equals_pytorchs(rng):
    torch = pytest.importorskip("torch")
    x, y = blobs(rng, 64)
    model = classifier(optimizer=hl.optimizers.SGD(0.1, momentum=0.9))
    net = torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
    with torch.no_grad():
        for parameter, value in zip(net.parameters(), model.get_weights(), strict=True):
            parameter.copy_(torch.from_numpy(value.T.copy()))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    tx, ty = torch.from_numpy(x), torch.from_numpy(y)
    for _ in range(50):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(tx), ty)
        loss.backward()
        optimizer.step()
    model.fit(x, y, batch_size=64, epochs=50, shuffle=False, verbose=0)
    for parameter, value in zip(net.parameters(), model.get_weights(), strict=True):
        np.testing.assert_allclose(value.T, parameter.detach().numpy(), rtol=2e-3, atol=2e-4)
