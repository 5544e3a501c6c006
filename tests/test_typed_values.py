"""Values with shapes and types: what a graph says of them, what it refuses, and int32 at the door."""

import numpy as np
import pytest

from hotloop import _native


def test_values_say_what_they_are() -> None:
    graph = _native.Graph()
    x, ids = graph.input((2, 3)), graph.input(4, dtype="int32")
    assert (graph.shape(x), graph.dtype(x), graph.features(x), graph.batched(x)) == (
        (2, 3),
        "float32",
        6,
        True,
    )
    assert (graph.shape(ids), graph.dtype(ids)) == ((4,), "int32")
    weight = graph.add("weight", [], attributes={"shape": [5, 1]}, parameters={"value": 0})
    assert (graph.shape(weight), graph.dtype(weight), graph.batched(weight)) == ((5, 1), "float32", False)
    number = graph.add("constant", [], attributes={"shape": []}, arrays={"value": np.array(3, np.int32)})
    assert (graph.shape(number), graph.dtype(number), graph.features(number)) == ((), "int32", 1)


@pytest.mark.parametrize(
    ("op", "attributes", "shape"),
    [
        ("activation", {"kind": "tanh"}, (2, 4)),
        ("activation", {"kind": "softmax"}, (2, 4)),
        ("activation", {"kind": "glu"}, (2, 2)),
        ("rescale", {"scale": 2.0}, (2, 4)),
        ("dense", {"units": 5}, (2, 5)),
        ("dense", {"units": 5, "last_axis": 4}, (2, 5)),
        ("dense", {"units": 5, "last_axis": 8}, (5,)),
        ("add", {}, (2, 4)),
    ],
)
def test_nodes_keep_the_shape_of_a_sample(
    op: str, attributes: dict[str, object], shape: tuple[int, ...]
) -> None:
    graph = _native.Graph()
    made = graph.add(op, [graph.input((2, 4))], attributes, {"kernel": 0} if op == "dense" else {})
    assert graph.shape(made) == shape


def test_concat_joins_last_axes_at_each_position() -> None:
    graph = _native.Graph()
    a, b = graph.input((2, 3)), graph.input((2, 1))
    joined = graph.add("concat", [a, b])
    assert graph.shape(joined) == (2, 4)
    x = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    y = 100 + np.arange(4, dtype=np.float32).reshape(2, 2, 1)
    assert np.array_equal(predict(graph, joined, x, y).reshape(2, 2, 4), np.concatenate([x, y], axis=-1))


def predict(graph: _native.Graph, output: int, *inputs: np.ndarray) -> np.ndarray:
    program = _native.Program(graph, [output], np.zeros(64, np.float32))
    out = np.empty((len(inputs[0]), graph.features(output)), np.float32)
    program.predict(list(inputs), [out])
    return out


def test_a_reshaped_value_is_the_same_memory() -> None:
    graph = _native.Graph()
    x = graph.input((2, 3))
    flat = graph.reshape(x, 6)
    doubled = graph.reshape(graph.add("rescale", [flat], {"scale": 2.0}), (3, 2))
    assert graph.shape(flat) == (6,)
    assert graph.shape(doubled) == (3, 2)
    given = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    assert np.array_equal(predict(graph, doubled, given), 2 * given.reshape(2, 6))


def test_shapes_that_cannot_be_are_refused() -> None:
    graph = _native.Graph()
    x = graph.input((2, 3))
    with pytest.raises(ValueError, match=r"shape \(2, 3\) can't be reshaped to \(7,\)"):
        graph.reshape(x, 7)
    with pytest.raises(ValueError, match="at most 8 axes"):
        graph.input((1,) * 9)
    with pytest.raises(ValueError, match="got the shape"):
        graph.input((3, 0))
    with pytest.raises(ValueError, match="1 to 2147483647 features"):
        graph.input((1 << 16, 1 << 16))
    with pytest.raises(ValueError, match="attribute 'shape': expected axes from 1 on"):
        graph.add("weight", [], {"shape": [2, 0]}, {"value": 0})
    with pytest.raises(ValueError, match="expected one of float32, int32, got 'float16'"):
        graph.input(3, dtype="float16")


def test_integers_and_floats_are_not_taken_for_each_other() -> None:
    graph = _native.Graph()
    x = graph.input(2)
    graph.input(3, dtype="int32")
    program = _native.Program(graph, [graph.add("rescale", [x], {"scale": 1.0})], np.zeros(0, np.float32))
    floats, integers = np.ones((4, 2), np.float32), np.ones((4, 3), np.int32)
    out = np.zeros((4, 2), np.float32)
    program.predict([floats, integers], [out])
    assert np.array_equal(out, floats)
    program.predict([floats.astype(np.uint8), integers], [out])
    with pytest.raises(
        ValueError, match="expected a C-contiguous array of rows of int32, got a float32 array"
    ):
        program.predict([floats, integers.astype(np.float32)], [out])
    with pytest.raises(ValueError, match="rows of float32 or uint8, got a int32 array"):
        program.predict([floats.astype(np.int32), integers], [out])


