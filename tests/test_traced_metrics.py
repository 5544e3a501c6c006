"""Metrics that are written with hl.ops are computed natively; those of NumPy are called as ever."""

import copy
import operator
import pickle
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop import ops
from hotloop.graph.operand import OPERATOR_OPS
from hotloop.metrics import FunctionMetric, Metric
from hotloop.ops.trace import trace
from hotloop.ops.types import Spec

RNG = np.random.default_rng(7)
X = RNG.normal(size=(60, 4)).astype(np.float32)
Y = RNG.normal(size=(60, 1)).astype(np.float32)
P = RNG.normal(size=(60, 3)).astype(np.float32)
CLASSES = RNG.integers(0, 3, 60)


def huber(y_true: Any, y_pred: Any) -> Any:
    error = ops.abs(y_true - y_pred)
    return ops.mean(ops.where(error < 1.0, 0.5 * error * error, error - 0.5), axis=-1)


def numpy_huber(y_true: Any, y_pred: Any) -> Any:
    error = np.abs(y_true - y_pred)
    return np.where(error < 1.0, 0.5 * error * error, error - 0.5).mean(axis=-1)


def hit(y_true: Any, y_pred: Any) -> Any:
    return ops.equal(y_true, ops.argmax(y_pred, axis=-1))


def by_position(y_true: Any, y_pred: Any) -> Any:
    return ops.exp(-ops.square(y_true - y_pred))


def of_all(y_true: Any, y_pred: Any) -> Any:
    return ops.sqrt(ops.mean(ops.square(y_true - y_pred)))


def centred(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.abs(y_pred - ops.mean(y_pred, axis=0)), axis=-1)


def operators(y_true: Any, y_pred: Any) -> Any:
    return abs(y_true - y_pred) ** 2 / 2


def model(outputs: int = 1, **options: Any) -> hl.Sequential:
    made = hl.Sequential([hl.layers.Dense(outputs, input_shape=(4,))])
    made.compile(**{"optimizer": "sgd", "loss": "mse", **options})
    return made


calls: list[Any] = []  # of the module: a function round another one would be seen to keep something


def counted(function: Any) -> tuple[Any, list[Any]]:
    calls.clear()

    def call(y_true: Any, y_pred: Any) -> Any:
        calls.append(type(y_pred).__name__)
        return function(y_true, y_pred)

    return call, calls


@pytest.mark.parametrize("weights", [None, RNG.uniform(0.1, 1.0, 60)])
@pytest.mark.parametrize(
    ("function", "labels", "expected"),
    [
        (huber, P + 1.5 * RNG.normal(size=P.shape), numpy_huber),
        (by_position, P + 0.5, lambda y, p: np.exp(-np.square(y - p))),
        (hit, CLASSES, lambda y, p: y == p.argmax(axis=-1)),
        (hit, CLASSES.astype(np.float64), lambda y, p: y == p.argmax(axis=-1)),
        (hit, CLASSES.astype(np.uint8), lambda y, p: y == p.argmax(axis=-1)),
    ],
)
def test_what_is_traced_is_what_numpy_makes(function: Any, labels: Any, expected: Any, weights: Any) -> None:
    metric = FunctionMetric(function)
    assert metric.program(labels, P) is not None
    got, want = metric(labels, P, weights), FunctionMetric(expected)(labels, P.astype(np.float64), weights)
    assert got == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize(
    ("function", "natively"),
    [
        (huber, True),
        (by_position, True),
        (numpy_huber, False),
        (of_all, False),  # one number: a program of all rows takes longer
        (centred, False),  # rows are mixed
        (operators, False),  # NumPy's as well
        (lambda y, p: y, False),
        (lambda y, p: 0.5, False),
    ],
)
def test_what_pays_is_traced(function: Any, natively: bool) -> None:
    metric = FunctionMetric(function)
    assert (metric.program(Y, Y) is not None) is natively
    assert metric(Y, Y) == FunctionMetric(function)(Y.astype("f8"), Y.astype("f8"))


