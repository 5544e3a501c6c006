"""What names stand for, which may be given, and configs from which nothing could be made again."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop.core import custom_objects
from own_things import (
    L,
    Power,
    Scale,
    Slow,
    Twos,
    X,
    Y,
    compiled,
    forget,
    off_by,
    scaled,
    swish,
)
from test_saving import metadata_of, rewrite

pytestmark = pytest.mark.usefixtures("nothing_stays_registered")


def test_json_names_what_is_registered() -> None:
    model = compiled(Scale(2.0), L.Dense(3, swish))
    with pytest.raises(TypeError, match=r"^to_json: layer Scale is not a class of hotloop's, nor is"):
        model.to_json()
    hl.saving.register_serializable()(Scale)
    with pytest.raises(TypeError, match=r"^to_json: function swish of 'dense.*register_serializable"):
        model.to_json()
    hl.saving.register_serializable()(swish)
    text = model.to_json()
    assert [each["class_name"] for each in json.loads(text)["config"]["layers"]][1] == "Custom>Scale"
    assert hl.model_from_json(text).count_params() == model.count_params()
    forget()
    with pytest.raises(ValueError, match="layer class 'Custom>Scale' is not known here"):
        hl.model_from_json(text)
    given = {"Scale": Scale, "Custom>swish": swish}
    assert hl.model_from_json(text, given).to_json is not None
    assert hl.Sequential.from_config(json.loads(text)["config"], given).count_params() == model.count_params()
    layer = hl.layers.deserialize({"class_name": "Scale", "config": {"factor": 1.0}}, {"Scale": Scale})
    assert type(layer) is Scale


def test_names_are_those_of_keras() -> None:
    register, get = hl.saving.register_serializable, hl.saving.get_registered_object
    assert register()(Scale) is Scale
    assert register("mine", "other")(swish) is swish
    assert hl.saving.get_registered_name(Scale) == "Custom>Scale"
    assert hl.saving.get_registered_name(swish) == "mine>other"
    assert hl.saving.get_registered_name(scaled) == "scaled"
    assert (get("Custom>Scale"), get("mine>other"), get("swish")) == (Scale, swish, None)
    assert get("swish", {"swish": swish}, {"swish": len}) is swish
    assert get("swish", {}, {"swish": len}) is len
    assert hl.activations.get("mine>other").function is swish
    assert hl.saving.custom_object_scope is hl.saving.CustomObjectScope


def test_the_newest_of_a_name_counts_and_scopes_before_it(tmp_path: Path) -> None:
    """A cell of a notebook that is run again makes another class of the same name."""

    def define(factor: float) -> Any:
        @hl.saving.register_serializable()
        def act(x: Any) -> Any:
            return factor * x

        return act

    model = compiled(L.Activation(define(1.0)))
    define(1.0)
    model.save(tmp_path / "model")  # which was made with the one before
    newest = hl.load_model(tmp_path / "model")
    assert newest.layers[0].activation.function is custom_objects.find("Custom>act")
    with hl.saving.custom_object_scope({"act": swish}), hl.saving.custom_object_scope({"act": scaled}):
        assert hl.load_model(tmp_path / "model").layers[0].activation.function is scaled
        again = hl.load_model(tmp_path / "model", {"act": hl.ops.tanh})
        assert again.layers[0].activation.function is hl.ops.tanh
    with hl.saving.custom_object_scope({"relu": swish}):
        assert hl.activations.get("relu").function is swish
    assert hl.activations.get("relu").name == "relu"


def test_names_in_scopes_work_where_names_do() -> None:
    given = {"Scale": Scale, "swish": swish, "off_by": off_by, "Power": Power, "Slow": Slow, "Twos": Twos}
    with hl.saving.custom_object_scope(given):
        layer = L.Dense(2, activation="swish", kernel_initializer="Twos", input_shape=(3,))
        model = hl.Sequential([layer])
        model.compile("Slow", loss="Power", metrics=["off_by"])
    assert type(layer.kernel_initializer) is Twos
    assert type(model.optimizer) is Slow
    model.fit(X, Y, verbose=0)
    assert "off_by" in model.history.history


class WithoutConfig(L.Layer):
    def __init__(self, factor: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor

    def get_config(self) -> dict[str, Any]:
        return super().get_config()


class WithoutKeywords(WithoutConfig):
    def __init__(self) -> None:
        super().__init__(3.0)


class Units(hl.Sequential):
    def __init__(self, units: int) -> None:
        super().__init__([L.Dense(units, input_shape=(3,))])


class Fixed(hl.Sequential):
    def __init__(self) -> None:
        super().__init__([L.Dense(2, input_shape=(3,), name="only")])


class OwnWay(Fixed):
    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None) -> Any:
        return cls()


class Between(hl.Model):
    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        super().__init__(inputs, outputs, name)


class WithArray(WithoutConfig):
    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": np.ones(3)}


class WithFunction(WithoutConfig):
    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": swish}


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (
            WithoutConfig,
            "get_config says nothing of factor, which its __init__ takes .*'factor': self.factor",
        ),
        (WithoutKeywords, "__init__ does not take name, trainable, which from_config gives it"),
        (WithArray, "expected JSON values in the config of '.*', got ndarray"),
        (WithFunction, "function swish of '.*' stands in the config itself.*get_registered_name"),
    ],
)
def test_configs_that_would_make_something_else_are_refused(kind: Any, message: str, tmp_path: Path) -> None:
    """Else the layer would come back with another factor, or not at all."""
    for thing in (kind, swish):
        hl.saving.register_serializable()(thing)
    with pytest.raises(TypeError, match=message):
        compiled(kind()).save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_models_are_made_again_by_the_constructor_of_their_class(tmp_path: Path) -> None:
    """Or, where that takes other arguments, by a from_config of their own; else saving says so."""
    for kind in (Units, Fixed, OwnWay, Between):
        hl.saving.register_serializable()(kind)
    with pytest.raises(TypeError, match=r"Units.get_config says nothing of units"):
        Units(4).save(tmp_path / "model")
    with pytest.raises(TypeError, match=r"Fixed.__init__ does not take layers, name, which from_config"):
        Fixed().save(tmp_path / "model")
    x = hl.Input((3,))
    for model in (OwnWay(), Between(x, L.Dense(2)(x))):
        model.save(tmp_path / "model")
        loaded = hl.load_model(tmp_path / "model")
        assert type(loaded) is type(model)
        np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_what_can_be_registered() -> None:
    register = hl.saving.register_serializable
    with pytest.raises(ValueError, match=r"has a name of its own, got a lambda; write .*\(name="):
        register()(lambda x: x)
    identity = register(name="identity")(lambda x: x)
    assert hl.saving.get_registered_name(identity) == "Custom>identity"
    with pytest.raises(ValueError, match="get_config, got Plain"):
        register()(type("Plain", (), {}))
    with pytest.raises(TypeError, match="a class or a function, got int"):
        register()(3)  # type: ignore[type-var]
    with pytest.raises(ValueError, match="package: expected a name without '>'"):
        register("a>b")
    with pytest.raises(ValueError, match="name: expected a name"):
        register(name="")
    with pytest.raises(TypeError, match="custom_objects: expected a dict"):
        hl.saving.custom_object_scope([swish])  # type: ignore[arg-type]


def test_a_lambda_is_saved_when_it_was_given_a_name(tmp_path: Path) -> None:
    double = hl.saving.register_serializable(name="double")(lambda x: x * 2.0)
    model = compiled(L.Lambda(double))
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(hl.load_model(tmp_path / "model").predict(X), model.predict(X))
    with pytest.raises(TypeError, match=r"function <lambda> of 'mine'.*make it a def with @"):
        compiled(L.Lambda(lambda x: x, name="mine")).save(tmp_path / "other")


class Bound:
    def double(self, x: Any) -> Any:
        return x * 2.0


def test_methods_are_known_by_their_object(tmp_path: Path) -> None:
    """Each time that one is asked for it is another Python object."""
    one, other = Bound(), Bound()
    hl.saving.register_serializable(name="double")(one.double)
    model = compiled(L.Lambda(one.double))
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(hl.load_model(tmp_path / "model").predict(X), model.predict(X))
    with pytest.raises(TypeError, match=r"function double of 'lambda.* nor is it registered"):
        compiled(L.Lambda(other.double)).save(tmp_path / "other")


def test_things_of_another_kind_are_refused() -> None:
    hl.saving.register_serializable()(Power)
    hl.saving.register_serializable()(swish)
    with pytest.raises(ValueError, match="layer class 'Custom>Power': expected a subclass of Layer"):
        hl.layers.get("Custom>Power")
    with pytest.raises(TypeError, match="function: expected a function, got type"):
        hl.layers.deserialize({"class_name": "Lambda", "config": {"function": "Custom>Power"}})
    with pytest.raises(ValueError, match="function 'Custom>gone' is not known here"):
        hl.layers.deserialize({"class_name": "Lambda", "config": {"function": "Custom>gone"}})
    with pytest.raises(ValueError, match="unknown function 'eval'"):
        hl.layers.deserialize({"class_name": "Lambda", "config": {"function": "eval"}})
    with pytest.raises(ValueError, match="activation 'Custom>gone' is not known here"):
        L.Dense(2, "Custom>gone")
    with pytest.raises(ValueError, match="metric 'Custom>gone' is not known here"):
        compiled(metrics=["Custom>gone"])


def test_nothing_in_a_file_runs(tmp_path: Path) -> None:
    """Names of modules, builtins and attributes are no names."""
    hl.saving.register_serializable()(swish)
    compiled(L.Lambda(swish, name="mine")).save(tmp_path / "model")
    text = metadata_of(tmp_path / "model")["config"]
    for evil in ("os>system", "builtins>exec", "exec", "hotloop.cli>main", "Custom>swish.__globals__"):
        rewrite(tmp_path / "model", config=text.replace("Custom>swish", evil))
        with pytest.raises(ValueError, match=r"function '.*' is not known here|unknown function 'exec'"):
            hl.load_model(tmp_path / "model")
