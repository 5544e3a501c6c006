"""Optimizer objects: their numbers for the kernel, learning rates, state and configuration."""

import numpy as np
import pytest

import hotloop as hl
from hotloop import optimizers, schedules

SAMPLES = [
    optimizers.SGD(),
    optimizers.SGD(0.1, momentum=0.9, nesterov=True, clipnorm=1.0),
    optimizers.GradientDescent(0.5),
    optimizers.RMSprop(momentum=0.5, centered=True, clipvalue=0.1),
    optimizers.Adam(amsgrad=True, global_clipnorm=2.0),
    optimizers.AdamW(schedules.CosineDecay(0.1, 100), weight_decay=0.1),
]


@pytest.mark.parametrize(
    ("optimizer", "slots"),
    [
        (optimizers.SGD(), (None, None, None)),
        (optimizers.SGD(momentum=0.9), ("velocity", None, None)),
        (optimizers.RMSprop(), ("velocity", None, None)),
        (optimizers.RMSprop(centered=True), ("velocity", None, "average_gradient")),
        (optimizers.RMSprop(momentum=0.9, centered=True), ("velocity", "momentum", "average_gradient")),
        (optimizers.Adam(), ("m", "v", None)),
        (optimizers.Adam(amsgrad=True), ("m", "v", "v_hat")),
    ],
    ids=repr,
)
def test_slots_have_the_kernels_places(
    optimizer: optimizers.Optimizer, slots: tuple[str | None, ...]
) -> None:
    assert optimizer.native_slots == slots
    assert optimizer.slot_names == [name for name in slots if name]
    optimizer.build(32)
    for name, array in zip(slots, optimizer.slot_arrays(), strict=True):
        assert (array is None) == (name is None)
        if array is not None:
            assert array is optimizer.slots[name]
            assert (array.dtype, array.shape, array.any()) == (np.float32, (32,), False)
            assert array.ctypes.data % 64 == 0


def test_native_config() -> None:
    config = optimizers.get("adamw").native_config()
    assert config == {
        "kind": "adam",
        "weight_decay": 0.004,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-7,
        "amsgrad": False,
    }
    assert optimizers.SGD().native_config()["weight_decay"] == 0.0
    assert optimizers.GradientDescent().native_config()["kind"] == "sgd"
    clip = optimizers.SGD(clipvalue=0.5).clip_config()
    assert clip == {"global_clipnorm": 0.0, "clipnorm": 0.0, "clip_value": 0.5}


@pytest.mark.parametrize("optimizer", SAMPLES, ids=repr)
def test_config_round_trip(optimizer: optimizers.Optimizer) -> None:
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    again = optimizers.get(optimizers.serialize(optimizer))
    assert type(again) is type(optimizer)
    assert again.get_config() == optimizer.get_config()
    assert again.native_config() == optimizer.native_config()
    assert not again.uses_weight_decay("dense/bias")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sgd", optimizers.SGD),
        ("gradient_descent", optimizers.GradientDescent),
        ("RMSprop", optimizers.RMSprop),
        ("rmsprop", optimizers.RMSprop),
        ("Adam", optimizers.Adam),
        ("adamw", optimizers.AdamW),
    ],
)
def test_names(name: str, kind: type[optimizers.Optimizer]) -> None:
    assert type(optimizers.get(name)) is kind
    assert type(optimizers.get(kind)) is kind


def test_learning_rates() -> None:
    constant = optimizers.Adam(0.5)
    assert constant.learning_rates(3, 4).tolist() == [0.5] * 4
    constant.learning_rate = 0.25
    assert constant.learning_rate == 0.25
    scheduled = optimizers.SGD(schedules.ExponentialDecay(1.0, 1, 0.5))
    rates = scheduled.learning_rates(2, 3)
    assert rates.dtype == np.float32
    assert rates.tolist() == [0.25, 0.125, 0.0625]
    scheduled.iterations = 3
    assert scheduled.learning_rate == 0.125
    assert isinstance(scheduled.schedule, schedules.LearningRateSchedule)
    assert constant.schedule is None
    with pytest.raises(TypeError, match="ExponentialDecay schedule and can't be set"):
        scheduled.learning_rate = 0.1
    with pytest.raises(ValueError, match="learning_rate"):
        constant.learning_rate = -1.0
    constant.learning_rate = schedules.Constant(0.1)
    assert constant.learning_rates(0, 2).tolist() == [np.float32(0.1)] * 2


