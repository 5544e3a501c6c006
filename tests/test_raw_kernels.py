"""What the raw kernels' door lets in: overlapping memory, foreign byte orders, numbers out of range.

Of every kernel, every operand and every pair of one that is read and one that is written.
"""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import hotloop as hl
from hotloop import kernels

R = np.random.default_rng(7)
F32, U16, U8, S8, S32 = (np.dtype(t) for t in ("f4", "u2", "u1", "i1", "i4"))


def floats(*shape: int) -> np.ndarray:
    return R.normal(size=shape).astype(F32)


class Case(NamedTuple):
    """A kernel with its operands; ``written`` are those that it writes, of which it reads all but ``out``."""

    kernel: Callable[..., Any]
    operands: dict[str, np.ndarray]
    written: dict[str, np.ndarray]
    options: dict[str, Any] = {}  # noqa: RUF012

    def run(self, **given: Any) -> list[np.ndarray]:
        """The results, as arrays of their own."""
        arrays = {k: v.copy() for k, v in (self.operands | self.written).items()} | given
        result = self.kernel(**arrays, **self.options)
        found = result if isinstance(result, tuple) else (result,)
        numbers = [v for v in found if not isinstance(v, kernels.PackedWeights)]
        return [np.array(a) for a in [*[arrays[name] for name in self.written], *numbers] if a is not None]


BYTES = {"a": R.integers(0, 256, (5, 6)).astype(U8), "weights": R.integers(-127, 128, (6, 7)).astype(S8)}
BIAS = {"bias": R.integers(-99, 99, 7).astype(S32)}
SCALE = {"scale": R.uniform(0.5, 2, 7).astype(F32)}
STEP = {"weights": floats(40)}
CASES = {
    "activation": Case(kernels.activation, {"x": floats(5, 8)}, {"out": floats(5, 8)}, {"kind": "gelu"}),
    "activation along rows": Case(
        kernels.activation, {"x": floats(5, 8)}, {"out": floats(5, 8)}, {"kind": "sparsemax"}
    ),
    "activation, halved": Case(
        kernels.activation, {"x": floats(5, 8)}, {"out": floats(5, 4)}, {"kind": "glu"}
    ),
    "activation_gradient": Case(
        kernels.activation_gradient,
        {"x": floats(5, 8), "dy": floats(5, 8)},
        {"out": floats(5, 8)},
        {"kind": "tanh"},
    ),
    "activation_gradient along rows": Case(
        kernels.activation_gradient,
        {"x": floats(5, 8), "dy": floats(5, 8)},
        {"out": floats(5, 8)},
        {"kind": "softmax"},
    ),
    "softmax": Case(kernels.softmax, {"x": floats(5, 8)}, {"out": floats(5, 8)}),
    "softmax down": Case(kernels.softmax, {"x": floats(5, 8)}, {"out": floats(5, 8)}, {"axis": 0}),
    "to_bf16": Case(kernels.to_bf16, {"x": floats(60)}, {"out": np.zeros(60, U16)}),
    "from_bf16": Case(kernels.from_bf16, {"x": kernels.to_bf16(floats(60))}, {"out": floats(60)}),
    "gemm": Case(
        kernels.gemm, {"a": floats(5, 6), "b": floats(6, 7), "bias": floats(7)}, {"out": floats(5, 7)}
    ),
    "gemm_bf16": Case(
        kernels.gemm_bf16,
        {"a": floats(5, 6), "weights": kernels.to_bf16(floats(6, 7)), "bias": floats(7)},
        {"out": floats(5, 7)},
    ),
    "gemm_bf16 of two": Case(
        kernels.gemm_bf16,
        {"a": kernels.to_bf16(floats(5, 6)), "weights": kernels.to_bf16(floats(6, 7)), "bias": floats(7)},
        {"out": floats(5, 7)},
    ),
    "gemm_bf16 to bfloat16": Case(
        kernels.gemm_bf16,
        {"a": kernels.to_bf16(floats(5, 6)), "weights": kernels.to_bf16(floats(6, 7)), "bias": floats(7)},
        {"out": np.zeros((5, 7), U16)},
    ),
    "gemm_int8": Case(kernels.gemm_int8, BYTES | BIAS, {"out": np.zeros((5, 7), S32)}),
    "gemm_int8 to floats": Case(
        kernels.gemm_int8, BYTES | BIAS | SCALE, {"out": floats(5, 7)}, {"a_zero_point": 3}
    ),
    "gemm_int8 to bytes": Case(
        kernels.gemm_int8, BYTES | BIAS | SCALE, {"out": np.zeros((5, 7), U8)}, {"zero_point": 9}
    ),
    "gemm_int8_dynamic": Case(
        kernels.gemm_int8_dynamic,
        {"x": floats(5, 6), "weights": BYTES["weights"], "bias": floats(7)} | SCALE,
        {"out": floats(5, 7)},
    ),
    "quantize": Case(
        kernels.quantize, {"x": floats(60)}, {"out": np.zeros(60, U8)}, {"scale": 0.1, "zero_point": 3}
    ),
    "quantize_columns": Case(
        kernels.quantize_columns,
        {"x": floats(5, 6), "scale": R.uniform(0.01, 0.1, 6).astype(F32), "offset": floats(6) - F32.type(2)},
        {"out": np.zeros((5, 6), U8)},
    ),
    "dequantize": Case(
        kernels.dequantize, {"q": BYTES["a"]}, {"out": floats(5, 6)}, {"scale": 0.1, "zero_point": 3}
    ),
    "sgd_step": Case(
        kernels.sgd_step, {"gradients": floats(40)}, STEP | {"velocity": floats(40)}, {"momentum": 0.5}
    ),
    "rmsprop_step": Case(
        kernels.rmsprop_step,
        {"gradients": floats(40)},
        STEP | {"mean_square": abs(floats(40)), "velocity": floats(40), "mean_gradient": 0 * floats(40)},
        {"momentum": 0.5},
    ),
    "adam_step": Case(
        kernels.adam_step,
        {"gradients": floats(40)},
        STEP | {"m": floats(40), "v": abs(floats(40)), "v_hat": abs(floats(40))},
        {"step": 3},
    ),
    "quantize_rows": Case(kernels.quantize_rows, {"x": floats(5, 8)}, {}),
    "quantize_weights": Case(
        kernels.quantize_weights, {"weights": floats(5, 8), "bias": floats(8)}, {}, {"input_scale": 0.1}
    ),
    "min_max": Case(kernels.min_max, {"x": floats(60)}, {}),
    "pack_weights": Case(kernels.pack_weights, {"weights": BYTES["weights"]}, {}),
    "softmax_cross_entropy": Case(
        kernels.softmax_cross_entropy,
        {"logits": floats(5, 8), "labels": np.arange(5, dtype=S32), "sample_weight": abs(floats(5))},
        {},
    ),
    "softmax_cross_entropy of rows": Case(
        kernels.softmax_cross_entropy, {"logits": floats(5, 8), "labels": np.eye(8, dtype=F32)[:5]}, {}
    ),
}
cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def test_every_kernel_and_every_operand_is_here() -> None:
    tried = {case.kernel.__name__ for case in CASES.values()}
    assert tried == set(kernels.__all__) - {"PackedWeights"}
    for name in tried:
        arrays = {
            p.name
            for p in inspect.signature(getattr(kernels, name)).parameters.values()
            if "ArrayLike" in str(p.annotation)
            or "NDArray" in str(p.annotation)
            or p.annotation in ("F32", "Floats")
        }
        given = {
            k for case in CASES.values() if case.kernel.__name__ == name for k in case.operands | case.written
        }
        assert arrays <= given, f"{name}: {arrays - given}"


