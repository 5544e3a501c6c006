"""Activations and derivatives: double references, finite differences, PyTorch, the same bits everywhere."""

from typing import Any

import numpy as np
import pytest

from everywhere import same_everywhere
from hotloop import _native, activations, kernels
from hotloop.ir.activation import KINDS, ROWWISE
from tolerance import EPS32, assert_close, guarded, guards_intact

ELEMENTWISE = [kind for kind in activations.NAMES if kind not in ROWWISE]
# Numbers other than the defaults, each once.
VARIANTS = [
    *[(kind, None, 0.0) for kind in ELEMENTWISE],
    *[("leaky_relu", 0.01, 0.0), ("leaky_relu", -0.5, 0.0), ("elu", 0.3, 0.0), ("elu", -2.0, 0.0)],
    *[("celu", 2.5, 0.0), ("threshold", 0.7, -2.0), ("threshold", -1.0, 3.0)],
    *[("soft_shrink", 0.1, 0.0), ("hard_shrink", 2.0, 0.0), ("squareplus", 0.25, 0.0)],
]
variants = pytest.mark.parametrize(("kind", "alpha", "beta"), VARIANTS)
SPECIAL = np.array(
    [
        0.0,
        -0.0,
        np.inf,
        -np.inf,
        np.nan,
        88.7,
        -88.7,
        104,
        -104,
        1e-45,
        -1e-45,
        1e-39,
        -1e-39,
        1e20,
        -1e20,
        3e38,
    ],
    dtype=np.float32,
)
# Where slopes may jump: quarters, and the numbers above.
KINKS = np.array([*np.arange(-32, 33) / 4, 0.7, -0.7, 0.1, -0.1], dtype=np.float32)

# In units of the last place of the result, and of the input where the formula subtracts from it.
# gelu_tanh's are those of an exponent of up to 88 that is rounded.
VALUE_ULPS = dict.fromkeys(ELEMENTWISE, 4.0) | {"gelu": 8.0, "gelu_tanh": 100.0}
INPUT_ULPS = dict.fromkeys(ELEMENTWISE, 0.0) | {"tanh_shrink": 2.0}


def inputs() -> np.ndarray:
    rng = np.random.default_rng(5)
    return np.concatenate(
        [KINKS, rng.normal(size=1500), rng.uniform(-20, 20, size=1000), rng.uniform(-110, 88, size=500)]
    ).astype(np.float32)


def forward(kind: str, alpha: float | None, beta: float, x: np.ndarray) -> np.ndarray:
    y = np.empty_like(x)
    _native.activation_forward(kind, alpha, beta, x, y)
    return y


def backward(
    kind: str, alpha: float | None, beta: float, x: np.ndarray, dy: np.ndarray, **options: Any
) -> Any:
    """From the output alone where that is enough, as programs do it."""
    y = forward(kind, alpha, beta, x)
    dx = options.pop("dx", np.empty_like(x))
    from_output = _native.derivative_from_output(kind, alpha, beta)
    given = (None, y) if from_output else (x, None)
    _native.activation_backward(kind, alpha, beta, *given, dy, dx, **options)
    return dx


def test_there_are_many_kinds() -> None:
    assert len(VARIANTS) > len(ELEMENTWISE) > 20


@variants
def test_value(isa: str, kind: str, alpha: float | None, beta: float) -> None:
    x = inputs()
    value, _ = _native.activation_ref(kind, alpha, beta, x.astype(np.float64))
    floor = 1e-43 + INPUT_ULPS[kind] * EPS32 * np.abs(x)
    assert_close(forward(kind, alpha, beta, x), value, VALUE_ULPS[kind], floor)


@variants
def test_derivative(isa: str, kind: str, alpha: float | None, beta: float) -> None:
    x = inputs()
    _, slope = _native.activation_ref(kind, alpha, beta, x.astype(np.float64))
    # What follows from a rounded output is as good as that output, whose size (or alpha) sets the scale.
    scale = max(1.0, abs(alpha or 0.0))
    dx = backward(kind, alpha, beta, x, np.ones_like(x))
    assert_close(dx, slope, VALUE_ULPS[kind], floor=8 * EPS32 * scale)


