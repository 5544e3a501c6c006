"""What models on a GPU take and give: arrays of either kind, of other libraries, and more than fits."""

import copy
import os

import numpy as np
import pytest

import cuda_half

cuda_half.load()

import cupy  # noqa: E402 - the stand-in's folder is known now

import hotloop as hl  # noqa: E402
from hotloop import device  # noqa: E402
from hotloop.device import to_host  # noqa: E402
from hotloop.training import staging  # noqa: E402

emulated = pytest.mark.skipif(not cuda_half.is_emulated(), reason="needs the stand-in for CuPy")


@pytest.fixture
def small_gpu(monkeypatch):
    """Returns a function that limits the GPU's memory to so many bytes."""
    if not cuda_half.is_emulated():
        pytest.skip("needs the stand-in for CuPy")
    return lambda size: monkeypatch.setattr(cupy.cuda, "most_bytes", size)


def network(where="cuda", optimizer="adam", loss="mse", metrics=("mae",), units=2, last=None):
    hl.set_seed(4)
    first = hl.layers.Dense(4, "relu", input_shape=(5,))
    model = hl.Sequential([first, hl.layers.Dropout(0.3), hl.layers.Dense(units, last)])
    model.compile(optimizer, loss, metrics=list(metrics), device=where)
    return model


def data(rng, rows=30):
    return rng.standard_normal((rows, 5)).astype("f4"), rng.standard_normal((rows, 2)).astype("f4")


def state(model):
    return [w.tobytes() for w in model.get_weights()]


class Shared:
    """Another library's array with the interface."""

    def __init__(self, array):
        self._array = array
        self.__cuda_array_interface__ = array.__cuda_array_interface__


class Packed:
    """Another library's array with DLPack alone."""

    def __init__(self, array):
        self._array = array
        self._on_host = array._host  # for the stand-in, which has no memory but the host's

    def __dlpack_device__(self):
        return 2, 0

    def __dlpack__(self, **_):
        return self._array.__dlpack__()


def test_results_are_of_the_inputs_kind(rng):
    x, _ = data(rng)
    model = network()
    here = model.predict(x)
    there = model.predict(cupy.asarray(x))
    assert isinstance(here, np.ndarray)
    assert isinstance(there, cupy.ndarray)
    assert there.get().tobytes() == here.tobytes() == network("cpu").predict(x).tobytes()
    assert isinstance(model.predict(x.tolist()), np.ndarray)
    assert isinstance(model(cupy.asarray(x)), cupy.ndarray)


@pytest.mark.parametrize("wrap", [Shared, pytest.param(Packed, marks=emulated)])
def test_other_libraries_arrays_are_read_where_they_lie(rng, monkeypatch, wrap):
    x, _ = data(rng)
    there = cupy.asarray(x)
    adopted = device.adopt(wrap(there))
    assert adopted.data.ptr == there.data.ptr
    model = network()
    assert model.predict(wrap(there)).get().tobytes() == model.predict(x).tobytes()


def test_training_reads_the_gpus_arrays_without_a_copy(rng, monkeypatch):
    x, y = data(rng)
    there = cupy.asarray(x), cupy.asarray(y)
    seen = []
    real = staging.Resident.__init__

    def spy(self, *given):
        real(self, *given)
        seen.append((self.arrays.inputs[0].data.ptr, self.arrays.targets[0].data.ptr))

    monkeypatch.setattr(staging.Resident, "__init__", spy)
    models = [network(), network(), network()]
    models[0].fit(x, y, epochs=2, batch_size=8, verbose=0)
    seen.clear()
    models[1].fit(*there, epochs=2, batch_size=8, verbose=0)
    assert seen == [(there[0].data.ptr, there[1].data.ptr)]
    models[2].fit(there[0], y, epochs=2, batch_size=8, verbose=0)  # what is on the host is uploaded
    assert state(models[0]) == state(models[1]) == state(models[2])
    assert models[0].history.history == models[1].history.history


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.astype(np.float64),
        lambda a: cupy.asarray(np.repeat(a.get(), 2, axis=0))[::2],
        lambda a: cupy.asarray(np.asfortranarray(a.get())),
    ],
    ids=["float64", "strided", "fortran"],
)
def test_other_dtypes_and_strides_are_copied(rng, change):
    x, _ = data(rng)
    model = network()
    assert model.predict(change(cupy.asarray(x))).get().tobytes() == model.predict(x).tobytes()


