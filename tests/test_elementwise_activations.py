"""Activations as small programs: the numbers of the native kernels, forward and backward."""

import numpy as np
import pytest

import hotloop as hl
from hotloop import _native, ops
from hotloop.ir.activation import ROWWISE
from hotloop.ir.elementwise import activation_code, gradient
from hotloop.ir.pipelines import for_inference
from small_programs import run

KINDS = [kind for kind in hl.activations.NAMES if activation_code(kind)]


def numbers(rng: np.random.Generator) -> np.ndarray:
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 88.7, -104.0, 1e-45, -1e-39, 3e38, -3e38]
    usual = [rng.normal(size=5000), rng.uniform(-20, 20, 5000), rng.uniform(-110, 110, 5000)]
    return np.concatenate([special, *usual]).astype(np.float32)


def test_those_that_functions_are_written_with_are_there():
    assert {"exponential", "tanh", "sigmoid", "softplus", "relu", "log_sigmoid"} <= set(KINDS)
    assert not ROWWISE & set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_values_have_the_kernels_bits(isa, rng, kind):
    x = numbers(rng)
    native = np.empty_like(x)
    _native.activation_forward(kind, None, 0.0, x, native)
    (made,) = run(activation_code(kind), x)
    finite = ~np.isnan(native)
    assert made[finite].tobytes() == native[finite].tobytes()
    np.testing.assert_array_equal(np.isnan(made), ~finite)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_have_the_kernels_numbers(isa, rng, kind):
    """All bits, but for the sign of a 0 that relu makes of a negative gradient."""
    x = numbers(rng)
    x = x[np.isfinite(x)]
    dy = rng.normal(size=x.shape).astype(np.float32)
    y, native = np.empty((2, *x.shape), np.float32)
    _native.activation_forward(kind, None, 0.0, x, y)
    assert _native.derivative_from_output(kind, None, 0.0)
    _native.activation_backward(kind, None, 0.0, None, y, dy, native)
    (made,) = run(gradient(activation_code(kind), [0]), x, dy)
    np.testing.assert_array_equal(made, native)
    if kind != "relu":
        assert made.tobytes() == native.tobytes()


def swish_like(x):
    return x * ops.sigmoid(1.5 * x) + ops.relu(x) * ops.log_sigmoid(-x) + ops.softplus(ops.tanh(x))


def test_a_function_of_activations_is_one_program():
    model = hl.Sequential([hl.layers.Lambda(swish_like, input_shape=(7,))])
    x = np.random.default_rng(0).normal(size=(50, 7)).astype(np.float32)
    made = model.predict_on_batch(x)
    np.testing.assert_array_equal(made, swish_like(x))  # op by op
    assert [op.kind for op in for_inference(model.graph)] == ["elementwise"]


calls = []


def test_an_activation_that_is_a_function_computes_arrays_in_one_go():
    def function(x):
        calls.append(type(x))
        return swish_like(x)

    apply = hl.activations.get(function)
    x = np.random.default_rng(0).normal(size=(50, 7)).astype(np.float32)
    np.testing.assert_array_equal(apply(x), swish_like(x))
    np.testing.assert_array_equal(apply(-x), swish_like(-x))
    np.testing.assert_array_equal(apply([1, 2]), swish_like(np.array([1, 2], np.int32)))
    assert len(calls) == 2  # once for each shape and type
