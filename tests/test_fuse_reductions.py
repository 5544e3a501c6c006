"""Sums and means over samples are made along with what they add up: the same bits, the same gradients."""

from __future__ import annotations

import numpy as np
import pytest

import hotloop as hl
from everywhere import same_everywhere
from hotloop import _native, ops
from hotloop.ir.build import build
from hotloop.ir.elementwise import Builder, encode, gradient, with_slope
from hotloop.ir.graph import Graph, Value
from hotloop.ir.passes.fuse_reductions import MOST_NUMBERS, fuse_reductions
from small_programs import random_code, run


def squares(graph: Graph, *inputs: Value) -> Value:
    """The square of what the inputs, which broadcast, differ by."""
    build_code = Builder(len(inputs))
    value = 0
    for number in range(1, len(inputs)):
        value = build_code("subtract", value, number)
    code, constants = encode(build_code.code([build_code("square", value)]))
    shape = np.broadcast_shapes(*(i.shape for i in inputs))
    arrays = {"code": code, "constants": constants}
    return graph.add("elementwise", inputs, constants=arrays, shape=shape, dtype="float32")


def total(graph: Graph, value: Value, kind: str = "mean", axes: tuple[int, ...] | None = None) -> Value:
    axes = tuple(range(len(value.shape))) if axes is None else axes
    shape = [1 if axis in axes else size for axis, size in enumerate(value.shape)]
    attributes = {"kind": kind, "axes": axes, "over_rows": 0, "keepdims": 1}
    return graph.add("reduce", [value], attributes, shape=shape)


def kinds(graph: Graph) -> list[str]:
    fuse_reductions(graph)
    return [op.kind for op in graph]


@pytest.mark.parametrize("kind", ["sum", "mean"])
@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5), (2, 1, 9)])
def test_whole_samples_are_joined(kind, shape):
    graph = Graph()
    made = squares(graph, graph.add_input(shape), graph.add_input(shape))
    graph.outputs = [total(graph, made, kind, tuple(range(len(shape))) or ())] if shape else [made]
    assert kinds(graph) == ["elementwise"]
    (op,) = graph
    assert op.attributes == ({"reduce": kind} if shape else {})
    assert op.output.shape == (1,) * len(shape)


def test_what_else_stays_apart():
    for kind, axes in (("max", (0, 1)), ("sum", (1,)), ("mean", (0,))):
        graph = Graph()
        made = squares(graph, graph.add_input((3, 5)))
        graph.outputs = [total(graph, made, kind, axes)]
        assert kinds(graph) == ["elementwise", "reduce"]
    wide = Graph()
    wide.outputs = [total(wide, squares(wide, wide.add_input((MOST_NUMBERS + 1,))))]
    assert kinds(wide) == ["elementwise", "reduce"]
    read = Graph()
    made = squares(read, read.add_input((5,)))
    read.outputs = [total(read, made), made]
    assert kinds(read) == ["elementwise", "reduce"]


def predict(graph: Graph, inputs: list[np.ndarray]) -> np.ndarray:
    out = np.empty((len(inputs[0]), 1), np.float32)
    build(graph).program.predict([x.reshape(len(x), -1) for x in inputs], [out])
    return out


@pytest.mark.parametrize("rows", [1, 5, 300])
@pytest.mark.parametrize(
    "shapes", [[(1,)], [(3,), (3,)], [(16,), (1,)], [(784,), (784,)], [(5000,), ()], [(4, 9), (9,), (4, 1)]]
)
@pytest.mark.parametrize("kind", ["sum", "mean"])
def test_the_sums_have_the_same_bits(isa, rng, rows, shapes, kind):
    arrays = [rng.normal(size=(rows, *shape)).astype(np.float32) for shape in shapes]
    arrays[-1] = np.rint(arrays[-1] * 9).astype(np.int32)
    results = []
    for fused in (False, True):
        graph = Graph()
        inputs = [graph.add_input(x.shape[1:], str(x.dtype)) for x in arrays]
        graph.outputs = [total(graph, squares(graph, *inputs), kind)]
        if fused:
            assert kinds(graph) == ["elementwise"]
        results.append(predict(graph, arrays).tobytes())
    assert results[0] == results[1]


