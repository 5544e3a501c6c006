"""Warnings of what runs and learns nothing: once, with layer, loss and mend, and never where all is right."""

import warnings
from typing import Any

import numpy as np
import pytest

import hotloop as hl

L, losses = hl.layers, hl.losses
R = np.random.default_rng(0)
X = R.normal(size=(200, 4)).astype(np.float32)
T = (X[:, 0] > 0).astype(int)
HOT = np.eye(2, dtype=np.float32)[T]
SPARSE, DENSE, BINARY = (
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "binary_crossentropy",
)


def compiled(layers: list[Any], loss: Any) -> hl.Sequential:
    model = hl.Sequential([L.Input((4,)), *layers])
    model.compile("sgd", loss)
    return model


WRONG: dict[str, tuple[list[Any], Any, Any, str]] = {
    "no sigmoid": ([L.Dense(1, name="end")], BINARY, T, "these are from .* end in 'sigmoid'"),
    "no softmax": ([L.Dense(2, name="end")], SPARSE, T, "these are from .* end in 'softmax'"),
    "no softmax, one-hot": ([L.Dense(2, name="end")], DENSE, HOT, "or pass from_logits=True"),
    "relu": ([L.Dense(1, "relu", name="end")], BINARY, T, "relu is not kept between 0 and 1"),
    "tanh as a layer": ([L.Dense(1), L.Activation("tanh", name="end")], BINARY, T, "tanh is not kept"),
    "softmax of one": ([L.Dense(1, "softmax", name="end")], BINARY, T, "softmax of one number is always 1"),
    "softmax of one, regression": ([L.Dense(1, "softmax", name="end")], "mse", T, "is always 1; use 'sigm"),
    "softmax for yes or no": ([L.Dense(2, "softmax", name="end")], BINARY, HOT, "use categorical_crossen"),
    "sigmoids for classes": ([L.Dense(2, "sigmoid", name="end")], DENSE, HOT, "use 'softmax', or binary_cr"),
    "sigmoids for numbers": ([L.Dense(2, "sigmoid", name="end")], SPARSE, T, "sum to 1, not sigmoid's"),
    "one class": ([L.Dense(1, "sigmoid", name="end")], DENSE, T, "of one output it is always 0"),
    "as good as zero yet": (
        [L.Dense(1, kernel_initializer="zeros", name="end")],
        losses.BinaryCrossentropy(),
        T,
        "a Dense gives any number; end in 'sigmoid'",
    ),
    "softmax twice": (
        [L.Dense(2, "softmax", name="end")],
        losses.SparseCategoricalCrossentropy(from_logits=True),
        T,
        "no softmax was applied yet",
    ),
    "sigmoid twice": (
        [L.Dense(1, "sigmoid", name="end")],
        losses.BinaryCrossentropy(from_logits=True),
        T,
        "no sigmoid was applied yet",
    ),
    "behind a reshape": (
        [L.Dense(4, name="end"), L.Reshape((2, 2))],
        SPARSE,
        np.stack([T, T], axis=1),
        "end in 'softmax'",
    ),
    "halved": ([L.Dense(2, "softmax"), L.Rescaling(0.5, name="end")], DENSE, HOT, "its sum, which is 0.5 to"),
}


