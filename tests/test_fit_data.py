"""What is learnt from: data, labels and weights of all kinds, and the losses that they meet."""

import math
from contextlib import nullcontext

import numpy as np
import pytest

import hotloop as hl
from hotloop.training.feed import Feed
from nets import blobs, classifier


@pytest.fixture(autouse=True)
def _seed():
    hl.set_seed(0)


def test_logs_are_the_means_over_the_rows_seen(rng):
    """With a learning rate of 0 the epoch's logs must equal evaluate's, whatever the batches."""
    x, y = blobs(rng, 101)
    model = classifier(optimizer=hl.optimizers.SGD(0.0))
    loss, accuracy = model.evaluate(x, y, verbose=0)
    for batch_size in (1, 7, 32, 101, 5000):
        logs = model.fit(x, y, batch_size=batch_size, verbose=0).history
        assert logs["loss"][0] == pytest.approx(loss, rel=1e-6)
        assert logs["accuracy"][0] == accuracy


def test_regularisation_is_in_the_loss(rng):
    x, y = blobs(rng, 50)
    model = hl.Sequential([hl.layers.Dense(3, input_shape=(6,), kernel_regularizer=hl.regularizers.L2(0.1))])
    model.compile(hl.optimizers.SGD(0.0), hl.losses.SparseCategoricalCrossentropy(from_logits=True))
    plain = float(model.loss(y, model.predict(x)))
    want = plain + 0.1 * float(np.square(model.layers[0].kernel.value).sum())
    assert model.evaluate(x, y, verbose=0) == pytest.approx(want, rel=1e-5)
    assert model.fit(x, y, verbose=0).history["loss"][0] == pytest.approx(want, rel=1e-5)


@pytest.mark.parametrize(("rows", "classes", "units"), [(1, 3, 4), (5, 1, 4), (40, 2, 1), (33, 3, 1)])
def test_smallest_cases_work(rows, classes, units, rng):
    x = rng.normal(size=(rows, 3)).astype(np.float32)
    y = rng.integers(0, classes, rows)
    model = hl.Sequential(
        [hl.layers.Dense(units, "relu", input_shape=(3,)), hl.layers.Dense(classes, "softmax")]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    told = pytest.warns(UserWarning, match="softmax of one number") if classes == 1 else nullcontext()
    with told:
        model.fit(x, y, epochs=2, batch_size=16, verbose=0)
    assert np.isfinite(model.evaluate(x, y, verbose=0)).all()


@pytest.mark.parametrize("shape", ["(n,)", "(n, 1)"])
@pytest.mark.parametrize("loss", ["binary_crossentropy", "hinge", "squared_hinge", "mse"])
def test_targets_of_one_output_with_and_without_an_axis(shape, loss, rng):
    x = rng.normal(size=(200, 4)).astype(np.float32)
    y = (x[:, 0] > 0).astype(int)
    model = hl.Sequential(
        [hl.layers.Dense(1, "sigmoid" if loss == "binary_crossentropy" else None, input_shape=(4,))]
    )
    model.compile(hl.optimizers.Adam(0.05), loss, metrics=["accuracy"])
    model.fit(x, y if shape == "(n,)" else y[:, None], epochs=30, verbose=0)
    assert model.evaluate(x, y, verbose=0)[1] > 0.9


def test_accuracy_means_the_one_that_fits(rng):
    x, y = blobs(rng, 60)
    onehot = np.eye(3)[y]
    sparse, dense = classifier(), classifier()
    dense.compile("adam", "categorical_crossentropy", metrics=["acc"])
    dense.set_weights(sparse.get_weights())
    assert sparse.evaluate(x, y, verbose=0) == pytest.approx(dense.evaluate(x, onehot, verbose=0), rel=1e-6)
    assert dense.metrics_names == ["loss", "acc"]


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint8, np.float32, np.float64, bool])
def test_labels_of_any_number_type(dtype, rng):
    x, y = blobs(rng, 30, classes=2)
    model = classifier(classes=2, optimizer=hl.optimizers.SGD(0.0))
    want = model.evaluate(x, y, verbose=0)
    assert model.evaluate(x, y.astype(dtype), verbose=0) == want
    assert model.evaluate(x, y.astype(dtype)[:, None], verbose=0) == want
    assert model.evaluate(x, y.tolist(), verbose=0) == want


def test_uint8_input_trains_like_its_float32(rng):
    x = rng.integers(0, 256, size=(100, 6)).astype(np.uint8)
    y = rng.integers(0, 3, 100)
    results = []
    for data in (x, x.astype(np.float32), x.astype(np.float64)):
        hl.set_seed(9)
        model = classifier()
        model.fit(data, y, epochs=2, verbose=0)
        results.append(model.get_weights())
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_sample_and_class_weights(rng):
    x, y = blobs(rng, 60)
    model = classifier(metrics=[], optimizer=hl.optimizers.SGD(0.0))
    rows = -np.log(model.predict(x)[np.arange(60), y].astype(float))
    weights = rng.random(60).astype(np.float32)
    table = np.array([1.0, 5.0, 0.5])
    assert model.evaluate(x, y, sample_weight=weights, verbose=0) == pytest.approx(
        np.mean(rows * weights), rel=1e-5
    )
    both = model.fit(x, y, sample_weight=weights, class_weight={1: 5.0, 2: 0.5}, verbose=0).history["loss"][0]
    assert both == pytest.approx(np.mean(rows * weights * table[y]), rel=1e-5)
    assert model.train_on_batch(x, y, class_weight={1: 5.0, 2: 0.5}) == pytest.approx(
        np.mean(rows * table[y]), rel=1e-5
    )
    model.compile("sgd", "categorical_crossentropy", metrics=["acc"], weighted_metrics=["acc"])
    onehot = np.eye(3)[y]
    logs = model.evaluate(x, onehot, sample_weight=weights, verbose=0, return_dict=True)
    hits = model.predict(x).argmax(1) == y
    assert logs["acc"] == hits.mean()
    assert logs["weighted_acc"] == pytest.approx(np.average(hits, weights=weights))
    history = model.fit(x, onehot, class_weight={1: 5.0}, validation_split=0.5, verbose=0).history
    unweighted = model.evaluate(x[30:], onehot[30:], verbose=0)[0]
    assert history["val_loss"][0] == pytest.approx(unweighted, rel=1e-5)


