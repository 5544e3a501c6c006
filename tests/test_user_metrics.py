"""Metrics that users write: what they are handed, what they may return and what they are called."""

from __future__ import annotations

import copy
import functools
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop.metrics import FunctionMetric, Metric

RNG = np.random.default_rng(11)
X = RNG.normal(size=(64, 4)).astype(np.float32)
Y = RNG.normal(size=(64, 1)).astype(np.float32)


def compiled(**options: Any) -> hl.Sequential:
    made = hl.Sequential([hl.layers.Dense(1, input_shape=(4,))])
    made.compile(**{"optimizer": "sgd", "loss": "mse", **options})
    return made


def writes_labels(y_true: Any, y_pred: Any) -> Any:
    y_true[y_true < 0] = 0
    return y_true[:, 0]


def writes_predictions(y_true: Any, y_pred: Any) -> Any:
    y_pred[:] = 0
    return y_true[:, 0]


class WritesLabels(Metric):
    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        y_true *= 2
        return 0.0


class WritesSampleWeights(Metric):
    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        if sample_weight is not None:
            sample_weight *= 2
        return 0.0


@pytest.mark.parametrize("call", ["fit", "evaluate", "train_on_batch"])
@pytest.mark.parametrize(
    "metric",
    [
        pytest.param(metric, id=getattr(metric, "__name__", metric.__class__.__name__))
        for metric in (writes_labels, writes_predictions, WritesLabels(), WritesSampleWeights())
    ],
)
def test_no_metric_changes_what_the_user_or_another_metric_reads(metric: Any, call: str) -> None:
    x, y, weights = X.copy(), Y.copy(), np.ones(64, np.float32)
    model = compiled(weighted_metrics=[metric, "mae"])
    options = {"verbose": 0, "shuffle": False} if call == "fit" else {}
    options = {"verbose": 0} if call == "evaluate" else options
    with pytest.raises(ValueError, match=r"metric '.*read-only; .*copy"):
        getattr(model, call)(x, y, sample_weight=weights, **options)
    for array, before in ((x, X), (y, Y), (weights, np.ones(64))):
        assert np.array_equal(array, before)
        assert array.flags.writeable


def test_no_function_changes_the_arrays_that_its_metric_is_called_with() -> None:
    y = Y.copy()
    with pytest.raises(ValueError, match=r"metric '.*read-only; .*copy"):
        FunctionMetric(writes_labels)(y, Y)
    assert np.array_equal(y, Y)
    assert y.flags.writeable


def named(result: Any) -> Any:
    def given(y_true: Any, y_pred: Any) -> Any:
        return result

    return given


class Given(Metric):
    def __init__(self, result: Any, name: str = "given") -> None:
        super().__init__(name)
        self.result = result

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return self.result


@pytest.mark.parametrize("made", [named, Given])
@pytest.mark.parametrize(
    ("result", "kind", "message"),
    [
        (None, TypeError, "expected numbers, got NoneType; return what is computed"),
        ("0.5", TypeError, "expected numbers, got str"),
        ([[1.0], [1.0, 2.0]], TypeError, "expected numbers, got list"),
        ([], ValueError, r"expected at least one number, got shape \(0,\)"),
        (1j, TypeError, "expected numbers, got complex"),
    ],
    ids=repr,
)
def test_results_that_are_no_numbers_are_refused(made: Any, result: Any, kind: Any, message: str) -> None:
    model = compiled(metrics=[made(result)])
    with pytest.raises(kind, match=f"metric 'given': result: {message}"):
        model.evaluate(X, Y, verbose=0)


@pytest.mark.parametrize("shape", [(7,), (3, 64)])
def test_a_function_makes_one_number_or_one_for_each_row(shape: Any) -> None:
    with pytest.raises(
        ValueError, match=r"metric 'given': result: expected one number, or one for each of 64"
    ):
        FunctionMetric(named(np.ones(shape)))(Y, Y)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (64,), (64, 1), (64, 5)])
def test_results_that_have_a_mean(shape: Any) -> None:
    assert FunctionMetric(named(np.full(shape, 0.5)))(Y, Y) == 0.5
    positions = np.zeros((64, 5, 2))
    assert FunctionMetric(named(np.full(64 * 5, 0.5)))(positions, positions) == 0.5


def test_no_metric_takes_a_name_of_the_logs() -> None:
    for names in (["loss"], ["val_loss"], ["mae", "val_mae"]):
        model = compiled(metrics=[Given(1.0, name) if name != "mae" else name for name in names])
        with pytest.raises(
            ValueError, match=rf"compile: metrics: expected names of their own.*{names[-1]!r}"
        ):
            model.fit(X, Y, verbose=0)
    start = hl.Input((4,))
    two = hl.Model(start, [hl.layers.Dense(1, name=name)(start) for name in ("a", "a_b")])
    two.compile("sgd", loss="mse", metrics={"a": [Given(1.0, "b_loss")]})
    with pytest.raises(ValueError, match="'a_b_loss'"):
        two.evaluate(X, [Y, Y], verbose=0)
    model = compiled(metrics=[Given(1.0, "val_mae"), Given(2.0, "losses")])
    assert set(model.fit(X, Y, verbose=0).history) == {"loss", "val_mae", "losses"}


