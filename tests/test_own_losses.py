"""Losses that users write with hotloop.ops, against built-in ones, and differences in double."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import hotloop as hl
import own_losses
from hotloop import ops
from own_losses import data, regression

SAME = [own_losses.huber, own_losses.elementwise_huber, own_losses.Huber(), own_losses.huber_of_the_batch]


def name_of(loss: Any) -> str:
    return str(getattr(loss, "__name__", loss))


def trained(loss: Any, x: Any, y: Any, **options: Any) -> tuple[list[np.ndarray], dict[str, list[float]]]:
    model = regression()
    model.compile(hl.optimizers.Adam(0.02), loss=loss)
    history = model.fit(x, y, batch_size=16, epochs=3, verbose=0, **options)
    return model.get_weights(), history.history


@pytest.mark.parametrize("loss", SAME, ids=name_of)
def test_training_is_that_of_the_built_in(loss: Any, rng: np.random.Generator) -> None:
    x, y = data(rng)
    split = {"validation_split": 0.32}
    ours, theirs = trained(loss, x, y, **split), trained("huber", x, y, **split)
    for mine, its in zip(ours[0], theirs[0], strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-4, atol=1e-5)
    assert ours[1]["loss"] == pytest.approx(theirs[1]["loss"], rel=1e-5)
    assert ours[1]["val_loss"] == pytest.approx(theirs[1]["val_loss"], rel=1e-5)


@pytest.mark.parametrize("loss", SAME[:3], ids=name_of)
def test_sample_weights_count(loss: Any, rng: np.random.Generator) -> None:
    x, y = data(rng)
    weights = rng.uniform(0, 2, len(x)).astype(np.float32)
    ours, theirs = (trained(each, x, y, sample_weight=weights) for each in (loss, "huber"))
    for mine, its in zip(ours[0], theirs[0], strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-4, atol=1e-5)
    assert ours[1]["loss"] == pytest.approx(theirs[1]["loss"], rel=1e-5)


@pytest.mark.parametrize("loss", SAME, ids=name_of)
def test_calls_on_arrays_are_the_built_ins(loss: Any, rng: np.random.Generator) -> None:
    _, y = data(rng)
    p = rng.normal(size=y.shape)
    loss = hl.losses.get(loss)
    assert loss(y, p) == pytest.approx(hl.losses.Huber()(y, p), rel=1e-5)
    assert loss(y.tolist(), p.tolist()) == loss(y, p)
    if not loss.name.endswith("batch"):
        weights = rng.uniform(size=len(y))
        assert loss(y, p, weights) == pytest.approx(hl.losses.Huber()(y, p, weights), rel=1e-5)
        assert hl.metrics.LossMetric(loss)(y, p) == pytest.approx(hl.losses.Huber()(y, p), rel=1e-5)


def test_as_a_metric_it_is_weighed(rng: np.random.Generator) -> None:
    x, y = data(rng)
    weights = rng.uniform(size=len(x))
    model = regression()
    measured = [hl.losses.FunctionLoss(own_losses.elementwise_huber, name="own"), "huber"]
    model.compile("sgd", loss="mse", metrics=[own_losses.Huber(name="plain")], weighted_metrics=measured)
    found = model.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)
    assert found["own"] == pytest.approx(found["huber"], rel=1e-5)
    assert found["plain"] == pytest.approx(hl.losses.Huber()(y, model.predict(x)), rel=1e-5)


def test_a_call_takes_the_place_of_a_kernel(rng: np.random.Generator) -> None:
    """Of what goes into the last activation it is not meant to be called."""

    class Careful(hl.losses.BinaryCrossentropy):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            p = ops.clip(y_pred, 0.1, 0.9)
            return -ops.mean(y_true * ops.log(p) + (1 - y_true) * ops.log(1 - p), axis=-1)

    x, y = data(rng)
    y = (y > 0).astype(np.float32)
    start = hl.Input((5,))
    model = hl.Model(start, [hl.layers.Dense(3, "sigmoid", name=name)(start) for name in "ab"])
    model.compile("sgd", loss=[Careful(), "binary_crossentropy"])
    found = model.evaluate(x, [y, y], verbose=0, return_dict=True)
    p = np.clip(model.predict(x)[0], 0.1, 0.9)
    assert found["a_loss"] == pytest.approx(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)), rel=1e-5)
    assert found["loss"] == pytest.approx(found["a_loss"] + found["b_loss"], rel=1e-5)


def test_losses_are_parts_of_others(rng: np.random.Generator) -> None:
    x, y = data(rng)
    huber, total = own_losses.Huber(), own_losses.Huber(0.5, reduction="sum")

    def both(y: Any, p: Any) -> Any:
        return huber(y, p) + 0.01 * total(y, p) + ops.mean(own_losses.Huber(reduction=None)(y, p))

    model = regression()
    model.compile("sgd", loss=both)
    p = model.predict(x)
    wanted = 2 * huber(y, p) + 0.01 * total(y, p)
    assert model.evaluate(x, y, batch_size=50, verbose=0) == pytest.approx(wanted, rel=1e-5)
    model.compile("sgd", loss=lambda y, p: hl.losses.Huber()(y, p))
    with pytest.raises(
        TypeError, match=r"loss 'huber': y_pred: expected an array, got SymbolicTensor; its kernel"
    ):
        model.evaluate(x, y, verbose=0)
    model.compile("sgd", loss=lambda y, p: huber(y, p, y))
    with pytest.raises(TypeError, match="loss 'huber': sample_weight: expected None beside symbolic tensors"):
        model.evaluate(x, y, verbose=0)


def test_batches_and_evaluations(rng: np.random.Generator) -> None:
    x, y = data(rng)
    models = [regression() for _ in range(2)]
    for model, loss in zip(models, (own_losses.huber, "huber"), strict=True):
        model.compile(hl.optimizers.SGD(0.1), loss=loss)
    for _ in range(4):  # the first looks at everything, later ones go the quick way
        ours, theirs = (model.train_on_batch(x[:20], y[:20]) for model in models)
        assert ours == pytest.approx(theirs, rel=1e-5)
    assert models[0]._trainer.batch_step is not None
    weights = rng.uniform(size=len(x))
    for options in ({}, {"sample_weight": weights}):
        ours, theirs = (model.evaluate(x, y, verbose=0, **options) for model in models)
        assert ours == pytest.approx(theirs, rel=1e-5)


def finite_differences(model: hl.Model, x: np.ndarray, y: np.ndarray, loss: Any) -> np.ndarray:
    """The slope of a loss by the output layer's kernel, the network and the loss in double."""
    w1, b1, w2, b2 = (w.astype(float) for w in model.get_weights())
    hidden = np.tanh(x @ w1 + b1)
    found = np.zeros_like(w2)
    for place in np.ndindex(*w2.shape):
        sides = []
        for step in (1e-5, -1e-5):
            moved = w2.copy()
            moved[place] += step
            p = 1 / (1 + np.exp(-(hidden @ moved + b2)))
            sides.append(loss(y, p))
        found[place] = (sides[0] - sides[1]) / 2e-5
    return found