def test_a_validation_split_is_not_moved_by_rounding():
    """As Keras: floor(rows * (1 - part)), save where only rounding takes it below a whole number."""
    zeros, differing = np.zeros((5000, 1), np.float32), 0
    for rows in (*range(2, 300), 1000, 1437, 4999, 5000):
        for hundredths in range(1, 100):
            part, at = hundredths / 100, rows * (100 - hundredths) // 100
            feed = Feed([zeros[:rows]], [], [], [], [])
            if at == 0:
                with pytest.raises(ValueError, match="validation_split: expected a part that leaves rows"):
                    feed.split(part)
                continue
            train, held = feed.split(part)
            assert (train.rows, held.rows) == (at, rows - at), (rows, part)
            exact = rows * (100 - hundredths) % 100 == 0
            assert exact or math.floor(rows * (1 - part)) == at
            differing += math.floor(rows * (1 - part)) != at
    assert Feed([zeros[:1000]], [], [], [], []).split(0.07)[1].rows == 70
    assert Feed([zeros[:300]], [], [], [], []).split(1 / 3)[1].rows == 100
    assert differing > 0


def test_zero_weight_rows_do_not_count(rng):
    x, y = blobs(rng, 64)
    weights = np.r_[np.ones(32), np.zeros(32)]
    results = []
    for tail in (x[32:], x[32:] * 100):
        hl.set_seed(1)
        model = classifier()
        model.fit(np.r_[x[:32], tail], y, sample_weight=weights, batch_size=64, epochs=3, verbose=0)
        results.append(model.get_weights()[0])
    np.testing.assert_allclose(*results, rtol=1e-5, atol=1e-6)


def test_outputs_of_rank_two_train_by_position(rng):
    x = rng.normal(size=(50, 4, 3)).astype(np.float32)
    y = x.argmax(-1)
    model = hl.Sequential([hl.layers.Dense(3, "softmax", input_shape=(4, 3))])
    model.compile(hl.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    rows = -np.log(np.take_along_axis(model.predict(x).astype(float), y[..., None], -1))
    assert model.evaluate(x, y, verbose=0)[0] == pytest.approx(rows.mean(), rel=1e-5)
    model.fit(x, y, epochs=40, verbose=0)
    assert model.evaluate(x, y, verbose=0)[1] > 0.9


@pytest.mark.parametrize("kind", ["binary", "categorical", "sparse_categorical"])
def test_fused_and_separate_cross_entropy_agree(kind, rng):
    """One net with its softmax in the layer, as a layer, out of the loss's reach, and left to the loss."""
    x, y = blobs(rng, 48, classes=3)
    target = y if kind == "sparse_categorical" else np.eye(3)[y]
    activation = "sigmoid" if kind == "binary" else "softmax"
    name = "".join(part.title() for part in kind.split("_")) + "Crossentropy"
    start = [rng.normal(size=(6, 3)), np.zeros(3)]
    results = []
    for tail in (
        [hl.layers.Dense(3, activation)],
        [hl.layers.Dense(3), hl.layers.Activation(activation), hl.layers.Flatten()],
        [hl.layers.Dense(3, activation), hl.layers.Rescaling(1.0)],
        [hl.layers.Dense(3)],
    ):
        loss = getattr(hl.losses, name)(from_logits=len(tail) == 1 and tail[0].activation.name == "linear")
        model = hl.Sequential([hl.Input((6,)), *tail])
        model.compile("sgd", loss)
        model.set_weights(start)
        history = model.fit(x, target, epochs=3, shuffle=False, verbose=0).history["loss"]
        assert model.evaluate(x, target, verbose=0) == pytest.approx(loss(target, model.predict(x)), rel=1e-4)
        results.append((history, model.get_weights()[0]))
    for history, kernel in results[1:]:
        np.testing.assert_allclose(history, results[0][0], rtol=1e-4)
        np.testing.assert_allclose(kernel, results[0][1], rtol=1e-3, atol=1e-5)


def test_models_without_weights_fit_and_evaluate(rng):
    x = rng.normal(size=(20, 3)).astype(np.float32)
    model = hl.Sequential([hl.layers.Activation("tanh", input_shape=(3,))])
    model.compile("adam", "mse")
    want = float(np.mean((np.tanh(x) - x) ** 2))
    assert model.fit(x, x, verbose=0).history["loss"][0] == pytest.approx(want, rel=1e-4)


def test_validation_steps_take_the_first_batches(rng):
    x, y = blobs(rng, 40)
    model = classifier()
    history = model.fit(
        x, y, validation_data=(x, y), validation_steps=2, validation_batch_size=6, verbose=0
    ).history
    assert history["val_loss"][-1] == model.evaluate(x[:12], y[:12], verbose=0, return_dict=True)["loss"]
    with pytest.raises(ValueError, match="validation_steps: expected at least 1, got 0"):
        model.fit(x, y, validation_data=(x, y), validation_steps=0, verbose=0)
