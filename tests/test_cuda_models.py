"""Models on a GPU: training, evaluating, predicting and making smaller give the CPU's bits."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import cuda_half

cuda_half.load()

import hotloop as hl  # noqa: E402 - once the CUDA half is there
from hotloop.device import to_host  # noqa: E402
from hotloop.saving.container import read_container  # noqa: E402

DEVICES = ("cpu", "cuda")


@pytest.fixture(autouse=True)
def default_device():
    """Whatever a test sets, the next one begins on the CPU."""
    yield
    hl.set_device("cpu")


def data(rng, rows=24, features=5, classes=3):
    x = rng.standard_normal((rows, features)).astype("f4")
    return x, rng.integers(0, classes, rows)


def network(device, optimizer="adam", precision="float32", **options):
    hl.set_seed(3)
    model = hl.Sequential(
        [
            hl.layers.Dense(
                6, "relu", input_shape=(5,), kernel_regularizer=options.pop("regularizer", None), name="first"
            ),
            hl.layers.BatchNormalization(),
            hl.layers.Dropout(options.pop("rate", 0.25)),
            hl.layers.Dense(3, "softmax", name="last"),
        ]
    )
    model.compile(
        hl.optimizers.get(optimizer),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        precision=precision,
        device=device,
        **options,
    )
    return model


def state(model):
    """Everything that training changes, in bytes."""
    slots = {name: to_host(slot).tobytes() for name, slot in model.optimizer.slots.items()}
    return [w.tobytes() for w in model.get_weights()], slots, model.optimizer.iterations


def contents(path):
    """What a file says; its bytes depend on the order of a hash table."""
    read = read_container(path)
    return read.config, {name: (a.dtype, a.shape, a.tobytes()) for name, a in read.tensors.items()}


def same_training(make, fit):
    """Train on both devices; weights, optimizer state and logs agree to the last bit. Returns the models."""
    models = []
    for device in DEVICES:
        model = make(device)
        fit(model)
        models.append(model)
    here, there = models
    assert there.device == "cuda"
    assert state(here) == state(there)
    assert here.history.history == there.history.history
    return here, there


OPTIMIZERS = [
    hl.optimizers.SGD(0.1),
    hl.optimizers.SGD(0.1, momentum=0.9, nesterov=True, clipvalue=0.05),
    hl.optimizers.RMSprop(0.01, momentum=0.5, centered=True, clipnorm=0.5),
    hl.optimizers.Adam(0.01, amsgrad=True, global_clipnorm=0.5),
    hl.optimizers.AdamW(hl.schedules.ExponentialDecay(0.1, 2, 0.5), weight_decay=0.1),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: f"{o.name}-{o.clip_config()}")
def test_training_gives_the_cpus_bits(rng, optimizer):
    x, y = data(rng)
    config = hl.optimizers.serialize(optimizer)
    same_training(
        lambda device: network(device, config, regularizer=hl.regularizers.L1L2(0.01, 0.02)),
        lambda model: model.fit(
            x, y, batch_size=7, epochs=2, verbose=0, validation_split=0.25, class_weight={0: 2.0}
        ),
    )


def test_bytes_weights_callbacks_and_several_outputs(rng):
    x = rng.integers(0, 256, (20, 4), dtype=np.uint8)
    y = {"a": rng.standard_normal((20, 2)).astype("f4"), "b": rng.integers(0, 2, (20, 1))}

    def make(device):
        hl.set_seed(5)
        given = hl.Input((4,))
        shared = hl.layers.Dense(5, "tanh")(hl.layers.Rescaling(1 / 255)(given))
        outputs = [hl.layers.Dense(2, name="a")(shared), hl.layers.Dense(1, "sigmoid", name="b")(shared)]
        model = hl.Model(given, outputs)
        model.compile(
            "rmsprop", {"a": "mse", "b": "binary_crossentropy"}, {"a": 1.0, "b": 0.5}, device=device
        )
        return model

    def fit(model):
        model.fit(
            x,
            y,
            batch_size=8,
            epochs=3,
            verbose=0,
            sample_weight=np.linspace(0.5, 2, 20),
            validation_data=(x[:9], {"a": y["a"][:9], "b": y["b"][:9]}),
            callbacks=[
                hl.callbacks.EarlyStopping(patience=1, restore_best_weights=True),
                hl.callbacks.ReduceLROnPlateau(patience=0),
                hl.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None),
            ],
        )

    here, there = same_training(make, fit)
    assert here.evaluate(x, y, verbose=0) == there.evaluate(x, y, verbose=0)
    for a, b in zip(here.predict(x), there.predict(x), strict=True):
        assert isinstance(b, np.ndarray)
        assert a.tobytes() == b.tobytes()
    assert here.train_on_batch(x, y) == there.train_on_batch(x, y)
    assert to_host(there.gradients).tobytes() == here.gradients.tobytes()


@pytest.mark.parametrize("first", DEVICES)
def test_what_is_trained_on_one_device_goes_on_on_the_other(rng, tmp_path, first):
    x, y = data(rng)
    second = DEVICES[1 - DEVICES.index(first)]
    whole = network("cpu")
    whole.fit(x, y, epochs=3, batch_size=8, verbose=0)

    model = network(first)
    model.fit(x, y, epochs=1, batch_size=8, verbose=0)
    model.save(tmp_path / "m.hotloop")
    hl.set_device(second)
    loaded = hl.load_model(tmp_path / "m.hotloop")
    loaded.fit(x, y, epochs=3, initial_epoch=1, batch_size=8, verbose=0)
    assert loaded.device == second
    assert state(loaded) == state(whole)

    model.device = second
    assert model.device == second
    model.fit(x, y, epochs=3, initial_epoch=1, batch_size=8, verbose=0)
    assert state(model) == state(whole)


def test_files_say_nothing_of_the_device(rng, tmp_path):
    x, y = data(rng)
    files = []
    for device in DEVICES:
        model = network(device)
        model.fit(x, y, epochs=1, verbose=0)
        model.save(tmp_path / device)
        files.append(contents(tmp_path / device))
    assert files[0] == files[1]


def test_copies_stay_on_the_gpu_and_pickles_do_not(rng):
    x, y = data(rng)
    model = network("cuda")
    model.fit(x, y, epochs=1, verbose=0)
    before = state(model)
    twin = copy.deepcopy(model)
    assert twin.device == "cuda"
    again = pickle.loads(pickle.dumps(model))
    assert again.device == "cpu"
    for other in (twin, again):
        assert state(other) == before
        other.fit(x, y, epochs=1, verbose=0)
        assert state(model) == before
    assert state(twin) == state(again)


def test_weights_are_views_into_the_gpus_arena(rng):
    import cupy

    x, _ = data(rng)
    model = network("cuda")
    kernel = model.get_layer("last").kernel
    assert isinstance(kernel.value, cupy.ndarray)
    assert isinstance(np.asarray(kernel), np.ndarray)
    before = model.predict(x)
    kernel.value.fill(0)
    assert not kernel.numpy().any()
    assert not np.array_equal(model.predict(x), before)
    for value in (np.ones((6, 3)), cupy.asarray(np.ones((6, 3), "f4"))):
        kernel.assign(value)
        assert kernel.numpy().sum() == 18
    with pytest.raises(ValueError, match="shape"):
        kernel.assign(cupy.zeros((3, 6), np.float32))


def test_layers_shared_with_a_model_on_the_gpu_bring_the_others_there(rng):
    x, _ = data(rng)
    model = network("cuda")
    expected = model.predict(x)
    longer = hl.Sequential([model, hl.layers.Dense(2)])
    assert longer.device == model.device == "cuda"
    assert longer.predict(x).shape == (24, 2)
    assert np.array_equal(model.predict(x), expected)
    longer.device = "cpu"
    assert model.device == "cpu"
    assert np.array_equal(model.predict(x), expected)


@pytest.mark.parametrize("criterion", ["magnitude", "taylor"])
def test_pruning_and_training_on_gives_the_cpus_bits(rng, criterion):
    x, y = data(rng)
    results = []
    for device in DEVICES:
        model = network(device)
        model.fit(x, y, epochs=1, batch_size=8, verbose=0)
        smaller = hl.prune_model(model, 0.5, criterion=criterion, data=(x, y), batch_size=9)
        assert smaller.device == device
        smaller.fit(x, y, epochs=1, batch_size=8, verbose=0)
        hl.compress.mask_units(model, {"first": [0]})
        results.append((state(smaller), state(model)))
    assert results[0] == results[1]


@pytest.mark.parametrize("precision", ["int8", "int8_dynamic", "bf16"])
def test_quantised_models_and_sessions_give_the_cpus_results(rng, tmp_path, precision):
    import cupy

    x, y = data(rng)
    results, files = [], []
    for device in DEVICES:
        model = network(device)
        model.fit(x, y, epochs=1, verbose=0)
        fast = hl.quantize_model(model, precision, calibration_data=x)
        assert fast.device == device
        fast.save(tmp_path / device)
        files.append(contents(tmp_path / device))
        session = hl.freeze(fast)
        assert session.device == device
        out = np.empty((24, 3), "f4")
        assert session.run(x, out) is out
        assert out.tobytes() == fast.predict(x).tobytes()
        assert pickle.loads(pickle.dumps(fast)).device == "cpu"
        assert copy.deepcopy(fast).device == device
        results.append((out.tobytes(), fast.evaluate(x, y)))
    assert files[0] == files[1]
    if precision == "bf16":  # tensor cores take both operands in bfloat16, the CPU only the weights
        here, there = (np.frombuffer(out, "f4") for out, _ in results)
        assert 0 < np.abs(here - there).max() < 2.0**-6
    else:
        assert results[0] == results[1]
    there = cupy.asarray(x)
    assert isinstance(fast.predict(there), cupy.ndarray)
    result = cupy.empty((24, 3), np.float32)
    assert session.run(there, result) is result
    assert result.get().tobytes() == results[1][0]
    fast.device = "cpu"
    assert fast.predict(x).tobytes() == results[0][0]


@pytest.mark.parametrize("precision", ["int8", "int8_dynamic"])
def test_what_is_not_finite_shows_behind_bytes(rng, precision):
    import cupy

    x, _ = data(rng)
    spoiled = x.copy()
    spoiled[3, 1], spoiled[5, 2] = np.nan, -np.inf
    results = []
    for device in DEVICES:
        fast = hl.quantize_model(network(device), precision, calibration_data=x, fallback="never")
        session = hl.freeze(fast, allow_nonfinite=True)
        results += [fast.predict(spoiled, allow_nonfinite=True), session.run(spoiled)]
    there = cupy.asarray(spoiled)
    results += [fast.predict(there, allow_nonfinite=True).get(), session.run(there).get()]
    out = cupy.empty((24, 3), np.float32)
    assert session.run(there, out) is out
    for got in (*results, out.get()):
        assert np.isnan(got[[3, 5]]).all()
        assert got.tobytes() == results[0].tobytes()
    assert np.isfinite(np.delete(results[0], [3, 5], axis=0)).all()


def test_float_sessions(rng):
    x, _ = data(rng)
    outputs = [hl.freeze(network(device)).run(x).tobytes() for device in DEVICES]
    assert outputs[0] == outputs[1]


def test_what_was_never_placed_is_frozen_on_the_default_device(rng):
    x, _ = data(rng)
    model = network("cpu")
    twin = hl.Sequential.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    hl.set_device("cuda")
    assert twin.device == "cuda"
    assert not twin.store.placed  # to ask is not to move
    session = hl.freeze(twin)
    assert session.device == twin.store.backend.name == "cuda"
    assert session.run(x).tobytes() == model.predict(x).tobytes()
    assert model.device == "cpu"


def test_threads_share_a_model(rng):
    x, _ = data(rng)
    expected = network("cpu").predict(x).tobytes()
    for _ in range(5):
        model = hl.Sequential.from_config(network("cpu").get_config())
        model.set_weights(network("cpu").get_weights())
        hl.set_device("cuda")  # the first of them to come moves the weights
        with ThreadPoolExecutor(2) as threads:
            results = list(threads.map(lambda _, model=model: model.predict(x).tobytes(), range(8)))
        hl.set_device("cpu")
        assert model.device == "cuda"
        assert set(results) == {expected}


def test_compiling_again_leaves_a_model_where_it_was_told_to_be(rng):
    x, y = data(rng)

    def again(model, **options):
        model.compile("sgd", "sparse_categorical_crossentropy", **options)
        return model.device

    told = network("cuda")
    moved = network(None)
    assert moved.device == "cpu"
    moved.device = "cuda"
    unbuilt = hl.Sequential([hl.layers.Dense(3, "softmax")])
    again(unbuilt, device="cuda")
    longer = hl.Sequential([network("cuda"), hl.layers.Dense(3, "softmax")])
    for model in (told, moved, unbuilt, longer, copy.deepcopy(told)):
        assert again(model) == "cuda"
        model.fit(x, y, verbose=0)
        assert again(model) == "cuda"
    hl.set_device("cuda")
    kept = network("cpu")
    assert again(kept) == "cpu"
    # Whoever was told nothing follows the default device, and so does what comes out of a pickle.
    hl.set_device("cpu")
    free = network(None)
    hl.set_device("cuda")
    assert again(free) == "cuda"
    hl.set_device("cpu")
    assert again(free) == again(pickle.loads(pickle.dumps(told))) == "cpu"
    assert again(told, device="cpu") == "cpu"


def test_measuring_and_profiling(rng):
    x, y = data(rng)
    model = network("cuda")
    report = hl.evaluate_performance(model, x, y, batch_sizes=[1, 30], seconds=0.01)
    assert report["device"] == "cuda"
    assert report.metrics == hl.evaluate_performance(network("cpu"), x, y, [1], 0.01).metrics
    with pytest.raises(ValueError, match="Nsight"):
        hl.profile(model, x)


@pytest.mark.parametrize("precision", ["tf32", "mixed_bfloat16"])
def test_other_precisions_are_close_and_repeatable(rng, precision):
    x, y = rng.standard_normal((32, 64)).astype("f4"), rng.integers(0, 3, 32)

    def trained(precision):
        hl.set_seed(6)
        model = hl.Sequential([hl.layers.Dense(64, "relu", input_shape=(64,)), hl.layers.Dense(3, "softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy", precision=precision, device="cuda")
        model.fit(x, y, batch_size=16, epochs=2, verbose=0)
        return model

    exact, first, second = trained("float32"), trained(precision), trained(precision)
    assert state(first) == state(second)
    assert state(first) != state(exact)
    for ours, theirs in zip(first.get_weights(), exact.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-3)
    # Predicting and evaluating round nothing.
    exact.set_weights(first.get_weights())
    assert np.array_equal(exact.predict(x), first.predict(x))
    assert exact.evaluate(x, y, verbose=0) == first.evaluate(x, y, verbose=0)
