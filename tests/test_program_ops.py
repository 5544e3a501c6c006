"""Ops inside a program: gradients by finite differences in training mode, and what inference does."""

from collections.abc import Callable

import numpy as np
import pytest

from everywhere import same_everywhere
from hotloop import _native
from hotloop.ir.elementwise import Builder, Code, node_arrays
from test_program import Net

ROWS, FEATURES, HIDDEN = 23, 6, 12


class OpNet(Net):
    """Two dense layers of 12 units, an op on their values, and a dense layer of 2 units on what it makes."""

    def __init__(self, op: Callable[["OpNet", int, int], int]) -> None:
        super().__init__(FEATURES)
        self.statistics: list[tuple[int, np.ndarray]] = []
        first, second = (self.dense(self.x, HIDDEN, "tanh") for _ in range(2))
        self.value = op(self, first, second)
        self.program(self.dense(self.value, 2))
        for offset, start in self.statistics:
            self.values[offset : offset + start.size] = start

    def batch_norm(self, x: int, last: int, affine: bool = True, trainable: int = 1) -> int:
        parameters = {name: self.variable(last) for name in ("gamma", "beta")} if affine else {}
        for name, start in (
            ("moving_mean", np.linspace(-0.2, 0.3, last)),
            ("moving_variance", np.linspace(0.5, 2, last)),
        ):
            parameters[name] = self.variable(last)
            self.statistics.append((parameters[name], start.astype(np.float32)))
        attributes = {"last_axis": last, "momentum": 0.9, "epsilon": 1e-3, "trainable": trainable}
        return self.graph.add("batch_norm", [x], attributes=attributes, parameters=parameters)

    def add(self, op: str, *inputs: int, **attributes: object) -> int:
        return self.graph.add(op, list(inputs), attributes=attributes)

    def flat(self, value: int) -> int:
        return self.graph.reshape(value, self.graph.features(value))


def shared_batch_norm(net: OpNet, a: int, b: int) -> int:
    """One layer used on two values: both uses add to its gradients."""
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    parameters = {name: net.variable(HIDDEN) for name in names}
    net.statistics.append((parameters["moving_variance"], np.ones(HIDDEN, np.float32)))
    net.statistics.append((parameters["moving_mean"], np.zeros(HIDDEN, np.float32)))
    ends = [
        net.graph.add("batch_norm", [x], attributes={"last_axis": HIDDEN}, parameters=parameters)
        for x in (a, b)
    ]
    return net.add("multiply", *ends)


def elementwise(net: OpNet, code: Code, *inputs: int) -> int | tuple[int, ...]:
    wanted = range(len(inputs))
    return net.graph.add("elementwise", list(inputs), arrays=node_arrays(code, wanted))


def weight(net: OpNet, *shape: int) -> int:
    return net.graph.add("weight", [], {"shape": list(shape)}, {"value": net.variable(*shape)})


def chain(net: OpNet, a: int, b: int) -> int:
    """(tanh(a b) + 1.5 a) / (b^2 + 1), and a once more."""
    build = Builder(2)
    top = build("add", build("tanh", build("multiply", 0, 1)), build("multiply", 0, 1.5))
    whole = elementwise(net, build.code([build("divide", top, build("add", build("square", 1), 1.0))]), a, b)
    return net.add("add", whole, a)


def two_outputs(net: OpNet, a: int, b: int) -> int:
    """exp(a) sin(b), which nothing reads, and exp(a) b."""
    build = Builder(2)
    grown = build("exp", 0)
    code = build.code([build("multiply", grown, build("sin", 1)), build("multiply", grown, 1)])
    return elementwise(net, code, a, b)[1]