def test_weight_decay_exclusion() -> None:
    optimizer = optimizers.AdamW()
    assert optimizer.uses_weight_decay("dense/bias")
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma"])
    assert not optimizer.uses_weight_decay("dense/bias")
    assert not optimizer.uses_weight_decay("norm/gamma")
    assert optimizer.uses_weight_decay("bias_layer/kernel")
    assert not optimizers.Adam().uses_weight_decay("dense/kernel")
    before = optimizer.get_config()
    for pattern in ("(", "bias$", "gamma|beta", "^(a+)+$", r"\w", "[ab]", ""):
        with pytest.raises(ValueError, match="names are taken literally: give a list"):
            optimizer.exclude_from_weight_decay(var_names=["beta", pattern])
    with pytest.raises(TypeError, match="parts of weights' names, got int"):
        optimizer.exclude_from_weight_decay(var_names=[3])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="var_list: expected weights of layers, got str; names go to var_"):
        optimizer.exclude_from_weight_decay(["beta"])  # type: ignore[list-item]
    assert optimizer.get_config() == before


def test_weight_decay_looks_at_the_weights_own_name() -> None:
    """Keras's variable.name: what the layer is called does not count, unless the whole path is given."""
    d, bias = (hl.layers.Dense(2, name=name, input_shape=(2,)) for name in ("d", "bias"))
    hl.Sequential([d, bias])
    optimizer = optimizers.AdamW()
    optimizer.exclude_from_weight_decay(var_names=["d"])
    assert all(optimizer.uses_weight_decay(weight.path) for weight in [*d.weights, *bias.weights])
    optimizer.exclude_from_weight_decay(var_list=[d.kernel], var_names=["bias/kernel"])
    paths = [weight.path for weight in [*d.weights, *bias.weights]]
    decayed = [path for path in paths if optimizer.uses_weight_decay(path)]
    assert decayed == ["d/bias", "bias/bias"]
    again = optimizers.get(optimizers.serialize(optimizer))
    assert again.get_config() == optimizer.get_config()
    assert not again.uses_weight_decay("d/kernel")


def test_build_keeps_what_fits() -> None:
    optimizer = optimizers.Adam()
    optimizer.build(16)
    optimizer.slots["m"][:] = 1
    optimizer.build(16)
    assert optimizer.slots["m"].all()
    optimizer.build(32)
    assert not optimizer.slots["m"].any()


def test_state_round_trip() -> None:
    one, two = optimizers.Adam(), optimizers.Adam()
    one.build(16)
    one.iterations = 7
    one.slots["v"][:] = np.arange(16)
    two.load_state(one.state())
    assert two.iterations == 7
    assert two.slots["v"].tolist() == list(range(16))
    assert two.slots["v"] is not one.slots["v"]
    two.load_state(optimizers.Adam().state())
    assert (two.iterations, two.slots) == (0, {})


def test_bad_state_changes_nothing() -> None:
    optimizer = optimizers.Adam()
    optimizer.build(16)
    good = optimizer.state()
    for bad in (
        {},
        {"iterations": np.array(3)} | {"m": np.zeros(16)},
        good | {"extra": np.zeros(16)},
        good | {"iterations": np.array(3), "m": np.zeros(8)},
        good | {"iterations": np.array(-3)},
    ):
        with pytest.raises(ValueError, match=r"state|iterations"):
            optimizer.load_state(bad)
        assert optimizer.iterations == 0
        assert optimizer.slots["m"].shape == (16,)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: optimizers.SGD(-0.1), "SGD: learning_rate"),
        (lambda: optimizers.SGD(momentum=1.5), "momentum"),
        (lambda: optimizers.RMSprop(rho=1.0), "rho"),
        (lambda: optimizers.Adam(beta_1=1.0), "beta_1"),
        (lambda: optimizers.AdamW(weight_decay=-1), "weight_decay"),
        (lambda: optimizers.SGD(clipnorm=0), "clipnorm"),
        (lambda: optimizers.SGD(clipnorm=1, clipvalue=1), "at most one of clipnorm, clipvalue and"),
        (lambda: optimizers.get({"class_name": "Addam", "config": {}}), "did you mean 'Adam'"),
    ],
)
def test_bad_arguments(make: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()  # type: ignore[operator]
