"""Bad input: an error that names the argument, and a model that is as it was."""

import numpy as np
import pytest

import hotloop as hl

X = np.linspace(-1, 1, 40, dtype=np.float32).reshape(10, 4)
Y = np.arange(10) % 3


def model(loss="sparse_categorical_crossentropy", units=3, activation="softmax", **options):
    built = hl.Sequential([hl.layers.Dense(units, activation, input_shape=(4,))])
    built.compile("sgd", loss, **options)
    return built


def with_value(array, value):
    changed = np.array(array, dtype=np.float64)
    changed.flat[5] = value
    return changed


BAD_FITS = {
    "shape of x": ({"x": X[:, :3]}, r"x: expected shape \(rows, 4\), got shape \(10, 3\)"),
    "one sample": ({"x": X[0]}, r"x\[None\]"),
    "image": ({"x": X.reshape(10, 2, 2)}, r"Flatten or Reshape"),
    "empty": ({"x": X[:0], "y": Y[:0]}, r"x: expected at least one row"),
    "none": ({"x": None}, r"x: expected an array, got NoneType"),
    "text": ({"x": np.array([["a"] * 4] * 10)}, r"x: expected real numbers"),
    "complex": ({"x": X.astype(complex)}, r"x: expected real numbers"),
    "objects": ({"x": np.array([[{}] * 4] * 10)}, r"x: expected real numbers"),
    "ragged": ({"x": [[1, 2], [3]]}, r"x: expected an array"),
    "nan": (
        {"x": with_value(X, np.nan)},
        r"x: expected finite numbers, got nan at index \(1, 1\).*allow_nonfinite",
    ),
    "inf": ({"x": with_value(X, -np.inf)}, r"got -inf at index \(1, 1\)"),
    "too large for float32": ({"x": with_value(X, 1e300)}, r"got inf at index"),
    "rows": ({"y": Y[:9]}, r"equally many rows, got x: 10, y: 9"),
    "class too large": ({"y": Y + 1}, r"y.*classes from 0 to 2.*1 to 3"),
    "negative class": ({"y": Y - 1}, r"classes from 0 to 2"),
    "fractions": ({"y": Y + 0.5}, r"whole class numbers"),
    "nan as class": ({"y": with_value(Y, np.nan)}, r"whole class numbers"),
    "one-hot": ({"y": np.eye(3)[Y]}, r"one-hot labels go with categorical_crossentropy"),
    "no labels": ({"y": None}, r"y: expected an array"),
    "text labels": ({"y": np.array(["a"] * 10)}, r"y: expected real numbers"),
    "batch_size": ({"batch_size": 0}, r"batch_size: expected at least 1, got 0"),
    "batch_size text": ({"batch_size": "8"}, r"batch_size: expected an integer"),
    "epochs": ({"epochs": 0}, r"epochs: expected at least 1, got 0"),
    "epochs real": ({"epochs": 1.5}, r"epochs: expected an integer"),
    "verbose": ({"verbose": 7}, r"verbose"),
    "callbacks": ({"callbacks": ["EarlyStopping"]}, r"callbacks"),
    "split": ({"validation_split": 1.0}, r"validation_split"),
    "split leaves nothing": ({"validation_split": 0.99}, r"validation_split.*both sides"),
    "validation data": ({"validation_data": X}, r"validation_data: expected a tuple"),
    "validation shape": ({"validation_data": (X[:, :2], Y)}, r"validation x: expected shape"),
    "validation labels": ({"validation_data": (X, Y + 1)}, r"validation y.*classes"),
    "sample weights": ({"sample_weight": np.ones(9)}, r"sample_weight: expected shape \(10,\)"),
    "infinite weights": ({"sample_weight": np.full(10, np.inf)}, r"sample_weight.*finite"),
    "nan weights": ({"sample_weight": with_value(np.ones(10), np.nan)}, r"sample_weight.*finite"),
    "class weights": ({"class_weight": {3: 1.0}}, r"class_weight.*0 to 2.*got 3"),
    "class weight key": ({"class_weight": {"a": 1.0}}, r"class_weight"),
    "class weight value": ({"class_weight": {0: "much"}}, r"class_weight\[0\]"),
    "class weight list": ({"class_weight": [1.0, 2.0, 3.0]}, r"class_weight: expected a dict"),
    "steps": ({"steps_per_epoch": 0}, r"steps_per_epoch"),
    "freq": ({"validation_freq": 0}, r"validation_freq"),
    "shuffle": ({"shuffle": "batch"}, r"shuffle"),
    "unknown input": ({"x": {"nope": X}}, r"x: expected a dict with the keys"),
}


