"""What was found out of losses and activations of users counts until attributes change."""

import dataclasses
import functools
import gc
import types
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop.core.state import Memory, Same, state_of
from hotloop.losses import traced

X = np.linspace(-1, 1, 32, dtype="f4").reshape(8, 4)
Y = X.sum(axis=1, keepdims=True)


class Scaled(hl.losses.Loss):
    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = by

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.by * hl.ops.square(y_true - y_pred)


class Times:
    def __init__(self, by: float) -> None:
        self.by = by

    def __call__(self, x: Any) -> Any:
        return x * self.by

    def method(self, x: Any) -> Any:
        return x + self.by


def test_a_loss_on_arrays_goes_by_its_attributes() -> None:
    loss = Scaled(1.0)
    assert loss([[0.0]], [[1.0]]) == 1.0
    loss.by = 5.0
    assert loss([[0.0]], [[1.0]]) == 5.0
    assert len(traced._programs.of(loss)) == 1


def test_a_function_as_a_loss_goes_by_what_it_closes_over_and_by_its_object() -> None:
    by, times = 1.0, Times(1.0)

    def scaled(y_true: Any, y_pred: Any) -> Any:
        return by * (y_pred - y_true)

    losses = [hl.losses.FunctionLoss(scaled), hl.losses.FunctionLoss(lambda y, p: times(p - y))]
    assert [loss([[0.0]], [[1.0]]) for loss in losses] == [1.0, 1.0]
    by = times.by = 3.0
    assert [loss([[0.0]], [[1.0]]) for loss in losses] == [3.0, 3.0]


@pytest.mark.parametrize("of", [lambda times: times, lambda times: times.method])
def test_an_activation_on_arrays_goes_by_its_objects_attributes(of: Any) -> None:
    times = Times(1.0)
    made = hl.activations.get(of(times))
    before = made([1.0, 2.0])
    times.by = 3.0
    np.testing.assert_array_equal(made([1.0, 2.0]), of(times)(np.array([1, 2], "f4")))
    np.testing.assert_array_equal(hl.activations.get(of(times))([1.0, 2.0]), made([1.0, 2.0]))
    assert (made([1.0, 2.0]) != before).all()


def test_a_layer_keeps_what_its_activation_was_and_a_new_one_takes_what_it_is() -> None:
    times = Times(1.0)
    given = hl.activations.get(times)
    first = hl.Sequential([hl.layers.Activation(given, input_shape=(4,))])
    times.by = 3.0
    second = hl.Sequential([hl.layers.Activation(given, input_shape=(4,))])
    np.testing.assert_array_equal(first.predict(X, verbose=0), X)
    np.testing.assert_array_equal(second.predict(X, verbose=0), 3 * X)


def test_a_model_keeps_what_its_loss_was_until_it_is_compiled() -> None:
    """In the loss of all outputs together as in each one's own."""
    loss, inputs = Scaled(1.0), hl.Input((4,))
    model = hl.Model(inputs, [hl.layers.Dense(1)(inputs), hl.layers.Dense(1)(inputs)])
    model.compile("sgd", loss)
    before = model.evaluate(X, [Y, Y], verbose=0)
    loss.by = 10.0
    assert model.evaluate(X, [Y, Y], verbose=0) == before
    model.compile("sgd", loss)
    assert model.evaluate(X, [Y, Y], verbose=0) == pytest.approx([10 * each for each in before])


def test_a_loss_that_is_equal_to_others_is_known_by_itself() -> None:
    @dataclasses.dataclass(eq=True)
    class Power(hl.losses.Loss):
        by: float = 2.0

        def __post_init__(self) -> None:
            super().__init__()

        def call(self, y_true: Any, y_pred: Any) -> Any:
            return hl.ops.power(hl.ops.abs(y_true - y_pred), self.by)

    @dataclasses.dataclass(eq=True)
    class Shift:
        by: float = 1.0

        def __call__(self, x: Any) -> Any:
            return x + self.by

    assert Power()([[0.0]], [[3.0]]) == 9.0
    np.testing.assert_array_equal(hl.activations.get(Shift())([1.0]), [2.0])


def things() -> list[Any]:
    """Each is of another state than those before it."""
    one = Times(1.0)
    one.__dict__["self"] = one
    return [
        *(None, 1, True, 1.0, -0.0, 0.0, "1", b"1", float("inf"), [1], (1,), {1}, {"a": 1}, {"a": 2}),
        *(np.arange(3), np.arange(3.0), np.arange(3).reshape(3, 1), np.float32(1), np.zeros((0, 2))),
        *(Times(1.0), Times(2.0), Times([1.0]), Times(Times(1.0)), one, Times(one), Times),
        *(Times(1.0).method, Times(1.5).method, lambda x, by=1: x, lambda x, by=2: x),
        *(functools.partial(Times, 1), functools.partial(Times, 2), np, types, len, sum, object()),
    ]


def test_states_are_equal_where_attributes_are() -> None:
    made = things()
    states = [state_of(each) for each in made]
    assert len(set(states)) == len(states)
    assert states == [state_of(each) for each in made]
    assert state_of(Times(np.arange(3))) == state_of(Times(np.arange(3)))
    held = np.zeros(3)
    before = state_of(Times(held))
    held[1] = 1.0
    assert state_of(Times(held)) != before


def test_temporary_objects_are_not_taken_for_each_other() -> None:
    """Their places in memory are given again while the parts of a state are looked at."""

    def made(last: float) -> Any:
        parts = [functools.partial(max, float(n)) for n in range(50)] + [Times(last).method]
        return lambda x: parts

    assert state_of(made(1.0)) == state_of(made(1.0))
    assert state_of(made(1.0)) != state_of(made(2.0))


def test_what_is_gone_is_forgotten() -> None:
    memory: Memory[int] = Memory()
    loss, times = Scaled(1.0), Times(1.0)
    loss.itself = loss
    for owner in (loss, times):
        memory.of(owner)["found"] = 1
        assert memory.of(owner) == {"found": 1}
    same = Same(times)
    assert same == Same(times) != Same(loss)
    del loss, times, owner
    gc.collect()
    assert memory._of == {}
    assert same != same