@pytest.mark.parametrize("seed", range(30))
def test_the_derivative_along_with_the_output_is_the_gradient(seed):
    rng = np.random.default_rng(seed)
    names = ["add", "subtract", "multiply", "tanh", "sin", "square", "abs", "where", "less", "maximum", "exp"]
    code = random_code(rng, 3, int(rng.integers(1, 15)), 1, names)
    arrays = list(rng.uniform(-1, 1, (3, 200)))
    upstream = rng.normal(size=200)
    upstream[:9] = 0
    for which in range(3):
        both, backward = with_slope(code, which)
        output, slope = both(*arrays)
        np.testing.assert_array_equal(output, code(*arrays)[0])
        (made,), (expected,) = backward(*arrays, upstream, slope), gradient(code, [which])(*arrays, upstream)
        np.testing.assert_allclose(made, expected, rtol=1e-9, atol=1e-12)


def huber(y_true, y_pred):
    error = y_true - y_pred
    size = ops.abs(error)
    return ops.mean(ops.where(size <= 1.0, 0.5 * ops.square(error), size - 0.5), axis=-1)


def trained(loss, units: int, rows: int = 90) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(rows, 6)).astype(np.float32), rng.normal(size=(rows, units)).astype(np.float32)
    hl.set_seed(1)
    layers = [hl.layers.Dense(9, activation="tanh"), hl.layers.Dense(units)]
    model = hl.Sequential([hl.Input((6,)), *layers], name="net")
    for number, weights in enumerate(model.get_weights()):
        model.weights[number].value[...] = rng.normal(0, 0.5, weights.shape)
    model.compile(hl.optimizers.SGD(0.1), loss)
    weights = rng.uniform(0, 2, rows).astype(np.float32)
    history = model.fit(x, y, sample_weight=weights, batch_size=32, epochs=3, verbose=0, shuffle=False)
    return [*model.get_weights(), np.array(history.history["loss"])]


@pytest.mark.parametrize("units", [1, 3, 16, 70, 5000])
def test_a_loss_trains_as_the_built_in_one_does(isa, units):
    for ours, theirs in zip(trained(huber, units), trained("huber", units), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-6)


def test_trained_bits_are_the_same_everywhere():
    same_everywhere(lambda: trained(huber, 37))


def test_other_reductions_are_refused():
    graph = _native.Graph()
    code, constants = encode(random_code(np.random.default_rng(0), 1, 3, 1))
    arrays = {"code": code, "constants": constants}
    with pytest.raises(ValueError, match="reduce: expected 'sum' or 'mean', got 'max'"):
        graph.add("elementwise", [graph.input(3)], {"reduce": "max"}, arrays=arrays)
    with pytest.raises(ValueError, match="reduce: kind"):
        graph.add("elementwise", [graph.input(3)], {"reduce": "most"}, arrays=arrays)


def test_a_sum_is_that_of_the_programs_numbers(isa, rng):
    """Against the program and NumPy, in double."""
    code = random_code(rng, 1, 6, 1, ["sin", "multiply", "add", "square", "tanh"])
    x = rng.normal(size=(33, 100)).astype(np.float32)
    graph = _native.Graph()
    arrays = dict(zip(("code", "constants"), encode(code), strict=True))
    made = graph.add("elementwise", [graph.input(100)], {"reduce": "sum"}, arrays=arrays)
    assert graph.shape(made) == (1,)
    out = np.empty((33, 1), np.float32)
    _native.Program(graph, [made], np.zeros(16, np.float32)).predict([x], [out])
    numbers = run(code, x)[0].astype(float)
    np.testing.assert_allclose(out[:, 0], numbers.sum(axis=1), atol=1e-5 * np.abs(numbers).sum(axis=1).max())
