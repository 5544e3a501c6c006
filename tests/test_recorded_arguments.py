"""Classes without get_config are made again with what their constructors were given, or refused."""

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from own_things import L, X, Y, compiled

pytestmark = pytest.mark.usefixtures("nothing_stays_registered")


class Times(L.Layer):
    def __init__(self, by: float = 1.0, powers: Any = (1,), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.by = by
        self.powers = powers

    def call(self, inputs: Any) -> Any:
        return sum(self.by * inputs**power for power in self.powers)


class TwoTimes(Times):
    def __init__(self, offset: float, /, by: float = 5.0, *, name: str | None = None, **kwargs: Any) -> None:
        self.scale = kwargs.pop("scale", 1.0)
        super().__init__(by, (1, 2), name=name, **kwargs)
        self.offset = 2.0 * offset

    def call(self, inputs: Any) -> Any:
        return super().call(inputs) * self.scale + self.offset


class Wide(L.Dense):
    def __init__(self, units: int, gain: float = 3.0, **kwargs: Any) -> None:
        super().__init__(units, use_bias=False, **kwargs)
        self.gain = gain


class Pinball(hl.losses.Loss):
    def __init__(self, q: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._q = q

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return hl.ops.maximum(self._q * (y_true - y_pred), (self._q - 1.0) * (y_true - y_pred))


class Applies(L.Layer):
    def __init__(self, function: Any = hl.ops.tanh, *more: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.function = function

    def call(self, inputs: Any) -> Any:
        return self.function(inputs)


class Forgets(Times):
    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {name: value for name, value in config.items() if name not in ("by", "powers")}


class Doubles(L.Dense):
    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(2 * units, **kwargs)


def same(model: Any, other: Any) -> None:
    other.set_weights(model.get_weights())
    np.testing.assert_array_equal(other.predict(X), model.predict(X))


@pytest.mark.parametrize(
    "made",
    [
        lambda: Times(np.float32(2.5), powers=(1, 3)),
        lambda: Times(name="mine"),
        lambda: Times(3.0, input_dim=3),
        lambda: Wide(4, 7.0),
        lambda: Wide(4, activation=hl.activations.relu, kernel_initializer=hl.initializers.Ones()),
        lambda: Doubles(4),
        lambda: Applies(),
    ],
)
def test_arguments_come_back(made: Any, tmp_path: Path) -> None:
    layer = made()
    hl.saving.register_serializable()(type(layer))
    model = compiled(layer)
    again = hl.clone_model(model)
    assert again.layers[0].get_config() == layer.get_config()
    same(model, again)
    model.save(tmp_path / "model")
    loaded = hl.load_model(tmp_path / "model")
    assert loaded.layers[0].get_config() == layer.get_config()
    same(model, loaded)
    same(model, pickle.loads(pickle.dumps(copy.deepcopy(model))))


def test_a_config_has_what_was_given_by_any_name() -> None:
    layer = Times(2, powers=[1, (2, 3)], trainable=False)
    assert layer.get_config() == {"name": layer.name, "trainable": False, "by": 2, "powers": [1, [2, 3]]}
    made = Wide.from_config(Wide(4, 7.0).get_config())
    assert (made.units, made.gain, made.use_bias) == (4, 7.0, False)


def test_what_keyword_arguments_hold_beside_those_of_the_base_counts() -> None:
    class Popped(L.Layer):
        def __init__(self, **kwargs: Any) -> None:
            self.scale = kwargs.pop("scale", 1.0)
            super().__init__(**kwargs)

        def call(self, inputs: Any) -> Any:
            return inputs * self.scale

    config = Popped(scale=4.0, input_dim=3).get_config()
    assert {key: config[key] for key in config if key != "name"} == {
        "trainable": True,
        "input_shape": [3],
        "scale": 4.0,
    }


def test_losses_too(tmp_path: Path) -> None:
    hl.saving.register_serializable()(Pinball)
    model = compiled(loss=Pinball(0.8, reduction="sum"))
    model.save(tmp_path / "model")
    loaded = hl.load_model(tmp_path / "model")
    assert model.evaluate(X, Y, verbose=0) == loaded.evaluate(X, Y, verbose=0)


def test_an_attribute_that_keeps_an_argument_counts_as_it_is_then() -> None:
    layer = Times(3.0)
    layer.by = 5.0
    assert layer.get_config()["by"] == 5.0
    model = compiled(layer)
    same(model, hl.clone_model(model))
    layer = TwoTimes(1.0)
    assert layer.get_config()["offset"] == 1.0
    layer.offset = 7.0
    with pytest.raises(TypeError, match=r"attribute 'offset' is no longer what __init__ made.* 1\.0; define"):
        layer.get_config()


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (
            lambda: Applies(lambda x: x),
            r"get_config can't say function, .* a JSON value, got function; define",
        ),
        (lambda: Applies(hl.ops.sin, 3), r"get_config can't say function, .* got function"),
        (lambda: Applies("tanh", 3), r"get_config can't say \*more, .* got tuple"),
    ],
)
def test_what_can_not_be_told_is_refused(made: Any, message: str) -> None:
    layer = made()
    with pytest.raises(TypeError, match=message):
        layer.get_config()


def test_copies_refuse_configs_that_leave_arguments_out() -> None:
    model = compiled(Forgets(3.0), L.Dense(4))
    for copied in (hl.clone_model, hl.prune_model):
        with pytest.raises(
            TypeError, match=r"^(clone_model|prune): Forgets.get_config says nothing of by, pow"
        ):
            copied(model)


def test_own_ways_of_making_a_layer_are_trusted() -> None:
    class Named(L.Layer):
        def __init__(self, function: Any, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.function = function

        def call(self, inputs: Any) -> Any:
            return self.function(inputs)

        @classmethod
        def from_config(cls, config: Any) -> Any:
            return cls(hl.ops.sin, **config)

    model = compiled(Named(hl.ops.sin))
    same(model, hl.clone_model(model))


def test_errors_of_constructors_are_their_own() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'units'"):
        Wide()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unknown argument 'gian'; did you mean 'gain'"):
        Wide(3, gian=2.0)
