"""Classes and functions of users in files: by their names when they are registered, never as code."""

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from own_things import (
    THINGS,
    Fading,
    Heavy,
    L,
    Largest,
    Power,
    Quantile,
    Scale,
    Slow,
    Twice,
    Twos,
    X,
    Y,
    compiled,
    cubic,
    forget,
    off_by,
    scaled,
    swish,
)
from test_saving import metadata_of


def functional() -> hl.Model:
    x = hl.Input((3,))
    model = hl.Model(x, L.Dense(2, name="last")(Scale(0.5, name="mine")(L.Dense(3, activation=swish)(x))))
    model.compile("sgd", "mse")
    return model


pytestmark = pytest.mark.usefixtures("nothing_stays_registered")

# By case: what the file has to name, and a model.
CASES: dict[str, tuple[tuple[Any, ...], Callable[[], hl.Model]]] = {
    "layer": ((Scale,), lambda: compiled(Scale(3.0, name="mine"))),
    "functional": ((Scale, swish), functional),
    "lambda": (
        (scaled,),
        lambda: compiled(L.Lambda(scaled, arguments={"by": 3.0}, output_shape=(3,), name="mine")),
    ),
    "activation": ((swish,), lambda: compiled(L.Dense(3, activation=swish, name="mine"))),
    "activation layer": ((swish,), lambda: compiled(L.Activation(swish, name="mine"))),
    "metric": ((Largest,), lambda: compiled(metrics=["mae", Largest(2.0)])),
    "metric function": ((off_by,), lambda: compiled(weighted_metrics={"last": [off_by]})),
    "loss function": ((cubic,), lambda: compiled(loss=cubic)),
    "loss class": ((Quantile,), lambda: compiled(loss=[Quantile(0.75)])),
    "loss function as a metric": ((cubic,), lambda: compiled(metrics=[hl.losses.get(cubic)])),
    "loss": ((Power,), lambda: compiled(loss=Power())),
    "loss as a metric": ((Power,), lambda: compiled(metrics=[Power()])),
    "optimizer": ((Slow, Fading), lambda: compiled(optimizer=Slow(Fading(0.1, 9, 0.5)))),
    "initializer": ((Twos,), lambda: compiled(L.Dense(3, bias_initializer=Twos(2.0), name="mine"))),
    "regularizer": ((Heavy,), lambda: compiled(L.Dense(3, kernel_regularizer=Heavy(0.2), name="mine"))),
    "model": ((Twice, swish), lambda: Twice([L.Dense(2, swish, input_shape=(3,))])),
    "model inside": ((Twice,), lambda: compiled(Twice([L.Dense(3, input_shape=(3,))], name="mine"))),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_registered_is_saved_and_found_again(case: str, tmp_path: Path) -> None:
    """By the registry, or in a process without it by custom_objects; else what is missing is named."""
    needs, make = CASES[case]
    model, path = make(), tmp_path / "model"
    if model.compiled:
        model.fit(X, Y, epochs=1, verbose=0)
    expected = model.predict(X)
    with pytest.raises(TypeError, match=r"^save: .* register(ed|_serializable)"):
        model.save(path)
    assert not path.exists()
    for thing in THINGS:
        hl.saving.register_serializable(package="tests")(thing)
    model.save(path)
    config = metadata_of(path)["config"]
    for thing in needs:
        assert f"tests>{thing.__name__}" in config
    loaded = hl.load_model(path)
    np.testing.assert_array_equal(loaded.predict(X), expected)
    assert type(loaded) is type(model)
    assert loaded.get_config() == model.get_config()
    assert loaded.get_compile_config() == model.get_compile_config()
    if model.compiled:
        assert loaded.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    forget()
    name = needs[-1].__name__
    custom: dict[str, Any] = {each.__name__: each for each in needs[:-1]}
    missing = (
        rf"{name}' is not known here: define it.*register_serializable\('tests', '{name}'\).*custom_objects="
    )
    with pytest.raises(ValueError, match=missing):
        hl.load_model(path, custom)
    for given in (custom | {name: needs[-1]}, {f"tests>{each.__name__}": each for each in needs}):
        again = hl.load_model(path, custom_objects=given)
        np.testing.assert_array_equal(again.predict(X), expected)
        if model.compiled:
            assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
            again.fit(X, Y, verbose=0)
    with hl.saving.custom_object_scope(given):
        np.testing.assert_array_equal(hl.load_model(path).predict(X), expected)
    with pytest.raises(ValueError, match="not known here"):
        hl.load_model(path)


def test_training_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    for thing in THINGS:
        hl.saving.register_serializable()(thing)

    def make() -> hl.Sequential:
        hl.set_seed(4)
        layers = [Scale(0.5, name="mine"), L.Dense(3, swish)]
        return compiled(
            *layers, optimizer=Slow(0.05, momentum=0.9), loss=Power(), metrics=[off_by, Largest()]
        )

    whole, half = make(), make()
    whole.fit(X, Y, epochs=4, verbose=0)
    half.fit(X, Y, epochs=2, verbose=0)
    half.save(tmp_path / "model")
    loaded = hl.load_model(tmp_path / "model")
    loaded.fit(X, Y, epochs=4, initial_epoch=loaded.resume_epoch, verbose=0)
    for got, want in zip(loaded.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("case", CASES)
def test_copies_need_no_names(case: str) -> None:
    """What stays in the process is not looked for: nothing is registered here."""
    model = CASES[case][1]()
    expected = model.predict(X)
    twins = [copy.deepcopy(model), copy.copy(model), pickle.loads(pickle.dumps(model))]
    clone = hl.clone_model(model)
    clone.set_weights(model.get_weights())
    rebuilt = type(model).from_config(model.get_config())
    rebuilt.set_weights(model.get_weights())
    for twin in [*twins, clone, rebuilt]:
        assert type(twin) is type(model)
        np.testing.assert_array_equal(twin.predict(X), expected)
    if model.compiled:
        assert clone.get_compile_config() == model.get_compile_config()


@pytest.mark.parametrize("precision", ["int8", "int8_dynamic", "bf16"])
def test_quantised_models_hold_a_graph_and_name_no_functions(precision: str, tmp_path: Path) -> None:
    """What functions did is ops there; only what the model was compiled with may be named."""
    layers = [L.Dense(16, swish), L.Lambda(lambda x: hl.ops.square(x) - 1.0), Scale(0.5), L.Dense(8, "relu")]
    model = hl.Sequential([hl.Input((3,)), *layers[:2], L.Dense(3), layers[2], layers[3], L.Dense(2)])
    fast = hl.quantize_model(model, precision=precision, calibration_data=X)
    fast.save(tmp_path / "fast")
    np.testing.assert_array_equal(hl.load_model(tmp_path / "fast").predict(X), fast.predict(X))
    model.compile("sgd", "mse", metrics=[off_by])
    fast = hl.quantize_model(model, precision=precision, calibration_data=X)
    with pytest.raises(TypeError, match="function off_by is not a part of hotloop, nor is it registered"):
        fast.save(tmp_path / "other")
    hl.saving.register_serializable()(off_by)
    fast.save(tmp_path / "other")
    assert hl.load_model(tmp_path / "other").evaluate(X, Y) == fast.evaluate(X, Y)
    forget()
    with pytest.raises(ValueError, match="function 'Custom>off_by' is not known here"):
        hl.load_model(tmp_path / "other")
    loaded = hl.load_model(tmp_path / "other", compile=False)
    np.testing.assert_array_equal(loaded.predict(X), fast.predict(X))


def test_pruned_models_have_the_functions(tmp_path: Path) -> None:
    hl.saving.register_serializable()(swish)
    model = compiled(L.Dense(8, name="a"), L.Activation(swish), L.Dense(8, "relu", name="b"))
    smaller = hl.prune_model(model, 0.5, layers=["b"])
    smaller.save(tmp_path / "model")
    np.testing.assert_array_equal(hl.load_model(tmp_path / "model").predict(X), smaller.predict(X))


def test_frozen_sessions_need_no_names() -> None:
    model = compiled(Scale(0.5), L.Dense(3, swish))
    np.testing.assert_array_equal(hl.freeze(model).run(X), model.predict(X))


def test_another_process_loads_what_it_registers_or_is_given(tmp_path: Path) -> None:
    """With nothing of this one's: by a module of the same code, and pickles by Python's own way."""
    code = (
        "import hotloop as hl\n"
        "@hl.saving.register_serializable('lib')\n"
        "def act(x):\n"
        "    return hl.ops.tanh(x) * 1.5\n"
    )
    (tmp_path / "code_of_users.py").write_text(code)
    program = (
        "import pickle, sys\n"
        "import numpy as np, hotloop as hl\n"
        "x = np.ones((2, 3), 'f4')\n"
        "try:\n"
        "    hl.load_model('model')\n"
        "except ValueError as error:\n"
        "    assert 'lib>act' in str(error), error\n"
        "given = hl.load_model('model', {'act': lambda x: hl.ops.tanh(x) * 1.5}).predict(x)\n"
        "pickled = pickle.load(open('pickle', 'rb')).predict(x)  # which imports the module\n"
        "for found in (given, pickled, hl.load_model('model').predict(x)):\n"
        "    print(found.tobytes().hex())\n"
    )
    make = (
        "import pickle, code_of_users, numpy as np, hotloop as hl\n"
        "model = hl.Sequential([hl.layers.Dense(2, code_of_users.act, input_shape=(3,))])\n"
        "model.save('model')\n"
        "pickle.dump(model, open('pickle', 'wb'))\n"
        "print(model.predict(np.ones((2, 3), 'f4')).tobytes().hex())\n"
    )
    texts = [
        subprocess.run([sys.executable, "-c", each], cwd=tmp_path, capture_output=True, text=True, check=True)
        for each in (make, program)
    ]
    assert texts[1].stdout.split() == texts[0].stdout.split() * 3


def test_functions_of_ops_have_names_in_every_process(tmp_path: Path) -> None:
    """Where they are not yet imported too."""
    layers = [L.Dense(3, hl.ops.gelu, input_shape=(3,)), L.Lambda(hl.ops.square), L.Activation(hl.ops.tanh)]
    hl.Sequential(layers).save(tmp_path / "model")
    program = (
        "import sys, hotloop as hl\n"
        "model = hl.load_model(sys.argv[1])\n"
        "print(*[each.get_config().get('function', '-') for each in model.layers])"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "model")]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert text.split() == ["-", "hotloop.ops>square", "-"]


class Filled(hl.initializers.Initializer):
    def __init__(self, number: float = 2.0) -> None:
        self.number = number

    def __call__(self, shape: Any, rng: Any = None) -> Any:
        return np.full(shape, self.number, np.float32)


class Flat(hl.schedules.LearningRateSchedule):
    def __init__(self, rate: float = 2.0) -> None:
        self.rate = rate

    def __call__(self, step: Any) -> float:
        return self.rate


def test_classes_that_derive_from_a_family_alone(tmp_path: Path) -> None:
    for each in (Filled, Flat):
        hl.saving.register_serializable()(each)
    model = hl.Sequential([L.Dense(2, kernel_initializer=Filled(0.5), input_shape=(3,))])
    model.compile(hl.optimizers.SGD(Flat(0.01)), "mse")
    model.save(tmp_path / "model")
    loaded = hl.load_model(tmp_path / "model")
    assert (loaded.layers[0].kernel_initializer.number, loaded.optimizer.schedule.rate) == (0.5, 0.01)


def test_a_model_with_a_lambda_is_pickled_by_python_or_not() -> None:
    model = compiled(L.Lambda(lambda x: x * 2.0))
    with pytest.raises((pickle.PicklingError, AttributeError), match=r"<lambda>"):
        pickle.dumps(model)