def overlapping(one: np.ndarray, other: np.ndarray, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays like these, the second ``shift`` bytes behind the first, in one piece of memory."""
    memory = np.zeros(4096, np.uint8)
    views = []
    for array, at in ((other, 1024 + shift), (one, 1024)):
        views.append(memory[at : at + array.nbytes].view(array.dtype).reshape(array.shape))
        views[-1][...] = array
    views[0][...] = other  # what is read is as it should be; what is written begins as it may
    return views[1], views[0]


@cases
def test_an_operand_may_lie_in_what_is_written(case: Case) -> None:
    for name, operand in case.operands.items():
        for target, written in case.written.items():
            reach = min(operand.nbytes, written.nbytes) // 2
            for shift in {0, 8, -8, reach // 8 * 8, -(reach // 8) * 8}:
                out, given = overlapping(written, operand, shift)
                assert np.may_share_memory(out, given)
                expected = case.run(**{name: given.copy(), target: out.copy()})
                got = case.run(**{name: given, target: out})
                for ours, right in zip(got, expected, strict=True):
                    assert ours.tobytes() == right.tobytes(), (name, target, shift)


def test_packed_weights_may_lie_in_what_is_written() -> None:
    packed = kernels.pack_weights(BYTES["weights"])
    expected = kernels.gemm_int8(BYTES["a"], packed)
    for part in ("data", "column_sums"):
        out, inside = overlapping(np.zeros((5, 7), S32), getattr(packed, part), 0)
        parts = {"data": packed.data, "column_sums": packed.column_sums} | {part: inside}
        own = kernels.PackedWeights(shape=packed.shape, **parts)
        np.testing.assert_array_equal(kernels.gemm_int8(BYTES["a"], own, out=out), expected)


@cases
def test_arrays_that_are_updated_have_memory_of_their_own(case: Case) -> None:
    names = [name for name in case.written if name not in ("out", "counts")]
    for i, name in enumerate(names):
        for other in names[:i]:
            for shift in (0, 8, -8):
                one, two = overlapping(case.written[name], case.written[other], shift)
                with pytest.raises(ValueError, match="expected memory of its own"):
                    case.run(**{name: one, other: two})


@cases
def test_byte_orders_do_not_change_numbers(case: Case) -> None:
    expected = case.run()
    for name, operand in case.operands.items():
        swapped = operand.astype(operand.dtype.newbyteorder(">"))
        for given in (swapped, swapped[::-1][::-1], np.asfortranarray(swapped)):
            for ours, right in zip(case.run(**{name: given}), expected, strict=True):
                assert ours.tobytes() == right.tobytes(), name
    for name, written in case.written.items():
        swapped = written.astype(written.dtype.newbyteorder(">"))
        if swapped.dtype != written.dtype:
            with pytest.raises((TypeError, ValueError), match=rf"^{name}: expected .*>"):
                case.run(**{name: swapped})


INTEGERS = {
    "quantize": ("zero_point", 0, 255),
    "dequantize": ("zero_point", 0, 255),
    "gemm_int8 to floats": ("a_zero_point", 0, 255),
    "gemm_int8 to bytes": ("zero_point", 0, 255),
    "adam_step": ("step", 1, 2**63 - 1),
    "softmax down": ("axis", -2, 1),
}
NOT_INTEGERS = [3.5, 3.0, np.float32(3), "3", True, [3], 3j]
BEYOND = [2**31, 2**40, 2**63, 2**64, 2**200, -(2**31), -(2**63) - 1]


def test_every_integer_is_here() -> None:
    for name in kernels.__all__:
        parameters = inspect.signature(getattr(kernels, name)).parameters.values()
        tried = {INTEGERS[k][0] for k, c in CASES.items() if c.kernel.__name__ == name and k in INTEGERS}
        if name != "PackedWeights":
            assert {p.name for p in parameters if str(p.annotation).startswith("int")} <= tried


@pytest.mark.parametrize("name", INTEGERS)
def test_integers_are_integers_in_range(name: str) -> None:
    parameter, low, high = INTEGERS[name]
    case = CASES[name]
    for value in NOT_INTEGERS:
        with pytest.raises(TypeError, match=f"^{parameter}: expected an integer, got "):
            case._replace(options=case.options | {parameter: value}).run()
    for value in (v for v in [low - 1, high + 1, *BEYOND] if not low <= v <= high):
        with pytest.raises(ValueError, match=rf"^{parameter}: expected .*, got -?\d+$"):
            case._replace(options=case.options | {parameter: value}).run()
    for value in (np.int64(low), high):
        case._replace(options=case.options | {parameter: value}).run()


NUMBERS = {
    "quantize": ["scale"],
    "dequantize": ["scale"],
    "gemm_int8 to bytes": ["out_scale"],
    "quantize_weights": ["input_scale"],
    "sgd_step": ["learning_rate", "momentum", "weight_decay", "clip_value"],
    "rmsprop_step": ["learning_rate", "rho", "momentum", "epsilon", "weight_decay", "clip_value"],
    "adam_step": ["learning_rate", "beta_1", "beta_2", "epsilon", "weight_decay", "clip_value"],
    "activation": ["alpha", "beta"],
    "activation_gradient": ["alpha", "beta"],
    "softmax_cross_entropy of rows": ["label_smoothing"],
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_numbers(name: str) -> None:
    case = CASES[name]
    for parameter in NUMBERS[name]:
        for value, error in [
            ("1", TypeError),
            (1j, TypeError),
            (np.nan, ValueError),
            (1e300, ValueError),  # finite, and infinite in float32
            ([1.0] * 9999, TypeError),
        ]:
            with pytest.raises(error, match=f"^{parameter}: expected a") as info:
                case._replace(options=case.options | {parameter: value}).run()
            assert len(str(info.value)) < 300


def test_a_bound_holds_in_float32_too() -> None:
    weights, gradients = np.ones(3, F32), np.ones(3, F32)
    for value in (1e-300, 1e-46):  # 0 there, which says that nothing is clipped
        with pytest.raises(ValueError, match=r"^clip_value: expected a number that float32 can tell from 0"):
            kernels.sgd_step(weights, gradients, clip_value=value)
        with pytest.raises(ValueError, match=r"^SGD: clipvalue: expected a number that float32 can tell"):
            hl.optimizers.SGD(clipvalue=value)
    with pytest.raises(ValueError, match=r"^SGD: learning_rate: expected a number that is finite in float32"):
        hl.optimizers.SGD(1e300)
    with pytest.raises(ValueError, match=r"^Adam: beta_2: expected a number that float32 can tell from 1"):
        hl.optimizers.Adam(beta_2=1 - 1e-12)
    kernels.sgd_step(weights, gradients, learning_rate=float(np.finfo(F32).max))
    assert np.isfinite(weights).all()