@pytest.mark.parametrize("case", BAD_FITS)
def test_fit_refuses_and_changes_nothing(case):
    arguments, match = BAD_FITS[case]
    fitted = model()
    before = fitted.store.values.copy()
    with pytest.raises((ValueError, TypeError), match=match):
        fitted.fit(**{"x": X, "y": Y, "verbose": 0, **arguments})
    np.testing.assert_array_equal(fitted.store.values, before)
    assert fitted.optimizer.iterations == 0
    fitted.fit(X, Y, verbose=0)


@pytest.mark.parametrize("case", ["shape of x", "class too large", "rows", "batch_size", "validation labels"])
def test_a_model_that_waits_for_its_shape_still_waits_after_an_error(case):
    arguments, match = BAD_FITS[case]
    waiting = hl.Sequential([hl.layers.Dense(3, "softmax")])
    waiting.compile("sgd", "sparse_categorical_crossentropy")
    if case == "shape of x":
        arguments, match = {"x": np.zeros((10, 4, 0))}, r"at least"
    with pytest.raises((ValueError, TypeError), match=match):
        waiting.fit(**{"x": X, "y": Y, "verbose": 0, **arguments})
    assert not waiting.built
    waiting.fit(X[:, :2], Y, verbose=0)
    assert waiting.input_shape == (None, 2)


@pytest.mark.parametrize(
    ("loss", "y", "match"),
    [
        ("categorical_crossentropy", Y, r"integer classes go with sparse_categorical_crossentropy"),
        ("categorical_crossentropy", np.eye(3)[Y] * 2, r"labels from 0 to 1"),
        ("binary_crossentropy", np.eye(3)[Y] - 1, r"labels from 0 to 1.*got -1 to 0"),
        ("mse", Y, r"y: expected shape \(rows, 3\)"),
        ("mse", with_value(np.zeros((10, 3)), np.nan), r"y: expected finite"),
        ("mse", np.zeros((10, 2)), r"y: expected shape \(rows, 3\).*\(10, 2\)"),
        ("mse", np.float32(1), r"single number|equally many"),
    ],
)
def test_labels_that_do_not_fit_the_loss(loss, y, match):
    with pytest.raises((ValueError, TypeError), match=match):
        model(loss).fit(X, y, verbose=0)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"optimizer": "adm"}, r"unknown optimizer 'adm'; did you mean 'adam'"),
        ({"loss": "sparse_categorical_crossentrop"}, r"did you mean 'sparse_categorical_crossentropy'"),
        ({"metrics": ["acuracy"]}, r"unknown metric 'acuracy'"),
        ({"metrics": "accuracy"}, r"metrics: expected a list"),
        ({"loss_weights": ["accuracy"]}, r"loss_weights"),
        ({"optimizer": 3}, r"optimizer"),
        ({"loss": ["mse", "mse"]}, r"one for each of the outputs"),
        ({"loss": {"nope": "mse"}}, r"compile: loss.*'nope'"),
    ],
)
def test_compile_refuses_what_it_does_not_know(arguments, match):
    compiled = model("mse")
    with pytest.raises((ValueError, TypeError), match=match):
        compiled.compile(**arguments)


