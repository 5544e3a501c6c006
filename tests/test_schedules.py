"""Learning rates against Keras's formulas, written out step by step, and against PyTorch's one-cycle."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotloop import schedules

STEPS = np.arange(0, 64)

SAMPLES = [
    schedules.Constant(0.1),
    schedules.StepDecay(0.1, step_size=7, factor=0.5),
    schedules.PiecewiseConstantDecay([3, 20], [1.0, 0.5, 0.1]),
    schedules.ExponentialDecay(0.1, 10, 0.9),
    schedules.ExponentialDecay(0.1, 10, 0.9, staircase=True),
    schedules.InverseTimeDecay(0.1, 10, 0.5),
    schedules.InverseTimeDecay(0.1, 10, 0.5, staircase=True),
    schedules.PolynomialDecay(0.1, 30, 0.01, power=2.0),
    schedules.PolynomialDecay(0.1, 10, 0.01, cycle=True),
    schedules.CosineDecay(0.1, 40, alpha=0.1),
    schedules.CosineDecay(0.01, 40, warmup_target=0.1, warmup_steps=8),
    schedules.CosineDecayRestarts(0.1, 10),
    schedules.CosineDecayRestarts(0.1, 10, t_mul=1.0, m_mul=0.5, alpha=0.1),
    schedules.CosineDecayRestarts(0.1, 7, t_mul=1.5, m_mul=0.9),
    schedules.LinearWarmup(schedules.CosineDecay(0.1, 30), warmup_steps=10),
    schedules.OneCycle(0.1, total_steps=60),
]


def _keras(schedule: schedules.LearningRateSchedule, step: int) -> float:
    """Keras 3's code for one step, in plain Python."""
    c = schedule.get_config()
    if isinstance(schedule, schedules.PiecewiseConstantDecay):
        for boundary, value in zip(c["boundaries"], c["values"], strict=False):
            if step <= boundary:
                return float(value)
        return float(c["values"][-1])
    initial = c["initial_learning_rate"]
    if isinstance(schedule, schedules.ExponentialDecay | schedules.InverseTimeDecay):
        p = step / c["decay_steps"]
        p = math.floor(p) if c["staircase"] else p
        exponential = isinstance(schedule, schedules.ExponentialDecay)
        return float(initial * c["decay_rate"] ** p if exponential else initial / (1 + c["decay_rate"] * p))
    if isinstance(schedule, schedules.PolynomialDecay):
        span = c["decay_steps"]
        if c["cycle"]:
            span *= 1.0 if step == 0 else math.ceil(step / span)
        else:
            step = min(step, span)
        end = c["end_learning_rate"]
        return float((initial - end) * (1 - step / span) ** c["power"] + end)
    if isinstance(schedule, schedules.CosineDecay):
        span, alpha, warm = c["decay_steps"], c["alpha"], c["warmup_steps"]
        top = initial
        if c["warmup_target"] is not None:
            top = c["warmup_target"]
            if step < warm:
                return float((top - initial) * step / warm + initial)
            step = min(step, span + warm) - warm
        step = min(step, span)
        return float(top * ((1 - alpha) * 0.5 * (1 + math.cos(math.pi * step / span)) + alpha))
    assert isinstance(schedule, schedules.CosineDecayRestarts)
    start, length, height = 0.0, c["first_decay_steps"], 1.0
    while step >= start + length - 1e-9:
        start, length, height = start + length, length * c["t_mul"], height * c["m_mul"]
    cosine = 0.5 * height * (1 + math.cos(math.pi * (step - start) / length))
    return float(initial * ((1 - c["alpha"]) * cosine + c["alpha"]))


KERAS = (
    schedules.PiecewiseConstantDecay,
    schedules.ExponentialDecay,
    schedules.InverseTimeDecay,
    schedules.PolynomialDecay,
    schedules.CosineDecay,
    schedules.CosineDecayRestarts,
)


@pytest.mark.parametrize("schedule", [s for s in SAMPLES if isinstance(s, KERAS)], ids=repr)
def test_formula_is_that_of_keras(schedule: schedules.LearningRateSchedule) -> None:
    expected = [_keras(schedule, int(step)) for step in STEPS]
    np.testing.assert_allclose(schedule(STEPS), expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("schedule", SAMPLES, ids=repr)
def test_an_array_of_steps_is_each_step(schedule: schedules.LearningRateSchedule) -> None:
    many = schedule(STEPS.reshape(8, 8))
    assert many.shape == (8, 8)
    assert many.ravel().tolist() == [schedule(int(step)) for step in STEPS]
    assert type(schedule(3)) is float
    assert schedule(np.zeros(0)).shape == (0,)


@pytest.mark.parametrize("schedule", SAMPLES, ids=repr)
def test_config_round_trip(schedule: schedules.LearningRateSchedule) -> None:
    again = schedules.get(schedules.serialize(schedule))
    assert type(again) is type(schedule)
    assert again.get_config() == schedule.get_config()
    assert again(STEPS).tolist() == schedule(STEPS).tolist()


@pytest.mark.parametrize("schedule", SAMPLES, ids=repr)
@given(step=st.integers(0, 10**7))
def test_rates_are_finite_and_not_negative(schedule: schedules.LearningRateSchedule, step: int) -> None:
    assert 0 <= schedule(step) <= 1.0


def test_step_decay_and_warmup() -> None:
    assert schedules.StepDecay(1.0, 2, 0.5)(range(6)).tolist() == [1, 1, 0.5, 0.5, 0.25, 0.25]
    warm = schedules.LinearWarmup(schedules.StepDecay(1.0, 2, 0.5), 4, start=0.5)
    assert warm(range(8)).tolist() == [0.5, 0.625, 0.75, 0.875, 1, 1, 0.5, 0.5]


@pytest.mark.parametrize("rise", [0.1, 0.3, 0.8])
def test_one_cycle_against_torch(rise: float) -> None:
    torch = pytest.importorskip("torch")
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.5, total_steps=50, pct_start=rise)
    expected = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(50):
            expected.append(optimizer.param_groups[0]["lr"])
            cycle.step() if len(expected) < 50 else None
    np.testing.assert_allclose(schedules.OneCycle(0.5, 50, rise)(np.arange(50)), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: schedules.PiecewiseConstantDecay([1, 2], [0.1]), "one value more than boundaries"),
        (lambda: schedules.PiecewiseConstantDecay([2, 1], [1, 1, 1]), "rising numbers"),
        (lambda: schedules.ExponentialDecay(0.1, 0, 0.9), "decay_steps: expected a finite number > 0"),
        (lambda: schedules.CosineDecay(-0.1, 10), "initial_learning_rate"),
        (lambda: schedules.OneCycle(0.1, 1), "total_steps: expected at least 2"),
        (lambda: schedules.OneCycle(0.1, 10, pct_start=1.0), "pct_start"),
        (lambda: schedules.LinearWarmup(0.1, 0), "warmup_steps"),
        (lambda: schedules.Constant(float("nan")), "learning_rate"),
    ],
)
def test_bad_numbers_are_refused(make: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()  # type: ignore[operator]
