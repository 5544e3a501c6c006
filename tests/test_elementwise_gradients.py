"""Gradients of small programs: against finite differences, against PyTorch, and at the corners."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hotloop.ir.elementwise import INSTRUCTIONS, Builder, Code, gradient
from hotloop.ir.elementwise.gradients import RULES
from small_programs import one_step, random_code, run


def differences(code: Code, arrays: list[np.ndarray], weights: list[np.ndarray], which: int) -> np.ndarray:
    """Central differences, in float64, of the outputs' weighted sum."""
    step = 1e-6
    moved = []
    with np.errstate(all="ignore"):
        for sign in (1, -1):
            at = [array + sign * step if k == which else array for k, array in enumerate(arrays)]
            moved.append(sum(w * y for w, y in zip(weights, code(*at), strict=True)))
        return np.asarray((moved[0] - moved[1]) / (2 * step))


@pytest.mark.parametrize("name", INSTRUCTIONS)
def test_rules_against_finite_differences(rng, name):
    code, count = one_step(name), INSTRUCTIONS[name].operands
    arrays = list(rng.uniform(0.3, 2.5, (count, 200)) * rng.choice([-1, 1], 200))
    inside = np.isfinite(code(*arrays)[0])  # logarithms and roots have none of negative numbers
    arrays = [np.where(inside, array, np.abs(array)) for array in arrays]
    if name == "where":
        arrays[0] = rng.integers(0, 2, 200).astype(float)
    arrays = [np.where(np.abs(a - np.rint(a)) < 1e-3, a + 0.01, a) if name != "where" else a for a in arrays]
    weights = [rng.normal(size=200)]
    found = gradient(code, range(count))(*arrays, *weights)
    for which in range(count):
        if name == "where" and which == 0:
            assert not found[0].any()
            continue
        np.testing.assert_allclose(
            found[which], differences(code, arrays, weights, which), rtol=1e-6, atol=1e-8
        )
    assert (name in RULES) == bool(np.any(found))


def test_every_instruction_has_a_rule_or_is_flat():
    for name, instruction in INSTRUCTIONS.items():
        count = instruction.operands
        outputs = gradient(one_step(name), range(count)).outputs
        assert all(isinstance(output, float) for output in outputs) == (name not in RULES), name


SMOOTH = ["add", "subtract", "multiply", "divide", "negative", "square", "tanh", "sigmoid", "softplus", "sin"]
SMOOTH += [
    "cos",
    "erf",
    "exp",
    "expm1",
    "fma",
    "chain",
    "sqrt",
    "log1p",
    "rsqrt",
    "reciprocal",
    "power",
    "log",
]


@pytest.mark.parametrize("seed", range(60))
def test_random_codes_against_finite_differences(seed):
    rng = np.random.default_rng(seed)
    inputs, outputs = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    code = random_code(rng, inputs, int(rng.integers(2, 12)), outputs, SMOOTH)
    arrays = list(rng.uniform(0.3, 2, (inputs, 400)))
    weights = list(rng.normal(size=(outputs, 400)))
    wanted = sorted(rng.choice(inputs, int(rng.integers(1, inputs + 1)), replace=False).tolist())
    found = gradient(code, wanted)(*arrays, *weights)
    tame = np.all([np.isfinite(y) & (np.abs(y) < 1e3) for y in every_value(code, arrays)], axis=0)
    for which, got in zip(wanted, found, strict=True):
        expected = differences(code, arrays, weights, which)
        here = tame & (np.abs(got) < 1e4)
        np.testing.assert_allclose(got[here], expected[here], rtol=2e-5, atol=2e-5)


def every_value(code: Code, arrays: list[np.ndarray]) -> list[np.ndarray]:
    return Code(code.inputs, code.steps, tuple(range(code.inputs + len(code.steps))))(*arrays)


