"""Functions of many instructions predict and train, however they are cut; building takes linear time."""

from __future__ import annotations

import gc
import time

import numpy as np
import pytest

import hotloop as hl
from hotloop import ops as K
from hotloop.ir.elementwise import Code, Step
from hotloop.ir.split import split

UNITS = 3
UNARY = ("sin", "tanh", "sigmoid", "square", "negative")
BINARY = ("add", "subtract", "multiply")


def random_chain(rng: np.random.Generator, length: int) -> Code:
    """Of two inputs; the newest values most of all are read, several of them twice, and up to three are given
    out. Numbers neither grow nor vanish."""
    steps: list[Step] = []
    while len(steps) < length:
        last = 1 + len(steps)
        if rng.random() < 0.5:
            steps.append(Step(str(rng.choice(UNARY)), (last,)))
            continue
        other = int(last - min(rng.geometric(0.1), last))
        steps.append(Step(str(rng.choice(BINARY)), (last, other)))
        if rng.random() < 0.8:
            steps.append(Step("sin", (last + 1,)))
        steps.append(Step("multiply", (1 + len(steps), 1.25)))
    total = 2 + len(steps)
    others = rng.choice(np.arange(total // 2, total - 1), int(rng.integers(0, 3)), replace=False)
    return Code(2, tuple(steps), (total - 1, *map(int, others)))


def traced(code: Code, *inputs):
    values = list(inputs)
    for step in code.steps:
        function = getattr(K, step.name)
        values.append(function(*(values[o] if isinstance(o, int) else o for o in step.operands)))
    return [values[output] for output in code.outputs]


def exact_loss(code: Code, x: np.ndarray, kernels: list[np.ndarray]) -> float:
    outputs = code(*(x @ kernel for kernel in kernels))
    return float(sum(np.mean((output - 0.25) ** 2) for output in outputs))


def check_model(seed: int, code: Code) -> None:
    """Against NumPy in double, and its central differences."""
    rng = np.random.default_rng(seed)
    hl.set_seed(seed)
    x = hl.Input((4,))
    layers = [hl.layers.Dense(UNITS, use_bias=False) for _ in range(code.inputs)]
    model = hl.Model(x, traced(code, *(layer(x) for layer in layers)))
    kernels = [np.asarray(layer.get_weights()[0], np.float64) for layer in layers]
    rows = rng.normal(size=(6, 4)).astype(np.float32)
    expected = code(*(rows.astype(np.float64) @ kernel for kernel in kernels))
    predicted = model.predict(rows)
    predicted = predicted if isinstance(predicted, list) else [predicted]
    for found, exact in zip(predicted, expected, strict=True):
        np.testing.assert_allclose(found, exact, rtol=2e-3, atol=2e-3)
    model.compile(optimizer=hl.optimizers.SGD(1.0), loss="mse")
    targets = [np.full((6, UNITS), 0.25, np.float32) for _ in code.outputs]
    model.train_on_batch(rows, targets if len(targets) > 1 else targets[0])
    for layer, kernel in zip(layers, kernels, strict=True):
        moved = kernel - layer.get_weights()[0]
        slope = np.empty_like(kernel)
        for place in np.ndindex(*kernel.shape):
            kept, sides = kernel[place], []
            for side in (1e-5, -1e-5):
                kernel[place] = kept + side
                sides.append(exact_loss(code, rows.astype(np.float64), kernels))
            kernel[place] = kept
            slope[place] = (sides[0] - sides[1]) / 2e-5
        np.testing.assert_allclose(moved, slope, rtol=1e-2, atol=2e-3 * max(1, np.abs(slope).max()))


@pytest.mark.parametrize(("seed", "length"), list(enumerate([20, 45, 50, 60, 90, 130, 160, 200])))
def test_random_chains_predict_and_train(seed, length):
    check_model(seed, random_chain(np.random.default_rng(seed), length))


def test_what_is_one_program_forward_may_be_several_with_its_gradient(monkeypatch):
    """Eight chains of cosines, all of whose values the gradient of their product needs."""
    cuts = []

    def counted(graph, op, learning):
        cuts.append(split(graph, op, learning))
        return cuts[-1]

    monkeypatch.setattr("hotloop.ir.passes.differentiate.split", counted)
    steps = [Step("cos", (number,)) for number in range(37)]
    steps.append(Step("multiply", (37, 38)))
    for number in range(6):
        steps.append(Step("multiply", (45 + number, 39 + number)))
    code = Code(8, tuple(steps), (51,))
    check_model(3, code)
    assert [len(parts) for parts in cuts] == [2]


def test_a_chain_before_something_learned_trains():

    def waves(z):
        for _ in range(60):
            z = K.sin(z) * 1.1
        return z

    model = hl.Sequential([hl.layers.Dense(2, input_shape=(3,)), hl.layers.Lambda(waves), hl.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    before = model.get_weights()[0].copy()
    model.train_on_batch(np.ones((4, 3), np.float32), np.ones((4, 1), np.float32))
    assert np.isfinite(model.get_weights()[0]).all()
    assert not np.array_equal(before, model.get_weights()[0])


def lambda_seconds(length: int) -> float:
    """To build what predicts."""

    def grown(z):
        for number in range(length):
            z = z + 0.01 * number * K.sin(z)
        return z

    start = time.process_time()
    model = hl.Sequential([hl.layers.Lambda(grown, input_shape=(4,)), hl.layers.Dense(1)])
    model.predict(np.ones((2, 4), np.float32))
    return time.process_time() - start


def loss_seconds(length: int) -> float:
    """To build what trains, for the first step."""

    def unrolled(y_true, y_pred):
        error = y_pred - y_true
        value = error
        for _ in range(length):
            value = K.sin(value) + error * 0.01
        return value

    model = hl.Sequential([hl.layers.Dense(1, input_shape=(4,))])
    model.compile(optimizer="sgd", loss=unrolled)
    start = time.process_time()
    model.train_on_batch(np.ones((2, 4), np.float32), np.ones((2, 1), np.float32))
    return time.process_time() - start


@pytest.mark.parametrize("seconds", [lambda_seconds, loss_seconds])
def test_building_takes_linear_time(seconds):
    """Of 16 times the ops, linear time is 16 times as long and quadratic 256 times."""
    seconds(10)  # what is imported for the first one
    gc.disable()
    try:
        assert seconds(800) < 60 * min(seconds(50) for _ in range(3))
    finally:
        gc.enable()
