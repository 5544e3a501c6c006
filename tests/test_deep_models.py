"""Models of thousands of layers: whatever is done to them takes time by their number, not by its square."""

import copy
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hotloop as hl

FEW, MANY = 500, 2000
X = np.ones((4, 4), "f4")


def chain(count: int) -> hl.Sequential:
    layers = [hl.layers.Dense(4, "relu") for _ in range(count)]
    model = hl.Sequential([hl.Input((4,)), *layers])
    model.compile(hl.optimizers.AdamW(), loss="mse")
    return model


def functional(count: int) -> hl.Model:
    start = value = hl.Input((4,))
    for _ in range(count):
        value = hl.layers.Dense(4, "relu")(value)
    return hl.Model(start, value)


def grown(count: int) -> hl.Sequential:
    model = hl.Sequential([hl.Input((4,))])
    for _ in range(count):
        model.add(hl.layers.Dense(4))
    return model


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[int, hl.Sequential]:
    folder = tmp_path_factory.mktemp("deep")
    models = {count: chain(count) for count in (FEW, MANY)}
    for count, model in models.items():
        model.save(folder / str(count))
        model.folder = folder  # type: ignore[attr-defined]
    return models


WORK: dict[str, Callable[[hl.Sequential, int, Path], Any]] = {
    "build": lambda _, count, __: chain(count).weights,
    "add": lambda _, count, __: grown(count).weights,
    "functional": lambda _, count, __: functional(count),
    "predict": lambda model, _, __: copy.copy(model).predict(X),
    "fit": lambda model, _, __: (model.compile("adam", loss="mse"), model.fit(X, X, verbose=0)),
    "summary": lambda model, _, __: model.summary(print_fn=lambda line: None),
    "save": lambda model, _, path: model.save(path / f"{model.name}-again"),
    "load": lambda _, count, path: hl.load_model(path / str(count)),
    "clone": lambda model, _, __: hl.clone_model(model),
    "prune": lambda model, _, __: hl.prune_model(model, 0.5),
    "pickle": lambda model, _, __: pickle.loads(pickle.dumps(model)),
}


@pytest.mark.parametrize("work", WORK)
def test_time_goes_with_the_number_of_layers(made: dict[int, hl.Sequential], work: str) -> None:
    """Four times as many layers may take eight times as long, and a quarter of a second for the machine."""

    def seconds(count: int) -> float:
        start = time.process_time()
        WORK[work](made[count], count, made[count].folder)  # type: ignore[attr-defined]
        return time.process_time() - start

    seconds(FEW)  # imports and first touches
    few = min(seconds(FEW) for _ in range(2))
    assert seconds(MANY) < 8 * few + 0.25


class Tapped(hl.Model):
    """Has its last tensor in an attribute of its own, set before all others."""

    def __init__(self, count: int) -> None:
        start = value = hl.Input((4,))
        for _ in range(count):
            value = hl.layers.Dense(4)(value)
        self.tap = value
        super().__init__(start, value)


def test_a_subclass_may_hold_a_deep_tensor() -> None:
    model = Tapped(FEW)
    for made in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert made.tap is made.outputs[0]
        assert made.predict(X).tolist() == model.predict(X).tolist()


def test_a_name_that_comes_again_is_still_told_apart() -> None:
    """Adding looks at all layers only where a name may be taken; nothing else follows from that."""
    layers = hl.layers
    model = hl.Sequential([layers.Dense(2, input_shape=(2,)), layers.Dense(2, name="mine")])
    with pytest.raises(ValueError, match="two named 'mine'"):
        model.add(layers.Dense(3, name="mine"))
    automatic = model.layers[0]
    model.add(layers.Dense(2, name=automatic.name))
    assert len({layer.name for layer in model.layers}) == 3
    for again in (model.layers[1], automatic):
        with pytest.raises(ValueError, match="in the chain already"):
            model.add(again)
    waiting = hl.Sequential([layers.Dense(2, name="a")])
    with pytest.raises(ValueError, match="in the chain already"):
        waiting.add(waiting.layers[0])
    last = model.pop()
    model.add(last)
    assert model.layers[-1] is last
    assert hl.Sequential([model, layers.Dense(1)]).predict(np.ones((1, 2))).shape == (1, 1)
