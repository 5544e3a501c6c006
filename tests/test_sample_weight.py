"""Sample weights for each output, for each position, and negative ones, in losses and metrics."""

import numpy as np
import pytest

import hotloop as hl
from nets import blobs


@pytest.fixture(autouse=True)
def _seed():
    hl.set_seed(0)


def sequences(rng, rows=30, steps=5, classes=3):
    """A classifier of every step, and data."""
    model = hl.Sequential([hl.layers.Dense(classes, "softmax", input_shape=(steps, 4))])
    model.compile("sgd", "sparse_categorical_crossentropy", weighted_metrics=["accuracy", "crossentropy"])
    x = rng.normal(size=(rows, steps, 4)).astype("f4")
    return model, x, rng.integers(0, classes, (rows, steps))


def two_outputs():
    x = hl.Input((6,))
    outputs = [hl.layers.Dense(3, "softmax", name="kind")(x), hl.layers.Dense(1, name="value")(x)]
    model = hl.Model(x, outputs)
    model.compile(
        hl.optimizers.SGD(0.1),
        {"kind": "sparse_categorical_crossentropy", "value": "mse"},
        loss_weights={"kind": 1.0, "value": 0.5},
        weighted_metrics={"kind": ["accuracy"], "value": ["mae"]},
    )
    return model


@pytest.mark.parametrize("last", [False, True], ids=["(n, t)", "(n, t, 1)"])
def test_a_weight_for_each_position(rng, last):
    model, x, y = sequences(rng)
    w = rng.uniform(0, 2, y.shape)
    p = model.predict(x).astype("f8")
    losses = -np.log(np.take_along_axis(p, y[..., None], -1)[..., 0])
    hits = p.argmax(-1) == y
    got = model.evaluate(x, y, sample_weight=w[..., None] if last else w, verbose=0, return_dict=True)
    assert got["loss"] == pytest.approx((losses * w).mean(), rel=1e-5)
    assert got["accuracy"] == pytest.approx((hits * w).sum() / w.sum())
    assert got["crossentropy"] == pytest.approx((losses * w).sum() / w.sum(), rel=1e-5)
    by_row = model.evaluate(x, y, sample_weight=w[:, 0], verbose=0, return_dict=True)
    spread = np.repeat(w[:, :1], 5, axis=1)
    assert by_row == model.evaluate(x, y, sample_weight=spread, verbose=0, return_dict=True)


@pytest.mark.parametrize("shuffle", [False, True])
def test_training_heeds_each_positions_weight(rng, shuffle):
    """Positions of weight 0 can be what they want; one of weight 2 counts as two rows."""
    model, x, y = sequences(rng)
    w = rng.integers(0, 3, y.shape)
    start = model.get_weights()
    results = []
    for labels in (y, np.where(w == 0, (y + 1) % 3, y)):
        model.set_weights(start)
        model.compile(hl.optimizers.Adam(0.1), "sparse_categorical_crossentropy", weighted_metrics=["acc"])
        model.seed = 1
        history = model.fit(x, labels, batch_size=8, epochs=2, sample_weight=w, shuffle=shuffle, verbose=0)
        results.append((history.history, *(weight.tobytes() for weight in model.get_weights())))
    assert results[0] == results[1]


