"""What functions of hl.ops say of wrong calls: the function by its name, and what it takes."""

import re
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop import ops

X = hl.Input((4,))
ONES = np.ones((2, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: ops.sum(ONES, axes=1),
            "sum: got an unexpected keyword argument 'axes'; it takes sum(x, axis=None, keepdims=False)",
        ),
        (lambda: ops.sum(X, axes=1), "sum: got an unexpected keyword argument 'axes'; it takes sum(x, axis"),
        (lambda: ops.relu(), "relu: missing a required argument: 'x'; it takes relu(x)"),
        (lambda: ops.relu(X, 1), "relu: too many positional arguments; it takes relu(x)"),
        (lambda: ops.concatenate([]), "concatenate: xs: expected one tensor at least, got an empty list"),
        (lambda: ops.stack([]), "stack: xs: expected one tensor at least"),
        (lambda: ops.concatenate(1.0), "concatenate: xs: expected a list of tensors, got float"),
        (lambda: ops.add(np.array([object()]), 1), "add: expected .* a number, got an array of object"),
        (lambda: X + np.array(["2020-01-01"], "M8[D]"), "add: expected .* got an array of datetime64"),
        (lambda: ops.exp("a"), "exp: expected a symbolic tensor, an array or a number, got str"),
        (lambda: pow(X, 2, 3), "pow: expected two arguments, got a third; write hotloop.ops.mod"),
    ],
)
def test_wrong_calls(call: Any, message: str) -> None:
    with pytest.raises(
        (TypeError, ValueError), match=f"^{re.escape(message).replace(re.escape('.*'), '.*')}"
    ):
        call()


def test_an_error_of_the_body_is_what_it_was() -> None:
    with pytest.raises(TypeError, match="reshape: newshape: expected an integer, got str"):
        ops.reshape(X, ("a",))


def test_ragged_lists_are_named() -> None:
    message = "add: expected lists of one length on each level, got some of different lengths"
    for call in (lambda x: ops.add(x, 1), lambda x: X + ops.add(0, x)):
        with pytest.raises(ValueError, match=message):
            call([[1.0, 2.0], [3.0]])


@pytest.mark.parametrize(
    "name", ["sum", "mean", "max", "amin", "var", "std", "logsumexp", "any", "all", "argmax"]
)
def test_axes_that_are_not_there(name: str) -> None:
    function = getattr(ops, name)
    for given in (X, ONES):
        with pytest.raises(ValueError, match=f"^{name}: axis: expected -2 to 1 for 2 axes, got 2"):
            function(given, axis=2)
    with pytest.raises(ValueError, match=f"^{name}: axis: expected None, as a single number has no axes"):
        function(1.5, axis=-1)
    with pytest.raises(TypeError, match=f"^{name}: expected a symbolic tensor"):
        function("a")


def test_divmod_is_two_functions() -> None:
    quotient, rest = divmod(X, 3.0)
    model = hl.Model(X, [quotient, rest, *divmod(7.0, X)])
    x = np.float32([[7, -7, 2, 9]])
    expected = [*np.divmod(x, 3), *np.divmod(7, x)]
    for got, one in zip(model.predict(x, verbose=0), expected, strict=True):
        np.testing.assert_array_equal(got, one)


def test_one_hot_takes_floats() -> None:
    np.testing.assert_array_equal(ops.one_hot([0.0, 2.0], 3), [[1, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(ops.one_hot(np.array([True, False]), 2), [[0, 1], [1, 0]])
    assert ops.one_hot(X, 3).shape == (None, 4, 3)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("sqaure", "square"), ("maximun", "maximum"), ("softmx", "softmax"), ("zeroslike", "zeros_like")],
)
def test_a_name_that_is_nearly_one(name: str, meant: str) -> None:
    with pytest.raises(AttributeError, match=f"no function '{name}'; did you mean '{meant}'"):
        getattr(ops, name)


@pytest.mark.parametrize("name", ["take", "gather", "eye", "pad", "diag", "sort", "flip", "frobnicate"])
def test_a_name_that_is_like_another_by_chance(name: str) -> None:
    with pytest.raises(
        AttributeError, match=rf"no function '{name}'; what there is dir\(hotloop.ops\) lists"
    ):
        getattr(ops, name)
    assert not set(ops._MISSING.split()) & set(dir(ops))
