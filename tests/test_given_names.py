"""What is known by custom_objects is saved by that name; so are partials of what has a name."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from own_things import L, Scale, X, Y, compiled, cubic, scaled, swish

pytestmark = pytest.mark.usefixtures("nothing_stays_registered")
GIVEN = {"Scale": Scale, "swish": swish, "cubic": cubic}


def test_a_scope_names_what_is_saved_in_it(tmp_path: Path) -> None:
    model = compiled(Scale(2.0), L.Dense(3, swish), L.Lambda(swish), loss=cubic)
    with hl.saving.custom_object_scope(GIVEN):
        model.save(tmp_path / "model")
        text = model.to_json()
    with pytest.raises(ValueError, match="'Custom>Scale' is not known here"):
        hl.load_model(tmp_path / "model")
    assert hl.model_from_json(text, GIVEN).count_params() == model.count_params()


def test_what_was_loaded_by_custom_objects_is_saved_again(tmp_path: Path) -> None:
    model = compiled(Scale(2.0), L.Dense(3, swish), L.Lambda(swish), loss=cubic)
    with hl.saving.custom_object_scope(GIVEN):
        model.save(tmp_path / "model")
    loaded = hl.load_model(tmp_path / "model", custom_objects=GIVEN)
    loaded.fit(X, Y, verbose=0)
    assert hl.clone_model(loaded).count_params() == model.count_params()
    loaded.save(tmp_path / "again")
    again = hl.load_model(tmp_path / "again", custom_objects=GIVEN)
    np.testing.assert_array_equal(again.predict(X), loaded.predict(X))


def test_partials_are_saved_with_their_arguments(tmp_path: Path) -> None:
    hl.saving.register_serializable()(scaled)
    hl.saving.register_serializable()(cubic)
    leaky = functools.partial(hl.ops.leaky_relu, negative_slope=np.float32(0.25))
    model = compiled(L.Dense(3, leaky), L.Lambda(functools.partial(scaled, by=3.0)))
    model.compile("sgd", functools.partial(cubic))
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model")
    loaded = hl.load_model(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    assert loaded.layers[0].activation.function.keywords == {"negative_slope": 0.25}
    np.testing.assert_array_equal(hl.clone_model(loaded).get_config()["layers"] is not None, True)


def test_partials_that_no_file_holds_are_told(tmp_path: Path) -> None:
    with pytest.raises(
        TypeError, match="function scaled of 'mine' is not a part of hotloop, nor is it registere"
    ):
        compiled(L.Lambda(functools.partial(scaled, by=3.0), name="mine")).save(tmp_path / "model")
    hl.saving.register_serializable()(scaled)
    message = "functools.partial of scaled of 'mine': expected arguments that are JSON values, got .* ndarray"
    with pytest.raises(TypeError, match=message):
        compiled(L.Lambda(functools.partial(scaled, by=np.ones(3)), name="mine")).save(tmp_path / "model")


def test_numbers_of_numpy_may_be_arguments(tmp_path: Path) -> None:
    hl.saving.register_serializable()(scaled)
    model = compiled(L.Lambda(scaled, arguments={"by": np.float32(3)}))
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(hl.load_model(tmp_path / "model").predict(X), model.predict(X))
    with pytest.raises(
        TypeError, match=r"got ndarray; a file holds numbers, .* arguments such as Lambda's have"
    ):
        compiled(L.Lambda(scaled, arguments={"by": np.ones(3)})).save(tmp_path / "model")


def test_a_config_of_a_partial_is_checked() -> None:
    config: dict[str, Any] = {"function": {"partial": "hotloop.ops>tanh", "args": 3}}
    with pytest.raises(TypeError, match="a list of args and a dict of keywords"):
        L.Lambda.from_config(config)
    with pytest.raises(ValueError, match="'Custom>gone' is not known here"):
        L.Lambda.from_config({"function": {"partial": "Custom>gone"}})
