"""Two installed versions of hotloop, timed in turns: what got slower?

    python bench/compare_versions.py BEFORE_PYTHON AFTER_PYTHON

Each is the Python of a virtual environment that has one of the versions. A process of each, and a second one
of the first version, take turns on the same CPU; every few rounds they start anew, since where things lie in
memory costs time too. With one thread the process's CPU time counts, which others' work disturbs least; with
more the clock's. A generation's ratio is the median of its rounds' after / before, that shown their
median. By how much the two processes of the first version differ, as root mean square over the
generations, is the spread: a loss beyond the larger of 2% and twice that is marked, and the exit status is 1
(2 when nothing could be measured). Only names that users have are used, so that any two versions have them.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from time import perf_counter, process_time
from typing import Any

LEAST_ALLOWED = 0.02
NOISY = 0.05
IMPORTS = {
    "import hotloop": "import hotloop",
    "import, first model": "import hotloop as hl; hl.Sequential([hl.layers.Dense(1, input_shape=(1,))])",
}
NETWORKS = {
    "tiny": (16, 32, 32, 2),
    "mlp64": (784, 64, 10),
}  # ReLU between, softmax at the end, batches of 32


# -- in a worker


def network(name: str) -> tuple[Any, Any, Any]:
    """A compiled model, and 12,800 samples with their classes."""
    import numpy as np

    import hotloop as hl

    sizes = NETWORKS[name]
    hl.set_seed(1)
    layers: list[Any] = [hl.layers.Input(shape=(sizes[0],))]
    layers += [hl.layers.Dense(units, activation="relu") for units in sizes[1:-1]]
    model = hl.Sequential([*layers, hl.layers.Dense(sizes[-1], activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    x = rng.random((12_800, sizes[0]), dtype=np.float32)
    return model, x, rng.integers(0, sizes[-1], len(x))


def hundred_layers() -> Any:
    """Products, normalisation, activations and dropout by turns."""
    import hotloop as hl

    layers: list[Any] = [hl.layers.Input(shape=(16,))]
    for _ in range(25):
        layers += [hl.layers.Dense(16), hl.layers.BatchNormalization(), hl.layers.Activation("relu")]
        layers += [hl.layers.Dropout(0.1)]
    return hl.Sequential(layers)


def build_and_predict() -> Callable[[], object]:
    import numpy as np

    row = np.zeros((1, 16), np.float32)
    return lambda: hundred_layers().predict(row)


def build_and_fit() -> Callable[[], object]:
    import numpy as np

    x, y = np.zeros((32, 16), np.float32), np.zeros((32, 16), np.float32)

    def run() -> None:
        model = hundred_layers()
        model.compile("adam", "mse")
        model.fit(x, y, verbose=0)

    return run


def prediction(name: str) -> Callable[[], object]:
    model, x, _ = network(name)
    row, run = x[:1].copy(), model.predict_on_batch
    return lambda: run(row)


def fitting(name: str, rows: int) -> Callable[[], object]:
    model, x, y = network(name)
    x, y = x[:rows].copy(), y[:rows].copy()
    return lambda: model.fit(x, y, batch_size=32, epochs=1, verbose=0)


def step(name: str) -> Callable[[], object]:
    model, x, y = network(name)
    x, y = x[:32].copy(), y[:32].copy()
    return lambda: model.train_on_batch(x, y)


def evaluation(name: str) -> Callable[[], object]:
    model, x, y = network(name)
    x, y = x[:320].copy(), y[:320].copy()
    return lambda: model.evaluate(x, y, verbose=0)


def session(name: str, rows: int, int8: bool) -> Callable[[], object]:
    import hotloop as hl

    model, x, _ = network(name)
    if int8:
        model = hl.quantize_model(model, calibration_data=x[:500], fallback="never")
    batch, run = x[:rows].copy(), hl.freeze(model).run
    return lambda: run(batch)


CASES: dict[str, Callable[[], Callable[[], object]]] = {
    "tiny: predict_on_batch, 1 row": lambda: prediction("tiny"),
    "mlp64: predict_on_batch, 1 row": lambda: prediction("mlp64"),
    "tiny: session run, 1 row": lambda: session("tiny", 1, False),
    "mlp64: session run, 1 row": lambda: session("mlp64", 1, False),
    "mlp64: session run, 32 rows": lambda: session("mlp64", 32, False),
    "mlp64: int8 session run, 1 row": lambda: session("mlp64", 1, True),
    "tiny: fit, 400 steps": lambda: fitting("tiny", 12_800),
    "tiny: fit, 1 step": lambda: fitting("tiny", 32),
    "mlp64: fit, 200 steps": lambda: fitting("mlp64", 6_400),
    "tiny: train_on_batch": lambda: step("tiny"),
    "mlp64: train_on_batch": lambda: step("mlp64"),
    "tiny: evaluate, 320 rows": lambda: evaluation("tiny"),
    "100 layers: build, predict": build_and_predict,
    "100 layers: build, compile, fit": build_and_fit,
}


def turn(run: Callable[[], object], seconds: float, clock: Callable[[], float]) -> float:
    """Seconds a call: the median of some blocks of calls, after a quarter of the turn to get warm."""
    begin, calls = clock(), 0
    while calls < 1 or clock() - begin < seconds / 4:
        run()
        calls += 1
    block = max(1, int(seconds / 8 * calls / (clock() - begin)))
    times: list[float] = []
    begin = end = clock()
    while end - begin < seconds:
        start = end
        for _ in range(block):
            run()
        end = clock()
        times.append((end - start) / block)
    return statistics.median(times)


def serve(clock: Callable[[], float]) -> None:
    """Take a turn at a case for each line read: its name and the seconds it has."""
    made: dict[str, Callable[[], object]] = {}
    for line in sys.stdin:
        name, seconds = json.loads(line)
        if name not in made:
            made[name] = CASES[name]()
            made[name]()
        gc.collect()
        gc.disable()
        taken = turn(made[name], seconds, clock)
        gc.enable()
        print(json.dumps(taken), flush=True)


# -- in the parent


class Worker:
    """A process of one version that waits for its turns."""

    def __init__(self, python: str, clock: str) -> None:
        self.python, self.clock = python, clock
        self.process = subprocess.Popen(
            [python, "-I", os.path.abspath(__file__), "--worker", clock],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def seconds(self, case: str, turn_seconds: float) -> float:
        """Those of one call of a case, in one turn."""
        if case in IMPORTS:
            code = f"from time import {self.clock} as now; t = now(); {IMPORTS[case]}; print(now() - t)"
            told = subprocess.check_output([self.python, "-I", "-c", code], text=True)
            return float(told)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([case, turn_seconds]) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.python}: the case {case!r} ended its process, see above")
        return float(json.loads(answer))

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


Rounds = list[tuple[float, ...]]  # seconds a call of each side: before, before again, after


def measure(
    pythons: Sequence[str],
    clock: str,
    cases: Sequence[str],
    generations: int,
    rounds: int,
    turn_seconds: float,
) -> dict[str, list[Rounds]]:
    """For each case the rounds of each generation."""
    found: dict[str, list[Rounds]] = {case: [] for case in cases}
    orders = itertools.cycle(itertools.permutations(range(len(pythons))))
    for _ in range(generations):
        workers = [Worker(python, clock) for python in pythons]
        for case in cases:
            made: Rounds = []
            for order in itertools.islice(orders, rounds):
                times = {side: workers[side].seconds(case, turn_seconds) for side in order}
                made.append(tuple(times[side] for side in range(len(pythons))))
            found[case].append(made)
        for worker in workers:
            worker.end()
    return found


def duration(seconds: float) -> str:
    return f"{seconds * 1e3:,.2f} ms" if seconds > 1e-3 else f"{seconds * 1e6:,.2f} us"


def report(found: dict[str, list[Rounds]]) -> bool:
    """Print the table; return whether nothing is beyond what is allowed."""
    print(f"{'':<34}{'before':>12}{'after':>12}{'ratio':>8}{'spread':>8}{'allowed':>9}")
    kept, noisy = True, False
    for case, generations in found.items():
        before, _, after = map(statistics.median, zip(*itertools.chain(*generations), strict=True))
        ratio = statistics.median(statistics.median(b / a for a, _, b in rounds) for rounds in generations)
        noise = [statistics.median(again / a for a, again, _ in rounds) - 1 for rounds in generations]
        spread = statistics.fmean(one * one for one in noise) ** 0.5
        allowed = max(LEAST_ALLOWED, 2 * spread)
        beyond = ratio > 1 + allowed
        kept, noisy = kept and not beyond, noisy or allowed > NOISY
        print(
            f"{case:<34}{duration(before):>12}{duration(after):>12}{ratio:>8.3f}{spread:>8.1%}{allowed:>9.1%}"
            f"{'  BEYOND' if beyond else ''}"
        )
    if noisy:
        print(f"where more than {NOISY:.0%} is allowed, little was shown: measure on a machine that rests")
    return kept


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", help="Python of the environment with the version before")
    parser.add_argument("after", help="Python of the environment with the version after")
    parser.add_argument("--only", nargs="+", help="cases that have one of these texts in their names")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--generations", type=int, default=5, help="times that the processes start anew")
    parser.add_argument("--rounds", type=int, default=6, help="turns of each side, case and generation")
    parser.add_argument("--turn", type=float, default=0.02, help="seconds")
    told = parser.parse_args()
    cases = [c for c in [*CASES, *IMPORTS] if told.only is None or any(text in c for text in told.only)]
    if not cases:
        print(
            f"no case is called like {told.only!r}; known: {'; '.join([*CASES, *IMPORTS])}", file=sys.stderr
        )
        return 2
    cpus = sorted(os.sched_getaffinity(0))[-told.threads :]
    os.sched_setaffinity(0, cpus)
    os.environ["HOTLOOP_NUM_THREADS"] = str(told.threads)
    for python in (told.before, told.after):
        show = "import sys, hotloop; print(hotloop.__version__, 'of', sys.prefix, 'from', hotloop.__file__)"
        if subprocess.run([python, "-I", "-c", show]).returncode:
            return 2
    sides = (told.before, told.before, told.after)
    clock = "process_time" if told.threads == 1 else "perf_counter"
    return 0 if report(measure(sides, clock, cases, told.generations, told.rounds, told.turn)) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        serve({"process_time": process_time, "perf_counter": perf_counter}[sys.argv[2]])
    else:
        sys.exit(main())
