"""What becomes of the rows' losses: Keras's numbers, for calls, steps, logs and evaluations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hotloop as hl
import own_losses
from hotloop import ops
from own_losses import data, regression


def keras(values: np.ndarray, weights: np.ndarray | None, reduction: str | None) -> Any:
    """Keras's reduce_weighted_values, in double."""
    weighted = values if weights is None else values * weights
    if reduction in (None, "none"):
        return weighted
    if reduction == "sum":
        return weighted.sum()
    if reduction == "mean_with_sample_weight" and weights is not None:
        return weighted.sum() / weights.sum() if weights.sum() else 0.0
    return weighted.sum() / weighted.size


@pytest.mark.parametrize(
    "reduction", ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None]
)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", [hl.losses.MeanSquaredError, hl.losses.FunctionLoss])
def test_calls_are_reduced_as_in_keras(
    reduction: str | None, weighted: bool, kind: Any, rng: np.random.Generator
) -> None:
    _, y = data(rng)
    p, weights = rng.normal(size=y.shape), rng.uniform(size=len(y)) if weighted else None
    given = (own_losses.squared,) if kind is hl.losses.FunctionLoss else ()
    loss = kind(*given, reduction=reduction)
    expected = keras(np.square(y - p).mean(axis=1), weights, reduction)
    np.testing.assert_allclose(loss(y, p, weights), expected, rtol=1e-5)
    if weighted and reduction == "mean_with_sample_weight":
        assert loss(y, p, np.zeros(len(y))) == 0.0


def test_a_number_for_all_rows_is_no_sum(rng: np.random.Generator) -> None:
    x, y = data(rng)
    both = [hl.losses.FunctionLoss(own_losses.spread, reduction=each) for each in ("mean", "sum")]
    assert both[0](y, y + 1) == both[1](y, y + 1) == pytest.approx(1.0)
    results = []
    for loss in both:
        model = regression()
        model.compile("sgd", loss=loss)
        results.append((model.train_on_batch(x, y), model.get_weights()[0].tobytes()))
    assert results[0] == results[1]


LOSSES: list[tuple[Any, Any]] = [
    (hl.losses.MeanSquaredError(reduction="sum"), lambda y, p: np.square(y - p).mean(axis=-1).sum()),
    (hl.losses.Huber(reduction="sum"), lambda y, p: hl.losses.Huber().values(y, p).sum()),
    (own_losses.Huber(reduction="sum"), lambda y, p: 3 * hl.losses.Huber().values(y, p).sum()),
    (
        hl.losses.FunctionLoss(own_losses.huber, reduction="sum"),
        lambda y, p: hl.losses.Huber().values(y, p).sum(),
    ),
    (
        own_losses.spread,
        lambda y, p: np.mean(np.square(y - p)) + np.var((y - p).astype(float).mean(axis=-1)),
    ),
]


@pytest.mark.parametrize(("loss", "witness"), LOSSES, ids=["mse", "huber", "class", "function", "spread"])
def test_logs_are_means_over_batches_by_their_rows(loss: Any, witness: Any, rng: np.random.Generator) -> None:
    x, y = data(rng)

    def over_batches(p: np.ndarray, size: int) -> float:
        each = [
            (len(y[at : at + size]), witness(y[at : at + size], p[at : at + size]))
            for at in range(0, 50, size)
        ]
        return float(sum(rows * value for rows, value in each) / len(y))

    model = regression()
    model.compile(hl.optimizers.SGD(0.0), loss=loss)
    p = model.predict(x)
    for size in (50, 20, 7):
        assert model.evaluate(x, y, batch_size=size, verbose=0) == pytest.approx(
            over_batches(p, size), rel=1e-5
        )
        history = model.fit(x, y, batch_size=size, shuffle=False, validation_data=(x, y), verbose=0).history
        for key in ("loss", "val_loss"):
            assert history[key] == pytest.approx([over_batches(p, size)], rel=1e-5)
    assert model.evaluate(x, y, verbose=0) == model.evaluate(x, y, batch_size=32, verbose=0)
    assert model.train_on_batch(x, y) == pytest.approx(witness(y, p), rel=1e-5)


