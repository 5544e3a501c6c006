"""The graph of ops keeps account of who makes and reads what, refuses what can't run, and stays linear."""

import copy
import gc
import pickle
import random
import time
from collections.abc import Sequence

import numpy as np
import pytest

from hotloop.graph.parameters import Parameter, ParameterStore
from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.order import Linked, Order
from hotloop.ir.weights import freeze, tensors


def chain(length: int) -> tuple[Graph, list[Value]]:
    """x, then so many rescale ops one after the other, the last one the output."""
    graph = Graph()
    values = [graph.add_input((4,))]
    for number in range(length):
        graph.layer = f"layer_{number}"
        values.append(graph.add("rescale", [values[-1]], {"scale": 2.0, "offset": 0.0}))
    graph.outputs = values[-1:]
    return graph, values


def kinds(graph: Graph) -> list[str]:
    return [op.kind for op in graph]


def require_sound(graph: Graph) -> None:
    """Every value is made before it is read, and the account says what the ops say."""
    made: dict[Value, Op | None] = dict.fromkeys(graph.inputs)
    readers: dict[Value, list[Op]] = {value: [] for value in graph.inputs}
    for op in graph.ops:
        assert all(value in made for value in op.inputs)
        for value in dict.fromkeys(op.inputs):
            readers[value].append(op)
        for value in op.outputs:
            assert value not in made
            made[value], readers[value] = op, []
    assert all(value in made for value in graph.outputs)
    assert list(made) == graph.values
    for value, maker in made.items():
        assert graph.producer(value) is maker
        assert graph.readers(value) == readers[value]
        alone = len(readers[value]) == 1 and value not in graph.outputs
        assert graph.only_reader(value) is (readers[value][0] if alone else None)


def test_what_is_added_knows_its_maker_and_readers() -> None:
    graph = Graph()
    x = graph.add_input((28, 28), "uint8", "pixels")
    flat = graph.add("reshape", [x], shape=(784,))
    total = graph.add("add", [flat, flat, x], dtype="float32")
    graph.outputs = [total, flat]
    require_sound(graph)
    assert (flat.shape, flat.dtype, flat.batched, flat.features) == ((784,), "uint8", True, 784)
    assert (total.dtype, x.name) == ("float32", "pixels")
    assert graph.producer(x) is None
    assert graph.is_output(flat)
    assert not graph.is_output(x)
    assert flat in graph
    assert Value((784,)) not in graph
    assert len(graph) == 2


def test_an_op_may_make_several_values_and_none() -> None:
    graph = Graph()
    x = graph.add_input((6,))
    left, right = Value((2,)), Value((4,), "int32", batched=False)
    graph.insert(Op("split", [x], [left, right], layer="cut"))
    graph.insert(Op("loss", [left], []))
    require_sound(graph)
    assert str(graph).splitlines()[1:] == [
        "%1, %2 = split(%0) : float32(2), int32[4]  # cut",
        "loss(%1)",
        "return",
    ]


def test_it_prints_itself_one_line_an_op() -> None:
    graph = Graph()
    x = graph.add_input((4,), name="pixels")
    kernel = np.zeros((4, 3), np.float32)
    graph.layer = "dense_1"
    y = graph.add(
        "dense",
        [x],
        {"units": 3, "alpha": 0.1, "axes": (0, 1), "activation": "relu"},
        {"kernel": kernel, "bias": None},
        {"code": np.zeros(5, np.int32)},
        shape=(3,),
    )
    graph.outputs = [y, x]
    assert str(graph) == (
        "%0 = input() : float32(4)  # pixels\n"
        "%1 = dense(%0, units=3, alpha=0.1, axes=(0, 1), activation=relu) kernel=(4, 3) code=int32(5,)"
        " : float32(3)  # dense_1\n"
        "return %1, %0"
    )


def test_rewriting_moves_readers_and_outputs() -> None:
    graph, (x, a, b, c) = chain(3)
    middle = graph.producer(b)
    assert middle is not None
    graph.bypass(middle)
    require_sound(graph)
    assert graph.readers(a) == [graph.producer(c)]
    graph.replace(c, a)
    graph.remove(graph.ops[-1])
    require_sound(graph)
    assert list(graph.outputs) == [a]
    graph.bypass(graph.ops[0])
    assert list(graph.outputs) == [x]
    assert len(graph) == 0


