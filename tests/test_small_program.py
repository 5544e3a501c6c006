"""Small programs in the native half: each instruction, broadcasting, blocks, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from everywhere import same_everywhere
from hotloop import _native
from hotloop.ir.elementwise import INSTRUCTIONS, LIMITS, Code, Step, encode
from small_programs import one_step, random_code, run
from tolerance import guarded, guards_intact

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.0, 8388609.0, 16777218.0, 1e-45, -1e-45, 1e-39]
SPECIAL += [np.inf, -np.inf, np.nan, 3e38, -3e38, 88.7, -104.0]
BLOCK = 512  # of a program with few values


def numbers(rng: np.random.Generator, count: int) -> np.ndarray:
    """Bit patterns from all over, and usual numbers."""
    patterns = rng.integers(0, 2**32, size=count, dtype=np.uint32).view(np.float32)
    usual = [rng.normal(size=count), rng.uniform(-110, 110, count), rng.integers(-20, 20, count)]
    return np.concatenate([np.where(np.isnan(patterns), 1, patterns), *usual]).astype(np.float32)


def operands_for(name: str, rng: np.random.Generator) -> list[np.ndarray]:
    """Special values against each other, and random ones."""
    count = INSTRUCTIONS[name].operands
    special = np.stack(np.meshgrid(*[np.array(SPECIAL, np.float32)] * count)).reshape(count, -1)
    usual = np.stack([rng.permutation(numbers(rng, 20_000)) for _ in range(count)])
    return list(np.concatenate([special, usual], axis=1))


def errors(got: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """In units of the last place of the exact result; 0 where that, rounded, is what came."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(np.float32)
        unit = np.spacing(np.minimum(np.abs(rounded), np.finfo(np.float32).max)).astype(np.float64)
        error = np.abs(got.astype(np.float64) - exact) / unit
    error[(got == rounded) | (np.isnan(got) & np.isnan(exact))] = 0
    return np.where(np.isnan(error), np.inf, error)


def test_both_halves_have_one_table():
    native = _native.small_program_instructions()
    assert native == [(name, INSTRUCTIONS[name].operands) for name in INSTRUCTIONS]


@pytest.mark.parametrize("name", INSTRUCTIONS)
def test_instructions_against_double(isa, rng, name):
    operands = operands_for(name, rng)
    exact = np.empty(operands[0].shape)
    _native.small_program_ref(*encode(one_step(name)), [x.astype(float) for x in operands], [exact])
    (got,) = run(one_step(name), *operands)
    error = errors(got, exact)
    worst = int(np.argmax(error))
    at = [float(x[worst]) for x in operands]
    assert error[worst] <= INSTRUCTIONS[name].ulps, f"{name}{at} = {got[worst]!r}, expected {exact[worst]!r}"


@pytest.mark.parametrize("name", INSTRUCTIONS)
def test_the_reference_against_numpy(rng, name):
    operands = [x.astype(float) for x in operands_for(name, rng)]
    exact = np.empty(operands[0].shape)
    _native.small_program_ref(*encode(one_step(name)), operands, [exact])
    (witness,) = one_step(name)(*operands)
    # NumPy's are of other libraries: a few units of float64's last place, or a product rounded twice.
    np.testing.assert_allclose(exact, witness, rtol=1e-12, atol=1e-30 if name == "fma" else 1e-300)


@pytest.mark.parametrize(
    "name", ["sqrt", "expm1", "log1p", "erf", "sin", "tanh", "floor", "ceil", "round", "trunc"]
)
def test_zeros_keep_their_sign(isa, name):
    zeros = np.array([0.0, -0.0], np.float32)
    np.testing.assert_array_equal(np.signbit(run(one_step(name), zeros)[0]), [False, True])


