"""The pass that gives small programs their gradients."""

from __future__ import annotations

import numpy as np

from hotloop.graph.parameters import Parameter
from hotloop.ir.elementwise import Code, Step, decode, node_arrays
from hotloop.ir.graph import Graph, Value
from hotloop.ir.passes.differentiate import differentiate
from hotloop.ir.passes.trainable import mark_trainable
from small_programs import one_step


def add_program(graph: Graph, code: Code, *inputs: Value) -> Value:
    return graph.add("elementwise", inputs, constants=node_arrays(code), shape=inputs[0].shape)


def test_only_what_something_learns_before_has_a_gradient():
    graph = Graph()
    x, y = graph.add_input((4,)), graph.add_input((4,))
    before = add_program(graph, one_step("add"), x, y)
    scale, frozen = (Parameter(name, (4,), layer_name="shift") for name in ("scale", "frozen"))
    weights = [
        graph.add("weight", [], {"shape": (4,)}, {"value": each}, shape=(4,), dtype="float32", batched=False)
        for each in (scale, frozen)
    ]
    scaled = add_program(graph, one_step("multiply"), before, weights[0])
    shifted = add_program(graph, one_step("add"), scaled, weights[1])
    error = add_program(graph, one_step("subtract"), y, shifted)
    graph.outputs = [error]
    mark_trainable(graph, {scale})
    differentiate(graph)
    programs = [op for op in graph if op.kind == "elementwise"]
    wanted = [op.constants.get("wanted", np.array([])).tolist() for op in programs]
    assert wanted == [[], [1], [0], [1]]
    backward = decode({name: programs[1].constants[f"gradient_{name}"] for name in ("code", "constants")})
    assert str(backward) == "chain(x2, x0)"


def test_what_is_flat_has_zeros():
    graph = Graph()
    kernel = Parameter("kernel", (4, 4), layer_name="dense")
    made = graph.add("dense", [graph.add_input((4,))], {"units": 4}, {"kernel": kernel}, shape=(4,))
    graph.outputs = [add_program(graph, Code(1, (Step("floor", (0,)),), (1,)), made)]
    mark_trainable(graph, {kernel})
    differentiate(graph)
    constants = graph.ops[-1].constants
    backward = decode({name: constants[f"gradient_{name}"] for name in ("code", "constants")})
    assert (str(backward), constants["wanted"].tolist()) == ("0", [0])


def test_what_is_summed_makes_its_derivative_beside_it():
    graph = Graph()
    kernel = Parameter("kernel", (4, 4), layer_name="dense")
    made = graph.add("dense", [graph.add_input((4,))], {"units": 4}, {"kernel": kernel}, shape=(4,))
    constants = node_arrays(one_step("sin"))
    graph.outputs = [graph.add("elementwise", [made], {"reduce": "sum"}, constants=constants, shape=(1,))]
    mark_trainable(graph, {kernel})
    differentiate(graph)
    op = graph.ops[-1]
    assert [value.shape for value in op.outputs] == [(1,), (4,)]
    assert graph.outputs == (op.outputs[0],)
    assert str(decode({name: op.constants[name] for name in ("code", "constants")})) == "sin(x0), cos(x0)"
    backward = decode({name: op.constants[f"gradient_{name}"] for name in ("code", "constants")})
    assert (str(backward), op.constants["wanted"].tolist()) == ("chain(x1, x2)", [0])
