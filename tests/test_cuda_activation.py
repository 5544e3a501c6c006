"""Activations on a GPU give the CPU's bits, along rows of any length and on special numbers."""

import numpy as np
import pytest

import cuda_half
from hotloop import _native, activations
from hotloop.ir.activation import ROWWISE
from tolerance import guarded, guards_intact

cuda = cuda_half.load()
VARIANTS = [
    *[(kind, None, 0.0) for kind in activations.NAMES if kind not in ROWWISE],
    *[("leaky_relu", 0.01, 0.0), ("leaky_relu", -0.5, 0.0), ("elu", 0.3, 0.0), ("elu", -2.0, 0.0)],
    *[("celu", 2.5, 0.0), ("threshold", 0.7, -2.0), ("threshold", -1.0, 3.0)],
    *[("soft_shrink", 0.1, 0.0), ("hard_shrink", 2.0, 0.0), ("squareplus", 0.25, 0.0)],
]
SPECIAL = np.float32(
    [
        *[0.0, -0.0, np.inf, -np.inf, np.nan, 88.7, -88.7, 104, -104, 1e-45, -1e-45, 1e-39, 1e20, -1e20],
        *[3e38, -6, -3, -1, -0.7, -0.5, 0.5, 0.7, 1, 3, 6],
    ]
)
# A half warp takes rows of up to 256 columns, a warp those of up to 512, then 2, 4, 8, 16 and 32 warps.
COLS = [1, 2, 15, 16, 17, 100, 256, 257, 260, 511, 512, 513, 1000, 2047, 2052]
LONG = [4096, 8195, 16400]


def assert_same(here, there):
    """Every bit is the same; one NaN is as good as another."""
    nan = np.isnan(here)
    np.testing.assert_array_equal(nan, np.isnan(there))
    np.testing.assert_array_equal(np.where(nan, 0, here).view("i4"), np.where(nan, 0, there).view("i4"))


def both(run, *arrays, out):
    """Run on the CPU and on the GPU from the same start; return both results, the GPU's between guards."""
    here = out.copy()
    run(_native, [None if a is None else a.copy() for a in arrays], here)
    inner, whole = guarded(out.shape)
    inner[...] = out
    memory = cuda_half.on_gpu(whole)
    run(cuda, [cuda_half.on_gpu(a) for a in arrays], memory[32 : 32 + out.size].reshape(*out.shape))
    whole = memory.get()
    assert guards_intact(whole)
    return here, whole[32 : 32 + out.size].reshape(out.shape)


def inputs(rng, n):
    return np.concatenate([SPECIAL, rng.normal(0, 4, max(n - SPECIAL.size, 0)).astype("f4")])[:n]


@pytest.mark.parametrize("n", [0, 1, 255, 1024, 1025, 3000])
def test_elementwise_forward(rng, n):
    x = inputs(rng, n)
    for kind, alpha, beta in VARIANTS:
        assert_same(
            *both(
                lambda half, a, y, args=(kind, alpha, beta): half.activation_forward(*args, *a, y),
                x,
                out=np.zeros_like(x),
            )
        )


@pytest.mark.parametrize("given", ["x", "y", "both"])
@pytest.mark.parametrize("accumulate", [False, True])
def test_elementwise_backward(rng, given, accumulate):
    x, dy = inputs(rng, 1500), rng.standard_normal(1500).astype("f4")
    start, tried = rng.standard_normal(1500).astype("f4"), 0
    for case in VARIANTS:
        if given == "y" and not _native.derivative_from_output(*case):
            continue
        y = np.empty_like(x)
        _native.activation_forward(*case, x, y)
        arrays = [None if given == "y" else x, None if given == "x" else y, dy]
        assert_same(
            *both(
                lambda half, a, dx, case=case: half.activation_backward(*case, *a, dx, accumulate=accumulate),
                *arrays,
                out=start,
            )
        )
        tried += 1
    assert tried > 10