def test_operators_are_those_that_the_list_beside_them_names() -> None:
    """What a function of operators alone becomes is compared with that list."""
    each: list[Any] = [
        *(operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod),
        *(operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne),
        *(operator.and_, operator.or_, operator.xor),
        *(
            lambda a, b: -a,
            lambda a, b: abs(a),
            lambda a, b: round(a),
            lambda a, b: a**2,
            lambda a, b: a[:, 1:],
        ),
        *(lambda a, b: a.reshape(-1, 1, 3), lambda a, b: a @ np.eye(3, dtype="f4"), lambda a, b: ~(a > b)),
    ]
    made = set()
    for function in each:
        for node in trace(function, [Spec((None, 3))] * 2, "function").nodes:
            made.add(node.layer.automatic_prefix)
    assert made == OPERATOR_OPS


def test_a_function_of_ops_is_called_once_a_compile() -> None:
    """However many epochs, evaluations and sets there are."""
    function, calls = counted(huber)
    each = model(metrics=[function])
    each.fit(X, Y, epochs=3, validation_split=0.2, verbose=0)
    each.evaluate(X, Y, verbose=0)
    each.evaluate(X[:7], Y[:7], verbose=0)
    assert calls == ["SymbolicTensor"]
    fast = hl.quantize_model(each, precision="bf16")
    fast.evaluate(X, Y)
    fast.evaluate(X, Y)
    assert calls == ["SymbolicTensor"]
    each.compile("sgd", "mse", metrics=[function])
    each.fit(X, Y, verbose=0)
    assert calls == ["SymbolicTensor"] * 2


def test_a_function_of_numpy_is_tried_once_and_then_called_as_ever() -> None:
    function, calls = counted(numpy_huber)
    each = model(metrics=[function])
    each.fit(X, Y, epochs=3, verbose=0)
    each.evaluate(X, Y, verbose=0)
    assert calls == ["SymbolicTensor", *["ndarray"] * 4]
    assert each.history.history["call"][-1] == pytest.approx(
        each.evaluate(X, Y, verbose=0, return_dict=True)["call"], rel=0.2
    )


def test_logs_are_those_of_the_numpy_function() -> None:
    hl.set_seed(3)
    one = model(metrics=[huber], weighted_metrics=[by_position])
    hl.set_seed(3)
    other = model(metrics=[numpy_huber], weighted_metrics=[lambda y, p: np.exp(-np.square(y - p))])
    weights = RNG.uniform(0.5, 1.5, 60)
    logs = [each.fit(X, Y, sample_weight=weights, epochs=2, verbose=0).history for each in (one, other)]
    for mine, theirs in zip(logs[0].values(), logs[1].values(), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-5)


class Stateful(Metric):
    """It is tried in a copy, so that nothing symbolic is left in it."""

    def __init__(self) -> None:
        super().__init__("stateful")
        self.seen: list[Any] = []

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        self.seen.append(y_pred)
        return float(np.abs(y_true - y_pred).max())


def test_a_metric_with_a_state_sees_arrays_alone() -> None:
    metric = Stateful()
    model(metrics=[metric]).fit(X, Y, epochs=2, verbose=0)
    assert [type(each) for each in metric.seen] == [np.ndarray] * 2


class Scores:
    def __init__(self) -> None:
        self.calls = 0

    def huber(self, y_true: Any, y_pred: Any) -> Any:
        self.calls += 1
        return huber(y_true, y_pred)

    def plain(self, y_true: Any, y_pred: Any) -> Any:
        return huber(y_true, y_pred)


def test_a_method_that_counts_is_called_as_ever() -> None:
    """And one that keeps nothing is traced."""
    scores = Scores()
    each = model(metrics=[scores.huber])
    each.fit(X, Y, epochs=3, verbose=0)
    assert scores.calls == 3
    assert FunctionMetric(scores.plain).program(Y, Y) is not None


def flat(y_true: Any, y_pred: Any) -> Any:
    return np.mean(np.abs(y_true - y_pred[:, 0]))


def flat_ops(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.abs(y_true - y_pred[:, 0]))


class Flat(Metric):
    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        return flat(y_true, y_pred)


@pytest.mark.parametrize("metric", [flat, flat_ops, Flat("flat")])
@pytest.mark.parametrize("y", [Y, Y[:, 0]])
def test_every_row_against_every_row_is_refused_before_training(metric: Any, y: Any) -> None:
    """The mean of that (n, n) would be a number like any other."""
    each = model(metrics=[metric])
    with pytest.raises(
        ValueError, match=r"metric 'flat(_ops)?': subtract: .* set every row against every row"
    ):
        each.fit(X, y, verbose=0)
    assert each.optimizer.iterations == 0
    with pytest.raises(ValueError, match="every row against every row"):
        each.evaluate(X, y, verbose=0)


