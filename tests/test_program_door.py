"""What the native program refuses at its door, because it could not survive it inside."""

import numpy as np
import pytest

import hotloop as hl
from hotloop import _native
from test_program import Net


def one_dense(features: int = 3, units: int = 2) -> Net:
    net = Net(features)
    net.program(net.dense(net.x, units))
    return net


def test_targets_must_fit_the_losses() -> None:
    net = one_dense()
    x = np.zeros((4, 3), np.float32)
    with pytest.raises(ValueError, match="targets: expected 1 arrays, one a loss, got 0"):
        net.program_.evaluate([x], [])
    with pytest.raises(ValueError, match="targets: expected 2 float32 numbers a row, got 3 of float32"):
        net.train(x, np.zeros((4, 3), np.float32))
    with pytest.raises(ValueError, match="targets: expected 2 float32 numbers a row, got 2 of int32"):
        net.train(x, np.zeros((4, 2), np.int32))
    with pytest.raises(ValueError, match="outputs: expected arrays"):
        net.program_.predict([x], [])


def test_an_optimizer_gets_the_slots_it_needs() -> None:
    net = one_dense()
    for options, slots in (
        ({"kind": "adam"}, 1),
        ({"kind": "sgd", "momentum": 0.9}, 0),
        ({"kind": "rmsprop"}, 0),
    ):
        with pytest.raises(ValueError, match=rf"slots\[{slots}\]: expected an array"):
            net.set_optimizer(options, slots)


def test_parameters_lie_inside_the_arena() -> None:
    for offset in (-16, 27, 2**62):
        graph = _native.Graph()
        attributes = {"units": 2, "last_axis": 3}
        y = graph.add("dense", [graph.input(3)], attributes=attributes, parameters={"kernel": offset})
        with pytest.raises(ValueError, match=f"6 parameters at offset {offset}, outside the arena of 32"):
            _native.Program(graph, [y], np.zeros(32, np.float32))


def test_sizes_that_overflow_are_refused() -> None:
    graph = _native.Graph()
    with pytest.raises(ValueError, match="features"):
        graph.input(2**62)
    wide = graph.input(2**31 - 1)
    with pytest.raises(ValueError, match="units"):
        graph.add("dense", [wide], attributes={"units": 2**31}, parameters={"kernel": 0})
    with pytest.raises(ValueError, match="features as output"):
        graph.add("concat", [wide, wide], attributes={"positions": 1})
    program = _native.Program(graph, [graph.add("add", [wide, wide])], np.zeros(1, np.float32))
    assert program.predict([np.zeros((0, 2**31 - 1), np.float32)], [np.zeros(0, np.float32)]) is None
    net = one_dense()
    with pytest.raises(ValueError, match="go beyond the data"):
        net.train(np.zeros((4, 3), np.float32), np.zeros((4, 2), np.float32), batch_size=2**62, first_step=4)


def test_a_graph_is_closed_once_a_program_has_it() -> None:
    net = one_dense()
    with pytest.raises(ValueError, match="belongs to a program"):
        net.graph.input(2)
    with pytest.raises(ValueError, match="belongs to a program"):
        net.graph.add("rescale", [net.x], attributes={"scale": 1.0})


def test_a_program_needs_something_to_run_on() -> None:
    arena = np.zeros(16, np.float32)
    with pytest.raises(ValueError, match="expected at least one output"):
        _native.Program(_native.Graph(), [], arena)
    graph = _native.Graph()
    weight = graph.add("weight", [], {"shape": (4,)}, {"value": 0})
    with pytest.raises(ValueError, match="expected at least one input"):
        _native.Program(graph, [weight], arena)
    graph = _native.Graph()
    weight = graph.add("weight", [], {"shape": (4,)}, {"value": 0})
    with pytest.raises(ValueError, match="expected at least one input"):
        _native.Session(graph, [weight], arena, [], [(4,)], 1, 1)


def test_an_op_takes_the_inputs_it_reads() -> None:
    net = Net(3)
    with pytest.raises(ValueError, match="rescale: expected one float32 input"):
        net.graph.add("rescale", [net.x, net.x], attributes={"scale": 1.0})


def test_two_losses_on_one_value_are_refused() -> None:
    net = Net(3)
    y = net.dense(net.x, 2)
    program = net.program(y)
    head = {"output": y, "loss": "mean_squared_error"}
    with pytest.raises(ValueError, match=f"two losses read value {y}"):
        program.set_loss([head, head])


def test_a_loss_fuses_only_with_what_it_can_replace() -> None:
    net = Net(3)
    logits = net.dense(net.x, 4)
    probability = net.graph.add("activation", [logits], attributes={"kind": "softmax", "last_axis": 4})
    read_again = net.graph.add("rescale", [probability], attributes={"scale": 1.0})
    net.values = np.zeros(net.size, np.float32)
    program = _native.Program(net.graph, [probability, read_again, logits], net.values, net.values.copy())
    for output in (probability, logits):
        head = {"output": output, "loss": "categorical_crossentropy", "fuse": True}
        with pytest.raises(ValueError, match="can't fuse"):
            program.set_loss([head])


def test_training_does_not_go_back_through_an_op_without_gradient() -> None:
    net = Net(3)
    hidden = net.dense(net.x, 4)
    how = {"scale": 0.1, "zero_point": 128}
    quantized = net.graph.add("quantize", [hidden], attributes=how)
    program = net.program(net.graph.add("dequantize", [quantized], attributes=how))
    x, y = np.ones((4, 3), np.float32), np.ones((4, 4), np.float32)
    with pytest.raises(ValueError, match="train: dequantize has no gradient"):
        net.train(x, y)
    assert program.evaluate([x], [y]) > 0


@pytest.mark.parametrize("threads", [-1, -(2**31)])
def test_a_negative_team_is_refused(threads: int) -> None:
    net = one_dense()
    with pytest.raises(ValueError, match="threads"):
        net.program_.predict([np.zeros((4, 3), np.float32)], [np.zeros((4, 2), np.float32)], threads=threads)


def test_a_team_larger_than_the_machine_is_cut_to_what_it_can_carry() -> None:
    net = one_dense()
    outputs = [np.empty((4, 2), np.float32) for _ in range(2)]
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    net.program_.predict([x], outputs[:1], threads=1)
    net.program_.predict([x], outputs[1:], threads=200_000)
    assert np.array_equal(*outputs)


def test_regularisers_alone_move_weights_that_no_loss_reaches() -> None:
    """Each step takes the penalty's gradient once, not once more for each step before."""
    x = hl.Input((3,))
    idle = hl.layers.Dense(2, kernel_regularizer=hl.regularizers.L2(0.1), name="idle")(x)
    model = hl.Model(x, [idle, hl.layers.Dense(2)(x)])
    model.compile(hl.optimizers.SGD(0.1), loss=[None, "mse"])
    before = model.get_weights()[0]
    model.fit(np.ones((20, 3), np.float32), np.zeros((20, 2), np.float32), batch_size=4, epochs=2, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], before * (1 - 0.1 * 2 * 0.1) ** 10, rtol=1e-5)