def broadcast_weights(net: OpNet, a: int, b: int) -> int:
    """In (2, 3, 2): a vector, a matrix between axes, one number; and a number for each row times a weight."""
    build = Builder(5)
    value = build("multiply", build("add", build("multiply", 0, 1), 2), build("sigmoid", 3))
    code = build.code([build("add", value, build("square", 4))])
    weights = [weight(net, 2), weight(net, 2, 1, 2), weight(net)]
    scale = net.graph.reshape(net.dense(b, 1), (1, 1, 1))
    whole = elementwise(net, code, net.graph.reshape(a, (2, 3, 2)), *weights, scale)
    build = Builder(2)
    unbatched = elementwise(net, build.code([build("multiply", 0, 1)]), weight(net, 12), weight(net, 1))
    build = Builder(2)
    sum_of = build.code([build("add", 0, 1)])
    return elementwise(net, sum_of, net.graph.reshape(whole, 12), unbatched)


OPS: dict[str, Callable[[OpNet, int, int], int]] = {
    "add": lambda net, a, b: net.add("add", a, b, a),
    "multiply": lambda net, a, b: net.add("multiply", a, b, a),
    "concat": lambda net, a, b: net.add("concat", a, b, a, positions=1),
    "concat at three positions": lambda net, a, b: net.add("concat", a, b, positions=3),
    "rescale": lambda net, a, b: net.add("add", net.add("rescale", a, scale=-1.5, offset=0.25), b, a),
    "dropout": lambda net, a, b: net.add("add", net.add("dropout", a, rate=0.4, stream=5), b, a),
    "batch_norm": lambda net, a, b: net.add("multiply", net.batch_norm(a, HIDDEN), b),
    "batch_norm over three channels": lambda net, a, b: net.add("multiply", net.batch_norm(a, 3), a),
    "batch_norm without gamma and beta": lambda net, a, b: net.batch_norm(a, HIDDEN, affine=False),
    "batch_norm frozen": lambda net, a, b: net.batch_norm(a, HIDDEN, affine=False, trainable=0),
    "batch_norm shared": shared_batch_norm,
    "elementwise": chain,
    "elementwise, two outputs": two_outputs,
    "elementwise, broadcast": broadcast_weights,
}


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(11)
    return rng.normal(size=(ROWS, FEATURES)).astype(np.float32), rng.normal(size=(ROWS, 2)).astype(np.float32)


def check_gradients(op: Callable[[OpNet, int, int], int]) -> None:
    """Those of all variables against finite differences, in training mode."""
    net, (x, y) = OpNet(op), data()
    net.train(x, y)  # The rate is zero: only gradients and moving statistics change.
    analytic, before = net.gradients.astype(np.float64), net.values.copy()
    direction = np.zeros(net.size, np.float32)
    rng, fixed = np.random.default_rng(3), {offset for offset, _ in net.statistics}
    for offset, count in net.variables:
        if offset not in fixed:
            direction[offset : offset + count] = rng.normal(size=count) / 4
        else:
            assert not analytic[offset : offset + count].any()

    def loss(step: float) -> float:
        net.values[:] = before + np.float32(step) * direction
        return net.train(x, y)[1] / ROWS

    def slope(step: float) -> float:
        return (loss(step) - loss(-step)) / (2 * step)

    # Richardson: central differences' error in step^2 cancels; float32 noise stays near 1e-7 / step.
    numeric = (4 * slope(0.01) - slope(0.02)) / 3
    scale = float(np.abs(analytic) @ np.abs(direction))
    assert numeric == pytest.approx(float(analytic @ direction), abs=2e-4 * max(scale, 0.1))