def test_angles_next_to_a_multiple_of_pi(isa):
    """16367173 * 2**72 is nearer to one than any other float: to 1.6e-9."""
    x = np.array([16367173 * 2.0**72, -16367173 * 2.0**72, 131072.0, 3e38], np.float32)
    for name, function in (("sin", np.sin), ("cos", np.cos)):
        assert errors(run(one_step(name), x)[0], function(x.astype(float))).max() <= 1.0


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
@pytest.mark.parametrize("accumulate", [False, True])
def test_nothing_outside_is_written(isa, rng, n, accumulate):
    code = Code(2, (Step("subtract", (0, 1)), Step("square", (2,)), Step("add", (2, 1.0))), (3, 4, 0))
    x, y = rng.normal(size=(2, n)).astype(np.float32)
    outputs, wholes = zip(*(guarded((n,)) for _ in range(3)), strict=True)
    for output in outputs:
        output[...] = 3
    _native.run_small_program(*encode(code), [x, y], [outputs[0], None, outputs[2]], accumulate)
    before = np.float32(3 if accumulate else 0)
    np.testing.assert_array_equal(outputs[0], before + (x - y) * (x - y))
    assert (outputs[1] == 3).all()
    np.testing.assert_array_equal(outputs[2], before + x)
    assert all(map(guards_intact, wholes))


SHAPES = [
    [(7, 10), (10,)],
    [(7, 10), (7, 1)],
    [(7, 1), (1, 10)],
    [(), (4, 5)],
    [(1, 1), (1, 1)],
    [(3, 4, 5), (4, 1), (3, 1, 5)],
    [(2, 3, 1, 5), (1, 4, 1), (2, 1, 1, 1)],
    [(40, 70), (70,), (40, 1)],
    [(3, 600), (600,), (3, 1)],
    [(2, 3, 16, 2), (16, 1), (3, 1, 1)],
    [(5, 0), (1,)],
    [(2, 1, 3, 1, 2, 1, 3, 2), (1, 2, 1, 4, 1, 5, 1, 2)],
]


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.uint8])
def test_broadcasting_is_numpys(isa, rng, shapes, dtype):
    arrays = [
        rng.integers(0, 250, shape).astype(dtype if k else np.float32) for k, shape in enumerate(shapes)
    ]
    steps = [Step("multiply", (0, 1.0))]
    steps += [Step("fma", (len(shapes) + k - 1, 3.0, k)) for k in range(1, len(shapes))]
    code = Code(len(shapes), tuple(steps), (len(shapes) + len(steps) - 1,))
    expected = 0.0
    for array in arrays:
        expected = expected * 3.0 + array.astype(np.float64)
    np.testing.assert_array_equal(run(code, *arrays)[0], expected)


def test_integers_are_rounded_to_floats(isa):
    x = np.array([2**24 + 1, -(2**31), 2**31 - 1, 3], np.int32)
    np.testing.assert_array_equal(run(one_step("copy"), x)[0], x.astype(np.float32))


@pytest.mark.parametrize("seed", range(20))
def test_a_program_is_its_instructions_one_by_one(isa, seed):
    rng = np.random.default_rng(seed)
    inputs, steps = int(rng.integers(0, 4)), int(rng.integers(1, 40))
    code = random_code(rng, inputs, steps, outputs=int(rng.integers(1, 5)))
    shape = (int(rng.integers(1, 5)), int(rng.integers(1, 700)))
    arrays = [rng.normal(size=shape).astype(np.float32) for _ in range(inputs)]
    values = [*arrays]
    for step in code.steps:
        operands = [values[o] if isinstance(o, int) else np.full(shape, o, np.float32) for o in step.operands]
        values += run(one_step(step.name), *operands)
    outputs = [np.empty(shape, np.float32) for _ in code.outputs]
    _native.run_small_program(*encode(code), arrays, outputs)
    for output, got in zip(code.outputs, outputs, strict=True):
        expected = values[output] if isinstance(output, int) else np.full(shape, output, np.float32)
        np.testing.assert_array_equal(got, expected)


def test_bits_are_the_same_everywhere(rng):
    x = numbers(rng, 30_000)
    vector = x[:300]

    def compute() -> list[np.ndarray]:
        made = [run(one_step(name), *[x] * INSTRUCTIONS[name].operands)[0] for name in INSTRUCTIONS]
        made += [run(one_step("power"), np.abs(x), x[::-1].copy())[0]]
        made += [run(one_step("multiply"), x[: 300 * 400].reshape(400, 300), vector)[0]]
        return [np.nan_to_num(array, nan=7.0) for array in made]

    same_everywhere(compute)