def test_gradients_of_positions_are_their_weights(rng):
    model, x, y = sequences(rng)
    kernel, bias = (a.astype("f8") for a in model.get_weights())
    w = rng.uniform(-1, 2, y.shape)
    model.train_on_batch(x, y, sample_weight=w)
    logits = x @ kernel + bias
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    slope = (p - np.eye(3)[y]) * w[..., None] / y.size
    wanted = np.einsum("nti,ntj->ij", x.astype("f8"), slope)
    np.testing.assert_allclose(model.layers[0].kernel.of(model.gradients), wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("how", ["list", "tuple", "dict", "one"])
def test_weights_for_each_output(rng, how):
    x, kind = blobs(rng, 40)
    y = [kind, x[:, :1]]
    w = {"kind": rng.uniform(0, 2, 40), "value": rng.uniform(0, 2, 40)}
    if how == "one":
        w["value"] = w["kind"]
    given = {"list": [*w.values()], "tuple": (*w.values(),), "dict": w, "one": w["kind"]}[how]
    model = two_outputs()
    p, q = (a.astype("f8") for a in model.predict(x))
    losses = -np.log(p[np.arange(40), kind]) * w["kind"], np.square(q - y[1])[:, 0] * w["value"]
    wanted = {
        "loss": losses[0].mean() + 0.5 * losses[1].mean(),
        "kind_loss": losses[0].mean(),
        "value_loss": losses[1].mean(),
        "kind_accuracy": ((p.argmax(1) == kind) * w["kind"]).sum() / w["kind"].sum(),
        "value_mae": (np.abs(q - y[1])[:, 0] * w["value"]).sum() / w["value"].sum(),
    }
    got = model.evaluate(x, y, sample_weight=given, verbose=0, return_dict=True)
    assert got == pytest.approx(wanted, rel=1e-5)
    again = model.fit(
        x, y, sample_weight=given, validation_data=(x, y, given), batch_size=40, verbose=0
    ).history
    assert {key: again[key][0] for key in wanted} == pytest.approx(wanted, rel=1e-5)
    later = model.evaluate(x, y, sample_weight=given, verbose=0, return_dict=True)
    assert {key: again[f"val_{key}"][0] for key in wanted} == later
    frozen = hl.quantize_model(model, precision="int8", calibration_data=x)
    whole = frozen.evaluate(x, y, sample_weight=given, return_dict=True)
    assert whole["value_loss"] == pytest.approx(later["value_loss"], rel=0.3)


def test_an_output_without_weights_has_ones(rng):
    x, kind = blobs(rng, 40)
    y, w = [kind, x[:, :1]], rng.uniform(0, 2, 40)
    model = two_outputs()
    results = [
        model.evaluate(x, y, sample_weight=given, verbose=0)
        for given in ([w, None], (w, None), {"kind": w}, [w, np.ones(40)])
    ]
    assert results[0] == results[1] == results[2] == results[3]


def test_negative_weights_turn_the_loss_round(rng):
    x, _ = blobs(rng, 20)
    y = x[:, :1]
    w = rng.normal(size=20)
    model = hl.Sequential([hl.layers.Dense(1, input_shape=(6,))])
    model.compile(hl.optimizers.SGD(0.1), "mse", weighted_metrics=["mae"])
    errors = (model.predict(x) - y)[:, 0].astype("f8")
    loss, mae = model.evaluate(x, y, sample_weight=w, verbose=0)
    assert loss == pytest.approx((np.square(errors) * w).mean(), rel=1e-5)
    assert mae == pytest.approx((np.abs(errors) * w).sum() / w.sum(), rel=1e-5)
    before = model.get_weights()[0]
    model.train_on_batch(x, y, sample_weight=w)
    slope = (x * (2 * errors * w)[:, None]).mean(0)
    np.testing.assert_allclose(model.get_weights()[0][:, 0], before[:, 0] - 0.1 * slope, rtol=1e-4, atol=1e-6)
    assert hl.losses.get("mse")([[0.0], [0.0]], [[1.0], [3.0]], [-1, 2]) == 8.5


def test_class_weights_multiply_position_weights(rng):
    model, x, y = sequences(rng, steps=1)
    w, by_class = rng.uniform(0, 2, y.shape), {0: 2.0, 1: 0.5}
    start = model.get_weights()
    results = []
    for options in (
        {"sample_weight": w, "class_weight": by_class},
        {"sample_weight": w[:, 0] * np.array([2.0, 0.5, 1.0])[y[:, 0]]},
    ):
        model.set_weights(start)
        model.fit(x, y, shuffle=False, verbose=0, **options)
        results.append(model.get_weights()[0])
    np.testing.assert_allclose(*results, rtol=1e-6)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            np.ones((30, 4)),
            r"sample_weight: expected shape \(30,\).* or \(30, 5\), one for each position",
        ),
        (np.ones(5), r"sample_weight: expected shape \(30,\)"),
        (np.full((30, 5), np.nan), "sample_weight: expected finite numbers, got nan at index"),
        ({"other": np.ones(30)}, r"sample_weight: expected the outputs \['steps'\] as keys, got 'other'"),
    ],
)
def test_what_does_not_fit_is_refused(rng, given, message):
    x = hl.Input((5, 4))
    model = hl.Model(x, hl.layers.Dense(3, "softmax", name="steps")(x))
    model.compile("sgd", "sparse_categorical_crossentropy")
    _, x, y = sequences(rng)
    with pytest.raises(ValueError, match=message):
        model.fit(x, y, sample_weight=given, verbose=0)
    with pytest.raises(ValueError, match=f"validation {message}"):
        model.fit(x, y, validation_data=(x, y, given), verbose=0)


def test_the_output_that_does_not_fit_is_named(rng):
    x, kind = blobs(rng, 40)
    with pytest.raises(
        ValueError, match=r"sample_weight\['value'\]: expected shape \(40,\).*got shape \(3,\)"
    ):
        two_outputs().fit(x, [kind, x[:, :1]], sample_weight=[np.ones(40), np.ones(3)], verbose=0)


def test_weights_whose_product_is_too_large_are_refused() -> None:
    """Each is a float32, their product is not: it would make every weight of the model NaN."""
    model = hl.Sequential([hl.layers.Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse")
    before = model.get_weights()
    x, y, huge = np.ones((4, 2)), np.zeros(4), np.full(4, 1e30)
    for call in (model.fit, model.train_on_batch):
        with pytest.raises(ValueError, match=r"class_weight times sample_weight: .* finite .*, got 1e\+60"):
            call(x, y, sample_weight=huge, class_weight={0: 1e30})
    for was, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)
    model.fit(x, y, sample_weight=np.full(4, 1e-30), class_weight={0: 1e30}, verbose=0)
