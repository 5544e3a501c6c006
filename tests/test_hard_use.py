"""What only a hard day's use shows: a process that ends or forks in the middle, copies, late mistakes."""

import copy
import json
import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import hotloop as hl
from hotloop.saving.container import read_container, write_container

X = np.random.default_rng(0).standard_normal((60, 6)).astype(np.float32)
Y = np.arange(60) % 3

BUSY = """
import os, threading, time
import numpy as np
import hotloop as hl
x = np.random.default_rng(0).standard_normal((4000, 64)).astype("float32")
y = (x[:, 0] > 0).astype(int)
model = hl.Sequential([hl.layers.Dense(64, "relu", input_shape=(64,)), hl.layers.Dense(2, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x, y, verbose=0)
"""


def run(scenario):
    code = BUSY + textwrap.dedent(scenario)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def classifier(**options):
    model = hl.Sequential(
        [hl.layers.Dense(8, "relu", input_shape=(6,)), hl.layers.Dense(3, "softmax")],
    )
    model.compile("adam", "sparse_categorical_crossentropy", **options)
    return model


@pytest.mark.parametrize(
    "work",
    [
        "model.fit(x, y, epochs=10**6, verbose=0)",
        "model.train_on_batch(x[:32], y[:32])",
        "model.predict(x[:3])",
        "hl.kernels.gemm(x[:200], x[:200].T)",
    ],
)
def test_the_process_may_end_while_daemon_threads_are_at_work(work):
    done = run(f"""
        def forever():
            while True:
                {work}
        for _ in range(2):
            threading.Thread(target=forever, daemon=True).start()
        time.sleep(0.3)
    """)
    assert done.returncode == 0, done.stderr


def test_an_atexit_handler_may_still_predict():
    done = run("""
        import atexit
        atexit.register(lambda: print(model.predict(x[:5]).shape))
        threading.Thread(target=lambda: model.fit(x, y, epochs=10**6, verbose=0), daemon=True).start()
        time.sleep(0.2)
    """)
    assert (done.returncode, done.stdout) == (0, "(5, 2)\n"), done.stderr


@pytest.mark.parametrize("threads", [1, 2])
def test_fork_while_another_thread_trains_the_same_model(threads):
    done = run(f"""
        import signal, warnings
        warnings.simplefilter("ignore")
        hl.set_num_threads({threads})
        thread = threading.Thread(target=lambda: model.fit(x, y, epochs=10**6, verbose=0))
        thread.start()
        time.sleep(0.2)
        for _ in range(3):
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                model.fit(x, y, verbose=0)
                os._exit(0 if np.isfinite(model.predict(x)).all() else 3)
            assert os.waitpid(child, 0)[1] == 0
        model.stop_training = True
        thread.join(20)
        assert not thread.is_alive()
    """)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("metric", ["mse", "r2", "binary_accuracy"])
def test_a_metric_that_does_not_fit_the_labels_is_told_before_training(metric):
    for call in ("fit", "train_on_batch"):
        model = classifier(metrics=["accuracy", metric])
        before = model.store.values.copy()
        with pytest.raises(ValueError, match="y_true"):
            getattr(model, call)(X, Y)
        np.testing.assert_array_equal(model.store.values, before)
        assert model.optimizer.iterations == 0


def test_a_function_as_a_metric_sees_real_predictions_only():
    calls = []

    def metric(y_true, y_pred):
        calls.append(float(y_pred.sum()))
        return np.zeros(len(y_true))

    classifier(metrics=[metric]).fit(X, Y, epochs=2, verbose=0)
    assert calls == pytest.approx([60, 60], rel=1e-4)


def test_frozen_models_can_be_copied_and_pickled():
    frozen = hl.quantize_model(classifier(), calibration_data=X)
    for other in (copy.deepcopy(frozen), pickle.loads(pickle.dumps(frozen))):
        np.testing.assert_array_equal(other.predict(X), frozen.predict(X))
        assert other.evaluate(X, Y) == frozen.evaluate(X, Y)


def test_very_deep_models_can_be_copied_and_pickled():
    tensor = source = hl.Input((4,))
    for _ in range(1500):
        tensor = hl.layers.Dense(2, "tanh")(tensor)
    for model in (
        hl.Model(source, tensor),
        hl.Sequential([hl.Input((4,)), *(hl.layers.Dense(2, "tanh") for _ in range(500))]),
    ):
        for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            np.testing.assert_array_equal(other.predict(X[:, :4]), model.predict(X[:, :4]))