@variants
def test_reference_derivative_is_that_of_the_value(kind: str, alpha: float | None, beta: float) -> None:
    x = np.random.default_rng(8).uniform(-8, 8, size=500)
    x = x[np.abs(x[:, None] - KINKS.astype(float)).min(axis=1) > 1e-3]  # whatever jumps lie there
    step = 1e-6
    above, below = (_native.activation_ref(kind, alpha, beta, x + h)[0] for h in (step, -step))
    _, slope = _native.activation_ref(kind, alpha, beta, x)
    smooth = np.abs(x) > 1e-3
    np.testing.assert_allclose(slope[smooth], ((above - below) / (2 * step))[smooth], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("kind", ELEMENTWISE)
def test_special_values(isa: str, kind: str) -> None:
    with np.errstate(all="ignore"):
        value, slope = _native.activation_ref(kind, None, 0.0, SPECIAL.astype(np.float64))
        value, slope = value.astype(np.float32), slope.astype(np.float32)
    assert_close(forward(kind, None, 0.0, SPECIAL), value, VALUE_ULPS[kind], floor=1e-43)
    number = ~np.isnan(SPECIAL)  # The derivative at a NaN is nobody's concern, but for the smooth kinds.
    dx = backward(kind, None, 0.0, SPECIAL, np.ones_like(SPECIAL))
    assert_close(dx[number], slope[number], VALUE_ULPS[kind], floor=8 * EPS32)


def test_derivatives_at_kinks_are_those_of_tensorflow(isa: str) -> None:
    at = {
        "relu": (0, 0), "relu6": (6, 0), "leaky_relu": (0, 0.2), "elu": (0, 1), "selu": (0, 1.050701),
        "softsign": (0, 1), "hard_silu": (-3, 0), "soft_shrink": (0.5, 0), "hard_shrink": (-0.5, 0),
        "threshold": (0, 0), "sparse_plus": (1, 1), "sparse_sigmoid": (1, 0),
    }  # fmt: skip
    for kind, (x, expected) in at.items():
        dx = backward(kind, None, 0.0, np.float32([x]), np.ones(1, np.float32))
        assert dx[0] == np.float32(expected), kind


@variants
def test_same_bits_everywhere(kind: str, alpha: float | None, beta: float) -> None:
    rng = np.random.default_rng(6)
    # Large enough for a team.
    x = np.concatenate([SPECIAL, inputs(), rng.normal(0, 5, 50_000).astype(np.float32)])
    dy = rng.normal(size=x.size).astype(np.float32)

    def compute() -> list[np.ndarray]:
        y, dx = forward(kind, alpha, beta, x), backward(kind, alpha, beta, x, dy)
        return [np.nan_to_num(y, nan=7.0), np.nan_to_num(dx, nan=7.0)]

    same_everywhere(compute)


@pytest.mark.parametrize(
    ("kind", "alpha", "beta"), [case for case in VARIANTS if _native.derivative_from_output(*case)]
)
def test_output_alone_gives_the_same_gradient(kind: str, alpha: float | None, beta: float) -> None:
    x = inputs()
    x = x[np.abs(x) > 1e-3]
    y, dx = forward(kind, alpha, beta, x), np.empty_like(x)
    _native.activation_backward(kind, alpha, beta, x, y, np.ones_like(x), dx)
    np.testing.assert_array_equal(dx, backward(kind, alpha, beta, x, np.ones_like(x)))


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 1023, 1024, 1025])
@pytest.mark.parametrize("kind", ["relu", "gelu", "selu"])
def test_sizes_guards_and_accumulation(isa: str, kind: str, n: int) -> None:
    x, dy, start = np.random.default_rng(n).normal(size=(3, n)).astype(np.float32)
    y, whole = guarded((n,))
    _native.activation_forward(kind, None, 0.0, x, y)
    assert guards_intact(whole)
    dx, whole = guarded((n,))
    plain = backward(kind, None, 0.0, x, dy, dx=dx).copy()
    assert guards_intact(whole)
    dx[...] = start
    np.testing.assert_array_equal(backward(kind, None, 0.0, x, dy, dx=dx, accumulate=True), start + plain)
    assert guards_intact(whole)
    _native.activation_forward(kind, None, 0.0, x, x)
    np.testing.assert_array_equal(x, y)
    expected = backward(kind, None, 0.0, x, dy)
    np.testing.assert_array_equal(backward(kind, None, 0.0, x, dy, dx=dy), expected)