def test_misaligned_arrays_are_copied(rng):
    x, _ = data(rng)
    room = cupy.zeros(x.nbytes + 1, np.uint8)
    there = room[1:].view(np.float32).reshape(x.shape)
    there[...] = cupy.asarray(x)
    model = network()
    assert model.predict(there).get().tobytes() == model.predict(x).tobytes()


def test_labels_on_the_gpu(rng):
    x, _ = data(rng)
    for loss, last, y in (
        ("sparse_categorical_crossentropy", "softmax", rng.integers(0, 2, 30)),
        ("hinge", None, rng.integers(0, 2, (30, 2)).astype("f4")),
        ("binary_crossentropy", "sigmoid", rng.uniform(0, 1, (30, 2)).astype("f4")),
    ):
        models = [network(loss=loss, metrics=(), last=last) for _ in range(2)]
        models[0].fit(x, y, verbose=0)
        models[1].fit(cupy.asarray(x), cupy.asarray(y), verbose=0)
        assert state(models[0]) == state(models[1]), loss
    with pytest.raises(ValueError, match=r"y: expected labels from 0 to 1"):
        models[1].fit(x, cupy.asarray(y + 1), verbose=0)
    weights = cupy.asarray(np.full(30, 2, "f4"))
    assert network().evaluate(x, y, sample_weight=weights, verbose=0)[0] > 0


def test_what_does_not_fit_the_device_is_refused_by_name(rng):
    x, y = data(rng)
    there = cupy.asarray(x)
    here, model = network("cpu"), network()
    with pytest.raises(TypeError, match=r"x: expected an array in the CPU's memory.*model\.device = 'cuda'"):
        here.predict(there)
    with pytest.raises(TypeError, match="y: expected an array in the CPU's memory"):
        here.fit(x, cupy.asarray(y), verbose=0)
    broken = x.copy()
    broken[3, 1] = np.nan
    for bad in (broken, cupy.asarray(broken)):
        with pytest.raises(ValueError, match=r"x: expected finite numbers, got nan at index \(3, 1\)"):
            model.predict(bad)
    with pytest.raises(ValueError, match=r"x: expected shape \(rows, 5\)"):
        model.predict(there[:, :4])
    session = hl.freeze(model)
    with pytest.raises(TypeError, match="out: expected an array on the GPU"):
        session.run(there, np.empty((30, 2), "f4"))
    with pytest.raises(TypeError, match="out: expected an array in the CPU's memory"):
        session.run(x, cupy.empty((30, 2), np.float32))
    with pytest.raises(ValueError, match="out: expected memory of its own"):
        session.run(there, there.ravel()[:60].reshape(30, 2))


@pytest.mark.parametrize("shuffle", [True, False])
def test_more_data_than_fits_trains_to_the_same_bits(rng, small_gpu, monkeypatch, shuffle):
    x, y = data(rng, rows=400)
    weights = rng.uniform(0.5, 2, 400)

    def fit(model):
        model.fit(
            x,
            y,
            batch_size=7,
            epochs=2,
            verbose=0,
            shuffle=shuffle,
            sample_weight=weights,
            validation_data=(x[:300], y[:300]),
            steps_per_epoch=70,
        )
        return (
            state(model),
            model.history.history,
            model.evaluate(x, y, verbose=0),
            model.predict(x).tobytes(),
        )

    whole = fit(network())
    streams = []
    real = staging.Streamed.__init__
    monkeypatch.setattr(
        staging.Streamed, "__init__", lambda self, *a: (streams.append(a[-1]), real(self, *a))[1]
    )
    model = network()
    small_gpu(56_000)
    assert fit(model) == whole
    assert len(streams) >= 2
    assert all(rows < 400 for rows in streams)