def test_what_is_put_behind_a_value_reads_it_still() -> None:
    graph, (_, a, b) = chain(2)
    copy = graph.add("copy", [a], before=graph.producer(b))
    graph.replace(a, copy)
    require_sound(graph)
    assert graph.readers(a) == [graph.producer(copy)]
    assert graph.readers(copy) == [graph.producer(b)]
    maker = graph.producer(copy)
    assert maker is not None
    assert maker.layer == "layer_1"


def test_a_maker_absorbs_its_only_reader() -> None:
    graph, (_, a, b, c) = chain(3)
    maker, reader, last = graph.ops
    graph.absorb(maker, reader)
    require_sound(graph)
    assert graph.producer(b) is maker
    assert graph.readers(b) == [last]
    assert a not in graph
    with pytest.raises(ValueError, match="can't absorb"):
        graph.absorb(last, maker)
    graph.outputs = [b, c]
    with pytest.raises(ValueError, match="can't absorb"):
        graph.absorb(maker, last)


def test_an_op_stands_in_place_of_several() -> None:
    """It makes their values, which stay what they are to those that read them."""
    graph, (x, a, b, c) = chain(3)
    first, second, last = graph.ops
    other = graph.insert(Op("add", [a], [Value((4,))]))
    joined = graph.fuse([first, second], Op("both", [x], [b, a]), second)
    require_sound(graph)
    assert graph.ops == [joined, last, other]
    assert graph.producer(a) is graph.producer(b) is joined
    assert graph.readers(b) == [last]
    whole = graph.fuse([joined, last], Op("all", [x], [a, c]), joined)
    require_sound(graph)
    assert graph.ops == [whole, other]
    assert b not in graph


def test_an_op_stands_in_place_of_none_whose_values_are_needed() -> None:
    graph, (x, a, b, c) = chain(3)
    first, second, last = graph.ops
    text = str(graph)
    for ops, into, before, what in (
        ([first, second], Op("both", [x], [a]), second, "which something reads"),
        ([second, last], Op("both", [a], [b]), second, "which something reads"),
        ([first, second], Op("both", [x], [a, b, c]), second, "outputs of the ops in whose place"),
        ([first, second], Op("both", [a], [b]), second, "whose maker goes"),
        ([second, last], Op("both", [a], [c]), first, "made before"),
        ([first], Op("late", [x], [a]), last, "before .* stands"),
    ):
        with pytest.raises(ValueError, match=what):
            graph.fuse(ops, into, before)
        assert str(graph) == text
        require_sound(graph)


def test_who_else_reads_a_value_and_who_first() -> None:
    graph, (_, a, _, c) = chain(3)
    _, second, last = graph.ops
    other = graph.insert(Op("add", [a], [Value((4,))]))
    assert graph.is_read_otherwise(a, second)
    assert not graph.is_read_otherwise(graph.inputs[0], graph.ops[0])
    assert graph.is_read_otherwise(c, last)  # an output
    assert graph.first_reader(a, last, -1) is second
    assert graph.first_reader(a, other, second.place) is None


def test_a_copy_shares_values_and_nothing_that_a_rewrite_changes() -> None:
    graph, (_, a, _, c) = chain(3)
    text = str(graph)
    twin = graph.copy()
    assert str(twin) == text
    assert twin.values == graph.values
    twin.ops[0].attributes["scale"] = 7.0
    twin.bypass(twin.ops[1])
    require_sound(twin)
    require_sound(graph)
    assert str(graph) == text
    assert twin.readers(a) == [twin.producer(c)]


def test_long_graphs_are_copied_and_pickled_with_all_that_they_hold() -> None:
    graph, values = chain(5000)  # far deeper than Python recurses
    kernel = np.ones((4, 4), np.float32)
    for _ in range(2):
        graph.add("dense", [values[-1]], {"axes": (0, 1)}, {"kernel": kernel})
    for twin in (copy.deepcopy(graph), pickle.loads(pickle.dumps(graph))):
        assert str(twin) == str(graph)
        assert not set(twin.values) & set(graph.values)
        first, second = twin.ops[-2:]
        assert first.weights["kernel"] is second.weights["kernel"] is not kernel
        assert first.weights["kernel"].tolist() == kernel.tolist()


