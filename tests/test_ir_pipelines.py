"""The passes stand in one list, in an order that this file writes out, and every graph goes through it."""

import ast
import inspect
import pkgutil
from pathlib import Path

import numpy as np
import pytest

import hotloop as hl
from hotloop.ir import passes, pipelines
from hotloop.ir.graph import Graph
from hotloop.ir.pipelines import PASSES, Pass, Purpose, run

ORDER = {
    Purpose.INFERENCE: "drop_for_inference copy_outputs fuse_activations fuse_elementwise fuse_reductions",
    Purpose.TRAINING: "drop_identities copy_outputs append_losses mark_trainable find_blocked fuse_losses "
    "append_logits fuse_activations fuse_elementwise fuse_reductions choose_precision differentiate",
    Purpose.FOLDING: "drop_for_inference copy_outputs fuse_activations fuse_elementwise freeze flatten fold",
    Purpose.QUANTIZING: "fuse_into quantize_products",
}
L = hl.layers


@pytest.mark.parametrize("purpose", Purpose)
def test_each_purpose_has_its_passes_in_order(purpose: Purpose) -> None:
    assert [each.name for each in PASSES if purpose in each.purposes] == ORDER[purpose].split()


def test_each_pass_stands_in_the_list_once_and_is_told_what_it_takes() -> None:
    assert len({each.name for each in PASSES}) == len(PASSES)
    for each in PASSES:
        if not isinstance(each.function, str):
            _, *others = inspect.signature(each.function).parameters.values()
            least = sum(one.default is one.empty for one in others)
            assert least <= len(each.told) <= len(others), each.name


def test_each_file_of_the_folder_has_a_pass_in_the_list() -> None:
    files = {f"{passes.__name__}.{module.name}" for module in pkgutil.iter_modules(passes.__path__)}
    assert files <= {getattr(each.function, "__module__", "") for each in PASSES}


def test_passes_are_imported_by_the_list_alone() -> None:
    """What others need of them stands beside the folder: nobody makes a list of passes of his own."""
    importers = set()
    root = Path(str(hl.__file__)).parent
    for file in root.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            if any(f"{name}.".startswith("hotloop.ir.passes.") for name in names):
                importers.add(str(file.relative_to(root)))
    assert importers == {"ir/pipelines.py"}


def test_passes_rewrite_or_return_a_graph_and_tell_what_they_found(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Graph(), Graph()
    went: list[tuple[str, Graph]] = []

    def count(graph: Graph, start: int) -> int:
        went.append(("count", graph))
        return start + 1

    def swap(graph: Graph) -> Graph:
        went.append(("swap", graph))
        return second

    table = (
        Pass(count, Purpose.INFERENCE, ("start",)),
        Pass(swap, Purpose.TRAINING),
        Pass(swap, Purpose.INFERENCE | Purpose.TRAINING),
        Pass("given", Purpose.INFERENCE),
    )
    monkeypatch.setattr(pipelines, "PASSES", table)
    made, found = run(first, Purpose.INFERENCE, start=0, given=lambda graph: went.append(("given", graph)))
    assert made is second
    assert found == {"count": 1}
    assert went == [("count", first), ("swap", first), ("given", second)]


def test_predicting_training_and_quantising_go_through_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    went: list[str] = []

    def watched(each: Pass) -> Pass:
        if isinstance(each.function, str):
            return each

        def function(*args: object) -> object:
            went.append(each.name)
            return each.function(*args)  # type: ignore[operator]

        function.__name__ = each.name
        return each._replace(function=function)

    monkeypatch.setattr(pipelines, "PASSES", tuple(map(watched, PASSES)))

    def passed() -> list[str]:
        names, went[:] = list(went), []
        return names

    def expected(*purposes: Purpose) -> list[str]:
        given = {"append_losses", "quantize_products"}
        return [name for purpose in purposes for name in ORDER[purpose].split() if name not in given]

    model = hl.Sequential([L.Dense(4, "relu", input_shape=(3,)), L.BatchNormalization(), L.Dense(2)])
    x, y = np.ones((8, 3), np.float32), np.ones((8, 2), np.float32)
    model.compile("sgd", "mse")
    model.fit(x, y, verbose=0)
    assert passed() == expected(Purpose.TRAINING)
    model.evaluate(x, y, verbose=0)
    assert passed() == []  # with the program of the fit
    model.predict(x, verbose=0)
    hl.freeze(model)
    assert passed() == expected(Purpose.INFERENCE, Purpose.INFERENCE)
    hl.losses.FunctionLoss(lambda y, p: hl.ops.mean(hl.ops.abs(y - p), axis=-1))(y, y)
    assert passed() == expected(Purpose.INFERENCE)
    hl.quantize_model(model, "int8_dynamic")
    assert passed() == expected(Purpose.FOLDING, Purpose.QUANTIZING, Purpose.QUANTIZING)
