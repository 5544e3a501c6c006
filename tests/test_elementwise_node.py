"""The op elementwise inside a program: shapes, types, gradients of what is broadcast, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from everywhere import same_everywhere
from hotloop import _native
from hotloop.ir.elementwise import Builder, Code, encode, gradient, node_arrays
from small_programs import one_step
from test_program import Net

# What may stand beside samples of shape (3, 4): another such value, and weights of these shapes.
WEIGHTS: list[tuple[int, ...]] = [(3, 4), (4,), (1, 4), (3, 1), (1, 1), ()]


def product(inputs: int) -> Code:
    """x0 (x1 + 1) (x2 + 2) ..."""
    build, value = Builder(inputs), 0
    for k in range(1, inputs):
        value = build("multiply", value, build("add", k, float(k)))
    return build.code([value])


class Products(Net):
    """Samples of (3, 4) times weights of all kinds, and times a column that comes with the samples."""

    def __init__(self, weights: list[tuple[int, ...]], wanted: list[int] | None = None) -> None:
        super().__init__(12)
        self.offsets = [self.variable(*shape) for shape in weights]
        column = self.dense(self.x, 3, "tanh")
        values = [self.graph.reshape(self.dense(self.x, 12), (3, 4)), self.graph.reshape(column, (3, 1))]
        for shape, offset in zip(weights, self.offsets, strict=True):
            values.append(self.graph.add("weight", [], {"shape": list(shape)}, {"value": offset}))
        everything = list(range(len(values))) if wanted is None else wanted
        arrays = node_arrays(product(len(values)), everything)
        self.made = self.graph.add("elementwise", values, arrays=arrays)
        self.program(self.graph.reshape(self.made, 12))


@pytest.mark.parametrize("rows", [1, 5, 200])
def test_gradients_of_weights_are_sums_over_what_they_were_repeated_for(isa, rng, rows):
    net = Products(WEIGHTS)
    assert net.graph.shape(net.made) == (3, 4)
    x, y = rng.normal(size=(2, rows, 12)).astype(np.float32)
    net.train(x, y)

    def layer(number: int, units: int) -> np.ndarray:
        (kernel, count), (bias, _) = net.variables[number : number + 2]
        weights = net.values[kernel : kernel + count].astype(float).reshape(12, units)
        return x @ weights + net.values[bias : bias + units]

    first = len(WEIGHTS)
    factors = [np.tanh(layer(first, 3)).reshape(-1, 3, 1) + 1]
    for k, (shape, at) in enumerate(zip(WEIGHTS, net.offsets, strict=True)):
        factors.append(net.values[at : at + int(np.prod(shape))].astype(float).reshape(shape) + k + 2)
    whole = layer(first + 2, 12).reshape(-1, 3, 4)
    made = np.prod([whole, *[np.broadcast_to(f, whole.shape) for f in factors]], axis=0)
    upstream = 2 * (made - y.reshape(-1, 3, 4)) / y.size
    for factor, shape, at in zip(factors[1:], WEIGHTS, net.offsets, strict=True):
        terms = upstream * made / factor
        axes = tuple(k for k in range(3) if k == 0 or (1, *(1,) * (2 - len(shape)), *shape)[k] == 1)
        got = net.gradients[at : at + int(np.prod(shape))].reshape(shape)
        expected = terms.sum(axis=axes).reshape(shape)
        scale = np.abs(terms).sum(axis=axes).reshape(shape)
        assert (np.abs(got - expected) <= 3e-5 * scale).all(), shape


def test_an_input_that_is_not_wanted_has_no_gradient(rng):
    """Nothing arrives at the weights behind it, and the others' gradients stay as they are."""
    x, y = rng.normal(size=(2, 9, 12)).astype(np.float32)
    whole, part = Products([(4,), (3, 1)]), Products([(4,), (3, 1)], wanted=[0, 2])
    for net in (whole, part):
        net.train(x, y)
    left, (start, count) = part.offsets[1], part.variables[2]
    assert not part.gradients[left : left + 3].any()
    assert not part.gradients[start : start + count].any()  # the layer that makes the column
    at = whole.offsets[0]
    np.testing.assert_array_equal(part.gradients[at : at + 4], whole.gradients[at : at + 4])
    assert whole.gradients[left : left + 3].all()


def test_bits_are_the_same_everywhere(rng):
    x, y = rng.normal(size=(2, 300, 12)).astype(np.float32)

    def compute() -> list[np.ndarray]:
        net = Products(WEIGHTS)
        net.set_optimizer({"kind": "adam"}, slots=2)
        net.train(x, y, steps=3, batch_size=100, lr=0.01, threads=_native.num_threads())
        return [net.values, net.gradients]

    same_everywhere(compute)


def predict(half, graph, output: int, inputs: list[np.ndarray], features: int) -> np.ndarray:
    program = half.Program(graph, [output], np.zeros(16, np.float32))
    out = np.empty((len(inputs[0]), features), np.float32)
    program.predict(inputs, [out])
    return out


