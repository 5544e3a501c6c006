"""The activation as an op of a program: output and gradients are those of the kernels."""

import numpy as np
import pytest

from hotloop import _native, activations, kernels

ROWS, UNITS, LAST = 9, 12, 6
KINDS = [(kind, None) for kind in activations.NAMES]


@pytest.mark.parametrize(("kind", "alpha"), [*KINDS, ("leaky_relu", -0.5), ("elu", -2.0)])
def test_node_is_its_kernel_forward_and_backward(
    isa: str, threads: int, kind: str, alpha: float | None
) -> None:
    rng = np.random.default_rng(1)
    graph, values = _native.Graph(), rng.normal(size=4 * UNITS).astype(np.float32)
    x = graph.input(4)
    attributes = {"units": UNITS, "last_axis": 4, "activation": "linear"}
    z = graph.add("dense", [x], attributes=attributes, parameters={"kernel": 0})
    attributes = {"kind": kind, "last_axis": LAST, **({} if alpha is None else {"alpha": alpha})}
    y = graph.add("activation", [z], attributes=attributes)
    assert graph.features(y) == (UNITS // 2 if kind == "glu" else UNITS)
    gradients = np.zeros_like(values)
    program = _native.Program(graph, [y], values, gradients)
    program.set_loss([{"output": y, "loss": "half_squared_error"}])
    program.set_optimizer({"kind": "sgd"}, [None] * 3, [(0, values.size)])

    inputs = rng.normal(size=(ROWS, 4)).astype(np.float32)
    targets = rng.normal(size=(ROWS, graph.features(y))).astype(np.float32)
    before = kernels.gemm(inputs, values.reshape(4, UNITS)).reshape(ROWS, UNITS // LAST, LAST)
    outputs = np.empty_like(targets)
    program.predict([inputs], [outputs])
    expected = kernels.activation(before, kind, alpha=alpha)
    np.testing.assert_array_equal(outputs, expected.reshape(outputs.shape))

    rates = np.zeros(1, np.float32)
    options = {
        "weights": [],
        "order": None,
        "batch_size": ROWS,
        "first_step": 0,
        "steps": 1,
        "iteration": 0,
        "seed": 7,
    }
    program.train([inputs], [targets], learning_rates=rates, **options)
    dy = ((outputs - targets) / ROWS).astype(np.float32).reshape(expected.shape)
    dz = kernels.activation_gradient(before, dy, kind, alpha=alpha).reshape(ROWS, UNITS)
    np.testing.assert_allclose(gradients.reshape(4, UNITS), inputs.T @ dz, rtol=2e-5, atol=2e-6)


def test_bad_attributes_are_refused() -> None:
    graph = _native.Graph()
    x = graph.input(9)
    with pytest.raises(ValueError, match=r"activation: expected one of .* got 'gelo'"):
        graph.add("activation", [x], attributes={"kind": "gelo"})
    with pytest.raises(ValueError, match="a last_axis that divides the 9 features of the input, got 2"):
        graph.add("activation", [x], attributes={"kind": "softmax", "last_axis": 2})
    with pytest.raises(ValueError, match="even size"):
        graph.add("activation", [x], attributes={"kind": "glu"})
    with pytest.raises(ValueError, match="alpha that is not 0"):
        graph.add("activation", [x], attributes={"kind": "celu", "alpha": 0.0})
