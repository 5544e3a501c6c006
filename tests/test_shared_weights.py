"""Weights that several layers, or attributes of one, have: counted, clipped, trained and saved once."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop import ops
from own_things import L, forget

RNG = np.random.default_rng(11)
X = RNG.random((32, 4)).astype(np.float32)


class Two(L.Layer):
    """One of its layers is an attribute of its own as well."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.blocks = [L.Dense(4), L.Dense(4)]
        self.first = self.blocks[0]

    def call(self, inputs: Any) -> Any:
        return self.blocks[1](self.first(inputs))


class Transposed(L.Layer):
    """Keras's tied autoencoder: its kernel is another layer's."""

    def __init__(self, dense: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense = dense

    def build(self, input_shape: Any) -> None:
        self.bias = self.add_weight((self.dense.kernel.shape[0],), "zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        return ops.matmul(inputs, ops.transpose(self.dense.kernel)) + self.bias


def two(**options: Any) -> hl.Sequential:
    model = hl.Sequential([Two(name="two", input_shape=(4,))])
    model.compile(hl.optimizers.SGD(**options), "mse")
    return model


def tied(**options: Any) -> hl.Model:
    x = hl.Input((4,))
    dense = L.Dense(8, name="enc")
    model = hl.Model(x, Transposed(dense, name="dec")(dense(x)))
    model.compile(hl.optimizers.SGD(0.1, **options), "mse")
    return model


def test_every_weight_counts_once() -> None:
    model = two()
    names = [weight.path.partition("/")[2] for weight in model.weights]
    assert len(set(names)) == len(names) == 4
    assert model.count_params() == model.layers[0].count_params() == 40
    model.set_weights(model.get_weights())
    other = tied()
    assert [weight.shape for weight in other.weights] == [(4, 8), (8,), (4,)]
    assert other.count_params() == 44
    assert other.trainable_weights == other.weights
    assert other.non_trainable_weights == []
    lines: list[str] = []
    other.summary(print_fn=lines.append)
    assert any(line.startswith("Total params: 44 ") for line in lines)
    assert any(line.startswith("Trainable params: 44 ") for line in lines)
    other.get_layer("dec").trainable = False  # the other layer still learns
    assert [weight.shape for weight in other.trainable_weights] == [(4, 8), (8,)]
    assert len(other.non_trainable_weights) == 1


@pytest.mark.parametrize(
    ("options", "whole"), [({"clipnorm": 0.01}, False), ({"global_clipnorm": 0.01}, True)]
)
def test_every_gradient_is_clipped_once(options: dict[str, float], whole: bool) -> None:
    for model in (two(learning_rate=1.0, **options), tied(**options)):
        model._trainer.state.optimizer.learning_rate = 1.0
        before = model.get_weights()
        model.train_on_batch(X, X)
        steps = [np.sum(np.square(a - b)) for a, b in zip(before, model.get_weights(), strict=True)]
        norms = np.sqrt([sum(steps)] if whole else steps)
        np.testing.assert_allclose(norms, 0.01, rtol=1e-3)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_tied_weights_learn_what_numpy_says(momentum: float) -> None:
    """Of a layer whose kernel a function reads as well, the other weights' gradients begin anew each step."""
    model = tied(momentum=momentum)
    weights = [w.astype(np.float64) for w in model.get_weights()]
    velocity = [0.0 * w for w in weights]
    x = X.astype(np.float64)
    for _ in range(4):
        model.train_on_batch(X, np.ones_like(X))
        kernel, bias, other = weights
        hidden = x @ kernel + bias
        of_result = 2 * (hidden @ kernel.T + other - 1) / x.size
        of_hidden = of_result @ kernel
        gradients = [x.T @ of_hidden + of_result.T @ hidden, of_hidden.sum(0), of_result.sum(0)]
        velocity = [momentum * v - 0.1 * g for v, g in zip(velocity, gradients, strict=True)]
        weights = [w + v for w, v in zip(weights, velocity, strict=True)]
    for one, expected in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(one, expected, rtol=1e-4, atol=1e-6)


def test_copies_and_files_have_every_weight_once(tmp_path: Path) -> None:
    forget()
    hl.saving.register_serializable()(Two)
    model = two(momentum=0.9)
    model.fit(X, X, verbose=0)
    model.save(tmp_path / "two")
    model.save_weights(tmp_path / "weights")
    loaded = hl.load_model(tmp_path / "two")
    clone = hl.clone_model(model)
    clone.load_weights(tmp_path / "weights")
    again = hl.clone_model(model)
    again.set_weights(model.get_weights())
    for twin in (loaded, clone, again, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin.count_params() == 40
        np.testing.assert_array_equal(twin.predict(X, verbose=0), model.predict(X, verbose=0))
    for twin in (loaded, copy.deepcopy(model)):
        twin.fit(X, X, verbose=0, shuffle=False)
        assert twin.layers[0].first is twin.layers[0].blocks[0]
    model.fit(X, X, verbose=0, shuffle=False)
    np.testing.assert_array_equal(model.predict(X, verbose=0), loaded.predict(X, verbose=0))
    forget()


def test_what_a_config_can_not_say_is_refused(tmp_path: Path) -> None:
    """It would come back with its layers parted, or not at all."""
    model = tied()
    model.fit(X, X, verbose=0)
    for copied in (
        lambda: model.save(tmp_path / "tied"),
        lambda: hl.clone_model(model),
        lambda: model.to_json(),
        model.refuse_unsavable,
    ):
        with pytest.raises(ValueError, match=r"'enc' and 'dec', which share 'enc/kernel'.*save_weights"):
            copied()
    assert not list(tmp_path.iterdir())
    model.save_weights(tmp_path / "weights")
    other = tied()
    other.load_weights(tmp_path / "weights")
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))
    for copied_by in (copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))):
        twin = copied_by(model)
        for each in (model, twin):
            each.fit(X, X, verbose=0, shuffle=False)
        np.testing.assert_array_equal(twin.predict(X, verbose=0), model.predict(X, verbose=0))


def test_files_of_two_weights_of_one_name_are_not_written(tmp_path: Path) -> None:
    model = hl.Sequential([L.Dense(2, name="a", input_shape=(2,)), L.Dense(2, name="b")])
    for weight in model.weights:
        weight.layer_name = "a"
    for save in (model.save, model.save_weights):
        with pytest.raises(ValueError, match="a name of its own for each, got two named 'a/kernel'"):
            save(tmp_path / "none")
    assert not list(tmp_path.iterdir())