def test_integers_and_bytes_are_read_as_floats(rng):
    graph = _native.Graph()
    labels, scores = graph.input(1, dtype="int32"), graph.input(5)
    build = Builder(3)
    margin = build("where", build("equal", 0, 2), build("subtract", 1, 1.0), 1)
    classes = graph.add("constant", [], {"shape": [5]}, arrays={"value": np.arange(5, dtype=np.int32)})
    made = graph.add("elementwise", [labels, scores, classes], arrays=node_arrays(build.code([margin])))
    assert (graph.shape(made), graph.dtype(made), graph.batched(made)) == ((5,), "float32", True)
    y, x = rng.integers(0, 5, (40, 1)).astype(np.int32), rng.normal(size=(40, 5)).astype(np.float32)
    expected = np.where(np.arange(5) == y, x - 1, x)
    np.testing.assert_array_equal(predict(_native, graph, made, [y, x], 5), expected)


def test_what_has_no_batch_axis_stays_without():
    graph = _native.Graph()
    a = graph.add("constant", [], {"shape": [3, 1]}, arrays={"value": np.ones(3, np.float32)})
    b = graph.add("constant", [], {"shape": [4]}, arrays={"value": np.ones(4, np.float32)})
    made = graph.add("elementwise", [a, b], arrays=node_arrays(one_step("add")))
    assert (graph.shape(made), graph.batched(made)) == ((3, 4), False)


def test_without_a_gradient_nothing_before_it_is_trained():
    net = Net(4)
    made = net.graph.add("elementwise", [net.dense(net.x, 3)], arrays=node_arrays(one_step("floor")))
    net.program(net.dense(made, 2))
    with pytest.raises(ValueError, match="train: elementwise has no gradient"):
        net.train(np.ones((5, 4), np.float32), np.ones((5, 2), np.float32))


def bad_arrays() -> list[tuple[dict[str, np.ndarray], str]]:
    good = node_arrays(one_step("multiply"), [0, 1])
    backward = encode(gradient(one_step("multiply"), [0]))
    return [
        ({}, "array 'code' is missing"),
        ({"code": good["code"]}, "array 'constants' is missing"),
        (good | {"code": good["code"].astype(np.uint8)}, "expected int32 as code, got uint8"),
        (good | {"constants": good["code"]}, "expected float32 as constants, got int32"),
        (good | {"code": good["code"][:-1]}, "code: expected 3 integers and 5 for each step"),
        (node_arrays(one_step("exp")), "expected 1 inputs, got 2"),
        (good | {"gradient_code": good["code"]}, "gradient_code: expected 3 inputs, got 2"),
        ({k: v for k, v in good.items() if k != "wanted"}, "array 'wanted' is missing"),
        (good | {"wanted": np.array([0], np.int32)}, "'wanted': expected 2 elements"),
        (good | {"wanted": np.array([0, 0], np.int32)}, "wanted: expected float32 inputs .* once, got 0"),
        (good | {"wanted": np.array([0, 2], np.int32)}, "wanted: expected float32 inputs from 0 to 1"),
        (good | {"wanted": np.array([-1, 0], np.int32)}, "wanted: expected float32 inputs"),
        (good | {"gradient_code": backward[0]}, "'wanted': expected 1 elements"),
        (good | {"more": good["code"]}, "got array 'more', which the op does not read"),
    ]


@pytest.mark.parametrize(("arrays", "message"), bad_arrays(), ids=[message for _, message in bad_arrays()])
def test_malformed_arrays_are_refused(arrays, message):
    graph = _native.Graph()
    with pytest.raises(ValueError, match=message):
        graph.add("elementwise", [graph.input(3), graph.input(3)], arrays=arrays)


def test_inputs_that_do_not_fit_are_refused():
    graph = _native.Graph()
    arrays = node_arrays(one_step("add"))
    with pytest.raises(ValueError, match="an axis of size 3 does not broadcast to 4"):
        graph.add("elementwise", [graph.input(4), graph.input(3)], arrays=arrays)
    with pytest.raises(ValueError, match="expected 1 to 2147483647 numbers a sample"):
        graph.add("elementwise", [graph.input((1 << 20, 1)), graph.input((1, 1 << 20))], arrays=arrays)
    labels = graph.input(4, dtype="int32")
    with pytest.raises(ValueError, match="wanted: expected float32 inputs"):
        graph.add("elementwise", [graph.input(4), labels], arrays=node_arrays(one_step("add"), [0, 1]))


def test_the_widest_samples_broadcast(rng):
    """Eight axes, none of which can be joined with its neighbour."""
    shapes = [(2, 1, 3, 1, 2, 1, 3, 1), (1, 2, 1, 2, 1, 3, 1, 2)]
    graph = _native.Graph()
    inputs = [graph.input(shape) for shape in shapes]
    made = graph.add("elementwise", inputs, arrays=node_arrays(one_step("subtract")))
    a, b = (rng.normal(size=(7, *shape)).astype(np.float32) for shape in shapes)
    got = predict(_native, graph, made, [a, b], int(np.prod(np.broadcast_shapes(*shapes))))
    np.testing.assert_array_equal(got, (a - b).reshape(7, -1))