def test_random_codes_against_torch():
    torch = pytest.importorskip("torch")
    compared = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        code = random_code(
            rng, 2, int(rng.integers(2, 15)), 2, [*SMOOTH, "where", "maximum", "abs", "less", "floor"]
        )
        arrays, weights = rng.uniform(0.2, 2, (2, 100)), rng.normal(size=(2, 100))
        tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
        values: list[Any] = [*tensors]
        for step in code.steps:
            values.append(
                in_torch(torch, step.name, [values[o] if isinstance(o, int) else o for o in step.operands])
            )
        outputs = [values[o] if isinstance(o, int) else torch.tensor(o) for o in code.outputs]
        total = sum((torch.tensor(w) * y).sum() for w, y in zip(weights, outputs, strict=True))
        if not total.requires_grad:
            continue
        expected = torch.autograd.grad(total, tensors, allow_unused=True)
        found = gradient(code, [0, 1])(*arrays, *weights)
        for mine, theirs in zip(found, expected, strict=True):
            witness = np.zeros(100) if theirs is None else theirs.numpy()
            # A product of zero and infinity is NaN there. The derivative of erf has a constant of float32.
            here = np.isfinite(witness) & (np.abs(witness) < 1e8)
            np.testing.assert_allclose(mine[here], witness[here], rtol=1e-5, atol=1e-7)
            compared += int(here.sum())
    assert compared > 10_000


def in_torch(torch: Any, name: str, operands: list[Any]) -> Any:
    """The same instruction of tensors."""
    tensors = [o if isinstance(o, torch.Tensor) else torch.tensor(o, dtype=torch.float64) for o in operands]
    a, b, c = (*tensors, None, None)[:3]
    if name == "fma":
        return a * b + c
    if name == "chain":
        return torch.where(a == 0, a, a * b)
    if name == "where":
        return torch.where(a != 0, b, c)
    if name == "less":
        return (a < b).double()
    if name in ("erf", "expm1", "log1p"):
        return getattr(torch.special, name)(a)
    if name == "softplus":
        return torch.logaddexp(a, torch.zeros_like(a))
    return {"power": torch.pow, "divide": torch.div, "subtract": torch.sub}.get(
        name, getattr(torch, name, None)
    )(*tensors)


@pytest.mark.parametrize("seed", range(10))
def test_the_native_half_computes_what_the_gradient_says(isa, seed):
    """float32 against float64, of functions that do not enlarge errors."""
    rng = np.random.default_rng(seed)
    names = [
        "add",
        "subtract",
        "multiply",
        "tanh",
        "sigmoid",
        "softplus",
        "sin",
        "cos",
        "erf",
        "square",
        "abs",
    ]
    code = random_code(rng, 2, 6, 1, [*names, "maximum", "where", "less"])
    arrays = rng.uniform(-1, 1, (2, 700)).astype(np.float32)
    weights = rng.uniform(-1, 1, (1, 700)).astype(np.float32)
    backward = gradient(code, [0, 1])
    exact = backward(*arrays.astype(float), *weights.astype(float))
    for got, expected in zip(run(backward, *arrays, *weights), exact, strict=True):
        # A float32 may fall on the other side of a kink.
        close = np.abs(got - expected) <= 1e-4 * (1 + np.abs(expected))
        assert close.mean() > 0.98


def slope(write: Any, *at: float) -> list[float]:
    """The gradients of what `write` makes of a builder and its inputs, computed natively."""
    build = Builder(len(at))
    code = build.code([write(build, *range(len(at)))])
    arrays = [np.full(3, value, np.float32) for value in at]
    return [float(g[0]) for g in run(gradient(code, range(len(at))), *arrays, np.ones(3, np.float32))]


def test_where_two_are_equal_the_first_has_the_gradient():
    assert slope(lambda b, x, y: b("maximum", x, y), 2.0, 2.0) == [1.0, 0.0]
    assert slope(lambda b, x, y: b("minimum", x, y), 2.0, 2.0) == [1.0, 0.0]
    clip = lambda b, x: b("minimum", b("maximum", x, -1.0), 1.0)  # noqa: E731
    assert [slope(clip, at)[0] for at in (-2.0, -1.0, 0.0, 1.0, 2.0)] == [0.0, 1.0, 1.0, 1.0, 0.0]
    assert slope(lambda b, x: b("abs", x), 0.0) == [0.0]
    assert slope(lambda b, x: b("abs", x), -3.0) == [-1.0]


