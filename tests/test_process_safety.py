"""Training and prediction among other threads, in forked and in fresh processes, and beside other libraries.

Each scenario runs in a process of its own with a time limit, so that a deadlock is a failure and not a hang.
"""

import importlib.util
import os
import subprocess
import sys
import textwrap

import pytest

COMMON = """
import numpy as np
import hotloop as hl

hl.set_seed(1)
hl.set_num_threads(2)
rng = np.random.default_rng(0)
x = rng.standard_normal((2000, 64)).astype(np.float32)
y = (x[:, :4].sum(axis=1) > 0).astype(np.int64)

def build():
    hl.set_seed(1)
    model = hl.Sequential([
        hl.layers.Dense(256, activation="relu", input_shape=(64,)),
        hl.layers.Dense(256, activation="relu"),
        hl.layers.Dense(2, activation="softmax"),
    ])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

def train(model):
    model.fit(x, y, epochs=2, batch_size=128, verbose=0)
    return model.predict(x[:200], verbose=0)
"""


def run(scenario: str, timeout: float = 60) -> str:
    code = COMMON + textwrap.dedent(scenario)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_fork_after_training_then_train_in_the_child():
    run("""
        import os, signal, warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads: tried here
        expected = train(build())
        for _ in range(3):
            child = os.fork()
            if child == 0:
                signal.alarm(30)
                os._exit(0 if np.array_equal(train(build()), expected) else 3)
            assert os.waitpid(child, 0)[1] == 0
        assert np.array_equal(train(build()), expected)
    """)


def test_fork_before_any_use():
    run("""
        import os
        child = os.fork()
        result = train(build())
        if child == 0:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """)


def test_a_child_of_fork_gets_a_team_of_its_own():
    run("""
        import os, threading
        def threads():
            return len(os.listdir("/proc/self/task"))
        from hotloop import _native
        x = np.ones(1 << 22, np.float32)
        _native.sum_squares_blocks(x)
        before = threads()
        child = os.fork()
        if child == 0:
            alone = threads()
            _native.sum_squares_blocks(x)
            os._exit(0 if alone == 1 and threads() == 2 else 3)
        assert os.waitpid(child, 0)[1] == 0
        assert before >= 2
    """)


def test_threads_of_the_team_leave_signals_to_the_program_but_not_their_own_faults():
    run("""
        import os, signal
        from hotloop import _native
        mine = set(os.listdir("/proc/self/task"))
        _native.sum_squares_blocks(np.ones(1 << 22, np.float32))
        made = set(os.listdir("/proc/self/task")) - mine
        assert made
        for thread in made:
            status = open(f"/proc/self/task/{thread}/status").read()
            blocked = int(status.split("SigBlk:")[1].split()[0], 16)
            taken = {s for s in signal.valid_signals() if not blocked >> (s - 1) & 1}
            faults = {signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV}
            assert faults <= taken and not taken & {signal.SIGINT, signal.SIGTERM, signal.SIGALRM}, taken
    """)


def test_threads_that_the_system_refuses_are_done_without():
    run("""
        import os, resource
        from hotloop import _native
        big = np.ones(1 << 22, np.float32)
        threads, pages = len(os.listdir("/proc/self/task")), int(open("/proc/self/statm").read().split()[0])
        # Another thread's stack finds no place in what is left.
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (6 << 20), -1))
        assert _native.sum_squares_blocks(big).sum() == big.size
        assert len(os.listdir("/proc/self/task")) == threads
        resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
        assert _native.sum_squares_blocks(big).sum() == big.size
        assert len(os.listdir("/proc/self/task")) == threads + 1
    """)


