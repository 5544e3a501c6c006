"""Pruning: what is removed is gone, and the smaller model computes what the masked one computes."""

import os
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hotloop as hl
from graphs import inputs_for, random_models, randomise
from hotloop.compress import mask_units, remove_units, select_units
from hotloop.compress.units import UnitMap
from hotloop.ir.units import FROZEN


def twin(model: hl.Model) -> hl.Model:
    other = type(model).from_config(model.get_config())
    other.set_weights(model.get_weights())
    return other


def assert_equals_masked(model: hl.Model, smaller: hl.Model, removed: dict[str, list[int]]) -> None:
    masked = twin(model)
    mask_units(masked, removed)
    x = inputs_for(model)
    for got, want in zip(as_list(smaller.predict(x)), as_list(masked.predict(x)), strict=True):
        np.testing.assert_array_equal(got, want)


def as_list(value: object) -> list:
    return value if isinstance(value, list) else [value]


def dense_chain() -> hl.Model:
    return hl.Sequential(
        [
            hl.layers.Dense(9, activation="relu", input_shape=(6,)),
            hl.layers.Dense(7, activation="gelu", use_bias=False),
            hl.layers.Dense(3, activation="softmax"),
        ]
    )


def with_batch_norm() -> hl.Model:
    return hl.Sequential(
        [
            hl.layers.Dense(8, input_shape=(5,)),
            hl.layers.BatchNormalization(),
            hl.layers.Activation("relu"),
            hl.layers.Dropout(0.3),
            hl.layers.Rescaling(0.5, offset=1.0),
            hl.layers.Dense(6, activation="tanh"),
            hl.layers.BatchNormalization(center=False, scale=False),
            hl.layers.Dense(2),
        ]
    )


def with_flatten() -> hl.Model:
    return hl.Sequential(
        [
            hl.layers.Dense(6, activation="relu", input_shape=(4, 5)),
            hl.layers.Flatten(),
            hl.layers.BatchNormalization(),
            hl.layers.Dense(5, activation="relu"),
            hl.layers.Dense(2),
        ]
    )


def with_reshape() -> hl.Model:
    return hl.Sequential(
        [
            hl.layers.Dense(12, activation="relu", input_shape=(5,)),
            hl.layers.Reshape((3, 4)),
            hl.layers.Dense(8, activation="relu"),
            hl.layers.Reshape((-1, 4)),
            hl.layers.Flatten(),
            hl.layers.Dense(2),
        ]
    )


def with_concat() -> hl.Model:
    x, z = hl.Input((5,)), hl.Input((4,))
    a = hl.layers.Dense(6, activation="relu", name="a")(x)
    b = hl.layers.Dense(4, activation="tanh", name="b")(z)
    both = hl.layers.BatchNormalization()(hl.layers.Concatenate()([a, x, b, a]))
    return hl.Model([x, z], hl.layers.Dense(3)(hl.layers.Dense(5, activation="relu")(both)))


def with_residual() -> hl.Model:
    x = hl.Input((5,))
    stem = hl.layers.Dense(6, activation="relu", name="stem")(x)
    block = hl.layers.Dense(9, activation="relu", name="inner")(stem)
    block = hl.layers.Dense(6, name="back")(block)
    joined = hl.layers.Add()([stem, block])
    return hl.Model(x, hl.layers.Dense(3)(hl.layers.BatchNormalization()(joined)))


def with_multiply() -> hl.Model:
    x = hl.Input((5,))
    value = hl.layers.Dense(6, name="value")(x)
    gate = hl.layers.Dense(6, activation="sigmoid", name="gate")(x)
    return hl.Model(x, [hl.layers.Dense(3)(hl.layers.Multiply()([value, gate])), hl.layers.Dense(2)(gate)])


def with_shared_layer() -> hl.Model:
    x, z = hl.Input((5,)), hl.Input((5,))
    first = hl.layers.Dense(6, activation="relu", name="first")
    second = hl.layers.Dense(4, activation="relu", name="second")
    other = hl.layers.Dense(6, activation="tanh", name="other")(x)
    merged = hl.layers.Concatenate()([second(first(x)), second(first(z)), second(other)])
    return hl.Model([x, z], hl.layers.Dense(2)(merged))


MODELS = [
    dense_chain,
    with_batch_norm,
    with_flatten,
    with_reshape,
    with_concat,
    with_residual,
    with_multiply,
    with_shared_layer,
]


@pytest.mark.parametrize("build", MODELS)
@pytest.mark.parametrize("scope", ["layer", "global"])
def test_prune_output_equals_masked(build: Callable[[], hl.Model], scope: str) -> None:
    model = randomise(build())
    before = model.get_weights()
    removed = select_units(model, 0.4, scope=scope)
    smaller = hl.prune_model(model, 0.4, scope=scope)
    assert smaller.count_params() < model.count_params()
    assert_equals_masked(model, smaller, removed)
    for old, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)