def test_each_outputs_loss_too(rng: np.random.Generator) -> None:
    x, y = data(rng)
    start = hl.Input((5,))
    model = hl.Model(start, [hl.layers.Dense(3, name=name)(start) for name in "ab"])
    model.compile(
        hl.optimizers.SGD(0.0),
        loss=[hl.losses.MeanSquaredError(reduction="sum"), own_losses.spread],
        loss_weights=[0.5, 2.0],
    )
    found = model.evaluate(x, [y, y], batch_size=20, verbose=0, return_dict=True)
    history = model.fit(x, [y, y], batch_size=20, shuffle=False, verbose=0).history
    p = model.predict(x)
    for key, output, (_, witness) in zip("ab", p, (LOSSES[0], LOSSES[4]), strict=True):
        wanted = (
            sum(len(y[a : a + 20]) * witness(y[a : a + 20], output[a : a + 20]) for a in (0, 20, 40)) / 50
        )
        assert found[f"{key}_loss"] == pytest.approx(wanted, rel=1e-5)
        assert history[f"{key}_loss"] == pytest.approx([wanted], rel=1e-5)
    assert found["loss"] == pytest.approx(0.5 * found["a_loss"] + 2 * found["b_loss"], rel=1e-5)


@pytest.mark.parametrize("name", ["mean_squared_error", "huber", "sparse_categorical_crossentropy"])
def test_a_sum_learns_as_a_mean_with_so_many_times_the_rate(name: str, rng: np.random.Generator) -> None:
    x, y = data(rng, 32)
    labels = rng.integers(0, 3, 32) if name.startswith("sparse") else y
    weights, results = rng.uniform(size=32), []
    for reduction, rate in (("sum", 0.01 / 16), ("mean", 0.01)):
        model = regression(activation="softmax" if name.startswith("sparse") else "linear")
        loss = type(hl.losses.get(name))(reduction=reduction)
        model.compile(hl.optimizers.SGD(rate), loss=loss)
        model.fit(x, labels, sample_weight=weights, batch_size=16, epochs=3, verbose=0)
        results.append(model.get_weights())
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("reduction", [None, "none", "mean_with_sample_weight"])
def test_what_a_step_can_not_take_is_refused_by_compile(reduction: str | None) -> None:
    message = "compile: loss 'huber': reduction: expected 'sum_over_batch_size', 'mean', 'sum', got .*" + (
        "divide the sample weights by their mean" if reduction and reduction != "none" else "one number"
    )
    for loss in (
        hl.losses.Huber(reduction=reduction),
        {"class_name": "Huber", "config": {"reduction": reduction}},
    ):
        with pytest.raises(ValueError, match=message):
            regression().compile("sgd", loss=loss)


def test_unknown_ones_are_named() -> None:
    with pytest.raises(ValueError, match="unknown reduction 'summ'; did you mean 'sum'"):
        hl.losses.Huber(reduction="summ")


def test_configs_have_it_where_it_is_not_the_usual(tmp_path: Any, rng: np.random.Generator) -> None:
    assert hl.losses.Huber(0.5).get_config() == {"name": "huber", "delta": 0.5}
    for loss in (hl.losses.Huber(0.5, reduction="sum"), hl.losses.Poisson(reduction=None)):
        config = hl.losses.serialize(loss)
        assert config["config"]["reduction"] == loss.reduction
        assert hl.losses.get(config).get_config() == loss.get_config()
    x, y = data(rng)
    model = regression()
    model.compile("sgd", loss=hl.losses.Huber(reduction="sum"))
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.hotloop")
    loaded = hl.load_model(tmp_path / "model.hotloop")
    assert loaded.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)


def test_a_quantised_model_goes_by_batches_too(rng: np.random.Generator) -> None:
    x, y = data(rng, 64)
    model = regression()
    model.compile("sgd", loss=lambda y, p: ops.square(ops.mean(y - p)))
    quantised = hl.quantize_model(model, calibration_data=x)
    for size in (64, 20):
        p = quantised.predict(x)
        parts = [(min(20, 64 - at) if size == 20 else 64, slice(at, at + size)) for at in range(0, 64, size)]
        wanted = sum(rows * np.mean(y[part] - p[part]) ** 2 for rows, part in parts) / 64
        assert quantised.evaluate(x, y, batch_size=size) == pytest.approx(wanted, rel=1e-4)
