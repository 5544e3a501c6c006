"""Losses of the user's that can't be traced, or would train something else than they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop import ops
from own_losses import data, regression

kept: list[Any] = []


def looks(y: Any, p: Any) -> Any:
    loss = ops.mean(ops.square(y - p), axis=-1)
    return loss if loss > 0 else -loss


def keeps(y: Any, p: Any) -> Any:
    kept.append(ops.mean(ops.square(y - p), axis=-1))
    return kept[0]


REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "looks": (looks, TypeError, r"loss 'looks': truth value: a symbolic tensor has no numbers.*where"),
    "float": (lambda y, p: float(p), TypeError, "loss '<lambda>': .*has no numbers yet"),
    "numpy": (lambda y, p: np.mean(y - p), TypeError, r"numpy.mean: .* write hotloop.ops.mean"),
    "numpy array": (
        lambda y, p: np.zeros(3),
        TypeError,
        "loss '<lambda>': result: expected a symbolic tensor, got ndarray; compute it of the arguments",
    ),
    "none": (lambda y, p: None, TypeError, "loss '<lambda>': result: expected a symbolic tensor, got None"),
    "number": (lambda y, p: 1.0, TypeError, "expected a symbolic tensor, got float"),
    "several": (lambda y, p: [y - p, p], TypeError, "expected a symbolic tensor, got list"),
    "labels alone": (
        lambda y, p: ops.square(y),
        ValueError,
        "loss '<lambda>': result: expected one that depends on y_pred",
    ),
    "truth values": (
        lambda y, p: y > p,
        ValueError,
        "loss '<lambda>': result: expected a float32 tensor, got bool.*no gradient",
    ),
    "n and (n, k)": (
        lambda y, p: ops.mean(p, axis=-1) - y,
        ValueError,
        "loss '<lambda>': subtract: expected shapes whose batches meet, got .*expand_dims or squeeze",
    ),
    "n and (n, 1)": (
        lambda y, p: ops.mean(y, axis=-1) - ops.mean(p, axis=-1, keepdims=True),
        ValueError,
        r"expected shapes whose batches meet, got \(None,\) and \(None, 1\)",
    ),
    "a batch of one size": (
        lambda y, p: p - np.zeros((50, 3), np.float32),
        ValueError,
        "loss '<lambda>': subtract: expected a batch, or one array for all rows",
    ),
    "arguments": (lambda p: p, TypeError, "loss '<lambda>': .*takes 1 positional argument but 2"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_can_not_be_traced_is_refused(case: str, rng: np.random.Generator) -> None:
    loss, kind, message = REFUSED[case]
    x, y = data(rng)
    model = regression()
    model.compile("sgd", loss=loss)
    before = model.get_weights()
    with pytest.raises(kind, match=message):
        model.fit(x, y, verbose=0)
    with pytest.raises(kind, match=message):
        hl.losses.FunctionLoss(loss)(y, y)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_tensors_of_another_call_are_refused(rng: np.random.Generator) -> None:
    x, y = data(rng)
    kept.clear()
    model = regression()
    model.compile("sgd", loss=keeps)
    model.fit(x, y, verbose=0)
    model.compile("sgd", loss=keeps)
    with pytest.raises(ValueError, match=r"loss 'keeps': .*keep no tensors from call to call"):
        model.fit(x, y, verbose=0)


def test_a_forgotten_init_is_named() -> None:
    class Forgetful(hl.losses.Loss):
        def __init__(self) -> None:
            self.delta = 1.0

        def call(self, y_true: Any, y_pred: Any) -> Any:
            return ops.square(y_true - y_pred)

    with pytest.raises(AttributeError, match=r"loss Forgetful: expected super\(\).__init__\(\) first"):
        regression().compile("sgd", loss=Forgetful())
    with pytest.raises(AttributeError, match="'Huber' object has no attribute 'gamma'"):
        _ = hl.losses.Huber().gamma  # type: ignore[attr-defined]


def test_weights_belong_into_layers(rng: np.random.Generator) -> None:
    x, y = data(rng)
    model = regression()
    kernel = model.weights[0]
    model.compile("sgd", loss=lambda y, p: ops.mean(ops.square(y - p)) + ops.sum(ops.square(kernel)))
    with pytest.raises(ValueError, match=r"a function of y_true and y_pred alone.*kernel_regularizer"):
        model.fit(x, y, verbose=0)


@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        (np.zeros((4, 3)), np.zeros((5, 3)), "y_true: expected 5 rows, as y_pred has"),
        (np.zeros((0, 3)), np.zeros((0, 3)), "y_pred: expected at least one row"),
        (0.0, 0.0, "y_pred: expected at least one row"),
    ],
)
def test_arrays_that_do_not_fit(y: Any, p: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        hl.losses.FunctionLoss(lambda y, p: ops.square(y - p))(y, p)


def test_nonfinite_labels_are_refused(rng: np.random.Generator) -> None:
    x, y = data(rng)
    y[3, 1] = np.nan
    model = regression()
    model.compile("sgd", loss=lambda y, p: ops.square(y - p))
    with pytest.raises(ValueError, match=r"y: expected finite numbers, got nan at index \(3, 1\)"):
        model.fit(x, y, verbose=0)


def test_what_keeps_something_is_refused(rng: np.random.Generator) -> None:
    class Counting(hl.losses.Loss):
        count = 0

        def call(self, y_true: Any, y_pred: Any) -> Any:
            self.count += 1
            return ops.square(y_true - y_pred)

    def lasting(y: Any, p: Any) -> Any:
        lasting.mean = ops.mean(p, axis=-1)  # type: ignore[attr-defined]
        return ops.square(y - p)

    x, y = data(rng)
    for loss, message in (
        (Counting(), r"loss 'counting': expected a call that keeps nothing.*sets attribute 'count'"),
        (lasting, r"loss 'lasting': expected a call that keeps nothing.*keeps a tensor in attribute 'mean'"),
    ):
        model = regression()
        model.compile("sgd", loss=loss)
        with pytest.raises(ValueError, match=message):
            model.fit(x, y, verbose=0)


def test_what_has_no_gradient_is_named(rng: np.random.Generator) -> None:
    x, y = data(rng)

    def hits(y: Any, p: Any) -> Any:
        return ops.mean(ops.cast(ops.equal(ops.round(p), ops.round(y)), "float32"), axis=-1)

    def steps(y: Any, p: Any) -> Any:
        return ops.square(y - ops.floor(p))

    no_hits = r"^loss 'hits': round has no gradient.*weights of layer 'dense.*or write by stop_gradient"
    no_steps = r"^loss 'steps': floor has no gradient.*weights of layer 'dense.*x \+ stop_gradient\(floor"
    no_place = r"^loss '<lambda>': argmax has no gradient.*, weigh by hotloop.ops.softmax\(x\) what argmax"
    for loss, message in (
        (hits, no_hits),
        (steps, no_steps),
        (lambda y, p: ops.cast(ops.argmax(p, axis=-1), "float32"), no_place),
    ):
        model = regression()
        model.compile("sgd", loss=loss)
        before = model.get_weights()
        with pytest.raises(ValueError, match=message):
            model.fit(x, y, verbose=0)
        with pytest.raises(ValueError, match=message):
            model.train_on_batch(x, y)
        assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
        assert np.isfinite(model.evaluate(x, y, verbose=0))


def test_metrics_that_make_a_table_are_refused(rng: np.random.Generator) -> None:
    def of_means(y: Any, p: Any) -> Any:
        return np.abs(y.mean(axis=1) - p)

    message = (
        r"metric 'of_means': result: expected one value a row, got shape \(50, 50\) of \(50, 1\) and "
        r"\(50, 1\), which sets every row against every row; give both as many axes"
    )
    x, y = data(rng)
    model = regression(outputs=1)
    model.compile("sgd", loss="mse", metrics=[of_means])
    with pytest.raises(ValueError, match=message):
        model.evaluate(x, y[:, :1], verbose=0)