@pytest.mark.parametrize("build", MODELS)
def test_prune_removes_the_share_of_each_layer(build: Callable[[], hl.Model]) -> None:
    model = randomise(build())
    smaller = hl.prune_model(model, 0.5)
    units = UnitMap(model)
    for name, atoms in units.layers.items():
        can_go = (units.groups(atoms) != FROZEN).any()
        gone = atoms.size // 2 if can_go else 0
        assert smaller.get_layer(name).units == atoms.size - gone, name
    assert smaller.count_params() == sum(p.value.size for p in smaller.weights) < model.count_params()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(model=random_models(), rate=st.floats(0.2, 0.9), seed=st.integers(0, 99))
def test_prune_random_graphs_equal_masked(model: hl.Model, rate: float, seed: int) -> None:
    randomise(model, seed)
    for scope in ("layer", "global"):
        removed = selected_or_none(model, rate, scope)
        if removed is not None:
            assert_equals_masked(model, remove_units(model, removed), removed)


def selected_or_none(model: hl.Model, rate: float, scope: str) -> dict[str, list[int]] | None:
    """None where the rate is too low or too high for this model."""
    try:
        return select_units(model, rate, scope=scope)
    except ValueError as error:
        if "would empty" in str(error) or "less than one" in str(error):
            return None
        raise


def trained(
    optimizer: object, build: Callable[[], hl.Model] = dense_chain
) -> tuple[hl.Model, np.ndarray, np.ndarray]:
    model = randomise(build())
    rng = np.random.default_rng(3)
    x = rng.normal(size=(96, *model.inputs[0].sample_shape)).astype(np.float32)
    y = rng.integers(0, model.outputs[0].shape[-1], 96)
    loss = "sparse_categorical_crossentropy" if build is dense_chain else "mse"
    if loss == "mse":
        y = rng.normal(size=(96, *model.outputs[0].sample_shape)).astype(np.float32)
    model.compile(optimizer, loss)
    model.fit(x, y, epochs=2, batch_size=16, verbose=0)
    return model, x, y


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: "adam",
        lambda: hl.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
        lambda: hl.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
        lambda: hl.optimizers.AdamW(0.01, weight_decay=0.1, amsgrad=True),
    ],
)
@pytest.mark.parametrize("build", [dense_chain, with_residual, with_flatten])
def test_prune_next_step_equals_masked(
    optimizer: Callable[[], object], build: Callable[[], hl.Model], tmp_path: os.PathLike[str]
) -> None:
    model, x, y = trained(optimizer(), build)
    removed = select_units(model, 0.5)
    smaller = hl.prune_model(model, 0.5)
    assert smaller.optimizer.iterations == model.optimizer.iterations
    assert smaller.optimizer is not model.optimizer
    model.save(f"{tmp_path}/big")
    smaller.save(f"{tmp_path}/small")
    assert os.path.getsize(f"{tmp_path}/small") < os.path.getsize(f"{tmp_path}/big")
    mask_units(model, removed)
    for step in range(2):
        rows = slice(16 * step, 16 * step + 16)
        model.train_on_batch(x[rows], y[rows])
        smaller.train_on_batch(x[rows], y[rows])
        mask_units(model, removed)  # the step has moved the masked rows
        assert smaller.evaluate(x, y, verbose=0) == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-6)


def test_prune_keeps_the_largest_units() -> None:
    model = hl.Sequential([hl.layers.Dense(4, name="a", input_shape=(2,)), hl.layers.Dense(1, name="b")])
    model.set_weights([[[3, 1, 0, 2], [0, 0, 0.1, 0]], [0, 0, 9, 0], np.ones((4, 1)), [0]])
    assert select_units(model, 0.5) == {"a": [1, 3]}
    np.testing.assert_array_equal(hl.prune_model(model, 0.5).get_layer("a").get_weights()[1], [0, 9])


def test_prune_taylor_score_is_the_first_order_change() -> None:
    """Against finite differences: rows scaled by (1 - h) change the loss by h times the score."""
    model, x, y = trained("adam")
    units = UnitMap(model)
    from hotloop.compress.scores import taylor_scores

    scores = taylor_scores(model, units, (x, y), batch_size=len(x))
    base = model.evaluate(x, y, verbose=0)
    for group in sorted(scores):
        other = twin(model)
        other.compile("sgd", "sparse_categorical_crossentropy")
        step = 2e-3
        losses = []
        for factor in (1 - step, 1 + step):
            other.set_weights(model.get_weights())
            by_path = {p.path: p for p in other.weights}
            for site in units.sites:
                if site.role == "reads":
                    by_path[site.parameter.path].value[units.groups(site.atoms) == group] *= factor
            losses.append(other.evaluate(x, y, verbose=0))
        slope = abs(losses[1] - losses[0]) / (2 * step)
        assert scores[group] == pytest.approx(slope, rel=0.02, abs=2e-4 * base)