def check_bits(op: Callable[[OpNet, int, int], int]) -> None:
    """What three steps come to is the same on every level and team size, and so is a prediction."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, FEATURES)).astype(np.float32)
    y = rng.normal(size=(300, 2)).astype(np.float32)

    def compute() -> list[np.ndarray]:
        net = OpNet(op)
        net.set_optimizer({"kind": "adam"}, slots=2)
        net.train(x, y, steps=3, batch_size=100, lr=0.01, threads=_native.num_threads())
        out = np.empty((300, 2), np.float32)
        net.program_.predict([x], [out])
        return [net.values, out]

    same_everywhere(compute)


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
def test_gradients_match_finite_differences(isa: str, op: Callable[[OpNet, int, int], int]) -> None:
    check_gradients(op)


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
def test_training_has_the_same_bits_everywhere(op: Callable[[OpNet, int, int], int]) -> None:
    check_bits(op)


def predicted(net: OpNet, x: np.ndarray) -> np.ndarray:
    out = np.empty((len(x), 2), np.float32)
    net.program_.predict([x], [out])
    return out


def test_dropout_does_nothing_in_inference_and_draws_anew_each_step() -> None:
    (x, y), nets = data(), [OpNet(OPS["dropout"]), OpNet(lambda net, a, b: net.add("add", a, b, a))]
    np.testing.assert_array_equal(*(predicted(net, x) for net in nets))
    losses = [nets[0].train(x, y, iteration=i, seed=s)[1] for i, s in ((0, 1), (0, 1), (1, 1), (0, 2))]
    assert losses[0] == losses[1]
    assert len(set(losses)) == 3


def test_batch_norm_learns_moving_statistics_and_uses_them_in_inference() -> None:
    net, (x, y) = OpNet(lambda net, a, b: net.batch_norm(a, HIDDEN)), data()
    (mean_at, mean), (variance_at, variance) = net.statistics
    weights, bias = (
        net.values[: FEATURES * HIDDEN].reshape(FEATURES, HIDDEN),
        net.values[net.variables[1][0] :][:HIDDEN],
    )
    hidden = np.tanh(x.astype(np.float64) @ weights + bias)
    net.train(x, y)
    expected_mean, expected_variance = mean * 0.9 + hidden.mean(0) * 0.1, variance * 0.9 + hidden.var(0) * 0.1
    np.testing.assert_allclose(net.values[mean_at:][:HIDDEN], expected_mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(net.values[variance_at:][:HIDDEN], expected_variance, rtol=1e-5, atol=1e-6)
    gamma_at, beta_at, kernel_at, bias_at = (o for o, _ in [*net.variables[4:6], *net.variables[8:10]])
    normal = (hidden - expected_mean) / np.sqrt(expected_variance + 1e-3)
    normal = normal * net.values[gamma_at:][:HIDDEN] + net.values[beta_at:][:HIDDEN]
    kernel = net.values[kernel_at:][: 2 * HIDDEN].reshape(HIDDEN, 2)
    np.testing.assert_allclose(
        predicted(net, x), normal @ kernel + net.values[bias_at:][:2], rtol=1e-4, atol=1e-5
    )


def test_frozen_batch_norm_uses_and_keeps_its_moving_statistics() -> None:
    frozen, (x, y) = OpNet(lambda net, a, b: net.batch_norm(a, HIDDEN, trainable=0)), data()
    before = frozen.values.copy()
    trained = [np.empty((ROWS, 2), np.float32)]
    frozen.train(x, y, outputs=trained)
    np.testing.assert_array_equal(trained[0], predicted(frozen, x))
    np.testing.assert_array_equal(frozen.values, before)
    for offset, count in frozen.variables[4:8]:
        assert not frozen.gradients[offset : offset + count].any()


@pytest.mark.parametrize(
    ("op", "words"),
    [
        (
            lambda net, a, b: net.add("add", a, net.dense(b, 5)),
            "add: expected inputs of one width, got 12 and 5",
        ),
        (lambda net, a, b: net.add("multiply"), "multiply: expected at least one input"),
        (
            lambda net, a, b: net.add("concat", a, b, positions=5),
            "concat: expected inputs of a multiple of 5",
        ),
        (lambda net, a, b: net.add("concat", a, b, positions=0), "concat: expected positions above zero"),
        (lambda net, a, b: net.add("rescale", a), "rescale: attribute 'scale' is missing"),
        (lambda net, a, b: net.add("dropout", a, rate=1.5), "dropout: expected a rate from 0 to 1, got 1.5"),
        (
            lambda net, a, b: net.batch_norm(a, 5),
            "batch_norm: expected a last_axis that divides the 12 features",
        ),
    ],
)
def test_wrong_ops_are_refused(op: Callable[[OpNet, int, int], int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        OpNet(op)
