"""Programs: whole graphs forward and backward, memory shared safely, the same bits at any team size."""

import itertools

import numpy as np
import pytest

from hotloop import _native


class Net:
    """A small graph with its arenas, for tests that talk to the native program directly."""

    half = _native
    put = staticmethod(np.asarray)  # where the half has its arrays

    def __init__(self, features: int, seed: int = 1) -> None:
        self.graph = self.half.Graph()
        self.x = self.graph.input(features)
        self.rng = np.random.default_rng(seed)
        self.size = 0
        self.variables: list[tuple[int, int]] = []
        self.initial: list[np.ndarray] = []

    def variable(self, *shape: int) -> int:
        offset, count = self.size, int(np.prod(shape))
        self.size += -(-count // 16) * 16
        self.variables.append((offset, count))
        self.initial.append(self.rng.normal(0, 0.5, count).astype(np.float32))
        return offset

    def dense(self, x: int, units: int, activation: str = "linear") -> int:
        last = self.graph.features(x)
        parameters = {"kernel": self.variable(last, units), "bias": self.variable(units)}
        attributes = {"units": units, "last_axis": last, "activation": activation}
        return self.graph.add("dense", [x], attributes=attributes, parameters=parameters)

    def program(self, output: int, loss: str = "mean_squared_error", **head: object) -> _native.Program:
        values = np.zeros(self.size, np.float32)
        for (offset, count), initial in zip(self.variables, self.initial, strict=True):
            values[offset : offset + count] = initial
        self.values, self.gradients = self.put(values), self.put(np.zeros(self.size, np.float32))
        self.program_ = self.half.Program(self.graph, [output], self.values, self.gradients)
        self.program_.set_loss([{"output": output, "loss": loss, **head}])
        self.set_optimizer({"kind": "sgd"})
        return self.program_

    def set_optimizer(self, options: dict, slots: int = 0, **more: object) -> None:
        self.slots = [np.zeros(self.size, np.float32) if i < slots else None for i in range(3)]
        self.program_.set_optimizer(options, self.slots, self.variables, **more)

    def train(self, x, y, *, steps=1, batch_size=None, lr=0.0, order=None, **more):
        lrs = np.full(steps, lr, np.float32)
        batch_size = batch_size or len(x)
        more = {"weights": [], "iteration": 0, "seed": 7, "first_step": 0, **more}
        return self.program_.train(
            [x], [y], order=order, batch_size=batch_size, steps=steps, learning_rates=lrs, **more
        )


def branched(net: Net) -> int:
    """A graph with a residual, a value used three times, a concatenation and a product."""
    a = net.dense(net.x, 9, "tanh")
    b = net.dense(a, 9, "sigmoid")
    c = net.graph.add("add", [a, b])
    d = net.graph.add("multiply", [a, c])
    e = net.graph.add("concat", [d, a, b], attributes={"positions": 1})
    return net.dense(e, 3)


def test_gradients_of_a_branched_graph_match_finite_differences(rng: np.random.Generator) -> None:
    net = Net(5)
    program = net.program(branched(net))
    x = rng.normal(size=(11, 5)).astype(np.float32)
    y = rng.normal(size=(11, 3)).astype(np.float32)
    net.train(x, y)
    analytic = net.gradients.copy()
    direction = np.zeros(net.size, np.float32)
    for offset, count in net.variables:
        direction[offset : offset + count] = rng.normal(size=count)
    step = np.float32(3e-3)
    before = net.values.copy()
    losses = []
    for sign in (1, -1):
        net.values[:] = before + sign * step * direction
        losses.append(program.evaluate([x], [y]) / len(x))
    numeric = (losses[0] - losses[1]) / (2 * step)
    assert numeric == pytest.approx(float(analytic.astype(np.float64) @ direction), rel=2e-3)


def test_a_layer_used_twice_gets_both_gradients(rng: np.random.Generator) -> None:
    net = Net(4)
    kernel = net.variable(4, 4)
    attributes = {"units": 4, "last_axis": 4, "activation": "linear"}
    one = net.graph.add("dense", [net.x], attributes=attributes, parameters={"kernel": kernel})
    two = net.graph.add("dense", [one], attributes=attributes, parameters={"kernel": kernel})
    net.program(two)
    x, y = (rng.normal(size=(6, 4)).astype(np.float32) for _ in range(2))
    w = net.values[:16].reshape(4, 4).astype(np.float64)
    net.train(x, y)
    dz = 2 * (x @ w @ w - y) / y.size
    expected = (x @ w).T @ dz + x.T @ (dz @ w.T)
    np.testing.assert_allclose(net.gradients[:16].reshape(4, 4), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("activation", ["tanh", "linear"])
def test_a_kernel_that_a_frozen_layer_reads_too_gets_the_gradient_of_its_own_layer_alone(
    rng: np.random.Generator, activation: str
) -> None:
    """The frozen one comes first on the way back; what the step before left in memory counts for nothing."""
    x, y = (rng.normal(size=(9, 5)).astype(np.float32) for _ in range(2))
    found = []
    for shared in (True, False):
        net = Net(5)
        first = net.dense(net.x, 5, activation)
        shape = {"units": 5, "last_axis": 5, "trainable": 0}
        kernel = net.variables[0][0]
        if not shared:
            kernel = net.variable(5, 5)
            net.initial[-1] = net.initial[0]
        net.program(net.graph.add("dense", [first], attributes=shape, parameters={"kernel": kernel}))
        for _ in range(2):
            net.train(x, y)
        found.append(net.gradients[:48].copy())
    np.testing.assert_array_equal(*found)


def test_training_has_the_same_bits_at_any_team_size_and_level(rng: np.random.Generator) -> None:
    x = rng.normal(size=(203, 37)).astype(np.float32)
    y = rng.integers(0, 5, 203).astype(np.int32)[:, None]
    order = _native.shuffled_order(3, 0, 203)
    seen = {}
    level_before = _native.isa_level()
    try:
        for level, threads in itertools.product(_native.isa_levels(), (1, 2, 3)):
            _native.set_isa_level(level)
            net = Net(37)
            hidden = net.dense(net.x, 50, "relu")
            dropped = net.graph.add("dropout", [hidden], attributes={"rate": 0.3, "stream": 1})
            logits = net.dense(dropped, 5)
            output = net.graph.add("activation", [logits], attributes={"kind": "softmax", "last_axis": 5})
            net.program(output, "sparse_categorical_crossentropy", fuse=True)
            net.set_optimizer(
                {"kind": "adam"}, slots=2, global_clipnorm=0.5, regularizers=[(*net.variables[0], 1e-4, 1e-3)]
            )
            outputs = [np.empty((203, 5), np.float32)]
            for epoch in range(3):
                result = net.train(
                    x,
                    y,
                    steps=7,
                    batch_size=32,
                    lr=0.01,
                    order=order,
                    threads=threads,
                    outputs=outputs,
                    iteration=7 * epoch,
                )
            seen[level, threads] = (net.values.tobytes(), outputs[0].tobytes(), result)
    finally:
        _native.set_isa_level(level_before)
    assert len(seen) >= 3
    assert len(set(seen.values())) == 1, {key: hash(value) for key, value in seen.items()}


def test_prediction_of_a_row_does_not_depend_on_its_neighbours(rng: np.random.Generator) -> None:
    net = Net(13)
    program = net.program(branched_wide(net))
    x = rng.normal(size=(600, 13)).astype(np.float32)
    together = np.empty((600, 3), np.float32)
    program.predict([x], [together])
    for i in (0, 255, 256, 599):
        alone = np.empty((1, 3), np.float32)
        program.predict([np.ascontiguousarray(x[i : i + 1])], [alone])
        assert alone.tobytes() == together[i : i + 1].tobytes()


def branched_wide(net: Net) -> int:
    hidden = net.dense(net.x, 40, "elu")
    return net.dense(net.graph.add("add", [hidden, net.dense(hidden, 40, "tanh")]), 3)


def test_uint8_input_equals_its_float_copy(rng: np.random.Generator) -> None:
    x = rng.integers(0, 256, (70, 20)).astype(np.uint8)
    y = rng.normal(size=(70, 2)).astype(np.float32)
    results = []
    for data in (x, x.astype(np.float32)):
        net = Net(20)
        program = net.program(net.dense(net.x, 2))
        out = np.empty((70, 2), np.float32)
        result = net.train(data, y, steps=3, batch_size=32, lr=1e-6)
        program.predict([data], [out])
        results.append((result, net.values.tobytes(), out.tobytes()))
    assert results[0] == results[1]


def test_a_short_last_batch_and_one_larger_than_the_data(rng: np.random.Generator) -> None:
    x = rng.normal(size=(10, 3)).astype(np.float32)
    y = rng.normal(size=(10, 1)).astype(np.float32)
    for batch_size, steps in ((4, 3), (100, 1), (10, 1), (1, 10)):
        net = Net(3)
        net.program(net.dense(net.x, 1))
        done, loss_sum, rows = net.train(x, y, steps=steps, batch_size=batch_size)
        w, b = net.values[:3], net.values[16]
        assert (done, rows) == (steps, 10)
        assert loss_sum == pytest.approx(float((((x @ w + b) - y[:, 0]) ** 2).sum()), rel=1e-5)


def test_the_hook_can_stop_and_its_error_comes_out() -> None:
    net = Net(3)
    net.program(net.dense(net.x, 1))
    x, y = np.ones((64, 3), np.float32), np.ones((64, 1), np.float32)
    many = 4_000_000  # seconds of steps, of which a tenth of a second is made
    order = np.zeros(many, np.int32)
    seen = []

    def stop(steps: int, loss: float) -> bool:
        seen.append((steps, loss))
        return True

    done, _, _ = net.train(x, y, steps=many, batch_size=1, order=order, hook=stop)
    assert len(seen) == 1
    assert 0 < done < many

    def fail(steps: int, loss: float) -> bool:
        raise RuntimeError("from the hook")

    with pytest.raises(RuntimeError, match="from the hook"):
        net.train(x, y, steps=many, batch_size=1, order=order, hook=fail)
    assert 0 < net.program_.done[0] < many

    def enter_again(steps: int, loss: float) -> bool:
        net.program_.predict([x], [np.empty((64, 1), np.float32)])
        return False

    with pytest.raises(RuntimeError, match="busy"):
        net.train(x, y, steps=many, batch_size=1, order=order, hook=enter_again)


def test_nan_stops_when_asked() -> None:
    net = Net(2)
    net.program(net.dense(net.x, 1))
    x, y = np.ones((8, 2), np.float32), np.ones((8, 1), np.float32)
    y[3] = np.nan
    done, _, _ = net.train(x, y, steps=4, batch_size=2, stop_on_nan=True)
    assert done == 2


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"x": np.ones((4, 2), np.float32)}, "3 elements a row"),
        ({"x": np.ones((4, 3), np.float64)}, "float32 or uint8"),
        ({"x": np.ones((3, 4), np.float32).T}, "C-contiguous"),
        ({"y": np.ones((5, 1), np.float32)}, "4 rows"),
        ({"batch_size": 0}, "batch_size"),
        ({"steps": 9}, "beyond the data"),
        ({"order": np.array([0, 4], np.int32)}, "not a row"),
        ({"weights": [np.ones(3, np.float32)]}, "weights"),
    ],
)
def test_wrong_arrays_are_refused_by_name(change: dict, text: str) -> None:
    net = Net(3)
    net.program(net.dense(net.x, 1))
    arguments = {
        "x": np.ones((4, 3), np.float32),
        "y": np.ones((4, 1), np.float32),
        "batch_size": 4,
        "steps": 1,
        **change,
    }
    steps, batch_size = arguments["steps"], arguments["batch_size"]
    with pytest.raises(ValueError, match=text):
        net.program_.train(
            [arguments["x"]],
            [arguments["y"]],
            weights=arguments.get("weights", []),
            order=arguments.get("order"),
            batch_size=batch_size,
            first_step=0,
            steps=steps,
            learning_rates=np.zeros(steps, np.float32),
            iteration=0,
            seed=0,
        )


def test_unknown_ops_and_attributes_are_refused() -> None:
    graph = _native.Graph()
    x = graph.input(3)
    with pytest.raises(ValueError, match=r"op: expected one of activation, .*dense, .* got 'dens'"):
        graph.add("dens", [x])
    with pytest.raises(ValueError, match="attribute 'units' is missing"):
        graph.add("dense", [x])
    with pytest.raises(ValueError, match="no value 7"):
        graph.add("add", [x, 7])
