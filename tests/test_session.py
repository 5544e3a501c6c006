"""Frozen sessions: predict's bits, whatever happens to the model, from any number of threads."""

import copy
import gc
import pickle
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hotloop as hl
from graphs import inputs_for, random_models, randomise
from nets import blobs, classifier
from test_process_safety import run as run_alone

PRECISIONS = ["float32", "int8", "int8_dynamic", "bf16"]
BATCHES = [1, 2, 15, 33, 256, 257, 600]


def samples(rows: int, features: int = 20, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, features)).astype(np.float32)


def mlp(features: int = 20) -> hl.Sequential:
    return randomise(
        hl.Sequential(
            [
                hl.layers.Dense(50, activation="relu", input_shape=(features,)),
                hl.layers.BatchNormalization(),
                hl.layers.Dense(33, activation="tanh", use_bias=False),
                hl.layers.Dropout(0.5),
                hl.layers.Dense(10, activation="softmax"),
            ]
        )
    )


def of_precision(precision: str) -> hl.Model | hl.QuantizedModel:
    model = mlp()
    if precision == "float32":
        return model
    with warnings.catch_warnings():
        # All of it in int8, however well that goes with random weights: sessions are held to predict here.
        warnings.filterwarnings("ignore", "quantize", UserWarning)
        return hl.quantize_model(model, precision, samples(200), fallback="never")


def two_by_two() -> hl.Model:
    left, right = hl.Input((4,), name="left"), hl.Input((2, 3), name="right")
    joined = hl.layers.Concatenate()([left, hl.layers.Flatten()(right)])
    hidden = hl.layers.Dense(8, activation="relu")(joined)
    score = hl.layers.Dense(3, activation="softmax", name="score")(hidden)
    grid = hl.layers.Reshape((2, 2), name="grid")(hl.layers.Dense(4)(hidden))
    return randomise(hl.Model([left, right], [score, grid]))


# -- the bits of predict


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("rows", BATCHES)
def test_run_has_the_bits_of_predict(precision, rows):
    model = of_precision(precision)
    session = hl.freeze(model, batch_size=64)
    x = samples(rows)
    expected = model.predict(x)
    result = session.run(x)
    assert result.dtype == np.float32
    assert result.flags.owndata
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(session(x), expected)
    assert session.precision == precision


@given(random_models(), st.sampled_from([1, 7, 300]))
@settings(max_examples=25)
def test_any_graph(model, rows):
    randomise(model)
    x = inputs_for(model, rows)
    x = x if len(x) > 1 else x[0]
    np.testing.assert_array_equal(hl.freeze(model).run(x), model.predict(x))


def test_every_team_and_level_has_the_same_bits(isa, threads):
    model, x = mlp(300), samples(700, 300)
    np.testing.assert_array_equal(hl.freeze(model).run(x), model.predict(x))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_of_a_session(threads):
    model, x = mlp(300), samples(700, 300)
    np.testing.assert_array_equal(hl.freeze(model, threads=threads).run(x), model.predict(x))


def test_several_inputs_and_outputs():
    model = two_by_two()
    session = hl.freeze(model)
    left, right = samples(40, 4), samples(40, 6, seed=1).reshape(40, 2, 3)
    expected = model.predict([left, right])
    out = [np.empty((40, 3), np.float32), np.empty((40, 2, 2), np.float32)]
    assert session.run([left, right], out) is out
    for result in (session.run([left, right]), session.run({"right": right, "left": left}), out):
        for got, wanted in zip(result, expected, strict=True):
            np.testing.assert_array_equal(got, wanted)
    assert session.input_names == ["left", "right"]
    assert session.input_shapes == [(4,), (2, 3)]
    assert session.output_shapes == [(3,), (2, 2)]


