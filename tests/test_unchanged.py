"""A file, and a clone, is the model in memory: functions that would do something else by now are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop.ir.lower import lower
from own_things import L, X, Y, compiled, swish

pytestmark = pytest.mark.usefixtures("nothing_stays_registered")


class Times(L.Layer):
    def __init__(self, by: float = 3.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.by = by
        self.note = "nothing"
        self.inner = L.Dense(3, activation=swish)
        self.drop = L.Dropout(0.1)
        self.net = hl.Sequential([L.Dropout(0.2), L.Dense(3), L.Dropout(0.1)])
        self.calls = 0

    def build(self, input_shape: Any) -> None:
        self.shift = self.add_weight((3,), name="shift")

    def call(self, inputs: Any) -> Any:
        x = self.net(self.drop(self.inner(self.drop(inputs))))
        return self.by * x + self.shift


def copies(path: Path) -> Any:
    return {
        "save": lambda model: model.save(path / "model"),
        "to_json": lambda model: model.to_json(),
        "clone_model": hl.clone_model,
        "prune": hl.prune_model,
    }


def test_attributes_that_changed_are_noticed(tmp_path: Path) -> None:
    for thing in (Times, swish):
        hl.saving.register_serializable()(thing)
    layer = Times(name="mine")
    model = compiled(layer, L.Dense(4))
    before = model.predict(X)
    nodes = len(layer.inner.nodes)
    layer.note = "another"
    for copied in copies(tmp_path).values():
        copied(model)
    assert len(layer.inner.nodes) == nodes  # calls that only look
    loaded = hl.load_model(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(X), before)
    assert str(lower(loaded.graph)) == str(lower(model.graph))
    layer.by = 5.0
    np.testing.assert_array_equal(model.predict(X), before)
    message = (
        "call of layer 'mine' computes something else .*attribute 'by' was 3.0 then and is 5.0 now; make"
    )
    for name, copied in copies(tmp_path).items():
        with pytest.raises(ValueError, match=rf"^{name}: {message}"):
            copied(model)
    model.save_weights(tmp_path / "weights")
    layer.by = 3.0
    model.save(tmp_path / "model")


def test_so_are_what_functions_close_over_and_global_variables(tmp_path: Path) -> None:
    numbers = {"by": 2.0}
    table = np.array([1.0, 2.0, 3.0], np.float32)

    def scaled(x: Any) -> Any:
        return x * numbers["by"] * table

    hl.saving.register_serializable()(scaled)
    models = (
        (compiled(L.Lambda(scaled, name="mine")), "call of layer 'mine'"),
        (compiled(L.Dense(3, scaled, name="mine")), "activation 'scaled' of layer 'mine'"),
        (compiled(L.Activation(scaled, name="mine")), "activation 'scaled' of layer 'mine'"),
    )
    for model, _ in models:
        model.fit(X, Y, verbose=0)
        model.save(tmp_path / "model")
    for key, value in (("by", 4.0), ("by", 2.0)):
        numbers[key] = value
        table[1] = value
        if value == 2.0:
            for model, _ in models:
                model.save(tmp_path / "model")
            continue
        for model, label in models:
            with pytest.raises(
                ValueError, match=rf"^save: {label} computes something else now .* it reads has"
            ):
                model.save(tmp_path / "model")


def test_what_can_not_be_called_again_is_refused(tmp_path: Path) -> None:
    layer = Times(name="mine")
    for thing in (Times, swish):
        hl.saving.register_serializable()(thing)
    model = compiled(layer)
    del layer.by
    with pytest.raises(ValueError, match=r"^save: call of layer 'mine' can't be called again.*'by'"):
        model.save(tmp_path / "model")


def test_a_layer_called_by_two_models_is_asked_for_each(tmp_path: Path) -> None:
    layer = Times()
    first = compiled(layer)
    layer.by = 5.0
    hl.clone_model(compiled(layer))
    with pytest.raises(ValueError, match=r"^clone_model: "):
        hl.clone_model(first)
