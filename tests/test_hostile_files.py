"""Small files that claim much: they are refused before anything of the claimed size is made or run."""

import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop import initializers
from hotloop.core.files import replace_file
from hotloop.saving import container

Config = dict[str, Any]


def forge(path: Path, change: Callable[[Config], object]) -> None:
    """Change a saved file's config and sign it again."""
    found = container.read_container(path)
    change(found.config)
    metadata = {
        "format": container.FORMAT,
        "format_version": str(container.FORMAT_VERSION),
        "hotloop_version": hl.__version__,
        "kind": found.kind,
        "config": json.dumps(found.config),
    }
    metadata["sha256"] = container._digest(metadata, found.tensors)
    replace_file(path, container._pieces(metadata, found.tensors))


def saved(path: Path) -> Path:
    model = hl.Sequential([hl.layers.Dense(3, "relu", input_shape=(2,)), hl.layers.Dense(1)])
    model.compile(hl.optimizers.AdamW(weight_decay=0.1), loss="mse")
    model.fit(np.zeros((4, 2)), np.zeros(4), verbose=0)
    model.save(path)
    return path


def layer(config: Config, place: int) -> Config:
    return config["config"]["layers"][place]["config"]


@pytest.mark.parametrize(
    "claim",
    [
        lambda c: layer(c, 1).update(units=5 * 10**8),
        lambda c: layer(c, 2).update(units=2**31 - 1),
        lambda c: layer(c, 0).update(shape=[2**31 - 1]),
        lambda c: layer(c, 1).update(
            kernel_initializer={"class_name": "Orthogonal", "config": {}}, units=9999
        ),
        lambda c: c["config"]["layers"].extend(
            {"class_name": "Dense", "config": {"name": f"more_{i}", "units": 10**4}} for i in range(50)
        ),
    ],
)
def test_claims_beyond_the_weights_in_the_file_cost_nothing(tmp_path: Path, claim: Any) -> None:
    path = saved(tmp_path / "file")
    forge(path, claim)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(ValueError, match=r"file' can't be rebuilt: weight '.*expected one of shape"):
        hl.load_model(path)
    assert time.process_time() - start < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB


def test_loading_draws_no_initial_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An orthogonal kernel of 2000 x 2000 took 1.8 s to draw, only to be written over."""
    model = hl.Sequential(
        [
            hl.layers.Dense(4, kernel_initializer="orthogonal", input_shape=(4,), name="first"),
            hl.layers.BatchNormalization(),
            hl.layers.Dense(2),
        ]
    )
    model.save(tmp_path / "file")

    def never(*_: Any) -> None:
        raise AssertionError("drawn")

    monkeypatch.setattr(initializers.Initializer, "__call__", never)
    loaded = hl.load_model(tmp_path / "file")
    assert isinstance(loaded, hl.Model)
    for got, want in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(got, want)
    smaller = hl.compress.remove_units(loaded, {"first": [0]})  # the same of weights that are sliced
    np.testing.assert_array_equal(smaller.get_weights()[0], model.get_weights()[0][:, 1:])


def test_layers_after_a_load_are_drawn_again(tmp_path: Path) -> None:
    saved(tmp_path / "file")
    loaded = hl.load_model(tmp_path / "file")
    assert isinstance(loaded, hl.Sequential)
    loaded.add(hl.layers.Dense(50))
    assert np.unique(loaded.layers[-1].get_weights()[0]).size == 50


def test_an_old_files_expression_that_runs_for_ever_is_not_run(tmp_path: Path) -> None:
    path = saved(tmp_path / "file")
    forge(path, lambda c: c["compile"]["optimizer"]["config"].update(undecayed=["^(a+)+$"]))
    with pytest.raises(ValueError, match=r"expressions that are long or have groups.*compile=False"):
        hl.load_model(path)
    assert isinstance(hl.load_model(path, compile=False), hl.Model)


@pytest.mark.parametrize("key", ["undecayed", "undecayed_paths", "undecayed_names"])
def test_long_names_in_a_file_cost_nothing(tmp_path: Path, key: str) -> None:
    path = saved(tmp_path / "file")
    names = ["a" * n for n in range(1, 500)]
    forge(path, lambda c: c["compile"]["optimizer"]["config"].update({key: names}))
    loaded = hl.load_model(path)
    assert isinstance(loaded, hl.Model)
    start = time.process_time()
    loaded.fit(np.zeros((4, 2)), np.zeros(4), verbose=0)
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    "place",
    [
        lambda c, name: c["config"]["layers"][1].update(class_name=name),
        lambda c, name: layer(c, 1).update({name: 1}),
        lambda c, name: layer(c, 1).update(activation=name),
        lambda c, name: c["compile"].update(metrics=[name]),
        lambda c, name: c.update(class_name=name),
    ],
)
def test_a_long_name_is_not_searched_for_what_it_may_mean(tmp_path: Path, place: Any) -> None:
    """Three million letters took 13 s to be compared with what is known."""
    path = saved(tmp_path / "file")
    forge(path, lambda c: place(c, "aB1_" * 250_000))
    start = time.process_time()
    with pytest.raises(ValueError, match="file' can't be rebuilt"):
        hl.load_model(path)
    assert time.process_time() - start < 1


def test_schedules_in_schedules_take_linear_time(tmp_path: Path) -> None:
    """Each warm-up asked the one in it twice: forty of them took 2**40 questions."""
    path = saved(tmp_path / "file")
    schedule: Any = 0.01
    for _ in range(40):
        schedule = {"class_name": "LinearWarmup", "config": {"after": schedule, "warmup_steps": 3}}
    forge(path, lambda c: c["compile"]["optimizer"]["config"].update(learning_rate=schedule))
    start = time.process_time()
    loaded = hl.load_model(path)
    assert isinstance(loaded, hl.Model)
    assert loaded.optimizer.learning_rates(0, 200)[-1] == np.float32(0.01)
    assert time.process_time() - start < 2


def test_a_graph_of_nothing_is_refused(tmp_path: Path) -> None:
    """Rows of no bytes were divided by, which ended the interpreter."""
    model = hl.Sequential([hl.layers.Dense(3, input_shape=(2,))])
    hl.quantize_model(model, precision="bf16").save(tmp_path / "file")
    forge(tmp_path / "file", lambda c: c["graph"].update(inputs=[], ops=[], outputs=[]))
    with pytest.raises(ValueError, match="file' can't be rebuilt: program: expected at least one output"):
        hl.load_model(tmp_path / "file")
