"""The words of errors: the nearest name, bounds, and what a wrong thing is called."""

import numpy as np
import pytest

import hotloop.activations
import hotloop.initializers
import hotloop.losses
import hotloop.metrics
import hotloop.optimizers
import hotloop.regularizers
import hotloop.schedules
from hotloop.core import errors


def test_unknown_name_tells_the_nearest() -> None:
    error = errors.unknown_name("optimizer", "adm", ["sgd", "adam"])
    assert str(error) == "unknown optimizer 'adm'; did you mean 'adam'? Known: adam, sgd"
    assert isinstance(error, ValueError)


def test_unknown_name_without_anything_alike() -> None:
    assert str(errors.unknown_name("mode", "zzz", ["min", "max"])) == "unknown mode 'zzz'. Known: max, min"
    assert "unknown mode 3" in str(errors.unknown_name("mode", 3, ["min"]))


def test_unknown_name_lists_one_spelling_of_each() -> None:
    known = ["MeanSquaredError", "mean_squared_error", "Huber", "SGD"]
    assert str(errors.unknown_name("loss", "?", known)).endswith("Known: Huber, SGD, mean_squared_error")


def test_nearest_does_not_mind_case() -> None:
    assert errors.nearest("RELU", ["tanh", "relu"]) == "relu"
    assert errors.nearest("GLOROTuniform", ["GlorotUniform", "Zeros"]) == "GlorotUniform"


@pytest.mark.parametrize("value", [1, 1.5, np.float32(0.5), np.int64(3), np.array(2.0)])
def test_number_takes_real_numbers(value: object) -> None:
    result = errors.number("x", value, above=0, at_most=3)
    assert type(result) is float
    assert result == value


@pytest.mark.parametrize("value", ["1", True, None, [1.0, 2.0], 1j])
def test_number_refuses_other_things(value: object) -> None:
    with pytest.raises(TypeError, match="x: expected a number, got"):
        errors.number("x", value)


@pytest.mark.parametrize("value", [0, 1, float("nan"), float("inf"), -0.5])
def test_number_keeps_bounds(value: float) -> None:
    with pytest.raises(ValueError, match="x: expected a finite number > 0 and < 1, got"):
        errors.number("x", value, above=0, below=1)


def test_integer() -> None:
    assert errors.integer("n", np.int32(4), at_least=4) == 4
    with pytest.raises(ValueError, match="n: expected at least 1, got 0"):
        errors.integer("n", 0, at_least=1)
    for wrong in (1.0, True, "1", None):
        with pytest.raises(TypeError, match="n: expected an integer, got"):
            errors.integer("n", wrong)


@pytest.mark.parametrize(
    ("module", "wrong", "right"),
    [
        (hotloop.activations, "rellu", "relu"),
        (hotloop.initializers, "he_normall", "he_normal"),
        (hotloop.losses, "mean_square_error", "mean_squared_error"),
        (hotloop.losses, "sparse_crossentropy", "sparse_categorical_crossentropy"),
        (hotloop.losses, "SparseCrossentropy", "SparseCategoricalCrossentropy"),
        (hotloop.losses, "cat_crossentropy", "categorical_crossentropy"),
        (hotloop.losses, "binary_cross_entropy", "binary_crossentropy"),
        (hotloop.losses, "squared_error", "mean_squared_error"),
        (hotloop.metrics, "sparse_crossentropy", "sparse_categorical_crossentropy"),
        (hotloop.metrics, "topk_accuracy", "top_k_categorical_accuracy"),
        (hotloop.metrics, "sparse_accuracy", "sparse_categorical_accuracy"),
        (hotloop.metrics, "acuracy", "accuracy"),
        (hotloop.optimizers, "Adm", "Adam"),
        (hotloop.regularizers, "l3", "l2"),
    ],
)
def test_every_get_tells_the_nearest(module: object, wrong: str, right: str) -> None:
    with pytest.raises(ValueError, match=f"did you mean '{right}'"):
        module.get(wrong)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "module",
    [
        hotloop.activations,
        hotloop.initializers,
        hotloop.losses,
        hotloop.metrics,
        hotloop.optimizers,
        hotloop.regularizers,
        hotloop.schedules,
    ],
)
def test_every_get_refuses_other_things(module: object) -> None:
    for wrong in (object(), [1], {"class_name": 3}):
        with pytest.raises(TypeError):
            module.get(wrong)  # type: ignore[attr-defined]


def test_resolve_refuses_a_bad_config() -> None:
    with pytest.raises(TypeError, match="loss 'Huber': config: expected a dict, got str"):
        hotloop.losses.get({"class_name": "Huber", "config": "delta"})
    with pytest.raises(ValueError, match="did you mean 'Huber'"):
        hotloop.losses.get({"class_name": "Hubert", "config": {}})