def wide(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.add(ops.concatenate([y_true, y_pred], axis=-1), [1.0, 2.0, 3.0]), axis=-1)


def wrong_axis(y_true: Any, y_pred: Any) -> Any:
    return ops.sum(y_pred, axis="last")


class Wide(Metric):
    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        return float(wide(y_true, y_pred))


@pytest.mark.parametrize(
    ("metric", "kind", "message"),
    [
        (wide, ValueError, r"metric 'wide': add: expected shapes that broadcast, got \(None, 2\) and \(3,\)"),
        (Wide(), ValueError, r"metric 'wide': add: expected shapes that broadcast"),
        (wrong_axis, TypeError, "metric 'wrong_axis': sum: axis: expected an integer"),
    ],
)
def test_what_ops_refuse_in_a_metric_is_told_before_training(metric: Any, kind: type, message: str) -> None:
    each = model(metrics=[metric])
    with pytest.raises(kind, match=message):
        each.fit(X, Y, verbose=0)
    assert each.optimizer.iterations == 0


def pooled(y_true: Any, y_pred: Any) -> Any:
    """Of all rows: what a batch of any size does not allow."""
    y, p = ops.reshape(y_true, (-1,)), ops.reshape(y_pred, (-1,))
    return ops.mean(ops.abs(ops.concatenate([y, p], axis=0)))


def pairs(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.reshape(y_pred, (2, -1)))


def operators_of_numpy(y_true: Any, y_pred: Any) -> Any:
    return (y_true.reshape(-1) - y_pred.reshape(-1)) ** 2


def mixed_with_numpy(y_true: Any, y_pred: Any) -> Any:
    return ops.sum(np.abs(y_true - y_pred), axis=-1)


def own_error(y_true: Any, y_pred: Any) -> Any:
    if not isinstance(y_pred, np.ndarray):
        raise ValueError("arrays alone")
    return ops.square(y_true - y_pred)


@pytest.mark.parametrize("metric", [pooled, pairs, operators_of_numpy, mixed_with_numpy, own_error])
def test_what_is_about_symbolic_tensors_alone_is_left_aside(metric: Any) -> None:
    each = model(metrics=[metric])
    logs = each.fit(X, Y, verbose=0).history
    assert np.isfinite(logs[metric.__name__]).all()


def test_a_table_that_numpy_made_is_refused_by_its_shape() -> None:
    """Where nothing was found out by symbolic tensors, or predictions are in double."""

    def table(y_true: Any, y_pred: Any) -> Any:
        return np.subtract(y_true[:, 0], np.asarray(y_pred))

    with pytest.raises(
        ValueError, match=r"metric 'table': result: .* got shape \(60, 60\) of .*every row; give"
    ):
        FunctionMetric(table)(Y, Y)
    assert FunctionMetric(table)(Y[:1], Y[:1]) == 0
    assert FunctionMetric(lambda y, p: np.ones((3, 3)))(P[:3], P[:3]) == 1.0  # a number a position


def test_pairs_that_are_meant_stay() -> None:
    """Axes that a function adds on purpose, as metrics of rank do."""

    def concordance(y_true: Any, y_pred: Any) -> Any:
        y, p = y_true[:, 0], y_pred[:, 0]
        return np.mean((y[:, None] > y[None, :]) == (p[:, None] > p[None, :]))

    each = model(metrics=[concordance])
    each.fit(X, Y, verbose=0)
    assert 0 < each.history.history["concordance"][0] < 1


def test_copies_and_pickles_find_out_anew() -> None:
    metric = FunctionMetric(huber)
    expected = metric(Y, Y + np.float32(0.5))
    for twin in (copy.deepcopy(metric), copy.copy(metric), pickle.loads(pickle.dumps(metric))):
        assert twin._programs == {}
        assert twin(Y, Y + np.float32(0.5)) == expected


def test_labels_beyond_what_ops_compute_in_are_named() -> None:
    with pytest.raises(ValueError, match="metric: expected integers from"):
        FunctionMetric(hit)(CLASSES + 2**40, P)