def test_prune_taylor_leaves_the_model_alone() -> None:
    model, x, y = trained("adam", with_flatten)
    before = model.get_weights()
    smaller = hl.prune_model(model, 0.5, criterion="taylor", data=(x, y), scope="global", batch_size=10)
    for old, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)
    assert smaller.count_params() < model.count_params()
    smaller.fit(x, y, epochs=1, verbose=0)


def test_prune_taylor_removes_units_without_effect() -> None:
    """Large weights in, nothing out: magnitude keeps such a unit, Taylor doesn't."""
    model, x, y = trained("adam")
    model.get_layer(index=0).kernel.value[:, 2] = 50.0
    model.get_layer(index=1).kernel.value[2] = 0.0
    name = model.get_layer(index=0).name
    assert 2 in select_units(model, 0.2, criterion="taylor", data=(x, y), layers=[name])[name]
    assert 2 not in select_units(model, 0.2, layers=[name])[name]


def test_prune_chosen_layers() -> None:
    model = randomise(with_concat())
    assert set(select_units(model, 0.5, layers=["b"])) == {"b"}


def test_prune_one_unit_stays() -> None:
    model = randomise(dense_chain())
    smaller = hl.prune_model(model, 0.999)
    assert [layer.units for layer in smaller.layers] == [1, 1, 3]
    smaller.predict(np.ones((1, 6), np.float32))


@pytest.mark.parametrize("rate", [0, 1, -0.5, 1.5, float("nan"), float("inf"), "half", None, True])
def test_prune_rate_out_of_range(rate: object) -> None:
    with pytest.raises((ValueError, TypeError), match="pruning_rate"):
        hl.prune_model(dense_chain(), rate)


def test_prune_errors() -> None:
    model = randomise(dense_chain())
    name = model.layers[0].name
    with pytest.raises(ValueError, match=r"unknown criterion 'magnitud'; did you mean 'magnitude'"):
        hl.prune_model(model, criterion="magnitud")
    with pytest.raises(ValueError, match="unknown scope"):
        hl.prune_model(model, scope="everywhere")
    with pytest.raises(ValueError, match="unknown Dense layer"):
        hl.prune_model(model, layers=["nothing"])
    with pytest.raises(TypeError, match="layers"):
        hl.prune_model(model, layers=name)
    with pytest.raises(ValueError, match="can't be pruned"):
        hl.prune_model(model, layers=[model.layers[-1].name])
    with pytest.raises(ValueError, match="at least one name"):
        hl.prune_model(model, layers=[])
    with pytest.raises(ValueError, match="less than one"):
        hl.prune_model(model, 0.01)
    with pytest.raises(ValueError, match="would empty layer 'dense"):
        hl.prune_model(model, 0.95, scope="global")
    with pytest.raises(ValueError, match="only hidden layers"):
        hl.prune_model(hl.Sequential([hl.layers.Dense(3, input_shape=(2,))]))
    with pytest.raises(ValueError, match="taylor"):
        hl.prune_model(model, criterion="taylor")
    with pytest.raises(ValueError, match="compile"):
        hl.prune_model(model, criterion="taylor", data=(np.ones((2, 6)), np.ones(2)))
    with pytest.raises(ValueError, match="all of its 9 units"):
        remove_units(model, {name: range(9)})
    with pytest.raises(ValueError, match=r"index in \[0, 9\)"):
        mask_units(model, {name: [9]})
    with pytest.raises(ValueError, match="can't go"):
        mask_units(model, {model.layers[-1].name: [0]})


def test_prune_tied_layers_are_named_together() -> None:
    model = randomise(with_residual())
    with pytest.raises(ValueError, match="tied"):
        hl.prune_model(model, layers=["stem"])
    removed = select_units(model, 0.5, layers=["stem", "back"])
    assert removed["stem"] == removed["back"]


def test_prune_residual_on_the_input_is_frozen() -> None:
    x = hl.Input((4,))
    h = hl.layers.Dense(4, name="tied")(hl.layers.Dense(6, name="free")(x))
    model = randomise(hl.Model(x, hl.layers.Dense(1)(hl.layers.Add()([x, h]))))
    assert set(select_units(model, 0.5)) == {"free"}