def test_an_output_that_is_an_input_and_one_that_comes_twice():
    x = hl.Input((3,))
    y = hl.layers.Dense(2)(x)
    model = hl.Model(x, [x, y, y])
    rows = samples(5, 3)
    for got, wanted in zip(hl.freeze(model).run(rows), model.predict(rows), strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_bytes_and_other_numbers_are_taken_as_predict_takes_them(precision):
    model = of_precision(precision)
    session = hl.freeze(model)
    whole = np.random.default_rng(2).integers(0, 3, (40, 20))
    plain = whole.astype(np.float32)
    expected = model.predict(plain)
    wide = np.zeros((40, 41), np.float32)
    wide[:, ::2][:, :20] = plain
    variants = {
        "uint8": whole.astype(np.uint8),
        "int64": whole,
        "float64": whole.astype(np.float64),
        "list": whole.tolist(),
        "Fortran": np.asfortranarray(plain),
        "strided": wide[:, ::2][:, :20],
        "swapped": plain.astype(">f4"),
        "matrix": plain.view(np.matrix),
    }
    for name, x in variants.items():
        np.testing.assert_array_equal(session.run(x), expected, err_msg=name)
        np.testing.assert_array_equal(model.predict(x), expected, err_msg=name)


def test_shapes_of_more_axes():
    model = randomise(
        hl.Sequential(
            [
                hl.layers.Flatten(input_shape=(4, 5)),
                hl.layers.Dense(6, activation="relu"),
                hl.layers.Reshape((3, 2)),
            ]
        )
    )
    x = samples(9).reshape(9, 4, 5)
    result = hl.freeze(model).run(x)
    assert result.shape == (9, 3, 2)
    np.testing.assert_array_equal(result, model.predict(x))
    one = hl.Sequential([hl.layers.Dense(1, input_shape=(1,))])
    np.testing.assert_array_equal(hl.freeze(one).run(np.ones(4)), one.predict(np.ones(4)))


# -- final


@pytest.mark.parametrize("precision", PRECISIONS)
def test_it_outlives_its_model(precision):
    model = of_precision(precision)
    x = samples(50)
    expected, session = model.predict(x), hl.freeze(model)
    del model
    gc.collect()
    np.testing.assert_array_equal(session.run(x), expected)


def test_what_happens_to_the_model_does_not_reach_it(rng):
    x, y = blobs(rng)
    model = classifier()
    session, expected = hl.freeze(model), model.predict(x)
    model.fit(x, y, epochs=2, verbose=0)
    assert not np.array_equal(model.predict(x), expected)
    np.testing.assert_array_equal(session.run(x), expected)
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    np.testing.assert_array_equal(session.run(x), expected)
    np.testing.assert_array_equal(hl.freeze(model).run(x), model.predict(x))


def test_a_model_of_mixed_precision_predicts_in_float32(rng):
    x, y = blobs(rng)
    model = classifier()
    model.compile("adam", "sparse_categorical_crossentropy", precision="mixed_bfloat16")
    model.fit(x, y, verbose=0)
    session = hl.freeze(model)
    assert session.precision == "float32"
    np.testing.assert_array_equal(session.run(x), model.predict(x))


def test_copies_and_pickles():
    session = hl.freeze(mlp())
    assert copy.copy(session) is session
    assert copy.deepcopy({"s": session})["s"] is session
    with pytest.raises(TypeError, match="it can't be pickled; send the model"):
        pickle.dumps(session)
    assert repr(session).startswith("<Session name='sequential")


# -- out


def test_out_takes_the_results():
    model, x = mlp(), samples(7)
    session, out = hl.freeze(model), np.full((7, 10), np.nan, np.float32)
    assert session.run(x, out) is out
    np.testing.assert_array_equal(out, model.predict(x))
    again = np.empty((1, 7, 10), np.float32)
    assert session.run(x.astype(np.float64), out=[again[0]])[0].base is again
    np.testing.assert_array_equal(again[0], out)


def test_out_that_can_not_take_them_is_refused():
    session, x = hl.freeze(mlp(10)), samples(7, 10)
    read_only = np.empty((7, 10), np.float32)
    read_only.flags.writeable = False
    cases = [
        (ValueError, r"out: expected shape \(7, 10\), got shape \(8, 10\)", np.empty((8, 10), np.float32)),
        (ValueError, r"shape \(7, 10\)", np.empty((7, 9), np.float32)),
        (ValueError, r"shape \(7, 10\)", np.empty(70, np.float32)),
        (TypeError, "out: expected a float32 array, got float64", np.empty((7, 10))),
        (ValueError, "read-only", read_only),
        (ValueError, "not contiguous", np.empty((7, 20), np.float32)[:, ::2]),
        (ValueError, "not contiguous", np.empty((10, 7), np.float32).T),
        (ValueError, "overlaps an input", x),
        (TypeError, "out: expected an array, got str", "here"),
        (TypeError, "out: expected an array, got list", [np.empty((7, 10), np.float32)] * 2),
    ]
    for error, words, out in cases:
        with pytest.raises(error, match=words):
            session.run(x, out)
    memory = np.zeros(7 * 10 + 5, np.float32)
    with pytest.raises(ValueError, match="overlaps"):
        session.run(memory[:70].reshape(7, 10), memory[5:].reshape(7, 10))
    several = hl.freeze(two_by_two())
    inputs = [samples(4, 4), samples(4, 6).reshape(4, 2, 3)]
    first, second = np.empty((4, 3), np.float32), np.empty((4, 2, 2), np.float32)
    with pytest.raises(TypeError, match="a list of 2 arrays"):
        several.run(inputs, first)
    with pytest.raises(ValueError, match=r"out\['grid'\]: expected shape \(4, 2, 2\)"):
        several.run(inputs, [first, first])
    assert several.run(inputs, (first, second))[1] is second


# -- what comes in


@pytest.mark.parametrize("precision", PRECISIONS)
def test_bad_inputs_are_refused_as_predict_refuses_them(precision):
    model = of_precision(precision)
    session, x = hl.freeze(model), samples(6)
    bad = x.copy()
    bad[4, 3] = np.nan
    endless = np.repeat(x, 100, axis=0)
    endless[599, 19] = -np.inf
    for words, value in [
        ("at least one row", x[:0]),
        (r"expected shape \(rows, 20\), got shape \(6, 19\)", np.ascontiguousarray(x[:, :19])),
        (r"one sample needs a batch axis: x\[None\]", x[0]),
        (r"expected finite numbers, got nan at index \(4, 3\)", bad),
        (r"got -inf at index \(599, 19\)", endless),
    ]:
        with pytest.raises(ValueError, match=words):
            session.run(value)
        with pytest.raises(ValueError, match=words):
            model.predict(value)
    with pytest.raises(TypeError, match="expected real numbers"):
        session.run(np.array([["a"] * 20]))
    with pytest.raises(TypeError, match="expected an array, got NoneType"):
        session.run(None)


def test_nonfinite_numbers_where_they_are_allowed():
    model = mlp()
    x = samples(3)
    x[1, 0] = np.inf
    result = hl.freeze(model, allow_nonfinite=True).run(x)
    assert np.isfinite(result[[0, 2]]).all()
    assert np.isnan(result[1]).all()
    model.compile(loss="mse", allow_nonfinite=True)
    np.testing.assert_array_equal(hl.freeze(model).run(x), model.predict(x))
    with pytest.raises(ValueError, match="inf at index"):
        hl.freeze(model, allow_nonfinite=False).run(x)


def test_what_can_not_be_frozen():
    with pytest.raises(TypeError, match="a Model or a QuantizedModel, got list"):
        hl.freeze([mlp()])
    with pytest.raises(ValueError, match="has no weights yet"):
        hl.freeze(hl.Sequential([hl.layers.Dense(3)]))
    for options, words in [
        ({"batch_size": 0}, "batch_size"),
        ({"threads": 0}, "threads: expected at least 1"),
    ]:
        with pytest.raises(ValueError, match=words):
            hl.freeze(mlp(), **options)
    with pytest.raises(TypeError, match="batch_size"):
        hl.freeze(mlp(), batch_size=1.5)


# -- threads


@pytest.mark.parametrize("precision", PRECISIONS)
def test_many_threads_get_their_own_results(precision):
    model = of_precision(precision)
    session = hl.freeze(model)
    batches = [samples(rows, seed=rows) for rows in (1, 2, 3, 40, 300, 511)]
    expected = [model.predict(x) for x in batches]

    def work(start: int) -> bool:
        right = True
        for i in range(start, start + 60):
            x, wanted = batches[i % 6], expected[i % 6]
            right = right and np.array_equal(session.run(x, np.empty_like(wanted) if i % 2 else None), wanted)
        return right

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(16)))