def numpy_focal(y: np.ndarray, p: np.ndarray) -> float:
    right = np.where(y > 0.5, p, 1 - p)
    return float(np.mean(-((1 - right) ** 2) * np.log(right)))


def numpy_quantile(y: np.ndarray, p: np.ndarray) -> float:
    error = y - p
    return float(np.mean(np.maximum(0.8 * error, -0.2 * error)))


def numpy_spread(y: np.ndarray, p: np.ndarray) -> float:
    error = y - p
    return float(np.mean(error**2) + np.var(error.mean(axis=-1)))


@pytest.mark.parametrize(
    ("loss", "witness"),
    [
        (own_losses.focal, numpy_focal),
        (own_losses.quantile, numpy_quantile),
        (own_losses.spread, numpy_spread),
    ],
    ids=["focal", "quantile", "spread"],
)
def test_gradients_are_differences_in_double(loss: Any, witness: Any, rng: np.random.Generator) -> None:
    x = rng.normal(size=(23, 5)).astype(np.float32)
    y = rng.integers(0, 2, (23, 3)).astype(np.float32)
    model = regression(activation="sigmoid")
    model.compile(hl.optimizers.SGD(0.0), loss=loss)
    assert model.train_on_batch(x, y) == pytest.approx(witness(y, model.predict(x)), rel=1e-5)
    slope = model.weights[2].of(model.gradients)
    np.testing.assert_allclose(slope, finite_differences(model, x, y, witness), rtol=1e-3, atol=1e-6)


calls: list[Any] = []


def test_a_function_is_called_once(rng: np.random.Generator) -> None:
    calls.clear()

    def counted(y: Any, p: Any) -> Any:
        calls.append((y.shape, p.shape, y.dtype))
        return ops.square(y - p)

    x, y = data(rng)
    model = regression(outputs=1)
    model.compile("sgd", loss=counted)
    model.fit(x, y[:, 0].astype(np.int64), epochs=2, verbose=0, validation_split=0.2)
    model.train_on_batch(x, y[:, 0].astype(np.int64))
    model.evaluate(x, y[:, :1].astype(np.int64), verbose=0)
    assert calls == [((None, 1), (None, 1), "float32")]


