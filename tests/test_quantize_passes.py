"""Passes that quantise: they take graphs written out here, and know nothing of layers."""

import gc
import time

import numpy as np
import pytest

from hotloop.compress.calibrate import AffineScale
from hotloop.compress.coding import Coding, Codings
from hotloop.compress.dynamic import dynamic_codings
from hotloop.compress.readers import inner_maker, readers_of
from hotloop.compress.rewrite import bring, quantize_products
from hotloop.ir.applied import split_activation
from hotloop.ir.build import build
from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.passes.fuse_activations import fuse_into

X = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)


def dense(graph: Graph, x: Value, units: int = 4) -> Value:
    rng = np.random.default_rng(len(graph))
    kernel = rng.normal(size=(x.features, units)).astype(np.float32)
    graph.layer = f"dense_{len(graph)}"
    how = {"units": units, "last_axis": x.features}
    return graph.add("dense", [x], how, {"kernel": kernel, "bias": kernel[0].copy()}, shape=(units,))


def relu(graph: Graph, x: Value) -> Value:
    how = {"kind": "relu", "alpha": 0.0, "beta": 0.0, "last_axis": x.features}
    return graph.add("activation", [x], how)


def chain(length: int) -> Graph:
    graph = Graph()
    x = graph.add_input((4,))
    for _ in range(length):
        x = relu(graph, dense(graph, x))
    graph.outputs = [x]
    return graph


def products(graph: Graph) -> set[Op]:
    return {op for op in graph if op.kind == "dense"}


def grid(low: float, high: float) -> Coding:
    scale = (high - low) / 255
    return Coding(AffineScale(scale, round(-low / scale)))


def static(graph: Graph) -> Codings:
    """Every value that products read on a grid wide enough; those that a product makes stay bytes."""
    codings = Codings()
    targets = products(graph)
    for value, readers in readers_of(graph, targets).items():
        codings.read[value] = grid(-30.0, 30.0)
        if inner_maker(graph, value, readers) in targets:
            codings.made[value] = codings.read[value]
    return codings


def test_bytes_go_from_product_to_product() -> None:
    graph = chain(3)
    exact = build(graph).run([X])[0]
    fuse_into(graph, products(graph))
    made_in_float = [op.output for op in graph]
    codings = static(graph)
    quantize_products(graph, products(graph), codings, {}, "int8")
    assert [(op.kind, op.output.dtype) for op in graph] == [
        ("quantize", "uint8"),
        ("dense_int8", "uint8"),
        ("dense_int8", "uint8"),
        ("dense_int8", "float32"),
    ]
    assert [codings.stands_for[op.output] for op in graph if op.kind == "dense_int8"] == made_in_float
    assert [op.layer for op in graph] == ["dense_0", "dense_0", "dense_2", "dense_4"]
    np.testing.assert_allclose(build(graph).run([X])[0], exact, atol=0.1 * exact.max())


def test_a_value_that_something_else_reads_is_quantised_once_beside_it() -> None:
    graph = Graph()
    shared = dense(graph, graph.add_input((4,)))
    graph.outputs = [shared, dense(graph, shared), dense(graph, shared)]
    quantize_products(graph, products(graph), static(graph), {}, "int8")
    assert [op.kind for op in graph] == [
        *("quantize", "dense_int8", "quantize", "dense_int8", "dense_int8"),
    ]
    assert graph.ops[1].output is graph.outputs[0]


@pytest.mark.parametrize("precision", ["int8", "bf16"])
def test_products_that_read_values_as_they_are(precision: str) -> None:
    """Dynamic int8 and bfloat16."""
    graph = chain(2)
    exact = build(graph).run([X])[0]
    first, last = (op for op in graph if op.kind == "dense")
    quantize_products(graph, {first}, Codings(), {}, precision)
    kind = "dense_int8" if precision == "int8" else "dense_bf16"
    assert [op.kind for op in graph] == [kind, "activation", "dense", "activation"]
    assert last in graph.ops
    np.testing.assert_allclose(build(graph).run([X])[0], exact, atol=0.1 * exact.max())