def test_a_long_call_holds_up_nobody():
    """Short calls of the same session begin and end while a long one is at work: no GIL, and no lock."""
    model = hl.Sequential([hl.layers.Dense(512, activation="relu", input_shape=(256,)), hl.layers.Dense(512)])
    session = hl.freeze(model, threads=1)
    x, one = samples(60_000, 256), samples(1, 256)
    expected = session.run(one)
    began = threading.Event()

    def long_call() -> None:
        began.set()
        session.run(x)

    thread = threading.Thread(target=long_call)
    thread.start()
    began.wait()
    done = 0
    while thread.is_alive() and done < 20:
        result = session.run(one)
        done += thread.is_alive()
        np.testing.assert_array_equal(result, expected)
        time.sleep(0.001)
    thread.join()
    assert done >= 5


def test_an_interrupt_ends_a_long_call_and_leaves_the_session_usable():
    run_alone("""
        import os, signal, threading
        session, expected = hl.freeze(build()), build().predict(x)
        long = np.tile(x, (400, 1))
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a background job
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            while True:
                session.run(long)
        except KeyboardInterrupt:
            pass
        assert np.array_equal(session.run(x), expected)
    """)


def test_sessions_survive_a_fork():
    run_alone("""
        import os, signal, threading, warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads: tried here
        model = build()
        session, expected = hl.freeze(model), model.predict(x)
        assert np.array_equal(session.run(x), expected)
        stop = threading.Event()
        def busy():
            while not stop.is_set():
                session.run(x)
        threads = [threading.Thread(target=busy) for _ in range(2)]
        for thread in threads:
            thread.start()
        for _ in range(5):
            child = os.fork()
            if child == 0:
                signal.alarm(30)
                right = all(np.array_equal(session.run(x[:n]), expected[:n]) for n in (1, 300, 2000))
                os._exit(0 if right else 3)
            assert os.waitpid(child, 0)[1] == 0
        stop.set()
        for thread in threads:
            thread.join()
        assert np.array_equal(session.run(x), expected)
    """)
