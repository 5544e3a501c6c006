"""Layers that update their own weights during backward: the same bits as an update after it."""

from collections.abc import Iterator

import numpy as np
import pytest

from hotloop import _native
from test_program import Net

ROWS, BATCH, FEATURES = 70, 32, 37


def chain(net: Net) -> int:
    hidden = net.dense(net.dense(net.x, 530, "relu"), 19, "tanh")
    return net.dense(hidden, 3)


def shared(net: Net) -> int:
    """One layer twice, which can't be updated in between, and others beside it."""
    kernel, first = net.variable(19, 19), net.dense(net.x, 19, "relu")
    attributes = {"units": 19, "last_axis": 19, "activation": "tanh"}
    once = net.graph.add("dense", [first], attributes=attributes, parameters={"kernel": kernel})
    twice = net.graph.add("dense", [once], attributes=attributes, parameters={"kernel": kernel})
    return net.dense(twice, 3)


def mixed(net: Net) -> int:
    """Layers with an update of their own between others that have none."""
    joined = net.graph.add("add", [net.dense(net.x, 1), net.dense(net.x, 1, "sigmoid")])
    wide = net.dense(joined, 40)
    normal = net.graph.add(
        "batch_norm",
        [wide],
        attributes={"last_axis": 40, "momentum": 0.9, "epsilon": 1e-3},
        parameters={name: net.variable(40) for name in ("gamma", "beta", "moving_mean", "moving_variance")},
    )
    return net.dense(normal, 3)


CASES = {
    "adam": ({"kind": "adam"}, 2, {}),
    "adamw": ({"kind": "adam", "weight_decay": 0.01}, 2, {"decay_excluded": True}),
    "momentum, clipped": ({"kind": "sgd", "momentum": 0.9}, 1, {"clip_value": 0.01}),
    "plain": ({"kind": "sgd"}, 0, {}),
    "clipped by norm": ({"kind": "adam"}, 2, {"clipnorm": 0.1}),
    "regularised": ({"kind": "adam"}, 2, {"regularizers": True}),
}


@pytest.fixture(params=CASES.values(), ids=CASES)
def settings(request: pytest.FixtureRequest) -> Iterator[tuple]:
    return request.param


@pytest.mark.parametrize("build", [chain, shared, mixed])
def test_one_call_of_many_steps_equals_many_calls_of_one(any_isa, threads, build, settings) -> None:
    # The last step of a call leaves whole gradients behind, so calls of one step never update early.
    options, slots, more = settings
    rng = np.random.default_rng(4)
    x = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
    y = rng.normal(size=(ROWS, 3)).astype(np.float32)
    results = []
    for steps in (6, 1):
        net = Net(FEATURES)
        net.program(build(net))
        extra = dict(more)
        if extra.pop("decay_excluded", False):
            extra["decay_excluded"] = net.variables[1::2]
        if extra.pop("regularizers", False):
            extra["regularizers"] = [(*net.variables[0], 0.0, 1e-3)]
        net.set_optimizer(options, slots, **extra)
        order = np.arange(182, dtype=np.int32) % ROWS  # the sixth batch is a short one
        for first in range(0, 6, steps):
            net.train(
                x,
                y,
                steps=steps,
                batch_size=BATCH,
                lr=0.01,
                first_step=first,
                order=order,
                iteration=first,
                threads=threads,
            )
        results.append([net.values, *(slot for slot in net.slots if slot is not None), net.gradients])
    for ours, theirs in zip(*results, strict=True):
        assert ours.tobytes() == theirs.tobytes()
        assert np.isfinite(ours).all()


def test_gradients_of_the_last_step_are_kept() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
    y = rng.normal(size=(ROWS, 3)).astype(np.float32)
    net = Net(FEATURES)
    net.program(chain(net))
    net.train(x, y, steps=3, batch_size=20)
    together = net.gradients.copy()
    net.gradients[:] = 0
    net.train(x, y, steps=1, first_step=2, batch_size=20)
    assert together.any()
    np.testing.assert_array_equal(net.gradients, together)


def test_a_weight_that_is_no_variable_stays() -> None:
    net = Net(FEATURES)
    net.program(chain(net))
    frozen, learning = net.variables[:2], net.variables[2:]
    net.program_.set_optimizer({"kind": "sgd"}, [None] * 3, learning)
    before = net.values.copy()
    x, y = np.ones((8, FEATURES), np.float32), np.zeros((8, 3), np.float32)
    net.train(x, y, steps=4, batch_size=2, lr=0.1)
    for offset, count in frozen:
        np.testing.assert_array_equal(net.values[offset:][:count], before[offset:][:count])
    for offset, count in learning:
        assert (net.values[offset:][:count] != before[offset:][:count]).any()


def test_levels_and_teams_agree() -> None:
    seen = set()
    rng = np.random.default_rng(4)
    x = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
    y = rng.normal(size=(ROWS, 3)).astype(np.float32)
    level_before = _native.isa_level()
    try:
        for level in _native.isa_levels():
            for threads in (1, 2, 3, 5):
                _native.set_isa_level(level)
                net = Net(FEATURES)
                net.program(chain(net))
                net.set_optimizer({"kind": "adam"}, 2)
                net.train(x, y, steps=5, batch_size=14, lr=0.01, threads=threads)
                seen.add(net.values.tobytes())
    finally:
        _native.set_isa_level(level_before)
    assert len(seen) == 1


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_product_handed_from_rank_to_rank_has_the_same_bits(any_isa, activation) -> None:
    # A long kernel and few rows: two threads share its rows out, and sums go from one to the other.
    rng = np.random.default_rng(4)
    features, rows = 700, 150
    x = rng.normal(size=(rows, features)).astype(np.float32)
    y = rng.normal(size=(rows, 3)).astype(np.float32)
    seen = set()
    for threads in (1, 2, 3):
        net = Net(features)
        net.program(net.dense(net.dense(net.x, 49, activation), 3))
        net.set_optimizer({"kind": "adam"}, 2)
        for _ in range(3):  # the same step numbers again
            net.train(x, y, steps=5, batch_size=31, lr=0.01, threads=threads)
        seen.add(net.values.tobytes())
    assert len(seen) == 1
