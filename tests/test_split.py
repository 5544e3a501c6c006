"""Programs whose gradients are too large are cut into pieces that make the same numbers and gradients."""

from __future__ import annotations

import numpy as np
import pytest

from hotloop.ir.elementwise import Builder, Code, Step, decode, encode, fits, gradient
from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.passes.differentiate import differentiate
from hotloop.ir.split import split
from small_programs import random_code

ROWS = 5
SMOOTH = ["sin", "cos", "tanh", "sigmoid", "add", "subtract", "multiply", "minimum", "where", "fma"]


def graph_of(code: Code, shapes: list[tuple[int, ...]]) -> tuple[Graph, Op]:
    graph = Graph()
    inputs = [graph.add_input(shape) for shape in shapes]
    shape = np.broadcast_shapes(*shapes)
    arrays = dict(zip(("code", "constants"), encode(code), strict=True))
    outputs = [Value(shape) for _ in code.outputs]
    op = graph.insert(Op("elementwise", inputs, outputs, {}, {}, arrays, "long"))
    graph.outputs = outputs
    return graph, op


def forward(parts: list[Op], made: dict[Value, np.ndarray]) -> None:
    for op in parts:
        made |= zip(op.outputs, decode(op.constants)(*(made[value] for value in op.inputs)), strict=True)


def backward(parts: list[Op], made: dict[Value, np.ndarray], found: dict[Value, np.ndarray]) -> None:
    """Add up the gradients of what the parts read, of those of what they make."""
    for op in reversed(parts):
        code = decode(op.constants)
        reads = [made[value] for value in op.inputs]
        of_outputs = [found.get(value, np.zeros_like(made[value])) for value in op.outputs]
        made_of = gradient(code, range(code.inputs))(*reads, *of_outputs)
        for value, part in zip(op.inputs, made_of, strict=True):
            found[value] = found[value] + part if value in found else part


def pruned(code: Code) -> Code:
    """Without what no output needs: passes leave nothing else."""
    build = Builder(code.inputs)
    values = build.include(code, range(code.inputs))
    return build.code([values[o] if isinstance(o, int) else o for o in code.outputs])


@pytest.mark.parametrize("seed", range(40))
def test_pieces_make_the_same_numbers_and_gradients(seed):
    """In double, against the gradient of the whole code."""
    rng = np.random.default_rng(seed)
    shapes: list[tuple[int, ...]] = [(3, 4), (1, 4), (3, 1)][: int(rng.integers(1, 4))]
    steps = int(rng.integers(45, 80))
    code = pruned(random_code(rng, len(shapes), steps, int(rng.integers(1, 5)), SMOOTH))
    if not fits(code) or not code.steps:
        pytest.skip("too large to be one program at all")
    graph, op = graph_of(code, shapes)
    inputs, outputs = op.inputs, list(op.outputs)
    arrays = {value: rng.normal(size=(ROWS, *value.shape)) for value in inputs}
    gradients = [rng.normal(size=(ROWS, 3, 4)) for _ in outputs]
    whole = dict(arrays)
    forward([op], whole)
    expected = dict(zip(outputs, gradients, strict=True))
    backward([op], whole, expected)
    parts = split(graph, op, set(inputs))
    assert list(graph) == parts
    made = dict(arrays)
    forward(parts, made)
    for old, new in zip(outputs, graph.outputs, strict=True):
        np.testing.assert_array_equal(made[new], whole[old])
        assert made[new].shape == (ROWS, *new.shape)
    found: dict[Value, np.ndarray] = {}
    for value, part in zip(graph.outputs, gradients, strict=True):
        found[value] = found[value] + part if value in found else part
    backward(parts, made, found)
    for value in inputs:
        np.testing.assert_allclose(found.get(value, 0.0), expected[value], rtol=1e-9, atol=1e-9)
    for part in parts:
        assert part.layer == "long"
        assert fits(gradient(decode(part.constants), range(len(part.inputs))))


def chain(length: int, name: str = "sin") -> Code:
    return Code(1, tuple(Step(name, (number,)) for number in range(length)), (length,))


def test_what_does_not_fit_is_cut_in_halves():
    graph, op = graph_of(chain(60), [(4,)])
    assert not fits(gradient(decode(op.constants), [0]))
    parts = split(graph, op, set(graph.inputs))
    assert [len(decode(part.constants).steps) for part in parts] == [30, 30]


def test_outputs_that_are_inputs_constants_or_twice_there_stay():
    """A constant is known from a value, though 1.0 == 1."""
    steps = chain(60).steps
    graph, op = graph_of(Code(1, steps, (60, 1, 60, 0, 1.0, 30, 60.0)), [(4,)])
    old = op.outputs
    x = np.linspace(-1, 1, 4)[None]
    whole = {graph.inputs[0]: x}
    forward([op], whole)
    parts = split(graph, op, set(graph.inputs))
    assert len(parts) > 1
    made = {graph.inputs[0]: x}
    forward(parts, made)
    for before, after in zip(old, graph.outputs, strict=True):
        np.testing.assert_array_equal(made[after], whole[before])


def test_a_piece_of_smaller_inputs_makes_values_of_the_whole_shape():
    steps = [Step("sin", (1,)), *(Step("sin", (number,)) for number in range(2, 60)), Step("add", (0, 60))]
    graph, op = graph_of(Code(2, tuple(steps), (61,)), [(3, 4), (1, 4)])
    parts = split(graph, op, set(graph.inputs))
    made = {value: np.ones((ROWS, *value.shape)) for value in graph.inputs}
    forward(parts, made)
    assert len(parts) > 1
    for part in parts:
        assert all(made[value].shape == (ROWS, *value.shape) for value in part.outputs)


def test_only_what_something_learns_before_is_cut():
    graph, _ = graph_of(chain(60), [(4,)])
    differentiate(graph)
    assert len(graph) == 1
