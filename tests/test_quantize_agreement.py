"""What quantising begins with is held against the model itself: a fault of a pass shows in no report."""

import numpy as np
import pytest

import hotloop as hl
from hotloop.compress import quantize
from hotloop.compress.agreement import share_apart
from hotloop.ir.pipelines import Purpose, run

RNG = np.random.default_rng(4)
REAL = RNG.normal(size=(200, 3)).astype(np.float32)


def test_what_is_rounded_otherwise_agrees() -> None:
    assert share_apart(REAL, REAL) == 0
    assert share_apart(REAL, REAL + np.float32(1e-3)) == 0
    assert share_apart(REAL + np.float32(1e6), REAL.astype(np.float64) + 1e6) == 0
    assert share_apart(np.ones((1, 3), np.float32), np.full((1, 3), 1 + 1e-6, np.float32)) == 0


def test_rows_that_are_something_else_are_counted() -> None:
    other = REAL.copy()
    other[:20] += 1
    assert share_apart(REAL, other) == pytest.approx(0.1)
    assert share_apart(REAL, REAL[:, ::-1]) > 0.8
    other[:50] = np.nan
    assert share_apart(REAL, other) == pytest.approx(0.25)


def test_rows_of_the_model_that_are_not_finite_are_left_out() -> None:
    real = REAL.copy()
    real[:150] = np.inf
    assert share_apart(real, REAL) == 0
    assert share_apart(real[:150], REAL[:150]) == 0


@pytest.mark.parametrize("precision", ["int8", "int8_dynamic", "bf16"])
def test_a_pass_that_changes_predictions_is_found_out(
    precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report would not see it: it compares with the graph that the pass has spoiled."""
    model = hl.Sequential([hl.layers.Dense(8, "relu", input_shape=(3,)), hl.layers.Dense(2, name="scores")])

    def spoiling(graph, purpose, **told):
        graph, found = run(graph, purpose, **told)
        if purpose is Purpose.FOLDING:
            weights = graph.ops[-1].weights
            weights["kernel"] = weights["kernel"][::-1].copy()
        return graph, found

    hl.quantize_model(model, precision, REAL)
    monkeypatch.setattr(quantize, "run", spoiling)
    with pytest.raises(RuntimeError, match=r"output 'scores': expected the same .*, got others in \d+% of"):
        hl.quantize_model(model, precision, REAL)


def test_a_model_that_mixes_rows_is_compared_by_the_same_rows() -> None:
    x = hl.Input((3,))
    centred = hl.layers.Lambda(lambda x: x - hl.ops.mean(x, axis=0))(hl.layers.Dense(8)(x))
    model = hl.Model(x, hl.layers.Dense(2)(centred))
    many = RNG.normal(size=(700, 3)).astype(np.float32)
    assert hl.quantize_model(model, "bf16", many).report().outputs[0].snr > 30
