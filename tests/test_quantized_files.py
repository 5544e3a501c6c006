"""Graphs in files of quantised models that no model has: they are refused in a known way, or harmless."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop.saving.container import read_container, write_container

Config = dict[str, Any]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    hl.set_seed(0)
    model = hl.Sequential([hl.layers.Dense(8, "relu", input_shape=(4,)), hl.layers.Dense(3, "sigmoid")])
    x = np.random.default_rng(0).random((50, 4), "float32")
    path = tmp_path_factory.mktemp("quantised") / "model"
    hl.quantize_model(model, calibration_data=x).save(path)
    return path


def forged(path: Path, change: Callable[[Config], object]) -> Path:
    found = read_container(path)
    change(found.config["graph"])
    other = path.with_name("forged")
    write_container(other, found.kind, found.config, {n: np.array(a) for n, a in found.tensors.items()})
    return other


def op(kind: str, inputs: list[int], *outputs: Config, **attributes: Any) -> Callable[[Config], None]:
    made = {"kind": kind, "inputs": inputs, "outputs": list(outputs), "attributes": attributes}
    return lambda graph: graph["ops"].append(made | {"weights": {}, "constants": {}, "layer": ""})


def floats(*shape: int) -> Config:
    return {"shape": list(shape), "dtype": "float32"}


def without(key: str) -> Callable[[Config], object]:
    return lambda graph: [each["attributes"].pop(key, None) for each in graph["ops"]]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (op("loss", [3], loss="mean_squared_error", weight=1.0, positions=1, fuse=0), "has no loss"),
        (op("loss", []), "has no loss"),
        (op("reshape", [1]), "out of range"),
        (op("reshape", [], floats(4)), "out of range"),
        (op("reshape", [0], floats(7)), "can't be reshaped"),
        (op("reshape", [1], floats(4)), "said to make"),
        (op("dropout", [3], floats(4), rate=0.5), "said to make"),
        (op("nothing", [3], floats(3)), "expected one of"),
        (without("last_axis"), "last_axis"),
        (without("units"), "units"),
        (without("in_scale"), "in_scale"),
        (lambda graph: graph["ops"][1].update(outputs=[floats(8)] * 2), "said to make"),
        (lambda graph: graph["ops"][1]["outputs"][0].update(dtype="float32"), "said to make"),
        (lambda graph: graph["ops"].reverse(), "made by then"),
        (lambda graph: graph["ops"].pop(), "made by then"),
        (lambda graph: graph.update(outputs=[0]), "its outputs are"),
        (lambda graph: graph.update(outputs=[1]), "must be float32"),
        (lambda graph: graph.update(outputs=[]), "at least one output"),
        (lambda graph: graph.update(inputs=[]), "made by then"),
        (lambda graph: graph["inputs"][0].update(dtype="int32"), "expected one float32"),
        (lambda graph: graph["inputs"][0].update(shape=[2, 2]), "said to make"),
        (lambda graph: graph["inputs"][0].update(shape=[2**40]), "at most"),
        (lambda graph: graph["inputs"][0].update(batched=False), "batch axis"),
    ],
)
def test_what_no_model_has_is_refused(path: Path, change: Callable[[Config], object], reason: str) -> None:
    with pytest.raises(ValueError, match=f"can't be rebuilt.*{reason}"):
        hl.load_model(forged(path, change))


def test_what_is_beside_the_graph_of_a_model_does_no_harm(path: Path) -> None:
    x = np.ones((2, 4), "float32")
    before = hl.load_model(path)
    after = hl.load_model(forged(path, op("reshape", [0], floats(2, 2))))
    assert after.predict(x).tobytes() == before.predict(x).tobytes()
    assert after.count_params() == before.count_params()
    assert hl.freeze(after).run(x).tobytes() == before.predict(x).tobytes()
