"""Small programs against the native kernel of the same formula, and against NumPy.

pytest bench/bench_small_program.py --benchmark-enable
"""

import math

import numpy as np
import pytest

from hotloop import _native
from hotloop.ir.elementwise import Builder, encode, gradient

sizes = pytest.mark.parametrize("n", [16_384, 1_048_576])


def gelu():
    build = Builder(1)
    cumulative = build("add", build("erf", build("multiply", 0, math.sqrt(0.5))), 1.0)
    return build.code([build("multiply", build("multiply", 0, 0.5), cumulative)])


def gelu_tanh():
    build = Builder(1)
    cube = build("multiply", build("multiply", build("square", 0), 0), 0.044715)
    inner = build("multiply", build("add", 0, cube), math.sqrt(2 / math.pi))
    return build.code([build("multiply", build("multiply", 0, 0.5), build("add", build("tanh", inner), 1.0))])


def huber():
    build = Builder(2)
    error = build("subtract", 0, 1)
    size = build("abs", error)
    square = build("multiply", build("square", error), 0.5)
    return build.code([build("where", build("less", size, 1.0), square, build("subtract", size, 0.5))])


@sizes
@pytest.mark.parametrize(("kind", "write"), [("gelu", gelu), ("gelu_tanh", gelu_tanh)])
def test_gelu_against_the_native_one(n, kind, write, compare):
    x, y, native = np.random.default_rng(1).standard_normal((3, n), dtype=np.float32)
    code = encode(write())

    def program():
        _native.run_small_program(*code, [x], [y])

    def kernel():
        _native.activation_forward(kind, None, 0.0, x, native)

    program(), kernel()
    np.testing.assert_allclose(y, native, rtol=1e-6, atol=1e-6)
    compare(program, kernel)


@sizes
def test_a_loss_and_its_gradient_against_numpy(n, compare):
    x, y, upstream = np.random.default_rng(1).standard_normal((3, n), dtype=np.float32)
    loss, slope = np.empty((2, n), np.float32)
    forward, backward = encode(huber()), encode(gradient(huber(), [0]))

    def program():
        _native.run_small_program(*forward, [x, y], [loss])
        _native.run_small_program(*backward, [x, y, upstream], [slope])

    def numpy():
        error = x - y
        size = np.abs(error)
        near = size < 1
        values = np.where(near, np.float32(0.5) * error * error, size - np.float32(0.5))
        return values, upstream * np.where(near, error, np.sign(error))

    program()
    for ours, theirs in zip((loss, slope), numpy(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    compare(program, numpy)


@sizes
def test_gelu_against_numpy(n, compare):
    """NumPy has no erf; the formula with tanh, which is off by 5e-4, is what is written there."""
    x, y = np.random.default_rng(1).standard_normal((2, n), dtype=np.float32)
    code, half, inner = encode(gelu()), np.float32(0.5), np.float32(math.sqrt(2 / math.pi))

    def numpy():
        return half * x * (1 + np.tanh(inner * (x + np.float32(0.044715) * x * x * x)))

    _native.run_small_program(*code, [x], [y])
    np.testing.assert_allclose(y, numpy(), atol=1e-3)
    compare(lambda: _native.run_small_program(*code, [x], [y]), numpy)
