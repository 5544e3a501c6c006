"""Metrics of batches are those of all rows so far, and those that are means take time by their own rows."""

from typing import Any

import numpy as np
import pytest

import hotloop as hl

RNG = np.random.default_rng(5)
X = RNG.normal(size=(50, 4)).astype("f4")
Y = RNG.integers(0, 3, 50)
W = RNG.uniform(0, 2, 50).astype("f4")


class Looks(hl.callbacks.Callback):
    """Reads the logs of some batches; the others' rows come with the next."""

    def __init__(self, every: int) -> None:
        self.every = every
        self.seen: list[dict[str, Any]] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch % self.every == 0:
            self.seen.append(dict(logs))


def two_outputs() -> hl.Model:
    inputs = hl.Input((4,))
    hidden = hl.layers.Dense(8, "tanh")(inputs)
    heads = [hl.layers.Dense(3, "softmax", name="a")(hidden), hl.layers.Dense(3, "softmax", name="b")(hidden)]
    return hl.Model(inputs, heads)


def history(monkeypatch: Any, adds: bool, several: bool, weights: Any, every: int, **options: Any) -> Any:
    if not adds:
        for kind in hl.metrics.CLASSES.values():
            monkeypatch.setattr(kind, "is_mean", False)
    hl.set_seed(1)
    model = two_outputs() if several else hl.Sequential([hl.layers.Dense(3, "softmax", input_shape=(4,))])
    names = ["accuracy", "sparse_categorical_crossentropy", hl.metrics.TopKCategoricalAccuracy(2), "auc"]
    given = {"a": names, "b": names} if several else names
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=given, weighted_metrics=given)
    looks = Looks(every)
    y = [Y, Y[::-1].copy()] if several else Y
    model.fit(X, y, batch_size=8, sample_weight=weights, callbacks=[looks], verbose=0, **options)
    return looks.seen


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("options", [{"epochs": 2}, {"epochs": 3, "steps_per_epoch": 17}], ids=str)
@pytest.mark.parametrize("weights", [None, W, W - 0.5, W * (np.arange(50) > 20)], ids="-wns")
@pytest.mark.parametrize("several", [False, True], ids=["one", "two"])
def test_batches_have_the_metrics_of_all_rows_so_far(monkeypatch, several, weights, options, every):
    added = history(monkeypatch, True, several, weights, every, **options)
    whole = history(monkeypatch, False, several, weights, every, **options)
    assert len(added) == len(whole) > 4
    for one, other in zip(added, whole, strict=True):
        assert list(one) == list(other)
        assert one == pytest.approx(other, rel=1e-9, abs=1e-12, nan_ok=True)


def test_each_class_of_metrics_says_for_itself_whether_it_is_a_mean() -> None:
    """What is derived from a mean may be anything, as the root of one is."""
    means = {name for name, kind in hl.metrics.CLASSES.items() if kind.is_mean}
    assert means == {
        *("Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy"),
        *(
            "TopKCategoricalAccuracy",
            "SparseTopKCategoricalAccuracy",
            "MeanAbsoluteError",
            "MeanSquaredError",
        ),
    }
    assert hl.metrics.LossMetric("mse").is_mean
    assert not hl.metrics.LossMetric(hl.losses.FunctionLoss(lambda y, p: y - p)).is_mean

    class Largest(hl.metrics.MeanAbsoluteError):
        def __call__(self, y_true, y_pred, sample_weight=None):
            return float(np.abs(y_true - y_pred).max())

    class Halved(hl.metrics.MeanAbsoluteError):
        is_mean = True

    assert not Largest().is_mean
    assert Halved().is_mean


def test_a_loss_of_ones_own_that_mixes_rows_is_that_of_all_rows_so_far():
    """Not the mean over batches of what it is of each."""

    def spread(y, p):
        return hl.ops.mean(hl.ops.square(p - y - hl.ops.mean(p - y, axis=0)))

    metric = hl.losses.FunctionLoss(spread)
    model = hl.Sequential([hl.layers.Dense(1, input_shape=(4,))])
    model.compile(hl.optimizers.SGD(0.0), "mse", metrics=[metric])
    looks = Looks(1)
    y = Y[:, None] + np.arange(50)[:, None]
    model.fit(X, y, batch_size=10, shuffle=False, callbacks=[looks], verbose=0)
    p = model.predict(X, verbose=0)
    assert [each["spread"] for each in looks.seen] == pytest.approx(
        [metric(y[:n], p[:n]) for n in range(10, 51, 10)], rel=1e-5
    )


def test_means_look_at_each_row_once_a_pass(monkeypatch):
    rows = []
    call = hl.metrics.SparseCategoricalAccuracy.__call__
    monkeypatch.setattr(
        hl.metrics.SparseCategoricalAccuracy,
        "__call__",
        lambda self, y, p, *w: rows.append(len(p)) or call(self, y, p, *w),
    )
    model = hl.Sequential([hl.layers.Dense(3, "softmax", input_shape=(4,))])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.train_on_batch(X, Y)  # tries the metrics
    rows.clear()
    model.fit(X, Y, batch_size=8, callbacks=[Looks(1)], verbose=0)
    assert rows == [8, 8, 8, 8, 8, 8, 2, 50]  # the epoch's own logs come from all at once
