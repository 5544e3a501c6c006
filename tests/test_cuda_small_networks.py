"""Small chains of dense layers in one kernel give the bits of the CPU, and of a kernel for each layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cuda_half
import hotloop as hl

cuda_half.load()

ROWS = 23  # with batches of 8 the last one is short


@pytest.fixture(params=["always", "never"])
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The test runs with small networks in one kernel, and with a kernel for each of their layers."""
    monkeypatch.setenv("HOTLOOP_CUDA_SMALL", request.param)
    return str(request.param)


def network(widths: list[int], last: str, hidden: str = "relu", bias: bool = True) -> hl.Sequential:
    layers = [
        hl.layers.Dense(units, activation=hidden, use_bias=bias, input_shape=(widths[0],) if i == 0 else None)
        for i, units in enumerate(widths[1:-1])
    ]
    first = {"input_shape": (widths[0],)} if not layers else {}
    return hl.Sequential([*layers, hl.layers.Dense(widths[-1], activation=last, **first)])


def trained(device: str, make: Any, compile_with: dict[str, Any], x: Any, y: Any, **fit: Any) -> Any:
    """Weights, history and predictions of a network after two epochs."""
    hl.set_seed(7)
    model = make()
    model.compile(device=device, **compile_with)
    history = model.fit(x, y, batch_size=8, epochs=2, verbose=0, **fit)
    weights = [np.array(w) for w in model.get_weights()]
    return weights, history.history, model.predict(x), model.evaluate(x, y, verbose=0, return_dict=True)


def same_on_both(make: Any, compile_with: Any, x: Any, y: Any, **fit: Any) -> None:
    here = trained("cpu", make, compile_with(), x, y, **fit)
    there = trained("cuda", make, compile_with(), x, y, **fit)
    for ours, theirs in zip(here[0], there[0], strict=True):
        assert ours.tobytes() == theirs.tobytes()
    assert here[1] == there[1]
    assert here[2].tobytes() == there[2].tobytes()
    assert here[3] == there[3]


def classes(rng: np.random.Generator, features: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    return rng.standard_normal((ROWS, features)).astype("f4"), rng.integers(0, count, ROWS)


@pytest.mark.parametrize("widths", [[3, 2], [16, 32, 32, 2], [5, 33, 65, 128, 17], [40, 1, 7]])
def test_widths_and_depths(small, rng, widths):
    x, y = classes(rng, widths[0], widths[-1])
    same_on_both(
        lambda: network(widths, "softmax"),
        lambda: {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]},
        x,
        y,
    )


@pytest.mark.parametrize("hidden", ["tanh", "sigmoid", "elu", "selu", "softsign", "linear"])
def test_activations(small, rng, hidden):
    x, y = classes(rng, 6, 3)
    same_on_both(
        lambda: network([6, 9, 3], "softmax", hidden, bias=hidden != "tanh"),
        lambda: {"optimizer": "sgd", "loss": "sparse_categorical_crossentropy"},
        x,
        y,
    )


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: hl.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        lambda: hl.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
        lambda: hl.optimizers.Adam(0.01, amsgrad=True),
        lambda: hl.optimizers.AdamW(0.01, weight_decay=0.1),
        lambda: hl.optimizers.Adam(hl.schedules.ExponentialDecay(0.01, 2, 0.5), clipvalue=0.01),
        lambda: hl.optimizers.Adam(0.01, clipnorm=0.1),  # takes the ordinary way
    ],
)
def test_optimizers(small, rng, optimizer):
    x, y = classes(rng, 6, 3)
    same_on_both(
        lambda: network([6, 9, 3], "softmax"),
        lambda: {"optimizer": optimizer(), "loss": "sparse_categorical_crossentropy"},
        x,
        y,
    )


@pytest.mark.parametrize(
    ("loss", "last", "units"),
    [
        ("mean_squared_error", "linear", 1),
        ("mean_squared_error", "tanh", 3),
        ("huber", "linear", 2),
        ("binary_crossentropy", "sigmoid", 1),
        ("binary_crossentropy", "sigmoid", 4),
        ("categorical_crossentropy", "softmax", 4),
        ("categorical_hinge", "linear", 4),
    ],
)
def test_losses(small, rng, loss, last, units):
    x = rng.standard_normal((ROWS, 5)).astype("f4")
    y = rng.standard_normal((ROWS, units)).astype("f4")
    if loss == "binary_crossentropy":
        y = (y > 0).astype("f4")
    if loss.startswith("categorical"):
        y = np.eye(units, dtype="f4")[y.argmax(1)]
    same_on_both(lambda: network([5, 8, units], last), lambda: {"optimizer": "adam", "loss": loss}, x, y)


def test_bytes_and_weights_of_samples(small, rng):
    x, y = rng.integers(0, 256, (ROWS, 12)).astype("u1"), rng.integers(0, 3, ROWS)
    same_on_both(
        lambda: network([12, 9, 3], "softmax"),
        lambda: {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]},
        x,
        y,
        sample_weight=rng.random(ROWS).astype("f4"),
    )


def test_a_word_that_is_none_is_refused(rng, monkeypatch):
    monkeypatch.setenv("HOTLOOP_CUDA_SMALL", "sometimes")
    model = network([3, 2], "softmax")
    model.compile(device="cuda", optimizer="sgd", loss="sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="always or never"):
        model.predict(np.zeros((1, 3), "f4"))