def test_labels_may_have_a_shape_of_their_own(rng: np.random.Generator) -> None:
    """Here the class of each row and its weight, beside four scores."""

    def chosen(y: Any, p: Any) -> Any:
        is_label = y[:, :1] == np.arange(3, dtype=np.float32)
        return y[:, 1] * ops.sum(ops.where(is_label, ops.square(p - 1), ops.square(p)), axis=-1)

    x, _ = data(rng)
    y = np.stack([rng.integers(0, 3, len(x)), rng.uniform(size=len(x))], axis=1)
    model = regression()
    model.compile("sgd", loss=chosen)
    found = model.evaluate(x, y, verbose=0)
    wanted = np.square(model.predict(x) - np.eye(3)[y[:, 0].astype(int)]).sum(axis=1) * y[:, 1]
    assert found == pytest.approx(wanted.mean(), rel=1e-5)
    with pytest.raises(ValueError, match=r"y: expected shape \(rows, 2\), as the first labels had, got"):
        model.evaluate(x, y[:, 0], verbose=0)


def test_several_outputs_have_their_own(rng: np.random.Generator) -> None:
    x, y = data(rng)

    def model(first: Any, second: Any) -> tuple[hl.Model, Any]:
        hl.set_seed(3)
        start = hl.Input((5,))
        a, b = hl.layers.Dense(3, name="a")(start), hl.layers.Dense(1, name="b")(start)
        made = hl.Model(start, [a, b])
        made.compile("sgd", loss={"a": first, "b": second}, loss_weights={"a": 0.5, "b": 2.0})
        history = made.fit(x, {"a": y, "b": y[:, 0]}, epochs=2, verbose=0, validation_split=0.3)
        return made, history.history

    ours, found = model(own_losses.huber, "mse")
    theirs, wanted = model("huber", own_losses.squared)
    assert list(found) == ["loss", "a_loss", "b_loss", "val_loss", "val_a_loss", "val_b_loss"]
    for key, values in wanted.items():
        assert found[key] == pytest.approx(values, rel=1e-4)
    for mine, its in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-4, atol=1e-6)


def test_weights_for_each_position(rng: np.random.Generator) -> None:
    x = rng.normal(size=(30, 4, 5)).astype(np.float32)
    y, weights = rng.normal(size=(30, 4, 2)), rng.uniform(size=(30, 4))
    results = []
    for loss in ("huber", own_losses.huber, own_losses.elementwise_huber):
        hl.set_seed(2)
        model = hl.Sequential([hl.layers.Dense(2, input_shape=(4, 5))])
        model.compile("sgd", loss=loss)
        model.fit(x, y, sample_weight=weights, epochs=2, verbose=0)
        results.append((model.evaluate(x, y, sample_weight=weights, verbose=0), model.get_weights()[0]))
    for value, kernel in results[1:]:
        assert value == pytest.approx(results[0][0], rel=1e-5)
        np.testing.assert_allclose(kernel, results[0][1], rtol=1e-5, atol=1e-7)
    model.compile("sgd", loss=lambda y, p: ops.mean(ops.square(y - p), axis=(1, 2)))
    with pytest.raises(ValueError, match=r"sample_weight: expected shape \(30,\), a weight for each row"):
        model.evaluate(x, y, sample_weight=weights, verbose=0)


def test_class_weights_are_sample_weights(rng: np.random.Generator) -> None:
    x = rng.normal(size=(40, 5)).astype(np.float32)
    y = np.eye(3, dtype=np.float32)[rng.integers(0, 3, 40)]
    results = []
    for loss in ("mse", own_losses.squared):
        model = regression()
        model.compile("sgd", loss=loss)
        model.fit(x, y, class_weight={0: 2.0, 2: 0.5}, verbose=0)
        results.append(model.get_weights()[0])
    np.testing.assert_allclose(results[1], results[0], rtol=1e-5, atol=1e-7)


def test_copies_train_as_the_model_does(rng: np.random.Generator) -> None:
    x, y = data(rng)
    model = regression()
    model.compile("sgd", loss=own_losses.Huber(0.5))
    model.fit(x, y, verbose=0)
    twin = copy.deepcopy(model)
    assert twin.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)
    assert twin.train_on_batch(x, y) == model.train_on_batch(x, y)


def test_a_class_without_call_is_refused() -> None:
    class Nothing(hl.losses.Loss):
        pass

    with pytest.raises(TypeError, match=r"loss 'nothing': expected a class with call\("):
        regression().compile("sgd", loss=Nothing())
    with pytest.raises(TypeError, match="loss: expected a name"):
        regression().compile("sgd", loss=7)
    with pytest.raises(NotImplementedError, match="expected call"):
        Nothing().call(0, 0)


def test_files_hold_them_by_name_alone(tmp_path: Any) -> None:
    for loss in (own_losses.huber, own_losses.Huber()):
        model = regression()
        model.compile("sgd", loss=loss)
        with pytest.raises(TypeError, match=r"save: (loss|function) [hH]uber is not .*register_serializable"):
            model.save(tmp_path / "model.hotloop")
