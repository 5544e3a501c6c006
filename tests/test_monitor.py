"""What callbacks watch: the metric says which way is better, and an epoch without validation is no fault."""

import csv
import os
import warnings

import numpy as np
import pytest

import hotloop as hl
from nets import blobs, classifier


@pytest.fixture(autouse=True)
def _seed():
    hl.set_seed(0)


class Likeness(hl.metrics.Metric):
    direction = "max"

    def __call__(self, y_true, y_pred, sample_weight=None):
        return float(np.mean(y_pred))


class FromKeras(Likeness):
    direction = None
    _direction = "up"


class Unheard(Likeness):
    direction = "up"


def share(y_true, y_pred):
    return np.mean(y_pred, axis=-1)


def watchers(monitor, folder, mode="auto"):
    return [
        hl.callbacks.EarlyStopping(monitor, patience=9, mode=mode),
        hl.callbacks.ModelCheckpoint(
            folder / "best", monitor, save_best_only=True, save_weights_only=True, mode=mode
        ),
        hl.callbacks.ReduceLROnPlateau(monitor, mode=mode),
    ]


def best_of_rising(model, x, y, monitor, folder, mode="auto"):
    """What the three callbacks take for the best of 0, 1, 2: which way is better, that is."""
    rise = hl.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update({monitor: float(epoch)}))
    watching = watchers(monitor, folder, mode)
    model.fit(x, y, epochs=3, validation_split=0.5, callbacks=[rise, *watching], verbose=0)
    return {callback.best for callback in watching}


@pytest.mark.parametrize(
    ("monitor", "metric", "best"),
    [
        ("val_roc", hl.metrics.AUC(name="roc"), 2),
        ("roc", hl.metrics.AUC(name="roc"), 2),
        ("val_F1", hl.metrics.F1Score(name="F1"), 2),
        ("val_top", hl.metrics.SparseTopKCategoricalAccuracy(2, name="top"), 2),
        ("val_hits", hl.metrics.SparseCategoricalAccuracy("hits"), 2),
        ("val_kept", hl.metrics.Precision(name="kept"), 2),
        ("val_likeness", Likeness(), 2),
        ("val_mine", FromKeras("mine"), 2),
        ("val_loss", "accuracy", 0),
        ("loss", "accuracy", 0),
        ("val_crossentropy", "crossentropy", 0),
        (
            "val_log_accuracy",
            hl.metrics.LossMetric("sparse_categorical_crossentropy", name="log_accuracy"),
            0,
        ),
    ],
)
def test_the_metric_says_which_way_is_better(rng, monitor, metric, best, tmp_path):
    assert best_of_rising(classifier(metrics=[metric]), *blobs(rng, 40), monitor, tmp_path) == {best}


@pytest.mark.parametrize(
    ("monitor", "best"),
    [
        ("kind_auc_1", 2),
        ("val_kind_auc_1", 2),
        ("val_value_r2", 2),
        ("value_mae", 0),
        ("val_value_loss", 0),
        ("val_kind_weighted_accuracy", 2),
    ],
)
def test_keys_with_outputs_names_and_numbers(rng, monitor, best, tmp_path):
    x, kind = blobs(rng, 40, classes=2)
    inputs = hl.Input((6,))
    outputs = [hl.layers.Dense(2, "softmax", name="kind")(inputs), hl.layers.Dense(1, name="value")(inputs)]
    model = hl.Model(inputs, outputs)
    model.compile(
        "adam",
        {"kind": "sparse_categorical_crossentropy", "value": "mse"},
        metrics={"kind": ["accuracy", hl.metrics.AUC(), hl.metrics.AUC()], "value": ["r2", "mae"]},
        weighted_metrics={"kind": ["accuracy"]},
    )
    assert best_of_rising(model, x, [kind, x[:, :1]], monitor, tmp_path) == {best}


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize(
    ("monitor", "metric", "message"),
    [
        ("val_share", share, "mode='auto': expected a metric that says which way is better.*mode='max'"),
        ("val_accurac", "accuracy", "expected one of loss, accuracy, val_loss.*did you mean 'val_accuracy'"),
        ("my_score", "accuracy", "pass mode='min' or 'max' for what a callback logs"),
        ("val_unheard", Unheard(), "direction: expected 'min', 'max' or None, got 'up'"),
    ],
)
def test_an_unknown_direction_is_an_error_before_anything_is_trained(
    rng, monitor, metric, message, number, tmp_path
):
    x, y = blobs(rng, 40)
    model = classifier(metrics=[metric])
    with pytest.raises(ValueError, match=message):
        model.fit(
            x, y, validation_split=0.5, callbacks=[watchers(monitor, tmp_path)[number]], verbose=0, epochs=2
        )
    assert model.optimizer.iterations == 0