BAD = [
    ([1, 0, 1], [], "expected 3 integers and 5 for each step, got 3"),
    ([1, 0, 1, 0, 1, 0, 0], [], "expected 3 integers and 5 for each step, got 7"),
    ([-1, 0, 1, 0, 0, 0, 0, 0], [], "expected 0 to 24 inputs, got -1"),
    ([1, 0, 0, 0, 1, 0, 0, 0], [], "expected 1 to 24 outputs, got 0"),
    ([1, 60, 1, 0, 1, 0, 0, 0], [], "slots"),
    ([20, 20, 20, 0, 40, 0, 0, 0], [], "together"),
    ([1, 0, 1, 99, 1, 0, 0, 0], [], "step 0: expected an instruction from 0 to"),
    ([1, 0, 1, -1, 1, 0, 0, 0], [], "step 0: expected an instruction"),
    ([1, 0, 1, 0, 0, 0, 0, 0], [], "copy: expected to write to 1 to 1, got 0"),
    ([1, 0, 1, 0, 2, 0, 0, 0], [], "copy: expected to write"),
    ([1, 0, 1, 0, 1, 2, 0, 0], [], "copy: expected operands from 0 to 1, got 2"),
    ([1, 0, 1, 0, 1, -1, 0, 0], [], "copy: expected operands"),
    ([1, 0, 1, 0, 1, 0, 1, 0], [], "copy has 1 operands"),
    ([1, 1, 1, 0, 2, 1, 0, 0], [], "operand 1 is read before it is written"),
    ([1, 1, 1, 0, 1, 0, 0, 0], [], "output 0 is never written"),
    ([1, 0, 1, 0, 1, 0, 0, 0], [0.0] * 257, "expected 0 to 256 constants, got 257"),
]


@pytest.mark.parametrize(("code", "constants", "message"), BAD)
def test_malformed_codes_are_refused(code, constants, message):
    x = np.ones(4, np.float32)
    with pytest.raises(ValueError, match=message):
        _native.run_small_program(np.array(code, np.int32), np.array(constants, np.float32), [x], [x.copy()])


def test_arrays_that_do_not_fit_are_refused():
    code = encode(one_step("add"))
    x, y = np.ones((2, 3), np.float32), np.empty((2, 3), np.float32)
    for inputs, outputs, message in [
        ([x], [y], "inputs: expected 2 arrays, got 1"),
        ([x, x], [y, y], "outputs: expected 1 arrays or None, got 2"),
        ([x, x], [None], "expected at least one array"),
        ([x, np.ones((2, 2), np.float32)], [y], "input 1: an axis of size 2 does not broadcast to 3"),
        ([x, np.ones((1, 2, 3), np.float32)], [y], "input 1: expected at most 2 axes, got 3"),
        ([x, np.ones((2, 3))], [y], "inputs: expected a C-contiguous float32 array"),
    ]:
        with pytest.raises(ValueError, match=message):
            _native.run_small_program(*code, inputs, outputs)


def test_the_largest_program_runs(isa):
    """As many inputs, outputs, slots, constants and steps as there may be."""
    inputs, outputs = LIMITS["inputs"], LIMITS["outputs"]
    slots = LIMITS["blocks"] - inputs - outputs
    first_constant = LIMITS["blocks"]
    steps = [
        [_opcode("add"), inputs + k % slots, k % inputs, first_constant + k % LIMITS["constants"], 0]
        for k in range(LIMITS["steps"] - outputs)
    ]
    steps += [[_opcode("copy"), inputs + slots + k, inputs + k % slots, 0, 0] for k in range(outputs)]
    code = np.array([inputs, slots, outputs, *np.ravel(steps)], np.int32)
    constants = np.arange(LIMITS["constants"], dtype=np.float32)
    arrays = [np.full((3, 50), k, np.float32) for k in range(inputs)]
    made = [np.empty((3, 50), np.float32) for _ in range(outputs)]
    _native.run_small_program(code, constants, arrays, made)
    last = {k % slots: k for k in range(LIMITS["steps"] - outputs)}
    for k in range(outputs):
        step = last[k % slots]
        assert (made[k] == step % inputs + step % LIMITS["constants"]).all()


def _opcode(name: str) -> int:
    return list(INSTRUCTIONS).index(name)
