"""Small seeded trainings and what they come to, for test_digests.py: every loss, optimizer, activation.

Only public names are used, so that the same trainings run on any version of the package. The data are
numbers that every machine draws alike, and all layers are named, as their weights depend on their names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

import hotloop as hl

L = hl.layers
Facts = dict[str, str]
TRAININGS: dict[str, Callable[[], Facts]] = {}


def training(run: Callable[..., Facts], name: str = "", *arguments: Any) -> Callable[..., Facts]:
    """Add a training under its function's name, or under another with the arguments to call it with."""
    TRAININGS[name or run.__name__] = lambda: run(*arguments)
    return run


def numbers(seed: int, *shape: int) -> np.ndarray:
    """Float32 in [-1, 1), exact multiples of 1/64."""
    return (np.random.default_rng(seed).integers(-64, 64, shape) / 64).astype(np.float32)


def classes(seed: int, rows: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, count, rows)


def digest(*things: Any) -> str:
    """SHA-256 of arrays with their shapes and dtypes, and of the texts of other things."""
    sha = hashlib.sha256()
    for thing in things:
        if isinstance(thing, np.ndarray):
            sha.update(f"{thing.dtype.str}{thing.shape}".encode() + np.ascontiguousarray(thing).tobytes())
        else:
            sha.update(repr(thing).encode())
    return sha.hexdigest()


def arrays(outputs: Any) -> list[np.ndarray]:
    if isinstance(outputs, dict):
        return [np.asarray(outputs[key]) for key in sorted(outputs)]
    return [np.asarray(a) for a in outputs] if isinstance(outputs, list | tuple) else [np.asarray(outputs)]


def steady(key: str, value: Any) -> Any:
    """The native loss to the bit; metrics, which are NumPy's affair and the machine's, to nine digits."""
    if isinstance(value, list):
        return [steady(key, one) for one in value]
    return float(value).hex() if key in ("loss", "val_loss") else f"{float(value):.9g}"


def logs(values: dict[str, Any]) -> dict[str, Any]:
    return {key: steady(key, value) for key, value in values.items()}


def outcome(model: Any, x: Any, *seen: Any) -> Facts:
    """Digests of the weights, of the predictions, and of what else was seen, such as a history."""
    for array in [*model.get_weights(), *arrays(model.predict(x))]:
        assert np.isfinite(array).all(), "NaN has many bits"
    things = [logs(one.history) if isinstance(one, hl.callbacks.History) else one for one in seen]
    return {
        "weights": digest(*model.get_weights()),
        "predictions": digest(*arrays(model.predict(x))),
        **({"seen": digest(*things)} if things else {}),
    }


def dense(
    *sizes: int, inputs: int, activation: Any = "relu", last: Any = None, **options: Any
) -> hl.Sequential:
    """Dense layers of these sizes, from the same seed."""
    hl.set_seed(11)
    layers: list[Any] = [L.Input(shape=(inputs,))]
    layers += [
        L.Dense(units, last if i == len(sizes) - 1 else activation, name=f"d{i}", **options)
        for i, units in enumerate(sizes)
    ]
    return hl.Sequential(layers, name="net")


def fitted(model: Any, x: Any, y: Any, optimizer: Any, loss: Any, epochs: int = 2, **options: Any) -> Facts:
    """Compile, train and look; ``metrics`` and ``loss_weights`` go to compile, all else to fit."""
    for_compile = {key: options.pop(key) for key in ("metrics", "loss_weights") if key in options}
    model.compile(optimizer, loss, **for_compile)
    return outcome(model, x, model.fit(x, y, epochs=epochs, verbose=0, **options))


# -- families: one training for each member

O = hl.optimizers  # noqa: E741
OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "sgd": lambda: O.SGD(0.1),
    "sgd momentum clipnorm decay": lambda: O.SGD(0.1, momentum=0.9, clipnorm=0.3, weight_decay=0.01),
    "sgd nesterov clipvalue": lambda: O.SGD(0.1, momentum=0.8, nesterov=True, clipvalue=0.02),
    "gradient descent": lambda: O.GradientDescent(0.2),
    "rmsprop": lambda: O.RMSprop(0.01),
    "rmsprop centered momentum": lambda: O.RMSprop(0.01, momentum=0.7, centered=True, global_clipnorm=0.5),
    "adam": lambda: O.Adam(0.01),
    "adam amsgrad clipnorm": lambda: O.Adam(0.01, beta_1=0.8, amsgrad=True, clipnorm=0.2),
    "adamw": lambda: O.AdamW(0.01, weight_decay=0.1, global_clipnorm=0.4),
}


def with_optimizer(make: Callable[[], Any]) -> Facts:
    model = dense(12, 5, 3, inputs=7, last="softmax")
    return fitted(model, numbers(0, 70, 7), classes(1, 70, 3), make(), "sparse_categorical_crossentropy")


