"""Elementwise ops that follow each other become one program, of the same bits, wherever that can stand."""

import gc
import time

import numpy as np
import pytest

from hotloop.ir.elementwise import Builder, decode, encode
from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.op import LOSS
from hotloop.ir.passes.fuse_elementwise import MOST_INPUTS, MOST_STEPS, fuse_elementwise

UNARY = ["negative", "abs", "square", "sign", "floor"]
BINARY = ["add", "subtract", "multiply", "minimum", "maximum", "less"]
ROWS = 3


def add(graph: Graph, name: str, *operands: Value | float, shape: tuple[int, ...] | None = None) -> Value:
    """Append an op of one instruction."""
    inputs = list(dict.fromkeys(o for o in operands if isinstance(o, Value)))
    build = Builder(len(inputs))
    made = build(name, *(inputs.index(o) if isinstance(o, Value) else o for o in operands))
    code, constants = encode(build.code([made]))
    shape = max((i.shape for i in inputs), key=np.prod) if shape is None else shape
    return graph.add("elementwise", inputs, constants={"code": code, "constants": constants}, shape=shape)


def run(graph: Graph, arrays: list[np.ndarray]) -> list[np.ndarray]:
    """The graph's outputs by NumPy; other ops than programs hand on twice their input."""
    made = dict(zip(graph.inputs, arrays, strict=True))
    for op in graph:
        read = [made[value] for value in op.inputs]
        results = _program(op)(*read) if op.kind == "elementwise" else [read[0] * np.float32(2)]
        made |= zip(op.outputs, results, strict=True)
    return [made[value] for value in graph.outputs]


def _program(op: Op):
    return decode(op.constants)


def kinds(graph: Graph) -> list[str]:
    return [op.kind for op in graph]


def formulas(graph: Graph) -> list[str]:
    return [str(_program(op)) for op in graph if op.kind == "elementwise"]


def test_a_chain_becomes_one_program():
    graph = Graph()
    x, y = graph.add_input((4,)), graph.add_input((4,))
    error = add(graph, "subtract", x, y)
    graph.outputs = [add(graph, "add", add(graph, "square", error), 1.0)]
    fuse_elementwise(graph)
    assert formulas(graph) == ["square(x0 - x1) + 1"]
    assert graph.outputs[0].shape == (4,)


def test_a_diamond_becomes_one_program():
    graph = Graph()
    x = graph.add_input((4,))
    first = add(graph, "exp", x)
    graph.outputs = [add(graph, "multiply", add(graph, "sin", first), add(graph, "cos", first))]
    fuse_elementwise(graph)
    assert formulas(graph) == ["t0 = exp(x0); sin(t0) * cos(t0)"]


def test_what_others_read_is_an_output_as_well():
    graph = Graph()
    x = graph.add_input((4,))
    costly = add(graph, "exp", x)
    square = add(graph, "square", costly)
    graph.outputs = [graph.add("rescale", [costly]), graph.add("rescale", [square])]
    fuse_elementwise(graph)
    assert kinds(graph) == ["elementwise", "rescale", "rescale"]
    assert formulas(graph) == ["t0 = exp(x0); t0, square(t0)"]


def test_what_costs_next_to_nothing_is_computed_twice():
    graph = Graph()
    x = graph.add_input((4,))
    cheap = add(graph, "multiply", x, 2.0)
    other = graph.add("rescale", [cheap])
    graph.outputs = [other, add(graph, "exp", cheap)]
    fuse_elementwise(graph)
    assert formulas(graph) == ["x0 * 2", "exp(x0 * 2)"]


def test_an_op_between_two_keeps_them_apart():
    """The second reads what is made of the first: they can't be one."""
    graph = Graph()
    x = graph.add_input((4,))
    first = add(graph, "exp", x)
    between = graph.add("rescale", [first])
    graph.outputs = [add(graph, "add", first, between)]
    fuse_elementwise(graph)
    assert kinds(graph) == ["elementwise", "rescale", "elementwise"]


def test_smaller_shapes_stay_by_themselves():
    graph = Graph()
    x, bias = graph.add_input((4, 3)), graph.add_input((3,))
    graph.outputs = [add(graph, "add", x, add(graph, "exp", bias))]
    fuse_elementwise(graph)
    assert formulas(graph) == ["exp(x0)", "x0 + x1"]


def activation(graph: Graph, kind: str, value: Value) -> Value:
    return graph.add("activation", [value], {"kind": kind})


def test_activations_made_of_instructions_go_along():
    graph = Graph()
    x = graph.add_input((4,))
    inner = activation(graph, "tanh", add(graph, "multiply", x, 2.0))
    graph.outputs = [add(graph, "add", activation(graph, "sigmoid", inner), 1.0)]
    fuse_elementwise(graph)
    assert formulas(graph) == ["sigmoid(tanh(x0 * 2)) + 1"]


def test_activations_without_elementwise_ops_beside_them_keep_their_kernels():
    graph = Graph()
    x = graph.add_input((4,))
    two = activation(graph, "sigmoid", activation(graph, "tanh", x))
    costly = activation(graph, "gelu", add(graph, "exp", x))
    graph.outputs = [two, add(graph, "square", costly)]
    fuse_elementwise(graph)
    assert kinds(graph) == ["activation", "activation", "elementwise", "activation", "elementwise"]