def test_columns_are_made_comparable_by_the_product_before_them_or_by_an_op() -> None:
    graph = Graph()
    x = graph.add_input((4,))
    first = dense(graph, x)
    graph.outputs = [dense(graph, relu(graph, first), 2)]
    size = np.array([1, 64, 1, 1 / 64], np.float32)
    kernel = graph.ops[0].weights
    kernel["kernel"] = np.eye(4, dtype=np.float32) * size
    kernel["bias"] = np.zeros(4, np.float32)
    graph.ops[2].weights["kernel"] = np.ones((4, 2), np.float32) / size[:, None]
    exact = build(graph).run([X])[0]
    fuse_into(graph, products(graph))
    middle = graph.ops[0].output
    for alike, front in ([x], []), ([], ["batch_norm"]):
        made = graph.copy()
        targets = products(made)
        codings = dynamic_codings(made, targets, {x: 4, middle: 4}, {}, alike)
        assert list(codings.made) == [middle]
        assert codings.made[middle].factor.tolist() == [1 / 64, 1, 1 / 64, 1 / 4096]
        assert list(codings.read) == [middle] if alike else [x, middle]
        quantize_products(made, targets, codings, {}, "int8")
        assert [op.kind for op in made] == [*front, "dense_int8", "dense_int8"]
        if alike:
            got = build(made).run([X])[0]
            np.testing.assert_allclose(got, exact, atol=0.03 * exact.max())


def test_what_brings_a_value_to_a_coding_and_back() -> None:
    graph = Graph()
    x = graph.add_input((4,))
    factor, offset = np.array([1.0, 2.0, 4.0, 8.0]), np.array([0.0, 1.0, 0.0, -1.0])
    plain, columns = grid(-4.0, 4.0), Coding(AffineScale(0.05, 128), factor, offset)
    comparable = Coding(None, factor, offset)
    stored = [bring(graph, x, coding) for coding in (plain, columns, comparable)]
    assert [value.dtype for value in stored] == ["uint8", "uint8", "float32"]
    numbers = [
        graph.add(
            "dequantize", [value], {"scale": c.grid.scale, "zero_point": c.grid.zero_point}, dtype="float32"
        )
        for value, c in zip(stored, (plain, columns), strict=False)
    ]
    made = build(graph, outputs=[*numbers, stored[2]]).run([X])
    for coding, got, step in zip((plain, columns, comparable), made, (4 / 255, 0.026, 1e-6), strict=True):
        error = np.abs(coding.real(got) - X) / (1 if coding.factor is None else coding.factor)
        assert error.max() <= step * 1.01


def test_an_activation_is_fused_with_chosen_products_and_split_off_again() -> None:
    graph = chain(2)
    text, exact = str(graph), build(graph).run([X])[0]
    first, _ = sorted(products(graph), key=lambda op: op.place)
    fuse_into(graph, {first})
    assert [op.kind for op in graph] == ["dense", "dense", "activation"]
    assert build(graph).run([X])[0].tobytes() == exact.tobytes()
    logits = split_activation(graph, first)
    assert graph.producer(logits).attributes["activation"] == "linear"
    del graph.producer(logits).attributes["activation"]
    del graph.producer(logits).attributes["alpha"], graph.producer(logits).attributes["beta"]
    assert str(graph) == text


def quantize_seconds(length: int) -> float:
    graph = chain(length)
    start = time.process_time()
    fuse_into(graph, products(graph))
    periods = dict.fromkeys(graph.values, 4)
    dynamic_codings(graph, products(graph), periods, {}, [])
    quantize_products(graph, products(graph), static(graph), {}, "int8")
    return time.process_time() - start


def test_quantising_takes_linear_time() -> None:
    """Of 32 times the layers, linear time is 32 times as long and quadratic 1024 times."""
    gc.disable()
    try:
        assert quantize_seconds(3200) < 180 * min(quantize_seconds(100) for _ in range(3))
    finally:
        gc.enable()