def test_models_without_shape_can_be_copied():
    for model in (hl.Sequential(), hl.Sequential([hl.layers.Dense(3)])):
        assert len(copy.deepcopy(model).layers) == len(pickle.loads(pickle.dumps(model)).layers)


@pytest.mark.parametrize("what", [5, None, "model", "frozen"])
def test_only_float_models_are_pruned_and_quantised(what):
    model = hl.quantize_model(classifier(), "bf16") if what == "frozen" else what
    for call in (hl.prune_model, lambda m: hl.quantize_model(m, "bf16")):
        with pytest.raises(TypeError, match="model: expected a Sequential or Model"):
            call(model)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"callbacks": 5}, "callbacks: expected a list"),
        ({"class_weight": {0: 1e300}}, r"class_weight\[0\]: expected a finite number"),
        ({"x": np.ma.masked_array(X, mask=X > 0)}, "without masked entries"),
    ],
)
def test_more_of_what_fit_refuses(arguments, match):
    model = classifier()
    with pytest.raises((ValueError, TypeError), match=match):
        model.fit(**{"x": X, "y": Y, "verbose": 0, **arguments})
    assert model.optimizer.iterations == 0
    model.fit(np.ma.masked_array(X, mask=False), Y, verbose=0)


def test_numbers_that_no_machine_word_holds():
    with pytest.raises(ValueError, match="set_num_threads"):
        hl.set_num_threads(10**30)
    with pytest.raises(TypeError, match="percentile: expected a number"):
        hl.quantize_model(classifier(), calibration_data=X, calibration="percentile", percentile="x")
    model = classifier()
    model.seed = 10**40
    model.fit(X, Y, verbose=0)


@pytest.mark.parametrize("size", [2**31, 2**63, 10**30])
def test_sizes_that_no_program_could_have(size):
    for make in (
        lambda: hl.layers.Dense(size),
        lambda: hl.Input((size,)),
        lambda: hl.layers.Flatten(input_shape=(2**16, size // 2**16)),
    ):
        with pytest.raises(ValueError, match="at most 2147483647 numbers a sample"):
            make()


@pytest.fixture
def saved(tmp_path):
    model = classifier()
    model.fit(X, Y, verbose=0)
    path = tmp_path / "model"
    model.save(path)
    return path


@pytest.mark.parametrize("number", [-5, 1.5, "x", None, 2**63, 10**40])
@pytest.mark.parametrize("name", ["iterations", "seed"])
def test_forged_counts_are_refused(saved, name, number):
    container = read_container(saved)
    container.config["training"][name] = number
    write_container(saved, container.kind, container.config, container.tensors)
    with pytest.raises(ValueError, match=f"can't be rebuilt.*{name}"):
        hl.load_model(saved)


def test_forged_sizes_are_refused(saved):
    container = read_container(saved)
    container.config["config"]["layers"][-1]["config"]["units"] = 10**13
    write_container(saved, container.kind, container.config, container.tensors)
    with pytest.raises(ValueError, match="can't be rebuilt"):
        hl.load_model(saved)


def test_a_forged_frozen_model_with_a_number_too_large(tmp_path):
    path = tmp_path / "frozen"
    hl.quantize_model(classifier(), calibration_data=X).save(path)
    container = read_container(path)
    config = json.loads(json.dumps(container.config))
    config["graph"]["ops"][0]["attributes"]["scale"] = 10**20
    write_container(path, container.kind, config, container.tensors)
    with pytest.raises(ValueError, match="can't be rebuilt"):
        hl.load_model(path)


@pytest.mark.parametrize("version", ["9" * 5000, "9" * 11])
def test_a_version_with_very_many_digits(saved, version, monkeypatch):
    container = read_container(saved)
    monkeypatch.setattr("hotloop.saving.container.FORMAT_VERSION", version)
    write_container(saved, container.kind, container.config, container.tensors)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="no valid format version"):
        hl.load_model(saved)


def test_a_config_nested_too_deeply(saved, monkeypatch):
    container = read_container(saved)
    monkeypatch.setattr("hotloop.saving.container.json.dumps", lambda *_, **__: "[" * 100_000 + "]" * 100_000)
    write_container(saved, container.kind, container.config, container.tensors)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="not JSON"):
        hl.load_model(saved)


def test_calibration_data_near_the_largest_float_give_no_warning():
    model = hl.Sequential([hl.layers.Dense(4, "tanh", bias_initializer="ones", input_shape=(6,))])
    frozen = hl.quantize_model(model, calibration_data=np.full((5, 6), 1e38))
    assert np.isfinite(frozen.predict(X)).all()