def test_what_a_product_may_apply_stays():
    graph = Graph()
    product = graph.add("dense", [graph.add_input((4,))], {"units": 4, "activation": "linear"})
    graph.outputs = [add(graph, "square", activation(graph, "relu", product))]
    fuse_elementwise(graph)
    assert kinds(graph) == ["dense", "activation", "elementwise"]


@pytest.mark.parametrize("fuse", [True, False])
def test_what_a_loss_computes_itself_stays(fuse):
    graph = Graph()
    graph.outputs = [activation(graph, "sigmoid", add(graph, "square", graph.add_input((4,))))]
    graph.insert(Op(LOSS, graph.outputs, [], {"fuse": fuse}))
    fuse_elementwise(graph)
    assert kinds(graph) == (["elementwise", "activation"] if fuse else ["elementwise"]) + [LOSS]


def test_values_that_lose_their_shape_stay():
    """Nothing would be left to say that the result is as large as x."""
    graph = Graph()
    x, one = graph.add_input((4,)), graph.add_input((1,))
    zeros = add(graph, "power", x, 0.0)
    graph.outputs = [add(graph, "add", zeros, one)]
    arrays = [np.ones((ROWS, 4), np.float32), np.ones((ROWS, 1), np.float32)]
    before = run(graph, arrays)
    fuse_elementwise(graph)
    assert len(graph) == 2
    assert run(graph, arrays)[0].shape == before[0].shape == (ROWS, 4)


def test_programs_stay_within_their_limits():
    graph = Graph()
    value = graph.add_input((4,))
    for number in range(3 * MOST_STEPS):
        value = add(graph, ("sin", "square")[number % 2], value)
    graph.outputs = [value]
    fuse_elementwise(graph)
    assert [len(_program(op).steps) for op in graph] == [MOST_STEPS] * 3
    wide = Graph()
    inputs = [wide.add_input((4,)) for _ in range(3 * MOST_INPUTS)]
    total = inputs[0]
    for each in inputs[1:]:
        total = add(wide, "add", total, each)
    wide.outputs = [total]
    fuse_elementwise(wide)
    assert all(len(op.inputs) <= MOST_INPUTS for op in wide)
    assert len(wide) < 5


def test_a_joined_op_names_all_layers_that_it_comes_from():
    graph = Graph()
    value = graph.add_input((4,))
    for layer in ("first", "first", "second", "third"):
        graph.layer = layer
        value = add(graph, "sin", value)
    graph.outputs = [value]
    fuse_elementwise(graph)
    assert [op.layer for op in graph] == ["first + second + third"]


def test_many_readers_of_a_value_take_linear_time():
    """Each reads the first one's value and one that comes after all that was joined before."""

    def seconds(length: int) -> float:
        graph = Graph()
        first = value = add(graph, "exp", graph.add_input((4,)))
        for _ in range(length):
            value = add(graph, "add", graph.add("rescale", [value]), first)
        graph.outputs = [value]
        start = time.process_time()
        fuse_elementwise(graph)
        return time.process_time() - start

    gc.disable()
    try:
        assert seconds(3200) < 180 * min(seconds(100) for _ in range(3))
    finally:
        gc.enable()


def random_graph(rng: np.random.Generator) -> Graph:
    graph = Graph()
    shapes = [(4, 3), (4, 3), (1, 3), (4, 1)]
    values = [graph.add_input(shape) for shape in shapes]
    for _ in range(rng.integers(1, 25)):
        choice = rng.integers(0, 10)
        a, b = (values[rng.integers(max(0, len(values) - 8), len(values))] for _ in range(2))
        shape = tuple(np.broadcast_shapes(a.shape, b.shape))
        if choice < 2:
            values.append(graph.add("rescale", [a]))
        elif choice < 5:
            values.append(add(graph, UNARY[rng.integers(len(UNARY))], a))
        elif choice < 7:
            values.append(add(graph, BINARY[rng.integers(len(BINARY))], a, float(rng.normal())))
        else:
            values.append(add(graph, BINARY[rng.integers(len(BINARY))], a, b, shape=shape))
    made = values[len(shapes) :]
    graph.outputs = list(dict.fromkeys([made[-1], made[rng.integers(len(made))]]))
    return graph


@pytest.mark.parametrize("seed", range(60))
def test_random_graphs_make_the_same_bits_with_fewer_ops(seed):
    rng = np.random.default_rng(seed)
    graph = random_graph(rng)
    arrays = [rng.normal(size=(ROWS, *value.shape)).astype(np.float32) for value in graph.inputs]
    before, ops = run(graph, arrays), len(graph)
    shapes = [value.shape for value in graph.outputs]
    fuse_elementwise(graph)
    assert len(graph) <= ops
    assert [value.shape for value in graph.outputs] == shapes
    for one, other in zip(before, run(graph, arrays), strict=True):
        np.testing.assert_array_equal(one, other)