# What has another meaning there, or is another function unless it is told so.
NOT_TORCHS = {"linear", "leaky_relu", "threshold"}


def pytorchs(kind: str) -> Any:
    """PyTorch's function of that name, or of Keras's other name for it, with underscores or without."""
    functions = pytest.importorskip("torch").nn.functional
    for name in (kind, KINDS[kind].other_name):
        for spelled in (name, name.replace("_", "")):
            if spelled and kind not in NOT_TORCHS and hasattr(functions, spelled):
                return getattr(functions, spelled)
    return None


def test_pytorch_has_most() -> None:
    assert sum(pytorchs(kind) is not None for kind in ELEMENTWISE) >= 19


@pytest.mark.parametrize("kind", ELEMENTWISE)
def test_pytorch_agrees(kind: str) -> None:
    function = pytorchs(kind)
    if function is None:
        pytest.skip("PyTorch has none")
    import torch

    x = np.random.default_rng(2).uniform(-6, 6, size=2000).astype(np.float32)
    leaf = torch.tensor(x.astype(np.float64), requires_grad=True)
    value = function(leaf)
    value.sum().backward()
    assert_close(forward(kind, None, 0.0, x), value.detach().numpy(), VALUE_ULPS[kind], floor=1e-7)
    slope = backward(kind, None, 0.0, x, np.ones_like(x))
    assert_close(slope, leaf.grad.numpy(), VALUE_ULPS[kind], floor=8 * EPS32)


def test_kernel_takes_strided_read_only_and_keeps_out() -> None:
    whole = np.random.default_rng(1).normal(size=(6, 10)).astype(np.float32)
    strided = whole[::2, ::-3]
    strided.flags.writeable = False
    np.testing.assert_array_equal(kernels.activation(strided, "relu"), np.maximum(strided, 0))
    out = np.empty((3, 8), np.float32)[:, ::2]
    assert kernels.activation(strided, "tanh", out=out) is out
    np.testing.assert_array_equal(out, kernels.activation(strided.copy(), "tanh"))
    dx = kernels.activation_gradient(strided, np.ones_like(strided), "leaky_relu", alpha=-0.5)
    np.testing.assert_array_equal(dx, np.where(strided > 0, 1, -0.5).astype(np.float32))
    assert kernels.activation(whole, "relu", out=whole) is whole


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="did you mean 'gelu'"):
        kernels.activation([1.0], "gelo")
    with pytest.raises(ValueError, match="dy: expected shape"):
        kernels.activation_gradient(np.zeros((2, 3)), np.zeros((3, 2)), "relu")
    with pytest.raises(TypeError, match="x: expected float32 numbers"):
        kernels.activation(["a"], "relu")
    with pytest.raises(ValueError, match="elementwise one, got 'softmax'"):
        _native.activation_forward("softmax", None, 0.0, np.zeros(3, np.float32), np.zeros(3, np.float32))
    zeros = np.zeros(3, np.float32)
    with pytest.raises(ValueError, match="x: activation 'gelu' needs its input"):
        _native.activation_backward("gelu", None, 0.0, None, zeros, zeros, zeros)