def test_a_mode_answers_for_any_value(rng, tmp_path):
    x, y = blobs(rng, 40)
    for mode, best in (("max", 2), ("min", 0)):
        for monitor in ("val_share", "my_score"):
            assert best_of_rising(classifier(metrics=[share]), x, y, monitor, tmp_path, mode) == {best}


def test_who_saves_every_epoch_needs_no_direction(rng, tmp_path):
    x, y = blobs(rng, 40)
    save = hl.callbacks.ModelCheckpoint(tmp_path / "{epoch}", "my_score", save_weights_only=True)
    classifier().fit(x, y, epochs=2, callbacks=[save], verbose=0)
    assert sorted(os.listdir(tmp_path)) == ["1", "2"]


def test_epochs_that_are_not_validated_are_passed_over(rng, tmp_path):
    x, y = blobs(rng, 40)
    (tmp_path / "saved").mkdir()
    stop = hl.callbacks.EarlyStopping(patience=2, min_delta=1e9)
    reduce = hl.callbacks.ReduceLROnPlateau(patience=2, min_delta=1e9, factor=0.5)
    save = hl.callbacks.ModelCheckpoint(tmp_path / "saved" / "{epoch}", "val_accuracy", save_best_only=True)
    save.best = -1.0
    csv_logger = hl.callbacks.CSVLogger(tmp_path / "log.csv")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = classifier(optimizer=hl.optimizers.SGD(0.0)).fit(
            x,
            y,
            epochs=9,
            validation_split=0.5,
            validation_freq=2,
            callbacks=[stop, reduce, save, csv_logger],
            verbose=0,
        )
    assert history.epoch == list(range(6))  # the second, the fourth and the sixth were looked at
    assert history.history["learning_rate"] == [0.0] * 6
    assert os.listdir(tmp_path / "saved") == ["2"]
    with open(tmp_path / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"]
    assert [row["val_loss"] for row in rows[::2]] == ["NA"] * 3
    assert [float(row["val_loss"]) for row in rows[1::2]] == history.history["val_loss"]


def test_what_is_never_logged_is_told_and_saved_all_the_same(rng, tmp_path):
    x, y = blobs(rng, 40)
    for mode in ("min", "auto"):
        for callback in watchers("val_loss", tmp_path, mode):
            model = classifier()
            with pytest.warns(UserWarning, match="nothing was validated. There are: loss, accu") as caught:
                model.fit(x, y, epochs=3, callbacks=[callback], verbose=0)
            assert len(caught) == 1
            assert "did you mean" not in str(caught[0].message)
            if isinstance(callback, hl.callbacks.ModelCheckpoint):
                other = classifier()
                other.load_weights(tmp_path / "best")
                np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])
    by_steps = hl.callbacks.ModelCheckpoint(tmp_path / "{batch}", save_best_only=True, save_freq=1)
    with pytest.warns(UserWarning, match="There are: loss"):
        classifier().fit(x, y, callbacks=[by_steps], validation_split=0.2, batch_size=16, verbose=0)
    assert {"1", "2"} <= set(os.listdir(tmp_path))