for _name, _make in OPTIMIZERS.items():
    training(with_optimizer, f"optimizer {_name}", _make)


def with_loss(loss: Any, targets: str, last: Any) -> Facts:
    """Targets of the kind that the loss takes, behind an activation that makes what it wants."""
    y = {
        "numbers": numbers(4, 50, 4),
        "positive": np.abs(numbers(4, 50, 4)) + np.float32(0.25),
        "shares": np.float32([0.125, 0.25, 0.5, 0.125])[(np.arange(4) - np.arange(50)[:, None]) % 4],
        "labels": (numbers(4, 50, 4) > 0).astype(np.float32),
        "one hot": np.eye(4, dtype=np.float32)[classes(3, 50, 4)],
        "classes": classes(3, 50, 4),
    }[targets]
    model = dense(6, 4, inputs=5, activation="tanh", last=last)
    return fitted(model, numbers(2, 50, 5), y, O.SGD(0.05, momentum=0.5), loss)


C = hl.losses
LOSSES: list[tuple[Any, str, Any]] = [
    (C.MeanSquaredError(), "numbers", None),
    (C.HalfSquaredError(), "numbers", None),
    (C.MeanAbsoluteError(), "numbers", None),
    (C.MeanAbsolutePercentageError(), "positive", "softplus"),
    (C.MeanSquaredLogarithmicError(), "positive", "softplus"),
    (C.Huber(0.5), "numbers", None),
    (C.LogCosh(), "numbers", None),
    (C.Poisson(), "positive", "softplus"),
    (C.KLDivergence(), "shares", "softmax"),
    (C.Hinge(), "labels", None),
    (C.SquaredHinge(), "labels", None),
    (C.CategoricalHinge(), "one hot", None),
    (C.BinaryCrossentropy(label_smoothing=0.1), "labels", "sigmoid"),
    (C.BinaryCrossentropy(from_logits=True), "labels", None),
    (C.BinaryCrossentropy(), "labels", "hard_sigmoid"),
    (C.CategoricalCrossentropy(label_smoothing=0.2), "one hot", "softmax"),
    (C.CategoricalCrossentropy(from_logits=True), "one hot", None),
    (C.CategoricalCrossentropy(), "one hot", "sparsemax"),
    (C.SparseCategoricalCrossentropy(), "classes", "softmax"),
    (C.SparseCategoricalCrossentropy(from_logits=True), "classes", None),
]
for _loss, _targets, _last in LOSSES:
    training(with_loss, f"loss {_loss.name} {_targets} {_last or 'as is'}", _loss, _targets, _last)


def with_activation(name: str) -> Facts:
    """In a Dense layer, as a layer of its own behind one, and as one behind another layer."""
    hl.set_seed(12)
    half = 2 if name == "glu" else 1
    layers: list[Any] = [L.Input(shape=(6,)), L.Dense(6 * half, name, name="fused")]
    layers += [L.Dense(5 * half, name="bare"), L.Activation(name, name="behind"), L.Dropout(0.1, name="drop")]
    layers += [L.Dense(8, name="wide"), L.BatchNormalization(name="bn"), L.Activation(name, name="apart")]
    layers += [L.Dense(2, name="last")]
    return fitted(hl.Sequential(layers), numbers(5, 40, 6), numbers(6, 40, 2), O.SGD(0.01, clipnorm=1), "mse")


for _name in hl.activations.NAMES:
    training(with_activation, f"activation {_name}", _name)

S = hl.schedules
SCHEDULES: list[Any] = [
    S.Constant(0.05),
    S.StepDecay(0.1, 4, 0.5),
    S.PiecewiseConstantDecay([3, 7], [0.1, 0.05, 0.01]),
    S.ExponentialDecay(0.1, 5, 0.5),
    S.InverseTimeDecay(0.1, 4, 0.5, staircase=True),
    S.PolynomialDecay(0.1, 8, power=2.0, cycle=True),
    S.CosineDecay(0.1, 9, warmup_target=0.2, warmup_steps=3),
    S.CosineDecayRestarts(0.1, 4),
    S.LinearWarmup(0.1, 5),
    S.OneCycle(0.1, 10),
]


def with_schedule(schedule: Any) -> Facts:
    return fitted(dense(4, 1, inputs=3), numbers(7, 60, 3), numbers(8, 60, 1), O.SGD(schedule), "mse", 5)


for _schedule in SCHEDULES:
    training(with_schedule, f"schedule {type(_schedule).__name__}", _schedule)


def with_initializer(name: str) -> Facts:
    model = dense(6, 6, inputs=6, kernel_initializer=name, bias_initializer="ones")
    return outcome(model, numbers(9, 4, 6))


# Orthogonal is LAPACK's, which differs from machine to machine.
for _name in (
    "glorot_normal",
    "he_uniform",
    "identity",
    "lecun_uniform",
    "random_uniform",
    "truncated_normal",
):
    training(with_initializer, f"initializer {_name}", _name)
