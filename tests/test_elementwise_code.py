"""Codes of elementwise ops: how they are written, encoded, merged and kept in files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hotloop import _native
from hotloop.ir.elementwise import (
    INSTRUCTIONS,
    LIMITS,
    Bound,
    Builder,
    Code,
    Growing,
    Step,
    decode,
    encode,
    fits,
    node_arrays,
)
from small_programs import random_code, run


def test_formulas_read_well():
    build = Builder(2)
    error = build("subtract", 0, 1)
    small = build("less", build("abs", error), 1.0)
    huber = build(
        "where",
        small,
        build("multiply", build("square", error), 0.5),
        build("subtract", build("abs", error), 0.5),
    )
    assert str(build.code([huber])) == (
        "t0 = x0 - x1; t1 = abs(t0); where(t1 < 1, square(t0) * 0.5, t1 - 0.5)"
    )


@pytest.mark.parametrize(
    ("write", "formula"),
    [
        (lambda b: b("multiply", b("add", 0, 1), 2.0), "(x0 + x1) * 2"),
        (lambda b: b("subtract", 0, b("subtract", 1, 0.1)), "x0 - (x1 - 0.1)"),
        (lambda b: b("subtract", b("subtract", 0, 1), 0.1), "x0 - x1 - 0.1"),
        (lambda b: b("divide", 0, b("multiply", 0, 1)), "x0 / (x0 * x1)"),
        (lambda b: b("negative", b("add", 0, 1)), "-(x0 + x1)"),
        (lambda b: b("power", b("negative", 0), b("power", 1, 0)), "(-x0) ** x1 ** x0"),
        (lambda b: b("add", 0, float("-inf")), "x0 + -inf"),
        (lambda b: b("less", b("equal", 0, 1), 0.5), "(x0 == x1) < 0.5"),
    ],
)
def test_parentheses_stand_where_they_must(write, formula):
    build = Builder(2)
    assert str(build.code([write(build)])) == formula


def test_builders_share_fold_and_drop():
    build = Builder(1)
    once = build("exp", 0)
    assert build("exp", 0) == once
    assert build("add", 1.0, 2.0) == 3.0
    assert build("multiply", once, 1.0) == once
    assert build("divide", once, 1.0) == once
    assert build("negative", build("negative", once)) == once
    assert build("power", 0, 1.0) == 0
    assert build("where", 0.0, once, 0) == 0
    # Of these no float32 arithmetic knows the last bit: they are left to the native half.
    assert isinstance(build("exp", 1.0), int)
    build("log", 0)
    assert build.code([once]).steps == (Step("exp", (0,)),)


def test_zeros_of_either_sign_are_two_constants():
    build = Builder(1)
    assert build("divide", 0, 0.0) != build("divide", 0, -0.0)
    code = build.code([build("divide", 0, 0.0), build("divide", 0, -0.0)])
    np.testing.assert_array_equal(np.ravel(run(code, np.ones(1, np.float32))), [np.inf, -np.inf])


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0, 3.0, 0.5, -0.5, -1.0, -2.0, 4.0, 1.7])
def test_constant_powers(exponent):
    build = Builder(1)
    code = build.code([build("power", 0, exponent)])
    x = np.array([0.3, 1.0, 2.0, 7.5, 100.0], np.float32)
    np.testing.assert_allclose(run(code, x)[0], x.astype(float) ** exponent, rtol=4e-7)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_written_to_json_comes_back(seed):
    rng = np.random.default_rng(seed)
    code = random_code(rng, int(rng.integers(0, 4)), int(rng.integers(1, 30)), int(rng.integers(1, 4)))
    assert Code.from_dict(json.loads(json.dumps(code.to_dict()))) == code
    assert isinstance(str(code), str)


def test_special_constants_survive_json():
    code = Code(1, (Step("add", (0, float("inf"))), Step("add", (1, -0.0))), (2, float("nan")))
    again = Code.from_dict(json.loads(json.dumps(code.to_dict())))
    assert str(again) == str(code) == "x0 + inf + -0, nan"


@pytest.mark.parametrize("seed", range(20))
def test_what_is_encoded_is_decoded_again(seed):
    rng = np.random.default_rng(seed)
    code = random_code(rng, int(rng.integers(0, 4)), int(rng.integers(1, 30)), int(rng.integers(1, 4)))
    # Copies that steps made are gone, and so is what was never read.
    build = Builder(code.inputs)
    values = build.include(code, range(code.inputs))
    simple = build.code([values[o] if isinstance(o, int) else o for o in code.outputs])
    assert decode(node_arrays(simple)) == simple


def test_arrays_that_are_no_program_are_not_decoded():
    good = node_arrays(Code(1, (Step("exp", (0,)),), (1,)))
    with pytest.raises(ValueError, match="expected the arrays code and constants, got"):
        decode({"code": good["code"]})
    for code, message in (
        (good["code"][:-1], "expected 3 integers and 5 for each step"),
        (good["code"] + 1, "expm1 has 1 operands"),
        (good["code"].astype(np.float32), "expected a C-contiguous int32 array"),
    ):
        with pytest.raises(ValueError, match=message):
            decode(good | {"code": code})


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "code: expected a dict"),
        ({"inputs": 1, "steps": []}, "expected inputs, steps and outputs"),
        ({"inputs": "1", "steps": [], "outputs": [0]}, "inputs: expected an integer"),
        ({"inputs": -1, "steps": [], "outputs": ["1"]}, "inputs: expected at least 0"),
        ({"inputs": 1, "steps": "exp", "outputs": [0]}, "steps: expected a list"),
        ({"inputs": 1, "steps": ["exp"], "outputs": [0]}, "step: expected a list"),
        ({"inputs": 1, "steps": [[]], "outputs": [0]}, "unknown instruction None"),
        ({"inputs": 1, "steps": [["expp", 0]], "outputs": [1]}, "did you mean 'exp'"),
        ({"inputs": 1, "steps": [[["exp"], 0]], "outputs": [1]}, "unknown instruction"),
        ({"inputs": 1, "steps": [["exp", 0, 0]], "outputs": [1]}, "exp: expected 1 operands, got 2"),
        (
            {"inputs": 1, "steps": [["exp", 1]], "outputs": [1]},
            "exp: operand: expected a value from 0 to 0",
        ),
        ({"inputs": 1, "steps": [["exp", -1]], "outputs": [1]}, "operand: expected a value"),
        ({"inputs": 1, "steps": [["exp", True]], "outputs": [1]}, "operand: expected an integer"),
        ({"inputs": 1, "steps": [["exp", 0.5]], "outputs": [1]}, "operand: expected an integer"),
        ({"inputs": 1, "steps": [["exp", "x"]], "outputs": [1]}, "constant: expected a number, got x"),
        (
            {"inputs": 1, "steps": [["exp", 0]], "outputs": [2]},
            "outputs: operand: expected a value",
        ),
        ({"inputs": 1, "steps": [["exp", 0]], "outputs": []}, "outputs: expected at least one"),
    ],
)
def test_what_comes_out_of_a_file_is_looked_at(config, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Code.from_dict(config)


def test_slots_are_used_again():
    build = Builder(1)
    value = 0
    for _ in range(30):
        value = build("exp", value)
    steps, _ = encode(build.code([value]))
    assert steps[:3].tolist() == [1, 1, 1]


def test_codes_that_are_too_large_are_refused():
    build = Builder(1)
    made = [build("add", 0, float(k)) for k in range(LIMITS["blocks"])]
    total = made[0]
    for value in made[1:]:
        total = build("multiply", total, value)
    code = build.code([total])
    assert not fits(code)
    with pytest.raises(ValueError, match=f"expected at most {LIMITS['blocks']} blocks, got .*split"):
        encode(code)
    assert fits(Code(1, (Step("exp", (0,)),), (1,)))


def code_of(inputs: int, name: str, *operands: int | float) -> Code:
    return Code(inputs, (Step(name, operands),), (inputs,))


def test_merging_reads_each_value_once():
    first = Bound(code_of(2, "multiply", 0, 1), ("a", "b"), ("product",))
    second = Bound(code_of(2, "add", 0, 1), ("product", "a"), ("sum",))
    merged = Growing(first).taking(second).bound()
    assert (str(merged.code), merged.inputs, merged.outputs) == ("x0 * x1 + x0", ("a", "b"), ("sum",))
    both = Growing(first).taking(second, kept={"product"}).bound()
    assert str(both.code) == "t0 = x0 * x1; t0, t0 + x0"
    assert both.outputs == ("product", "sum")


def test_merging_drops_inputs_that_nothing_reads():
    first = Bound(code_of(1, "exp", 0), ("a",), ("e",))
    second = Bound(code_of(2, "where", 1.0, 0, 1), ("b", "e"), ("out",))
    merged = Growing(first).taking(second).bound()
    assert (str(merged.code), merged.inputs) == ("x0", ("b",))


def test_merging_the_wrong_way_round_is_refused():
    first = Bound(code_of(1, "exp", 0), ("a",), ("e",))
    second = Bound(code_of(1, "log", 0), ("e",), ("a2",))
    with pytest.raises(ValueError, match="of which nothing is read here"):
        Growing(second).taking(first)


def test_a_code_that_took_in_another_may_take_in_a_third_instead():
    """Steps that were made for the one are not among those of the other, nor are its inputs."""
    first = Growing(Bound(code_of(1, "exp", 0), ("a",), ("e",)))
    one = first.taking(Bound(code_of(2, "multiply", 0, 1), ("e", "b"), ("product",)))
    other = first.taking(Bound(code_of(2, "add", 0, 1), ("e", "c"), ("sum",)))
    for grown, text, inputs in ((one, "exp(x0) * x1", ("a", "b")), (other, "exp(x0) + x1", ("a", "c"))):
        assert (str(grown.bound().code), grown.inputs, grown.steps) == (text, inputs, 2)
    assert (str(first.bound().code), first.steps) == ("exp(x0)", 1)


def test_more_inputs_than_the_native_half_takes_are_refused():
    many = range(LIMITS["inputs"])
    full = Growing(Bound(Code(len(many), (), tuple(many)), tuple(map(str, many)), tuple(map(chr, many))))
    with pytest.raises(ValueError, match=f"at most {len(many)} inputs"):
        full.taking(Bound(code_of(1, "exp", 0), ("another",), ("made",)))


@pytest.mark.parametrize("seed", range(20))
def test_a_merged_code_computes_what_the_two_did(seed):
    rng = np.random.default_rng(seed)
    names = [name for name in INSTRUCTIONS if name != "power"]  # which merging may make a square
    one, two = (random_code(rng, 2, int(rng.integers(1, 12)), 2, names) for _ in range(2))
    first, second = Bound(one, ("a", "b"), ("c", "d")), Bound(two, ("d", "b"), ("e", "f"))
    merged = Growing(first).taking(second, kept={"c"}).bound()
    a, b = rng.normal(size=(2, 50)).astype(np.float32)
    c, d = run(one, a, b)
    expected = {"c": c, **dict(zip("ef", run(two, d, b), strict=True))}
    arrays = {"a": a, "b": b}
    outputs = [np.empty(50, np.float32) for _ in merged.outputs]
    _native.run_small_program(*encode(merged.code), [arrays[name] for name in merged.inputs], outputs)
    assert merged.outputs == ("c", "e", "f")
    for name, got in zip(merged.outputs, outputs, strict=True):
        np.testing.assert_array_equal(got, expected[name])