class SaveAndStop(hl.callbacks.Callback):
    """Saves behind one step, and goes no further."""

    def __init__(self, path):
        self.path = path

    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations == 90:
            self.model.save(self.path)
            raise KeyboardInterrupt


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("where", ["cpu", "cuda"])
def test_training_goes_on_within_an_epoch_on_either_device(rng, small_gpu, tmp_path, streamed, where):
    """Interrupted on the GPU, with all rows there or a part of them; an epoch of 70 steps takes 58 a pass."""
    x, y = data(rng, rows=400)
    options = {"batch_size": 7, "epochs": 3, "steps_per_epoch": 70, "verbose": 0}
    whole = network("cpu")
    history = whole.fit(x, y, **options).history
    model = network()
    if streamed:
        small_gpu(56_000)
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, callbacks=[SaveAndStop(tmp_path / "file")], **options)
    other = hl.load_model(tmp_path / "file")
    other.device = where
    for resumed in (other, copy.deepcopy(model), model):
        rest = resumed.fit(x, y, initial_epoch=1, **options).history
        assert state(resumed) == state(whole)
        assert rest == {key: values[1:] for key, values in history.items()}


def test_too_little_memory_is_told_and_the_model_stays_usable(rng, small_gpu):
    x, y = data(rng, rows=400)
    model = network()
    before = state(model)
    small_gpu(6_000)
    with pytest.raises(MemoryError, match=r"batches of 400 rows: [\d,]+ bytes needed, [\d,]+ free of"):
        model.fit(x, y, batch_size=400, verbose=0)
    assert state(model) == before
    other = network("cpu", units=3000)
    with pytest.raises(MemoryError, match="out of memory"):
        other.device = "cuda"
    assert other.device == "cpu"
    small_gpu(1 << 32)
    model.fit(x, y, batch_size=400, verbose=0)
    other.predict(x)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_of_fork_is_refused(rng):
    x, _ = data(rng)
    model = network()
    model.predict(x)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            model.predict(x)
            text = "no error"
        except RuntimeError as error:
            text = str(error)
        os.write(writing, text.encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert "child of fork" in os.read(reading, 1000).decode()
    assert to_host(model.predict(x)).shape == (30, 2)


def test_misaligned_and_foreign_outputs_are_refused(rng):
    x, _ = data(rng)
    session, there = hl.freeze(network()), cupy.asarray(x)
    misaligned = cupy.zeros(4 * 60 + 1, np.uint8)[1:].view(np.float32).reshape(30, 2)
    with pytest.raises(ValueError, match=r"out: expected a writable C-contiguous array.*not aligned"):
        session.run(there, misaligned)
    with pytest.raises(TypeError, match=r"got one in the CPU's memory; make it with cupy\.empty"):
        session.run(there, np.empty((30, 2), "f4"))


def test_rows_that_are_mixed_go_to_the_gpu_whole_or_not_at_all(rng, small_gpu):
    """A mean over the batch: chunks would give others."""

    def mixed(where):
        hl.set_seed(4)
        mix = hl.layers.Lambda(lambda x: x - hl.ops.mean(x, axis=0), name="mix")
        model = hl.Sequential([hl.layers.Dense(4, "relu", input_shape=(5,)), mix, hl.layers.Dense(2)])
        model.compile("sgd", "mse", device=where)
        return model

    x, y = data(rng, rows=400)
    here, there = mixed("cpu"), mixed("cuda")
    session = hl.freeze(there)
    expected = here.predict(x, verbose=0)
    np.testing.assert_array_equal(there.predict(x, batch_size=7, verbose=0), expected)
    np.testing.assert_array_equal(session.run(x), expected)
    assert there.evaluate(x, y, verbose=0) == here.evaluate(x, y, verbose=0)
    small_gpu(12_000)
    for call in (lambda: there.predict(x, verbose=0), lambda: session.run(x)):
        with pytest.raises(MemoryError, match=r"a batch of 400 rows, which layer 'mix' mixes"):
            call()
    with pytest.raises(MemoryError, match=r"batches of 400 rows, which layer 'mix' mixes"):
        there.evaluate(x, y, verbose=0)
    small_gpu(60_000)  # for batches of 8 there is room
    with pytest.raises(MemoryError, match=r"batches of 400 rows, which layer 'mix' mixes"):
        there.fit(x[:16], y[:16], batch_size=8, validation_data=(x, y), verbose=0)
