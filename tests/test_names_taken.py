"""A registered name that stands for something else by now: copies keep what they are of, and files refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hotloop as hl

X = np.ones((3, 4), np.float32)


def scaling(factor: float) -> Any:
    @hl.saving.register_serializable("names taken")
    class Scale(hl.layers.Layer):
        def __init__(self, power=1, **options):
            super().__init__(**options)
            self.power = power

        @property
        def factor(self):
            return factor

        def call(self, inputs):
            return inputs * self.factor**self.power

    return Scale


def function_of(factor: float) -> Any:
    @hl.saving.register_serializable("names taken")
    def scaled(inputs):
        return inputs * factor

    return scaled


def model_with(thing: Any) -> hl.Sequential:
    layer = thing(power=1) if isinstance(thing, type) else hl.layers.Lambda(thing)
    return hl.Sequential([hl.Input((4,)), layer])


@pytest.mark.parametrize("make", [scaling, function_of])
def test_a_copy_keeps_what_was_registered_before_and_a_file_refuses(make: Any, tmp_path: Path) -> None:
    model = model_with(make(2.0))
    make(5.0)
    np.testing.assert_array_equal(hl.clone_model(model).predict(X), 2 * X)
    with pytest.raises(TypeError, match="is not what is registered by its name now"):
        model.save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("make", [scaling, function_of])
def test_a_cell_that_is_run_again_as_it_was_changes_nothing(make: Any, tmp_path: Path) -> None:
    model = model_with(make(2.0))
    make(2.0)
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(hl.load_model(tmp_path / "model").predict(X), 2 * X)