def test_multiprocessing_spawn(tmp_path):
    script = tmp_path / "spawn.py"
    script.write_text(
        COMMON
        + textwrap.dedent("""
        import multiprocessing

        def work(_):
            return train(build())

        if __name__ == "__main__":
            expected = train(build())
            with multiprocessing.get_context("spawn").Pool(2) as pool:
                assert all(np.array_equal(got, expected) for got in pool.map(work, range(3)))
        """)
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_threads_predict_with_one_model():
    run("""
        from concurrent.futures import ThreadPoolExecutor
        model = build()
        expected = train(model)
        with ThreadPoolExecutor(4) as pool:
            jobs = [pool.submit(model.predict, x[:200], verbose=0) for _ in range(40)]
            assert all(np.array_equal(job.result(), expected) for job in jobs)
    """)


def test_threads_train_models_of_their_own():
    run("""
        from concurrent.futures import ThreadPoolExecutor
        expected = train(build())
        models = [build() for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(train, models))
        assert all(np.array_equal(result, expected) for result in results)
    """)


def test_training_in_a_thread_leaves_the_interpreter_free():
    run("""
        import threading, time
        model = build()
        thread = threading.Thread(target=lambda: model.fit(x, y, epochs=30, batch_size=8, verbose=0))
        thread.start()
        ticks, longest, last = 0, 0.0, time.perf_counter()
        while thread.is_alive():
            time.sleep(0.002)
            now = time.perf_counter()
            ticks, longest, last = ticks + 1, max(longest, now - last), now
        assert ticks > 20, ticks
        assert longest < 0.5, longest
    """)


@pytest.mark.parametrize("library", ["torch", "sklearn"])
@pytest.mark.parametrize("order", ["before", "after"])
def test_beside_another_library(library, order):
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    use = {
        "torch": "import torch; a = torch.rand(300, 300); (a @ a).sum().item()",
        "sklearn": "from sklearn.cluster import KMeans; KMeans(3, n_init=1).fit(np.random.rand(3000, 8))",
    }[library]
    if order == "before":
        code = (
            f"import numpy as np\n{use}\n{COMMON}\nfirst = train(build())\n{use}\nsecond = train(build())\n"
        )
    else:
        code = f"{COMMON}\nfirst = train(build())\n{use}\nsecond = train(build())\n"
    code += "assert np.array_equal(first, second)\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


IMPORTING = """
import importlib, os, pathlib, signal, sys, tempfile, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads: tried here
folder = tempfile.mkdtemp()
sys.path.append(folder)
hl.__path__.append(folder)

def import_elsewhere(name, seconds):
    path = pathlib.Path(folder, name.rpartition(".")[2] + ".py")
    path.write_text(f"import sys, time; sys.begun = True; time.sleep({seconds})")
    sys.begun = False
    threading.Thread(target=importlib.import_module, args=(name,), daemon=True).start()
    while not sys.begun:
        time.sleep(0.001)
"""


def test_a_fork_hardly_waits_for_what_others_import():
    run(f"""{textwrap.indent(IMPORTING, " " * 8)}
        import_elsewhere("somebodys_own", 60)
        seconds = []
        for _ in range(3):
            start = time.monotonic()
            child = os.fork()
            if child == 0:
                os._exit(0)
            seconds.append(time.monotonic() - start)
            os.waitpid(child, 0)
        assert min(seconds) < 1, seconds
        os._exit(0)
    """)


def test_a_fork_waits_for_a_module_of_the_package():
    run(f"""{textwrap.indent(IMPORTING, " " * 8)}
        import_elsewhere("hotloop.late", 0.5)
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            importlib.import_module("hotloop.late")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """)


def test_interrupt_during_fit_leaves_a_usable_model():
    run("""
        import os, signal, threading
        model = build()
        train(model)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a background job
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            model.fit(x, y, epochs=100_000, batch_size=16, verbose=0)
        except KeyboardInterrupt:
            pass
        else:
            raise AssertionError("fit was not interrupted")
        assert np.isfinite(model.predict(x[:10], verbose=0)).all()
        train(model)
    """)


def test_a_wrong_isa_level_is_told_by_its_variable():
    code = "import numpy as np, hotloop as hl; hl.kernels.gemm(np.eye(2), np.eye(2))"
    environment = {**os.environ, "HOTLOOP_ISA": "nonsense"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment
    )
    assert done.returncode == 1
    assert "HOTLOOP_ISA" in done.stderr
    assert "avx2" in done.stderr  # what there is


@pytest.mark.parametrize(
    "variable",
    ["HOTLOOP_ISA", "HOTLOOP_NUM_THREADS", "OMP_NUM_THREADS", "HOTLOOP_CACHE", "HOTLOOP_DEVICE"],
)
def test_the_report_for_bugs_tells_a_wrong_variable_in_its_place(variable):
    environment = {key: value for key, value in os.environ.items() if key != "HOTLOOP_NUM_THREADS"}
    environment[variable] = "nonsense"
    code = "import hotloop; hotloop.show_config()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment
    )
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(":", 1) for line in done.stdout.splitlines())
    faulty = [text for text in lines.values() if f"not usable: {variable}" in text and "nonsense" in text]
    assert len(faulty) == 1
    assert lines["numpy"].strip()  # the rest of the report is there