def test_a_failed_compile_keeps_the_old_one():
    compiled = model()
    optimizer = compiled.optimizer
    with pytest.raises(ValueError, match="unknown loss"):
        compiled.compile("adam", "nonsense")
    assert compiled.optimizer is optimizer
    compiled.fit(X, Y, verbose=0)


def test_what_is_not_compiled_can_predict_only():
    plain = hl.Sequential([hl.layers.Dense(2, input_shape=(4,))])
    plain.predict(X)
    for call in (plain.fit, plain.evaluate, plain.train_on_batch):
        with pytest.raises(ValueError, match=r"not compiled; call compile"):
            call(X, Y)
    plain.compile("sgd")
    with pytest.raises(ValueError, match="without a loss"):
        plain.fit(X, Y)
    with pytest.raises(ValueError, match="no layers"):
        hl.Sequential().predict(X)


@pytest.mark.parametrize(
    ("x", "match"),
    [
        (X[:0], "at least one row"),
        (X[:, :2], r"expected shape \(rows, 4\)"),
        (with_value(X, np.nan), "finite"),
        (None, "expected an array"),
        ("text", "real numbers"),
        ([[]], "expected shape"),
        ([X, X], "expected shape"),
    ],
)
def test_predict_refuses(x, match):
    with pytest.raises((ValueError, TypeError), match=match):
        model().predict(x)


@pytest.mark.parametrize("arguments", [{"batch_size": 0}, {"batch_size": "a"}, {"steps": 0}])
def test_predict_and_evaluate_refuse_bad_sizes(arguments):
    with pytest.raises((ValueError, TypeError)):
        model().predict(X, **arguments)
    with pytest.raises((ValueError, TypeError)):
        model().evaluate(X, Y, verbose=0, **arguments)


def test_nonfinite_data_can_be_allowed():
    x = with_value(X, np.nan)
    allowing = model(allow_nonfinite=True)
    assert np.isnan(allowing.predict(x)[1]).all()
    assert np.isfinite(allowing.predict(x)[0]).all()
    with pytest.warns(UserWarning, match="^the loss is nan in epoch 1"):
        allowing.fit(x, Y, verbose=0)
    once = model()
    with pytest.warns(UserWarning, match="^the loss is nan in epoch 1"):
        once.fit(x, Y, verbose=0, allow_nonfinite=True)
    with pytest.raises(ValueError, match="finite"):
        once.predict(x)


def test_sparse_matrices_are_refused_with_a_hint():
    scipy = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match="toarray"):
        model().fit(scipy.csr_matrix(X), Y)


def test_several_inputs_must_all_come_and_agree():
    a, b = hl.Input((2,), name="a"), hl.Input((2,), name="b")
    two = hl.Model([a, b], hl.layers.Dense(1)(hl.layers.Add()([a, b])))
    for x, match in [
        (X, "a list of 2 arrays, for a, b"),
        ([X], "a list of 2 arrays"),
        ({"a": X[:, :2]}, r"keys \['a', 'b'\]"),
        ([X[:, :2], X[:5, :2]], "equally many rows"),
        ([X[:, :2], X], r"x\['b'\]: expected shape \(rows, 2\)"),
    ]:
        with pytest.raises((ValueError, TypeError), match=match):
            two.predict(x)


def test_read_only_and_strided_data_are_right_and_untouched():
    wide = np.zeros((10, 8), np.float32)
    wide[:, ::2] = X
    wide.flags.writeable = False
    copy = wide.copy()
    results = []
    for data in (wide[:, ::2], X):
        hl.set_seed(0)
        fitted = model()
        fitted.fit(data, Y, epochs=2, verbose=0)
        results.append(fitted.get_weights()[0])
    np.testing.assert_array_equal(*results)
    np.testing.assert_array_equal(wide, copy)


def test_unknown_names_of_the_package():
    with pytest.raises(AttributeError, match="no attribute 'Sequentia'"):
        _ = hl.Sequentia
    assert "Sequential" in dir(hl)
    assert set(hl.__all__) <= set(dir(hl))