def test_ops_of_floats_refuse_integers() -> None:
    graph = _native.Graph()
    ids = graph.input(3, dtype="int32")
    with pytest.raises(ValueError, match="rescale: expected one float32 input"):
        graph.add("rescale", [ids], {"scale": 1.0})


def test_integers_come_out_as_they_went_in() -> None:
    graph = _native.Graph()
    ids = [graph.input(3, dtype="int32") for _ in range(2)]
    both = graph.add("concat", ids)
    assert graph.dtype(both) == "int32"
    program = _native.Program(graph, [both, ids[0]], np.zeros(0, np.float32))
    first = np.int32([[2**31 - 1, -(2**31), 2**24 + 1], [1, 2, 3]])
    out = [np.zeros((2, 6), np.int32), np.zeros((2, 3), np.int32)]
    program.predict([first, -first], out)
    np.testing.assert_array_equal(out[0], np.concatenate([first, -first], axis=1))
    np.testing.assert_array_equal(out[1], first)
    with pytest.raises(ValueError, match="outputs: expected a C-contiguous int32 array"):
        program.predict([first, first], [out[0].astype(np.float32), out[1]])
    graph = _native.Graph()
    ids = graph.input(3, dtype="int32")
    with pytest.raises(ValueError, match="inputs of one type, float32 or int32"):
        graph.add("concat", [ids, graph.input(3)])
    graph = _native.Graph()
    short = _native.Program(graph, [graph.input(3, dtype="int32")], np.zeros(0, np.float32))
    with pytest.raises(ValueError, match="a program whose output is float32"):
        short.set_shapes([3], [3])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"attributes": {"units": 2, "unit": "amx"}},
            "dense: got attribute 'unit', which the op does not read",
        ),
        (
            {"parameters": {"kernel": 0, "gamma": 3}},
            "dense: got parameter 'gamma', which the op does not read",
        ),
        (
            {"arrays": {"w": np.zeros(2, np.int8)}},
            "dense: got array 'w', which the op does not read; .* none",
        ),
    ],
)
def test_what_no_op_reads_is_refused(given: dict[str, dict[str, object]], message: str) -> None:
    graph = _native.Graph()
    x = graph.input(3)
    whole: dict[str, dict[str, object]] = {"attributes": {"units": 2}, "parameters": {"kernel": 0}} | given
    with pytest.raises(ValueError, match=message):
        graph.add("dense", [x], **whole)


def test_a_precision_that_no_device_has_is_refused() -> None:
    graph = _native.Graph()
    x = graph.input(3)
    graph.add("dense", [x], {"units": 2, "precision": "tf32"}, {"kernel": 0})
    with pytest.raises(ValueError, match="expected precision 'float32' or 'tf32', got 'fp8'"):
        graph.add("dense", [x], {"units": 2, "precision": "fp8"}, {"kernel": 0})


def test_lists_are_attributes() -> None:
    graph = _native.Graph()
    with pytest.raises(ValueError, match="weight: attribute 'shape' must be a list of integers"):
        graph.add("weight", [], {"shape": 3}, {"value": 0})
    with pytest.raises(ValueError, match="weight: attribute 'shape' must be a list of integers"):
        graph.add("weight", [], {"shape": [3, 1.5]}, {"value": 0})
    with pytest.raises(TypeError, match=r"expected a list of numbers, got one with a .*str"):
        graph.add("weight", [], {"shape": [3, "a"]}, {"value": 0})


def test_values_without_a_batch_axis_stand_apart() -> None:
    graph = _native.Graph()
    x = graph.input(3)
    weight = graph.add("weight", [], {"shape": [3]}, {"value": 0})
    with pytest.raises(
        ValueError, match="add: expected inputs that all have a batch axis, or that all have none"
    ):
        graph.add("add", [x, weight])
    assert not graph.batched(graph.add("activation", [weight], {"kind": "tanh"}))
    with pytest.raises(
        ValueError, match=r"outputs must have a row for each sample; value \d has no batch axis"
    ):
        _native.Program(graph, [weight], np.zeros(3, np.float32))
    with pytest.raises(
        ValueError, match="weight has 3 parameters at offset 0, outside the arena of 2 floats"
    ):
        _native.Program(graph, [x], np.zeros(2, np.float32))