@pytest.mark.parametrize(("layers", "loss", "y", "text"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("entry", ["fit", "train_on_batch", "evaluate"])
def test_a_wrong_pair_is_told_once(layers: list[Any], loss: Any, y: Any, text: str, entry: str) -> None:
    model = hl.models.clone_model(hl.Sequential([L.Input((4,)), *layers]))
    model.compile("sgd", loss)
    silent = {} if entry == "train_on_batch" else {"verbose": 0}
    with pytest.warns(UserWarning, match=f"^layer 'end' with loss '.*': .*{text}") as told:
        getattr(model, entry)(X, y, **silent)
    assert [w.filename for w in told] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.evaluate(X, y, verbose=0)
    model.compile("sgd", loss)
    with pytest.warns(UserWarning, match="layer 'end'"):
        model.evaluate(X, y, verbose=0)


RIGHT: dict[str, tuple[list[Any], Any, Any]] = {
    "sigmoid": ([L.Dense(1, "sigmoid")], BINARY, T),
    "softmax": ([L.Dense(2, "softmax")], SPARSE, T),
    "softmax, one-hot": ([L.Dense(2, "softmax")], DENSE, HOT),
    "logits": ([L.Dense(2)], losses.SparseCategoricalCrossentropy(from_logits=True), T),
    "a logit": ([L.Dense(1)], losses.BinaryCrossentropy(from_logits=True), T),
    "logarithms as logits": (
        [L.Dense(2, "log_softmax")],
        losses.CategoricalCrossentropy(from_logits=True),
        HOT,
    ),
    "labels of their own": ([L.Dense(2, "sigmoid")], BINARY, HOT),
    "hard sigmoid": ([L.Dense(1, "hard_sigmoid")], BINARY, T),
    "sparsemax": ([L.Dense(2, "sparsemax")], DENSE, HOT),
    "exponentials, divided by their sum": ([L.Dense(2, "exponential")], DENSE, HOT),
    "as a layer": ([L.Dense(2), L.Softmax()], SPARSE, T),
    "dropout behind": ([L.Dense(1, "sigmoid"), L.Dropout(0.1)], BINARY, T),
    "reshaped": ([L.Dense(2, "softmax"), L.Reshape((2,))], SPARSE, T),
    "moved to between 0.1 and 0.9": ([L.Dense(1, "sigmoid"), L.Rescaling(0.8, 0.1)], BINARY, T),
    "regression": ([L.Dense(1)], "mse", T),
    "hinge": ([L.Dense(1)], "hinge", T),
    "one softmax inside": ([L.Dense(1, "softmax"), L.Dense(1)], "mse", T),
}


@pytest.mark.parametrize(("layers", "loss", "y"), RIGHT.values(), ids=RIGHT)
def test_a_right_pair_is_left_alone(layers: list[Any], loss: Any, y: Any) -> None:
    compiled(layers, loss).fit(X, y, verbose=0)


def test_mixtures_of_probabilities_are_left_alone() -> None:
    inputs = hl.Input((4,))
    halves = [L.Rescaling(0.5)(L.Dense(2, "softmax")(inputs)) for _ in range(2)]
    model = hl.Model(inputs, L.Add()(halves))
    model.compile("sgd", SPARSE)
    model.fit(X, T, verbose=0)
    blend = L.Dense(2, use_bias=False, name="blend")
    model = hl.Model(inputs, blend(L.Dense(2, "softmax")(inputs)))
    blend.set_weights([np.float32([[0.9, 0.1], [0.2, 0.8]])])
    model.compile("sgd", SPARSE)
    model.evaluate(X, T, verbose=0)


def test_each_output_is_looked_at() -> None:
    inputs = hl.Input((4,))
    outputs = [L.Dense(2, "softmax", name="good")(inputs), L.Dense(2, name="bad")(inputs)]
    model = hl.Model(inputs, outputs)
    model.compile("sgd", [SPARSE, SPARSE])
    with pytest.warns(UserWarning, match="layer 'bad'") as told:
        model.fit(X, [T, T], verbose=0)
    assert len(told) == 1


def test_a_loss_that_is_no_number_is_told_once_a_fit() -> None:
    model = compiled([L.Dense(1, name="end")], "mse")
    model.compile(hl.optimizers.SGD(1e30), "mse")
    for _ in range(2):
        with pytest.warns(
            UserWarning, match=r"^the loss is (nan|inf) in epoch \d; .*lower learning rate"
        ) as told:
            model.fit(X, T, epochs=4, verbose=0)
        assert [w.filename for w in told] == [__file__]
    model.compile(hl.optimizers.SGD(1e30), "mse")
    with pytest.warns(UserWarning, match=r"^the loss is (nan|inf) in step") as told:
        [model.train_on_batch(X, T) for _ in range(4)]
    assert len(told) == 1


def test_a_callback_that_ends_training_there_tells_alone() -> None:
    model = compiled([L.Dense(1)], "mse")
    model.compile(hl.optimizers.SGD(1e30), "mse")
    model.fit(X, T, epochs=4, verbose=0, callbacks=[hl.callbacks.TerminateOnNaN()])


THREE = np.repeat([0, 1, 2], [100, 70, 30])
UNSEEN: dict[str, tuple[Any, Any, Any, str]] = {
    "numbers": (L.Dense(4, "softmax"), SPARSE, THREE, "class 2 of output"),
    "one-hot": (L.Dense(3, "softmax"), DENSE, np.eye(3)[THREE], "class 2 of output"),
    "yes or no": (L.Dense(1, "sigmoid"), BINARY, (THREE == 2).astype(int), "class 1 of output"),
    "no or yes": (L.Dense(1, "sigmoid"), BINARY, (THREE != 2).astype(int), "class 0 of output"),
    "margins": (L.Dense(1), "hinge", np.where((THREE == 2), 1, -1), "class 1 of output"),
    "several": (L.Dense(40, "softmax"), SPARSE, np.arange(200) // 5, "classes 32, 33, .* 39 of output"),
}


@pytest.mark.parametrize(("layer", "loss", "y", "text"), UNSEEN.values(), ids=UNSEEN)
def test_a_tail_of_sorted_labels_is_told(layer: Any, loss: str, y: Any, text: str) -> None:
    model = hl.models.clone_model(hl.Sequential([L.Input((4,)), layer]))
    model.compile("sgd", loss)
    with pytest.warns(
        UserWarning, match=f"^validation_split takes the last rows, which have {text}.*shuffle"
    ):
        model.fit(X, y, validation_split=0.2, verbose=0)
    model.fit(X, y, validation_split=0.2, verbose=0)  # once a compile
    model.compile("sgd", loss)
    model.fit(X, y, validation_data=(X, y), verbose=0)
    with pytest.warns(UserWarning, match="^validation_data has class"):
        model.fit(X[:150], y[:150], validation_data=(X[100:], y[100:]), verbose=0)
    mixed = np.random.default_rng(1).permutation(200)
    model.fit(X, y[mixed], validation_split=0.2, verbose=0)


def test_numbers_to_predict_have_no_classes() -> None:
    compiled([L.Dense(1)], "mse").fit(X, np.arange(200.0) / 200, validation_split=0.2, verbose=0)


def test_only_what_is_validated_on_is_looked_at() -> None:
    y = np.concatenate([np.zeros(150, int), THREE[:50], np.ones(50, int)])
    x = np.concatenate([X, X[:50]])
    model = compiled([L.Dense(2, "softmax")], SPARSE)
    model.fit(x[:150], y[:150], validation_data=(x[150:], y[150:]), validation_steps=1, verbose=0)
    with pytest.warns(UserWarning, match="^validation_data has class 1 "):
        model.fit(x[:150], y[:150], validation_data=(x[150:], y[150:]), validation_steps=2, verbose=0)


RARE = np.zeros((200, 4), np.float32)
RARE[np.arange(120, 200), np.arange(120, 200) % 4] = 1  # in no row before, and one-hot behind
NO_CLASSES: dict[str, tuple[Any, str, Any]] = {
    "several labels": (L.Dense(4, "sigmoid"), BINARY, RARE),
    "several margins": (L.Dense(4), "hinge", RARE * 2 - 1),
    "pixels": (L.Dense(4, "sigmoid"), BINARY, RARE * np.float32(0.7)),
    "a chance": (L.Dense(1, "sigmoid"), BINARY, RARE.max(axis=1) * np.float32(0.7)),
    "shares": (
        L.Dense(4, "softmax"),
        DENSE,
        np.where(np.arange(200)[:, None] < 120, np.float32([0.5, 0.5, 0, 0]), np.float32([0, 0, 0.5, 0.5])),
    ),
}


@pytest.mark.parametrize(("layer", "loss", "y"), NO_CLASSES.values(), ids=NO_CLASSES)
def test_what_is_not_one_class_a_row_may_be_new(layer: Any, loss: str, y: Any) -> None:
    model = hl.models.clone_model(hl.Sequential([L.Input((4,)), layer]))
    model.compile("sgd", loss)
    model.fit(X[:120], y[:120], validation_data=(X[120:], y[120:]), verbose=0)


def test_one_hot_rows_before_sigmoids_are_classes() -> None:
    model = compiled([L.Dense(3, "sigmoid")], BINARY)
    with pytest.warns(UserWarning, match="class 2 of output"):
        model.fit(X, np.eye(3, dtype=np.float32)[THREE], validation_split=0.2, verbose=0)
