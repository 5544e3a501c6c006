"""Functions of hl.ops on arrays: what is kept of them is bounded, and integers are exact or refused."""

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop import ops
from hotloop.core.state import state_of
from hotloop.ops import eager

N = 2**24


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(eager, "_programs", type(eager._programs)())
    return


def test_programs_are_kept_by_what_they_take() -> None:
    for columns in range(1000, 1012):
        ops.sum(ops.softmax(np.ones((1000, columns), "f4"), axis=0))
    kept = [program.bytes for program in eager._programs.values()]
    assert 0 < sum(kept) <= eager.MOST_BYTES
    assert 2 < len(kept) < 24


def test_the_last_ones_used_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = [np.ones(100 + i, "f4") for i in range(4)]
    monkeypatch.setattr(eager, "MOST_BYTES", 3 * 4 * 104)
    for array in [*arrays[:3], arrays[0], arrays[3]]:
        ops.exp(array)
    assert [key[2][0].shape for key in eager._programs] == [(102,), (100,), (103,)]


def test_what_is_too_large_to_keep_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    compiled = eager.Compiled
    monkeypatch.setattr(eager, "Compiled", lambda *a: made.append(weakref.ref(one := compiled(*a))) or one)
    monkeypatch.setattr(eager, "MOST_BYTES", 4 * 1000)
    np.testing.assert_array_equal(ops.square(np.full(1000, 3.0)), np.full(1000, 9.0, "f4"))
    np.testing.assert_array_equal(ops.square(np.full(1001, 3.0)), np.full(1001, 9.0, "f4"))
    gc.collect()
    assert [one() is None for one in made] == [False, True]
    assert len(eager._programs) == 1


def test_keys_hold_no_arrays() -> None:
    array = np.zeros(100_000)
    state: Any = state_of({"places": array, "part": slice(1, 2)})
    assert len(repr(state)) < 2000
    assert state == state_of({"places": array.copy(), "part": slice(1, 2)})
    assert state != state_of({"places": array, "part": slice(1, 3)})


def ints(*numbers: int) -> Any:
    return np.array(numbers, np.int32)


REFUSED = {
    "add": lambda: ops.add(ints(N + 1, 5), 0),
    "equal": lambda: ops.equal(ints(N + 1), ints(N)),
    "equal of numbers": lambda: ops.equal(N + 1, N),
    "equal beside an array": lambda: ops.equal(ints(1), N + 1),
    "maximum": lambda: ops.maximum(ints(N + 1), 0),
    "negative": lambda: ops.negative(ints(-(2**31))),
    "argmax": lambda: ops.argmax(ints(N, N + 1)),
    "where": lambda: ops.where(np.array([True]), ints(N + 1), 0),
    "broadcast": lambda: ops.broadcast_to(ints(N + 1), (2, 1)),
    "equal of what was moved": lambda: ops.one_hot(ints(N + 1), 3),
    "sum": lambda: ops.sum(ints(N, 1)),
    "multiply": lambda: ops.multiply(ints(4097), 4097),
    "matmul": lambda: ops.matmul(ints(4096, 4096).reshape(1, 2), ints(4096, 1).reshape(2, 1)),
    "power": lambda: ops.power(ints(3), 20),
}


@pytest.mark.parametrize("name", REFUSED)
def test_integers_that_float32_does_not_hold_are_refused(name: str) -> None:
    for _ in range(2):  # when the program is made, and when it is known
        with pytest.raises(ValueError, match=rf"^{name.split()[0]}: expected .*2\*\*24"):
            REFUSED[name]()


