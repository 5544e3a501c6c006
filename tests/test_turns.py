"""Saving, copying and reading a model while another thread trains it.

Whatever is taken is of the moment between two steps: it has the bits that training to that step alone has.
"""

import copy
import hashlib
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop.core.locks import Turns

EPOCHS, BATCHES = 8, 60
RNG = np.random.default_rng(4)
X = RNG.normal(size=(BATCHES * 64, 200)).astype("f4")
Y = RNG.normal(size=(BATCHES * 64, 3)).astype("f4")


def build() -> hl.Sequential:
    hl.set_seed(7)
    layers = hl.layers
    model = hl.Sequential(
        [
            layers.Dense(300, "relu", input_shape=(200,), name="a"),
            layers.BatchNormalization(name="b"),
            layers.Dense(300, "tanh", name="c"),
            layers.Dense(3, name="d"),
        ],
        name="m",
    )
    model.compile(hl.optimizers.Adam(1e-3), loss="mse")
    return model


def digest(model: hl.Model) -> tuple[int, str]:
    """How many steps, and what they led to."""
    sha = hashlib.sha256()
    for weight in model.get_weights():
        sha.update(weight)
    for slot, arrays in sorted(model._trainer.state.slots_by_weight().items()):
        for name in sorted(arrays):
            sha.update(f"{slot}{name}".encode() + arrays[name].tobytes())
    return model.optimizer.iterations, sha.hexdigest()


class Each(hl.callbacks.Callback):
    """What every step leads to."""

    per_batch = True

    def __init__(self) -> None:
        self.known: dict[int, str] = {}

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        steps, text = digest(self.model)
        self.known[steps] = text


@pytest.fixture(scope="module")
def known() -> dict[int, str]:
    each = Each()
    build().fit(X, Y, batch_size=64, epochs=EPOCHS, verbose=0, callbacks=[each])
    assert len(each.known) == EPOCHS * BATCHES
    return each.known


class Background:
    """A model that a thread trains, over and over."""

    def __init__(self, rounds: Callable[[], hl.Sequential], callbacks: list[Any] | None = None) -> None:
        self.model = rounds()
        self.callbacks = callbacks
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.model.fit(X, Y, batch_size=64, epochs=EPOCHS, verbose=0, callbacks=self.callbacks)
        except BaseException as error:
            self.error = error

    def __enter__(self) -> "Background":
        self.thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.thread.join()
        assert self.error is None

    def meanwhile(self) -> Iterator[int]:
        count = 0
        while self.thread.is_alive():
            yield count
            count += 1


def saved(model: hl.Model, path: Path) -> Any:
    model.save(path)
    return hl.load_model(path)


WAYS = {
    "save": saved,
    "pickle": lambda model, _: pickle.loads(pickle.dumps(model)),
    "deepcopy": lambda model, _: copy.deepcopy(model),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_taken_while_a_thread_trains_is_of_one_step(
    tmp_path: Path, known: dict[int, str], way: str, threads: int
) -> None:
    hl.set_num_threads(threads)
    middle: Any = None
    taken = threading.Event()
    # So that something is taken in the middle, however fast the training is.
    wait = hl.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: epoch < 2 or taken.wait(60))
    with Background(build, [wait]) as work:
        for _ in work.meanwhile():
            twin = WAYS[way](work.model, tmp_path / "file")
            steps, text = digest(twin)
            if steps > 0:
                assert text == known[steps], steps
                if steps < EPOCHS * BATCHES:
                    middle = twin
                    taken.set()
    middle.fit(X, Y, batch_size=64, epochs=EPOCHS, initial_epoch=middle.resume_epoch, verbose=0)
    assert digest(middle) == (EPOCHS * BATCHES, known[EPOCHS * BATCHES])
    assert digest(work.model) == (EPOCHS * BATCHES, known[EPOCHS * BATCHES])


