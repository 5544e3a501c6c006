"""What ops say of the units that they make, pass on and read, on graphs that are written by hand."""

import numpy as np

from hotloop.graph.parameters import Parameter, ParameterStore
from hotloop.ir.graph import Graph, Value
from hotloop.ir.ops import record_of
from hotloop.ir.units import FROZEN, Atoms, UnitTrace


def weights(**shapes: tuple[int, ...]) -> dict[str, Parameter]:
    made = {name: Parameter(name, shape, layer_name="layer") for name, shape in shapes.items()}
    ParameterStore().add(made.values())
    return made


def dense(graph: Graph, value: Value, units: int, layer: str, bias: bool = True) -> Value:
    graph.layer = layer
    shapes = {"kernel": (value.shape[-1], units), **({"bias": (units,)} if bias else {})}
    return graph.add("dense", [value], {"units": units}, weights(**shapes), shape=(*value.shape[:-1], units))


def traced(graph: Graph) -> tuple[UnitTrace, dict[Value, Atoms]]:
    trace = UnitTrace()
    values = {value: trace.frozen(value.shape[-1]) for value in graph.inputs}
    for op in graph:
        made = record_of(op).pass_units(trace, op, [values[value] for value in op.inputs])
        values.update(zip(op.outputs, made, strict=True))
    return trace, values


def test_a_product_makes_units_and_reads_those_before() -> None:
    graph = Graph()
    x = graph.add_input((3,))
    hidden = dense(graph, x, 4, "a")
    graph.outputs = [dense(graph, hidden, 2, "b", bias=False)]
    trace, values = traced(graph)
    assert [(site.role, site.axis, site.atoms.size) for site in trace.sites] == [
        ("reads", 0, 3),
        ("makes", 1, 4),
        ("makes", 0, 4),
        ("reads", 0, 4),
        ("makes", 1, 2),
    ]
    assert trace.groups(values[x]).tolist() == [FROZEN] * 3
    assert values[hidden].tolist() == trace.layers["a"].tolist() == [1, 2, 3, 4]


def test_a_weight_of_two_calls_has_its_units_once() -> None:
    graph = Graph()
    shared = weights(kernel=(2, 2))
    graph.layer = "again"
    x = graph.add_input((2,))
    first = graph.add("dense", [x], {"units": 2}, shared)
    graph.outputs = [graph.add("dense", [first], {"units": 2}, shared)]
    trace, values = traced(graph)
    assert values[first].tolist() == values[graph.outputs[0]].tolist()
    # What the second call reads are the first one's units, and the first call read the input.
    assert trace.groups(trace.layers["again"]).tolist() == [FROZEN, FROZEN]


def test_what_meets_is_tied() -> None:
    for kind in ("add", "multiply"):
        graph = Graph()
        x = graph.add_input((3,))
        left, right = dense(graph, x, 2, "left"), dense(graph, x, 2, "right")
        graph.outputs = [graph.add(kind, [left, right])]
        trace, _ = traced(graph)
        assert trace.groups(trace.layers["left"]).tolist() == trace.groups(trace.layers["right"]).tolist()
        assert len(set(trace.groups(trace.layers["left"]).tolist())) == 2


def test_values_side_by_side_stay_apart() -> None:
    graph = Graph()
    x = graph.add_input((3,))
    left, right = dense(graph, x, 2, "left"), dense(graph, x, 1, "right")
    graph.outputs = [graph.add("concat", [left, right], {"positions": 1}, shape=(3,))]
    _, values = traced(graph)
    assert values[graph.outputs[0]].tolist() == [1, 2, 3]


def test_a_reshape_ties_what_comes_below_each_other() -> None:
    graph = Graph()
    hidden = dense(graph, graph.add_input((3,)), 6, "a")
    graph.outputs = [graph.add("reshape", [hidden], shape=(3, 2))]
    trace, _ = traced(graph)
    groups = trace.groups(trace.layers["a"])
    np.testing.assert_array_equal(groups, [groups[0], groups[1]] * 3)
    assert groups[0] != groups[1]
    rows = Graph()
    hidden = dense(rows, rows.add_input((5, 3)), 2, "a")
    rows.outputs = [rows.add("reshape", [hidden], shape=(10,))]
    trace, values = traced(rows)
    assert values[rows.outputs[0]].tolist() == trace.layers["a"].tolist() * 5


def test_normalisation_carries_units_and_a_softmax_keeps_them() -> None:
    graph = Graph()
    hidden = dense(graph, graph.add_input((3,)), 2, "a")
    vectors = weights(gamma=(2,), moving_mean=(2,), moving_variance=(2,))
    normal = graph.add("batch_norm", [hidden], {"last_axis": 2}, vectors)
    graph.outputs = [graph.add("activation", [normal], {"kind": "relu", "alpha": 0.0, "beta": 0.0})]
    trace, _ = traced(graph)
    assert [site.role for site in trace.sites].count("carries") == 3
    assert trace.groups(trace.layers["a"]).tolist() == [1, 2]
    graph.outputs = [graph.add("activation", [normal], {"kind": "softmax", "alpha": 0.0, "beta": 0.0})]
    trace, _ = traced(graph)
    assert trace.groups(trace.layers["a"]).tolist() == [FROZEN, FROZEN]


def test_of_an_op_without_a_record_nothing_can_go() -> None:
    graph = Graph()
    hidden = dense(graph, graph.add_input((3,)), 2, "a")
    graph.outputs = [graph.add("sorted along the row", [hidden])]
    trace, values = traced(graph)
    assert trace.groups(trace.layers["a"]).tolist() == [FROZEN, FROZEN]
    assert values[graph.outputs[0]].tolist() == [FROZEN, FROZEN]