def test_a_number_beside_a_tensor_of_integers_is_refused_too() -> None:
    places = ops.argmax(hl.Input((3,)), axis=-1)
    with pytest.raises(ValueError, match=r"equal: expected integers .* got 16777217"):
        places == N + 1  # noqa: B015
    assert ops.where(places > 1, places, -(2**31)).dtype == "int32"  # which float32 holds


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda: ops.add(ints(N - 2, -N), 1), ints(N - 1, 1 - N)),
        (lambda: ops.equal(ints(N, N - 1), N), np.array([True, False])),
        (lambda: ops.sum(ints(N - 2, 1)), ints(N - 1)[0]),
        (lambda: ops.reshape(ints(N + 1, -(2**31)), (2, 1)), ints(N + 1, -(2**31)).reshape(2, 1)),
        (lambda: ops.transpose(ints(N + 1, 5).reshape(2, 1)), ints(N + 1, 5).reshape(1, 2)),
        (lambda: ops.expand_dims(ints(2**31 - 1), 0), ints(2**31 - 1).reshape(1, 1)),
        (lambda: ops.squeeze(ints(2**31 - 1)), np.array(2**31 - 1, "i4")),
        (lambda: ops.stop_gradient(ints(2**31 - 1)), ints(2**31 - 1)),
        (lambda: ops.split(ints(1, N + 1), 2)[1], ints(N + 1)),
        (lambda: ops.slice(ints(1, N + 1), (1,), (1,)), ints(N + 1)),
        (lambda: ops.concatenate([ints(N + 1, 2), ints(-(2**31))]), ints(N + 1, 2, -(2**31))),
        (lambda: ops.stack([ints(N + 1), ints(2)]), ints(N + 1, 2).reshape(2, 1)),
        (lambda: ops.argmax(np.r_[np.zeros(N + 3, "f4"), np.float32(1)]), np.array(N + 3, "i4")),
        (lambda: ops.concatenate([ints(1, N), ints(2), np.array([True])]), ints(1, N, 2, 1)),
        (lambda: ops.stack([ints(1), ints(2)]), ints(1, 2).reshape(2, 1)),
        # Into floats integers are rounded, as by NumPy, and floats become any integers that they are.
        (lambda: ops.cast(ints(N + 1), "float32"), np.array([N], "f4")),
        (lambda: ops.cast([1e9], "int32"), ints(10**9)),
        (lambda: ops.add(ints(N + 1), 1.0), np.array([N], "f4")),
        (lambda: ops.mean(ints(N + 1, N + 1)), np.float32(N)),
    ],
)
def test_other_integers_are_exact(made: Any, expected: Any) -> None:
    got = made()
    np.testing.assert_array_equal(got, expected)
    assert got.dtype == expected.dtype


NOTHING = np.zeros((0, 3), np.float32)


@pytest.mark.parametrize(
    ("function", "arrays"),
    [
        ("maximum", (NOTHING, 0.0)),
        ("add", (NOTHING, np.ones(3, "f4"))),
        ("multiply", (NOTHING, np.ones((1, 3), "f4"))),
        ("exp", ([],)),
        ("equal", (NOTHING, 1.0)),
        ("where", (NOTHING, 1.0, 2.0)),
        ("clip", (NOTHING, 0.0, 1.0)),
        ("sum", (NOTHING,)),
        ("sum", (NOTHING, 0)),
        ("sum", (NOTHING, 1)),
        ("sum", (np.zeros(0, np.int32),)),
        ("any", (NOTHING,)),
        ("all", (NOTHING, 0)),
        ("concatenate", ([NOTHING, np.ones((2, 3), "f4")],)),
        ("concatenate", ([np.zeros((0, 2), np.int32)] * 2,)),
        ("stack", ([NOTHING, NOTHING], 1)),
        ("reshape", (NOTHING, (3, 0))),
        ("transpose", (NOTHING,)),
        ("expand_dims", (NOTHING, 0)),
        ("matmul", (np.zeros((2, 0), "f4"), NOTHING)),
        ("zeros_like", (NOTHING,)),
        ("argmax", (NOTHING, 1)),
    ],
)
def test_of_arrays_without_numbers_comes_what_comes_of_them_in_numpy(function: str, arrays: Any) -> None:
    got, expected = getattr(ops, function)(*arrays), getattr(np, function)(*arrays)
    np.testing.assert_array_equal(got, expected)
    assert got.shape == expected.shape
    assert got.dtype.kind == expected.dtype.kind


def test_functions_of_several_operations_take_arrays_without_numbers() -> None:
    assert ops.softmax(NOTHING).shape == ops.relu(NOTHING).shape == (0, 3)
    assert ops.one_hot(np.zeros(0, int), 3).shape == (0, 3)
    assert np.isnan(ops.mean(NOTHING))
    assert np.isnan(ops.std(NOTHING, axis=0)).all()
    for refused in (ops.max, ops.argmax, ops.logsumexp):
        with pytest.raises(ValueError, match="expected at least one number, got an array of shape"):
            refused(NOTHING)
    with pytest.raises(ValueError, match="add: expected at least one number"):
        hl.Input((3,)) + NOTHING