def test_elementwise_in_place(rng):
    x, dy = rng.standard_normal((2, 2500)).astype("f4")
    for kind in ("gelu", "relu", "tanh"):
        here = x.copy()
        _native.activation_forward(kind, None, 0.0, here, here)
        there = cuda_half.on_gpu(x)
        cuda.activation_forward(kind, None, 0.0, there, there)
        assert_same(here, there.get())
        here = dy.copy()
        _native.activation_backward(kind, None, 0.0, x, None, here, here)
        there = cuda_half.on_gpu(dy)
        cuda.activation_backward(kind, None, 0.0, cuda_half.on_gpu(x), None, there, there)
        assert_same(here, there.get())


def rows_of(kind, rng, rows, cols, odd=False):
    """Inputs, with odd rows among them when there are several, and gradients of the outputs."""
    cols += cols % 2 if kind == "glu" else 0
    x = rng.normal(0, 3, (rows, cols)).astype("f4")
    if odd:
        x[0, cols // 2] = np.nan
        x[1, -1] = np.inf
        x[2] = -np.inf
        x[3] = rng.choice(np.float32([0.0, -0.0]), cols)
        x[4] *= 1e30
    return x, rng.standard_normal((rows, cols // 2 if kind == "glu" else cols)).astype("f4")


def check_rows(kind, x, dy, start):
    shape = dy.shape
    here, there = both(
        lambda half, a, y: half.row_activation_forward(kind, *a, y), x, out=np.zeros(shape, np.float32)
    )
    assert_same(here, there)
    arrays = (x, None, dy) if kind == "glu" else (None, here, dy)
    for accumulate in (False, True):
        assert_same(
            *both(
                lambda half, a, dx, add=accumulate: half.row_activation_backward(
                    kind, *a, dx, accumulate=add
                ),
                *arrays,
                out=start,
            )
        )


@pytest.mark.parametrize("kind", sorted(ROWWISE))
@pytest.mark.parametrize("cols", COLS)
def test_rows(rng, kind, cols):
    for rows in (0, 1, 9):
        x, dy = rows_of(kind, rng, rows, cols)
        check_rows(kind, x, dy, rng.standard_normal(x.shape).astype("f4"))


@pytest.mark.parametrize("kind", ["softmax", "log_softmax"])
@pytest.mark.parametrize("cols", LONG)
def test_long_rows(rng, kind, cols):
    x, dy = rows_of(kind, rng, 2, cols)
    check_rows(kind, x, dy, rng.standard_normal(x.shape).astype("f4"))


@pytest.mark.parametrize("kind", sorted(ROWWISE))
@pytest.mark.parametrize("cols", [60_000, 65_536, 65_537, 150_000])
def test_rows_too_long_for_shared_memory(rng, kind, cols):
    x, dy = rows_of(kind, rng, 1, cols)
    check_rows(kind, x, dy, np.zeros_like(x))


@pytest.mark.parametrize("kind", sorted(ROWWISE))
@pytest.mark.parametrize("cols", [3, 40, 600, 1028])
def test_rows_of_special_numbers(rng, kind, cols):
    x, dy = rows_of(kind, rng, 6, cols, odd=True)
    check_rows(kind, x, dy, np.zeros_like(x))


@pytest.mark.parametrize("cols", [10, 300, 2048])
def test_rows_in_place(rng, cols):
    x, dy = rows_of("softmax", rng, 5, cols)
    for kind in ("softmax", "log_softmax"):
        here = x.copy()
        _native.row_activation_forward(kind, here, here)
        there = cuda_half.on_gpu(x)
        cuda.row_activation_forward(kind, there, there)
        assert_same(here, there.get())
        gradient = dy.copy()
        _native.row_activation_backward(kind, None, here, gradient, gradient)
        place = cuda_half.on_gpu(dy)
        cuda.row_activation_backward(kind, None, there, place, place)
        assert_same(gradient, place.get())


def test_rows_that_begin_between_vectors(rng):
    """Columns divide by four, addresses don't: one number is moved at a time."""
    x, whole = rng.normal(0, 3, (3, 800)).astype("f4"), np.zeros(2401, np.float32)
    whole[1:] = x.ravel()
    here = np.empty_like(x)
    _native.row_activation_forward("softmax", x, here)
    there = cuda_half.on_gpu(here * 0)
    cuda.row_activation_forward("softmax", cuda_half.on_gpu(whole)[1:].reshape(3, 800), there)
    assert_same(here, there.get())
