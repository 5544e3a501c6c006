"""What weight decay leaves alone: as given, as saved, and as files of old versions say it."""

import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop.optimizers.exclusions import Exclusions, with_paths
from test_hostile_files import forge

X = np.random.default_rng(3).normal(size=(40, 4)).astype("f4")
Y = (X.sum(axis=1) > 0).astype("f4")


def fresh(name: str = "body") -> hl.Model:
    hl.set_seed(3)
    layers = hl.layers
    return hl.Sequential(
        [
            layers.Dense(8, "relu", input_shape=(4,), name=name),
            layers.BatchNormalization(name="bn"),
            layers.Dense(1, "sigmoid", name="bias_head"),
        ],
        name="m",
    )


def trained(model: hl.Model, exclude: Any) -> hl.Model:
    optimizer = hl.optimizers.AdamW(0.01, weight_decay=0.1)
    exclude(optimizer, model)
    model.compile(optimizer, "binary_crossentropy")
    model.fit(X, Y, epochs=2, verbose=0)
    return model


def left_out(model: hl.Model) -> list[str]:
    return [w.path for w in model.trainable_weights if not model.optimizer.uses_weight_decay(w.path)]


@pytest.mark.parametrize("name", ["enc(1)", "a/b", "x$", "[1|2]*+?{}^\\"])
def test_weights_of_any_name_are_left_out_in_files_and_clones(tmp_path: Path, name: str) -> None:
    model = trained(fresh(name), lambda o, m: o.exclude_from_weight_decay(var_list=[m.weights[1]]))
    assert left_out(model) == [f"{name}/bias"]
    model.save(tmp_path / "file")
    loaded = hl.load_model(tmp_path / "file")
    assert isinstance(loaded, hl.Model)
    for again in (loaded, hl.clone_model(model)):
        assert left_out(again) == [f"{name}/bias"]
    for each in (model, loaded):
        each.fit(X, Y, initial_epoch=2, epochs=4, verbose=0)
    for mine, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


OLD = [
    ["bias"],
    ["bias$"],
    ["^body/"],
    ["bn"],
    ["body/"],
    ["beta|gamma"],
    [r"bn/.*a$", r"\bkernel"],
    ["[bg]eta"],
    [""],
    ["b..y.*kernel"],
]


@pytest.mark.parametrize("expressions", OLD, ids=str)
def test_expressions_of_old_files_leave_out_what_they_did(tmp_path: Path, expressions: list[str]) -> None:
    """Old versions searched for regular expressions in whole paths; training goes on with the same bits."""

    def exclude(optimizer: Any, model: hl.Model) -> None:
        found = [w for w in model.weights if any(re.search(each, w.path) for each in expressions)]
        optimizer.exclude_from_weight_decay(var_list=found)

    model = trained(fresh(), exclude)
    model.save(tmp_path / "file")

    def age(config: Any) -> None:
        optimizer = config["compile"]["optimizer"]["config"]
        optimizer.pop("undecayed_paths")
        optimizer["undecayed"] = expressions

    forge(tmp_path / "file", age)
    loaded = hl.load_model(tmp_path / "file")
    assert isinstance(loaded, hl.Model)
    assert left_out(loaded) == left_out(model) != []
    for each in (model, loaded):
        each.fit(X, Y, initial_epoch=2, epochs=4, verbose=0)
    for mine, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("bad", ["^(a+)+$", "(a|b)", "[", "a{2}", "\\", "a.*" * 30 + "c", "[ab]" * 5000])
def test_expressions_that_may_take_long_or_are_none_are_refused_with_a_way_out(bad: str) -> None:
    old = {"class_name": "AdamW", "config": {"undecayed": [bad]}}
    start = time.process_time()
    with pytest.raises(ValueError, match=r"load it with compile=False, compile, and call exclude_from_"):
        with_paths(old, ["a" * 1000 + "/kernel", "dense/bias"])
    assert time.process_time() - start < 1


def test_the_slowest_expression_that_is_tried_takes_little_time() -> None:
    old = {"class_name": "AdamW", "config": {"undecayed": ["a*a*b"]}}
    start = time.process_time()
    with_paths(old, ["a" * 250 + "/kernel"])
    assert time.process_time() - start < 5


def test_what_is_no_list_of_texts_is_refused() -> None:
    for key in ("undecayed_paths", "undecayed_names"):
        for value in ("bias", [3], None, {"a": 1}):
            with pytest.raises(TypeError, match="expected parts of weights' names, got"):
                hl.optimizers.AdamW.from_config({key: value})
    with pytest.raises(ValueError, match="without a model's weights; load it with compile=False"):
        hl.optimizers.AdamW.from_config({"undecayed": ["bias"]})


def test_names_are_looked_at_once_not_each_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    cover = Exclusions.cover
    monkeypatch.setattr(Exclusions, "cover", lambda self, path: looked.append(path) or cover(self, path))
    model = trained(fresh(), lambda o, _: o.exclude_from_weight_decay(var_names=["bias"]))
    assert len(looked) == len(model.trainable_weights)
    model.fit(X, Y, epochs=20, verbose=0)
    assert len(looked) == len(model.trainable_weights)
    model.optimizer.exclude_from_weight_decay(var_names=["gamma"])  # counts from the next epoch on
    model.fit(X, Y, epochs=2, verbose=0)
    assert len(looked) == 2 * len(model.trainable_weights)


def test_a_layer_that_is_renamed_is_looked_at_again() -> None:
    model, other = fresh(), fresh()
    for each in (model, other):
        trained(each, lambda o, _: o.exclude_from_weight_decay(var_names=["body/kernel"]))
    model.layers[0].rename("other")
    other.optimizer.exclusions = Exclusions()  # nothing is called that any more
    for each in (model, other):
        each.fit(X, Y, initial_epoch=2, epochs=4, verbose=0)
    for mine, its in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)