def test_weights_that_are_read_while_a_thread_trains_are_of_one_step(
    tmp_path: Path, known: dict[int, str]
) -> None:
    """All ways to take weights alone agree with a step: those of the reference run, by their first layer."""
    hl.set_num_threads(2)
    steps: list[list[bytes]] = []

    class Keep(hl.callbacks.Callback):
        per_batch = True

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            steps.append([hashlib.sha256(w).digest() for w in self.model.get_weights()])

    model = build()
    steps.append([hashlib.sha256(w).digest() for w in model.get_weights()])
    model.fit(X, Y, batch_size=64, epochs=EPOCHS, verbose=0, callbacks=[Keep()])
    other = build()
    rows = X[:5]
    with Background(build) as work:
        for count in work.meanwhile():
            kind = count % 4
            if kind == 0:
                weights = work.model.get_weights()
            elif kind == 1:
                work.model.save_weights(tmp_path / "w")
                other.load_weights(tmp_path / "w")
                weights = other.get_weights()
            elif kind == 2:
                smaller = hl.compress.remove_units(work.model, {"a": []})
                weights = smaller.get_weights()
            else:
                session, quantised = hl.freeze(work.model), hl.quantize_model(work.model, precision="bf16")
                assert np.isfinite(session.run(rows)).all()
                assert np.isfinite(quantised.predict(rows)).all()
                continue
            assert [hashlib.sha256(w).digest() for w in weights] in steps


def test_weights_set_while_a_thread_trains_are_whole_before_the_next_step() -> None:
    """With a learning rate of zero what was set last is what is there, in all layers."""
    model = build()
    model.compile(hl.optimizers.SGD(0.0), loss="mse")
    values = [np.zeros_like(w) for w in model.get_weights()]

    def constant() -> hl.Sequential:
        return model

    with Background(constant) as work:
        for count in work.meanwhile():
            model.set_weights([np.full_like(v, count) for v in values])
            seen = model.get_layer("c").get_weights()[0]
            assert (seen == count).all()


def test_training_waits_for_a_save_and_goes_on(tmp_path: Path) -> None:
    model = build()
    with model.store.turns.alone() as alone:
        assert alone
        with Background(lambda: model) as work:
            work.thread.join(0.3)
            assert model.optimizer.iterations == 0
            # Another thread's request waits with it, and is served when the lock is free.
            got: list[Any] = []
            reader = threading.Thread(target=lambda: got.append(model.get_weights()))
            reader.start()
            reader.join(0.1)
            assert not got
            model.store.turns.lock.release()
            try:
                reader.join(20)
                assert got
                work.thread.join(60)
            finally:
                model.store.turns.lock.acquire()
    assert model.optimizer.iterations == EPOCHS * BATCHES


def test_a_request_that_fails_fails_where_it_was_asked() -> None:
    turns = Turns()
    holding, release = threading.Event(), threading.Event()

    def hold() -> None:
        with turns.lock:
            holding.set()
            release.wait(20)
            turns.serve()

    def fail() -> None:
        raise MemoryError("no room")

    holder = threading.Thread(target=hold)
    holder.start()
    holding.wait(20)
    threading.Timer(0.1, release.set).start()
    with pytest.raises(MemoryError, match="no room"):
        turns.between_steps(fail)
    holder.join()
    assert turns.between_steps(lambda: 5) == 5


def test_models_that_share_a_layer_take_turns(tmp_path: Path) -> None:
    """Their weights lie in one arena: saving one while the other learns is of one step too."""
    shared = hl.layers.Dense(200, name="shared", input_shape=(200,))
    first = hl.Sequential([shared, hl.layers.Dense(3)])
    second = hl.Model(first.inputs[0], hl.layers.Dense(3)(first.layers[0].output))
    assert first.store is second.store
    first.compile("sgd", loss="mse")

    with Background(lambda: first) as work:
        for _ in work.meanwhile():
            second.save(tmp_path / "file")
            hl.load_model(tmp_path / "file")


def test_what_a_thread_of_the_parent_asked_for_is_not_done_in_a_child() -> None:
    turns = Turns()
    done: list[int] = []
    turns._asked.append(_request(lambda: done.append(1), os.getpid() + 1))
    turns.serve()
    assert not done


def _request(function: Callable[[], Any], process: int) -> Any:
    from hotloop.core.locks import _Request

    request = _Request(function)
    request.process = process
    return request