def test_what_could_not_run_is_refused_and_changes_nothing() -> None:
    graph, (x, a, b) = chain(2)
    first, second = graph.ops
    text = str(graph)
    stranger = Value((4,))
    with pytest.raises(ValueError, match="values of this graph"):
        graph.add("rescale", [stranger])
    with pytest.raises(ValueError, match="made before it"):
        graph.add("rescale", [b], before=second)
    with pytest.raises(ValueError, match="made before it"):
        graph.set_inputs(first, [b])
    with pytest.raises(ValueError, match="made before it"):
        graph.replace(x, b)
    with pytest.raises(ValueError, match="nothing makes yet"):
        graph.insert(Op("rescale", [x], [a]))
    with pytest.raises(ValueError, match="nothing makes yet"):
        graph.insert(Op("split", [x], [stranger, stranger]))
    with pytest.raises(ValueError, match="something reads"):
        graph.remove(first)
    with pytest.raises(ValueError, match="something reads"):
        graph.remove(second)
    with pytest.raises(ValueError, match="the outputs"):
        graph.outputs = [stranger]
    with pytest.raises(ValueError, match="stands in a graph already"):
        graph.copy().insert(first)
    with pytest.raises(ValueError, match="every value once"):
        Graph([x, x])
    assert str(graph) == text
    require_sound(graph)


def test_random_rewrites_leave_the_account_right() -> None:
    rng = random.Random(0)
    graph, _ = chain(4)
    for _ in range(300):
        values = graph.values
        choice = rng.randrange(4)
        ops = graph.ops
        if choice == 0:
            graph.add("add", rng.choices(values, k=2))
        elif choice == 1:
            before = rng.choice(ops)
            known = graph.inputs + [v for op in ops[: ops.index(before)] for v in op.outputs]
            graph.add("multiply", rng.choices(known, k=2), before=before)
        elif choice == 2 and len(ops) > 3:
            graph.bypass(rng.choice(ops))
        else:
            op = rng.choice(ops)
            reader = graph.only_reader(op.output)
            if reader is not None and reader.inputs == op.outputs:
                graph.absorb(op, reader)
        require_sound(graph)
    require_sound(graph.copy())


class Item(Linked):
    pass


def test_an_order_stays_one_at_thousands_of_insertions_in_one_place() -> None:
    order: Order[Item] = Order()
    expected: list[Item] = []
    last = Item()
    order.insert(last)
    for _ in range(3000):  # more than the gap between two places has room for
        item = Item()
        order.insert(item, last)
        expected.append(item)
    assert list(order) == [*expected, last]
    assert all(a.place < b.place for a, b in zip(order, list(order)[1:], strict=False))
    with pytest.raises(ValueError, match="was removed"):
        order.insert(Item(), Item())
    order.remove(last)
    with pytest.raises(ValueError, match="removed already"):
        order.remove(last)
    assert len(order) == 3000


def rewrite_seconds(length: int) -> float:
    graph, _ = chain(length)
    start = time.process_time()
    for op in graph.ops[1::2]:
        graph.add("quantize", [op.input], before=op)
        graph.readers(op.input)
    for op in graph.ops[2::3]:
        if graph.only_reader(op.output) is not None:
            graph.bypass(op)
    return time.process_time() - start


def test_rewriting_takes_linear_time() -> None:
    """Of 64 times the ops, linear time is 64 times as long and quadratic 4096 times."""
    gc.disable()  # its passes over all objects are no part of this
    try:
        assert rewrite_seconds(16000) < 500 * min(rewrite_seconds(250) for _ in range(5))
    finally:
        gc.enable()


def parameters(*shapes: Sequence[int]) -> list[Parameter]:
    made = [Parameter(f"w{i}", shape, layer_name="layer") for i, shape in enumerate(shapes)]
    ParameterStore().add(made)
    for number, parameter in enumerate(made, 1):
        parameter.value[...] = number
    return made


def test_freezing_copies_each_weight_once() -> None:
    kernel, bias = parameters((4, 4), (4,))
    graph = Graph()
    x = graph.add_input((4,))
    y = graph.add("dense", [x], {"units": 4, "last_axis": 4}, {"kernel": kernel, "bias": bias})
    graph.outputs = [graph.add("dense", [y], {"units": 4, "last_axis": 4}, {"kernel": kernel})]
    frozen = freeze(graph)
    first, second = frozen.ops
    assert first.weights["kernel"] is second.weights["kernel"]
    assert graph.ops[0].weights["kernel"] is kernel
    kernel.value[...] = 9
    assert first.weights["kernel"].tolist() == np.ones((4, 4)).tolist()
    assert [a.shape for a in tensors(frozen).values()] == [(4,), (4, 4)]