def test_powers_at_zero():
    for exponent, expected in [
        (2.0, 0.0),
        (1.0, 1.0),
        (0.0, 0.0),
        (3.0, 0.0),
        (4.0, 0.0),
        (1.5, 0.0),
        (0.5, np.inf),
    ]:
        assert slope(lambda b, x, c=exponent: b("power", x, c), 0.0) == [expected]
        # The same where the exponent is an input: its own gradient is 0 there.
        assert slope(lambda b, x, y: b("power", x, y), 0.0, exponent) == [expected, 0.0]
    assert slope(lambda b, y: b("power", 2.0, y), 3.0) == pytest.approx([8 * np.log(2)])


def test_square_roots_at_zero_are_ieees():
    assert slope(lambda b, x: b("sqrt", x), 0.0) == [np.inf]
    assert slope(lambda b, x: b("log", x), 0.0) == [np.inf]


def positive_or_0(make: Any) -> Any:
    """What `make` writes where x is above 0, else 0."""
    return lambda b, x: b("where", b("greater", x, 0.0), make(b, x), 0.0)


@pytest.mark.parametrize(
    ("write", "at"),
    [
        (positive_or_0(lambda b, x: b("log", x)), 0.0),
        (positive_or_0(lambda b, x: b("log", b("square", b("sqrt", x)))), -1.0),
        (positive_or_0(lambda b, x: b("divide", 1.0, x)), 0.0),
        (positive_or_0(lambda b, x: b("power", x, 0.3)), -2.0),
        (positive_or_0(lambda b, x: b("rsqrt", x)), 0.0),
        (lambda b, x: b("where", b("isfinite", x), b("sin", x), 0.0), float("inf")),
        (lambda b, x: b("where", b("less", x, 80.0), b("exp", b("square", x)), 0.0), 100.0),
        (lambda b, x: b("maximum", -10.0, b("log", x)), 0.0),
        (
            lambda b, x: b("where", b("less", x, 0.0), 0.0, positive_or_0(lambda b, x: b("sqrt", x))(b, x)),
            0.0,
        ),
    ],
)
def test_branches_that_are_not_taken_give_nothing(write, at):
    assert slope(write, at) == [0.0]


def test_the_gradient_of_a_gradient(rng):
    build = Builder(1)
    code = build.code([build("multiply", build("sin", 0), build("exp", 0))])
    first = gradient(code, [0])
    second = gradient(first, [0])
    x, one = rng.normal(size=50), np.ones(50)
    np.testing.assert_allclose(second(x, one, one)[0], 2 * np.cos(x) * np.exp(x), rtol=1e-12)


def test_signs_move_behind_products_into_sums():
    build = Builder(1)
    rest = build("subtract", 1.0, 0)
    code = build.code([build("negative", build("multiply", build("square", rest), build("log", 0)))])
    backward = "t0 = 1 - x0; chain(chain(x1, log(x0)), t0 * 2) - chain(chain(x1, square(t0)), reciprocal(x0))"
    assert str(gradient(code, [0])) == backward


@pytest.mark.parametrize("upper_first", [False, True])
@pytest.mark.parametrize("bounds", [(-1.0, 1.0), (0.5, 0.5), (1.0, -1.0), (-np.inf, 0.0)])
def test_the_gradient_of_a_clipped_value(upper_first, bounds):
    """One where clipping leaves it as it is, the bounds among that; none where the bounds cross."""
    build = Builder(1)
    steps = [("maximum", bounds[0]), ("minimum", bounds[1])]
    value = 0
    for name, bound in reversed(steps) if upper_first else steps:
        value = build(name, value, bound)
    code = build.code([build("multiply", value, 3.0)])
    x = np.array([-np.inf, -2, -1, -0.5, 0, 0.5, 1, 2, np.inf, np.nan])
    (found,) = gradient(code, [0])(x, np.ones_like(x))
    np.testing.assert_array_equal(found, np.where((x >= bounds[0]) & (x <= bounds[1]), 3.0, 0.0))
    if bounds == (-1.0, 1.0):
        assert "==" in str(gradient(code, [0]))


def test_an_output_may_be_an_input_or_a_constant():
    code = Code(2, (), (0, 1, 3.0, 0))
    assert str(gradient(code, [0, 1])) == "x2 + x5, x3"
    assert gradient(Code(2, (), (0,)), [1]).outputs == (0.0,)


def test_wanted_must_be_inputs():
    for wanted in (1, -1, True, 0.0):
        with pytest.raises(ValueError, match="wanted: expected inputs from 0 to 0"):
            gradient(one_step("exp"), [wanted])
