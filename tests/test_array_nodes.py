"""Ops on the axes of values, inside a program: shapes, NumPy's values, gradients, what they refuse."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hotloop import _native
from test_program_ops import HIDDEN, OpNet, check_bits, check_gradients
from test_typed_values import predict

ROWS = 5


def run(op: str, attributes: dict[str, Any], *arrays: np.ndarray) -> np.ndarray:
    """What an op makes of inputs with a batch axis."""
    graph = _native.Graph()
    made = graph.add(op, [graph.input(x.shape[1:]) for x in arrays], attributes)
    assert graph.batched(made)
    return predict(graph, made, *arrays).reshape(len(arrays[0]), *graph.shape(made))


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(ROWS, *shape)).astype(np.float32)


@pytest.mark.parametrize("kind", ["sum", "mean", "max", "min"])
@pytest.mark.parametrize("axes", [[0], [1], [2], [0, 1], [1, 2], [0, 1, 2]], ids=str)
@pytest.mark.parametrize("keepdims", [0, 1])
def test_reduce(kind: str, axes: list[int], keepdims: int) -> None:
    x = numbers(3, 4, 5)
    made = run("reduce", {"kind": kind, "axes": axes, "keepdims": keepdims}, x)
    expected = getattr(np, kind)(x.astype(float), axis=tuple(a + 1 for a in axes), keepdims=bool(keepdims))
    assert made.shape == expected.shape
    np.testing.assert_allclose(made, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("axes", [[], [0], [0, 1]], ids=str)
def test_reduce_over_the_batch_makes_a_value_without_a_batch_axis(axes: list[int]) -> None:
    x = numbers(3, 4)
    graph = _native.Graph()
    mean = graph.add("reduce", [graph.input((3, 4))], {"kind": "mean", "axes": axes, "over_rows": 1})
    assert not graph.batched(mean)
    expected = x.astype(float).mean(axis=(0, *(a + 1 for a in axes)))
    assert graph.shape(mean) == expected.shape
    ones = graph.input(1)  # once for each row
    repeated = graph.add("matmul", [ones, graph.reshape(mean, (1, expected.size))])
    made = predict(graph, repeated, x, np.ones((ROWS, 1), np.float32))
    np.testing.assert_allclose(made, np.tile(expected.reshape(1, -1), (ROWS, 1)), rtol=1e-5, atol=1e-6)


def test_predictions_that_mix_rows_see_the_whole_batch() -> None:
    """Chunks would change them: far more rows than a chunk has."""
    rows = 40_000
    x = np.random.default_rng(1).normal(size=(rows, 1, 2)).astype(np.float32)
    graph = _native.Graph()
    total = graph.add("reduce", [graph.input((1, 2))], {"kind": "max", "over_rows": 1})
    made = predict(graph, graph.add("matmul", [graph.input(1), total]), x, np.ones((rows, 1), np.float32))
    np.testing.assert_array_equal(made, np.broadcast_to(x.max(axis=0), (rows, 2)))


@pytest.mark.parametrize("axes", [[0, 1, 2], [2, 1, 0], [1, 0, 2], [0, 2, 1], [2, 0, 1]], ids=str)
def test_transpose(axes: list[int]) -> None:
    x = numbers(3, 4, 5)
    np.testing.assert_array_equal(run("transpose", {"axes": axes}, x), x.transpose(0, *(a + 1 for a in axes)))


@pytest.mark.parametrize(
    ("begin", "size", "step"),
    [
        ([0, 1], [3, 2], [1, 1]),
        ([2, 5], [2, 3], [-1, -2]),
        ([1, 0], [1, 3], [1, 2]),
        ([0, 0], [3, 6], [1, 1]),
    ],
)
def test_slice(begin: list[int], size: list[int], step: list[int]) -> None:
    x = numbers(3, 6)
    index = [b + s * np.arange(n) for b, n, s in zip(begin, size, step, strict=True)]
    made = run("slice", {"begin": begin, "size": size, "step": step}, x)
    np.testing.assert_array_equal(made, x[:, index[0]][:, :, index[1]])


MATMULS = [
    ((3, 4), (4, 5), {}),
    ((4, 3), (4, 5), {"transpose_a": 1}),
    ((3, 4), (5, 4), {"transpose_b": 1}),
    ((2, 3, 4), (2, 4, 5), {}),
    ((2, 1, 3, 4), (1, 3, 4, 5), {}),
]


@pytest.mark.parametrize(("a", "b", "attributes"), MATMULS, ids=str)
def test_matmul_of_two_batches(a: tuple[int, ...], b: tuple[int, ...], attributes: dict[str, int]) -> None:
    x, y = numbers(*a), numbers(*b, seed=1)
    left = np.swapaxes(x, -1, -2) if "transpose_a" in attributes else x
    right = np.swapaxes(y, -1, -2) if "transpose_b" in attributes else y
    expected = left.astype(float) @ right
    np.testing.assert_allclose(run("matmul", attributes, x, y), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("a", "b"), [((4,), (4, 5)), ((3, 4), (4, 5)), ((2, 3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5))], ids=str
)
def test_matmul_with_what_has_no_batch_axis(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    x, y = numbers(*a), np.random.default_rng(1).normal(size=b).astype(np.float32)
    graph = _native.Graph()
    fixed = graph.add("constant", [], {"shape": b}, arrays={"value": y})
    made = graph.add("matmul", [graph.input(a), fixed])
    expected = x.astype(float) @ y
    assert graph.shape(made) == expected.shape[1:]
    np.testing.assert_allclose(predict(graph, made, x), expected.reshape(ROWS, -1), rtol=1e-5, atol=1e-5)
    if len(a) == len(b) == 2:  # and the other way round
        graph = _native.Graph()
        fixed = graph.add("constant", [], {"shape": b}, arrays={"value": y})
        made = graph.add("matmul", [fixed, graph.input(a)], {"transpose_a": 1, "transpose_b": 1})
        np.testing.assert_allclose(
            predict(graph, made, x),
            (y.T @ x.astype(float).transpose(0, 2, 1)).reshape(ROWS, -1),
            rtol=1e-5,
            atol=1e-5,
        )


def test_integers_have_their_type_and_no_gradient() -> None:
    graph = _native.Graph()
    x, ids = graph.input((2, 3)), graph.input((2, 3), dtype="int32")
    for op, attributes, inputs, shape in [
        ("reduce", {"kind": "argmax", "axes": [1]}, [x], (2,)),
        ("cast", {"dtype": "int32"}, [x], (2, 3)),
        ("transpose", {"axes": [1, 0]}, [ids], (3, 2)),
        ("slice", {"begin": [1, 0], "size": [1, 2]}, [ids], (1, 2)),
        ("stop_gradient", {}, [ids], (2, 3)),
    ]:
        made = graph.add(op, inputs, attributes)
        assert (graph.dtype(made), graph.shape(made)) == ("int32", shape)


def shaped(net: OpNet, *values: int) -> list[int]:
    return [net.graph.reshape(value, (3, 4)) for value in values]


def reduced(kind: str, axes: list[int]) -> Callable[[OpNet, int, int], int]:
    return lambda net, a, b: net.add("reduce", *shaped(net, net.add("multiply", a, b)), kind=kind, axes=axes)


def found(kind: str, axes: list[int]) -> Callable[[OpNet, int, int], int]:
    """Of numbers so far apart that small steps change no order."""

    def build(net: OpNet, a: int, b: int) -> int:
        apart = net.dense(net.add("multiply", a, b), HIDDEN)
        net.initial[-2] *= np.float32(0.1)
        net.initial[-1][:] = np.random.default_rng(7).permutation(HIDDEN)
        return net.add("reduce", *shaped(net, apart), kind=kind, axes=axes)

    return build


def over_the_batch(net: OpNet, a: int, b: int) -> int:
    total = net.add("reduce", *shaped(net, b), kind="mean", over_rows=1)
    return net.add("matmul", *shaped(net, a), total, transpose_b=1)


def largest_of_the_batch(net: OpNet, a: int, b: int) -> int:
    total = net.add("reduce", *shaped(net, b), kind="max", over_rows=1, axes=[0], keepdims=1)
    return net.add("matmul", *shaped(net, a), total, transpose_b=1)


def by_a_weight(net: OpNet, a: int, b: int) -> int:
    weight = net.graph.add("weight", [], {"shape": [HIDDEN, 5]}, {"value": net.variable(HIDDEN, 5)})
    turned = net.add("transpose", weight, axes=[1, 0])
    both = net.add("matmul", weight, turned)  # (12, 12), without a batch axis
    return net.add("matmul", net.add("add", a, b), both)


def of_a_weight(net: OpNet, a: int, b: int) -> int:
    weight = net.graph.add("weight", [], {"shape": [2, 3]}, {"value": net.variable(2, 3)})
    return net.add("matmul", weight, *shaped(net, net.add("add", a, b)))


def squared(net: OpNet, a: int, b: int) -> int:
    (x,) = shaped(net, net.add("add", a, b))
    return net.add("matmul", x, x, transpose_b=1)


NODES: dict[str, Callable[[OpNet, int, int], int]] = {
    "sum over the first axis": reduced("sum", [0]),
    "mean over the last axis": reduced("mean", [1]),
    "mean over all axes": reduced("mean", [0, 1]),
    "max over the first axis": found("max", [0]),
    "max over all axes": found("max", [0, 1]),
    "min over the last axis": found("min", [1]),
    "mean over the batch": over_the_batch,
    "max over the batch": largest_of_the_batch,
    "transpose": lambda net, a, b: net.add(
        "multiply", a, net.flat(net.add("transpose", *shaped(net, b), axes=[1, 0]))
    ),
    "slice": lambda net, a, b: net.add(
        "slice", *shaped(net, net.add("add", a, b)), begin=[2, 0], size=[2, 2], step=[-2, 3]
    ),
    "slice of what is used twice": lambda net, a, b: net.add(
        "concat", a, net.flat(net.add("slice", *shaped(net, a), begin=[1, 0], size=[2, 4])), b, positions=1
    ),
    "matmul": lambda net, a, b: net.add("matmul", *shaped(net, a, b), transpose_b=1),
    "matmul of transposed": lambda net, a, b: net.add("matmul", *shaped(net, a, b), transpose_a=1),
    "matmul of a value by itself": squared,
    "matmul by a weight": by_a_weight,
    "matmul of a weight": of_a_weight,
}


@pytest.mark.parametrize("op", NODES.values(), ids=NODES)
def test_gradients_match_finite_differences(isa: str, op: Callable[[OpNet, int, int], int]) -> None:
    check_gradients(op)


@pytest.mark.parametrize("op", NODES.values(), ids=NODES)
def test_training_has_the_same_bits_everywhere(op: Callable[[OpNet, int, int], int]) -> None:
    check_bits(op)


def test_what_is_stopped_gets_no_gradient() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(9, 6)).astype(np.float32), rng.normal(size=(9, 2)).astype(np.float32)
    free = OpNet(lambda net, a, b: net.add("add", a, b))
    stopped = OpNet(lambda net, a, b: net.add("add", a, net.add("stop_gradient", b)))
    losses = [net.train(x, y)[1] for net in (free, stopped)]
    assert losses[0] == losses[1]
    for at, (offset, count) in enumerate(free.variables):
        ours, whole = (net.gradients[offset : offset + count] for net in (stopped, free))
        np.testing.assert_array_equal(ours, 0 * whole if at in (2, 3) else whole)


@pytest.mark.parametrize(
    ("op", "shapes", "attributes", "words"),
    [
        ("reduce", [(3, 4)], {"kind": "sum", "axes": [2]}, r"axes of a sample of shape \(3, 4\), got 2"),
        ("reduce", [(3, 4)], {"kind": "sum", "axes": []}, "expected one axis or more"),
        (
            "reduce",
            [(3, 4, 5)],
            {"kind": "sum", "axes": [0, 2]},
            "neighbours, in ascending order; reduce the others",
        ),
        ("reduce", [(3, 4)], {"kind": "sum", "axes": [1], "over_rows": 1}, "from the batch's on"),
        (
            "reduce",
            [(3, 4)],
            {"kind": "median", "axes": [1]},
            "expected one of sum, mean, max, min, got 'median'",
        ),
        ("transpose", [(3, 4)], {"axes": [0]}, "expected 2 axes"),
        ("transpose", [(3, 4)], {"axes": [0, 0]}, "each axis from 0 to 1 once, got 0"),
        ("slice", [(3, 4)], {"begin": [0], "size": [1]}, "expected 2 numbers as begin"),
        ("slice", [(3, 4)], {"begin": [0, 4], "size": [1, 1]}, "part of axis 1 of size 4, got size 1 from 4"),
        (
            "slice",
            [(3, 4)],
            {"begin": [0, 1], "size": [1, 3], "step": [1, -1]},
            "axis 1 of size 4 has no number -1",
        ),
        ("slice", [(3, 4)], {"begin": [0, 1], "size": [1, 1], "step": [1, 0]}, "in steps of 0"),
        ("matmul", [(3, 4)], {}, "expected two float32 inputs"),
        ("matmul", [(3, 4), (3, 4)], {}, "as many rows in b as columns in a, got 3 and 4"),
        ("matmul", [(4,), (4, 3)], {}, "multiplied by one matrix without a batch axis"),
        ("matmul", [(2, 3, 4), (3, 4, 5)], {}, "axes before the matrices that broadcast"),
        ("matmul", [(2, 3, 4), (4, 5)], {}, "give it axes of size 1"),
        ("matmul", [(3, 4), (4,)], {}, "expected a matrix or more as b"),
        ("cast", [(3,)], {"dtype": "int8"}, "expected dtype 'int32', got 'int8'"),
    ],
)
def test_what_does_not_fit_is_refused(
    op: str, shapes: list[tuple[int, ...]], attributes: dict[str, Any], words: str
) -> None:
    graph = _native.Graph()
    with pytest.raises(ValueError, match=words):
        graph.add(op, [graph.input(shape) for shape in shapes], attributes)