class Stateful(Metric):
    """Keras's way, over plain attributes."""

    def reset_state(self) -> None:
        self.total = self.rows = 0.0

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        weights = np.ones(len(y_true)) if sample_weight is None else sample_weight
        self.total += float((weights * np.abs(y_true - y_pred)[:, 0]).sum())
        self.rows += float(weights.sum())

    def result(self) -> float:
        return self.total / self.rows


def test_stateful_metrics_see_the_whole_set_at_once() -> None:
    weights = RNG.uniform(size=64)
    model = compiled(metrics=[Stateful(), "mae"], weighted_metrics=[Stateful("own"), hl.metrics.get("mae")])
    for _ in range(2):
        found = model.evaluate(X, Y, verbose=0, sample_weight=weights, return_dict=True, batch_size=7)
        assert found["stateful"] == pytest.approx(found["mae"], rel=1e-6)
        assert found["own"] == pytest.approx(found["weighted_mae"], rel=1e-6)
    logs = model.fit(X, Y, verbose=0, epochs=2).history
    assert logs["stateful"] == pytest.approx(logs["mae"], rel=1e-6)


def test_files_and_copies_do_not_hold_the_state_of_stateful_metrics(tmp_path: Any) -> None:
    @hl.saving.register_serializable(package="test_user_metrics")
    class Scaled(Stateful):
        def __init__(self, by: float, name: str = "scaled") -> None:
            super().__init__(name)
            self.by = by

        def result(self) -> float:
            return self.by * super().result()

    model = compiled(metrics=[Scaled(2.0), "mae"])
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert found["scaled"] == pytest.approx(2 * found["mae"], rel=1e-6)
    model.save(tmp_path / "model.hotloop")
    assert hl.load_model(tmp_path / "model.hotloop").evaluate(X, Y, verbose=0, return_dict=True) == found
    assert copy.deepcopy(model).evaluate(X, Y, verbose=0, return_dict=True) == found


def test_metrics_that_can_not_be_called_are_refused_by_compile() -> None:
    class Nothing(Metric):
        pass

    class Half(Metric):
        def update_state(self, y_true: Any, y_pred: Any) -> None: ...

        def result(self) -> float:
            return 0.0

    class Variables(Metric):
        def __init__(self) -> None:
            super().__init__()
            self.total = self.add_variable(shape=(), initializer="zeros", name="total")

    for metric in (Nothing(), Nothing):
        with pytest.raises(
            TypeError, match=r"metric 'nothing': expected a class with __call__\(self, y_true, y"
        ):
            compiled(metrics=[metric])
    with pytest.raises(TypeError, match=r"metric 'half': .*or write reset_state too"):
        compiled(metrics=[Half()])
    with pytest.raises(TypeError, match=r"metric Variables: add_weight: .*; write __call__\("):
        Variables()


class Callable:
    def __call__(self, y_true: Any, y_pred: Any) -> Any:
        return hl.ops.mean(hl.ops.square(y_true - y_pred), axis=-1)


def scaled(y_true: Any, y_pred: Any, by: float) -> Any:
    return by * hl.ops.mean(hl.ops.square(y_true - y_pred), axis=-1)


def test_partials_are_called_as_their_functions() -> None:
    half = functools.partial(functools.partial(scaled), by=0.5)
    assert hl.losses.get(half).name == hl.metrics.get(half).name == "scaled"
    assert hl.losses.get(Callable()).name == hl.metrics.get(Callable()).name == "callable"


def test_classes_in_place_of_their_objects_are_named() -> None:
    with pytest.raises(
        TypeError, match=r"loss: expected a name, a Loss or a function, got class Callable; give"
    ):
        compiled(loss=Callable)
    with pytest.raises(
        TypeError, match=r"metric: expected a name, a Metric or a function, got class Callable; g"
    ):
        compiled(metrics=[Callable])


@pytest.mark.parametrize(
    "loss", ["mse", "binary_crossentropy", Callable()], ids=["mse", "crossentropy", "own"]
)
def test_labels_with_a_last_axis_of_one_too_many_lose_it(loss: Any) -> None:
    made = hl.Sequential([hl.layers.Dense(1, "sigmoid", input_shape=(4,)), hl.layers.Reshape(())])
    made.compile("sgd", loss=loss, metrics=["mae", Stateful("unused")][:1])
    labels = (Y > 0).astype(np.float32)
    assert made.evaluate(X, labels, verbose=0) == made.evaluate(X, labels[:, 0], verbose=0)
    with pytest.raises(ValueError, match=r"expected shape \(rows,\), as"):
        made.evaluate(X, np.zeros((64, 2)), verbose=0)


def test_what_lets_nonfinite_numbers_in_is_named() -> None:
    model, y = compiled(), Y.copy()
    y[3] = np.nan
    with pytest.raises(ValueError, match="let them in by allow_nonfinite=True, of compile, fit, freeze"):
        model.evaluate(X, y, verbose=0)
    model.compile("sgd", "mse", allow_nonfinite=True)
    assert np.isnan(model.evaluate(X, y, verbose=0))
