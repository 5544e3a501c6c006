"""A child that is forked while threads of its parent train, save, build or import goes on by itself."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

FORKING = """
import os, signal, sys, threading, time, warnings
import numpy as np
import hotloop as hl
warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads: tried here
x, y = np.zeros((400, 50), "f4"), np.zeros((400, 3), "f4")

def build():
    model = hl.Sequential([hl.layers.Dense(60, "relu", input_shape=(50,)), hl.layers.Dense(3)])
    model.compile("adam", loss="mse")
    return model

def child_works(model):
    # What a child does with the model that a thread of its parent was busy with, and with one of its own.
    for each in (build(), model):
        each.compile("adam", loss="mse")
        each.fit(x, y, verbose=0)
        each.predict(x)
        each.save(f"{sys.argv[1]}/{os.getpid()}")
        assert len(each.get_weights()) == 4
        hl.clone_model(each)
        hl.quantize_model(each, precision="bf16")

def fork_and_wait(model):
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        try:
            child_works(model)
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(3)
        os._exit(0)
    return os.waitpid(child, 0)[1]
"""


def run(scenario: str, folder: Path) -> None:
    code = [sys.executable, "-c", FORKING + textwrap.dedent(scenario), str(folder)]
    done = subprocess.run(code, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "work",
    [
        "model.compile('adam', loss='mse')",
        "model.fit(x, y, verbose=0)",
        "model.train_on_batch(x, y)",
        "build()",
        "model.predict(x)",
        "model.save(sys.argv[1] + '/model')",
        "model.device = 'cpu'",
    ],
)
def test_a_child_forked_while_a_thread_works_goes_on(tmp_path: Path, work: str) -> None:
    run(
        f"""
        model, stop = build(), False
        def work():
            while not stop:
                {work}
        thread = threading.Thread(target=work)
        thread.start()
        model.fit(x, y, verbose=0) if "fit" in {work!r} else None
        codes = []
        for i in range(8):
            time.sleep(0.003 * (i % 4))
            codes.append(fork_and_wait(model))
        stop = True
        thread.join()
        assert codes == [0] * 8, codes
        """,
        tmp_path,
    )


def test_a_fork_waits_for_what_the_package_imports_late(tmp_path: Path) -> None:
    """Whosever module it is: a child would wait for the thread that was importing it, which it lacks."""
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(0.7)\n")
    run(
        """
        sys.path.insert(0, sys.argv[1])
        late = {"__name__": "hotloop.some.module"}
        exec("def function():\\n    import slow", late)
        thread = threading.Thread(target=late["function"])
        thread.start()
        while "slow" not in sys.modules:
            time.sleep(0.001)
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            late["function"]()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        thread.join()
        """,
        tmp_path,
    )


def test_locks_that_nobody_else_can_give_back_are_free_in_a_child(tmp_path: Path) -> None:
    """Whatever lock a thread holds at the moment of the fork: the child finds it free."""
    run(
        """
        from hotloop.core import locks
        model = build()
        model.fit(x, y, verbose=0)
        held, stop = threading.Event(), threading.Event()
        def hold():
            every = list(locks._locks)
            for lock in every:
                lock.acquire()
            held.set()
            stop.wait()
            for lock in every:
                lock.release()
        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        code = fork_and_wait(model)
        stop.set()
        thread.join()
        assert code == 0, code
        """,
        tmp_path,
    )


def test_a_fork_by_the_holder_leaves_the_lock_its_own(tmp_path: Path) -> None:
    run(
        """
        model = build()
        with model.store.turns.lock, model._network.lock:
            assert fork_and_wait(model) == 0
            child = os.fork()
            if child == 0:
                signal.alarm(30)
        if child == 0:  # it left the block as its parent did
            model.fit(x, y, verbose=0)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        model.fit(x, y, verbose=0)
        """,
        tmp_path,
    )
