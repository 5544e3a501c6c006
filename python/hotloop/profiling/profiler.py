"""Runs a model with its parts timed."""

from __future__ import annotations

import copy
import functools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop import _native, losses
from hotloop.compress import QuantizedModel
from hotloop.core.errors import bad_type, bad_value, integer, number
from hotloop.feed.arrays import Array
from hotloop.inference.session import Session
from hotloop.ir.build import Built, build
from hotloop.ir.pipelines import for_inference
from hotloop.models import Model
from hotloop.profiling.peaks import measure_peaks
from hotloop.profiling.profile_rows import make_row
from hotloop.profiling.result import Profile

Parts = list[dict[str, Any]]
Timed = tuple[Parts, npt.NDArray[np.float64]]  # what the parts of a step are; seconds of steps x parts
# Which activation a loss computes together with itself.
FUSED = {loss.native: loss.activation for loss in losses.CLASSES.values() if loss.activation}
MOST_TURNS, MOST_STEPS = 25, 2000
# The most that inference takes at a time: more rows are cut into chunks.
CHUNK_ROWS = 256


@dataclass
class Subject:
    """A program with its data, ready to be run and timed.

    Attributes
    ----------
    run : callable
        Makes so many steps on so many threads.
    timed : callable
        The same with its parts timed: what they are, and their seconds (steps x parts).
    rows : int
        Of a step.
    sources : list of (str, str)
        By node: layer and what it computes.
    optimizer : str
        Its kind; empty for inference.
    """

    run: Callable[[int, int], object]
    timed: Callable[[int, int], Timed]
    rows: int
    sources: Sequence[tuple[str, str]]
    optimizer: str = ""


def profile(
    model: Model | QuantizedModel | Session,
    x: Any,
    y: Any = None,
    *,
    batch_size: int | None = None,
    sample_weight: Any = None,
    threads: int | None = None,
    seconds: float = 0.5,
) -> Profile:
    """Time every op of a training step, or of inference, and put it beside what the machine could do.

    The model is left as it is: training steps are made on a copy, whose weights, optimizer state and seed
    nobody sees again.

    Parameters
    ----------
    model : Model, QuantizedModel or Session
        Compiled, where labels are given. A session shows what its packed weights bring.
    x : array_like, or a list or dict of them
        Inputs as for ``fit`` and ``predict``. Training goes over them in random order, again and again.
    y : array_like, or a list or dict of them, optional
        Labels: a training step is timed. Without them the forward pass alone is, as ``predict`` runs it.
    batch_size : int, optional
        Rows a step, at most as many as there are. By default 32, as in ``fit``; for inference the first 256,
        which is also the most, because ``predict`` cuts more rows into chunks, of 64 to 256 rows; all rows,
        as in ``predict``, where a layer mixes them.
    sample_weight : array_like of shape (rows,), optional
    threads : int, optional
        By default 1 or :func:`hotloop.num_threads`, whichever turns out faster. (A session's calls without
        timing take as many as they would anyway.)
    seconds : float
        About how long to measure, beside the machine's peaks. Those take 0.3 seconds, once a process;
        :func:`hotloop.profiling.measure_peaks` with ``fresh=True`` measures them again.

    Returns
    -------
    Profile
        Its ``rows``, printed as a table; ``plot`` draws the roofline.

    Raises
    ------
    TypeError
        For something that is no model, or a frozen one with labels.
    ValueError
        For a model that is not compiled but has labels to learn, data that don't fit, or a model on a GPU.

    Examples
    --------
    >>> import numpy as np
    >>> import hotloop as hl
    >>> model = hl.Sequential([hl.layers.Dense(8, activation="relu", input_shape=(4,)), hl.layers.Dense(1)])
    >>> model.compile("sgd", "mean_squared_error")
    >>> x, y = np.ones((64, 4), "float32"), np.ones((64, 1), "float32")
    >>> profile = hl.profile(model, x, y, threads=1, seconds=0.01)
    >>> sorted({row.phase for row in profile.rows})
    ['backward', 'forward', 'gather', 'loss', 'update']
    >>> print(profile)  # doctest: +SKIP
    """
    seconds = number("seconds", seconds, above=0, at_most=600)
    if threads is not None:
        threads = integer("threads", threads, at_least=1)
    if batch_size is not None:
        batch_size = integer("batch_size", batch_size, at_least=1)
    if not isinstance(model, Model | QuantizedModel | Session):
        raise bad_type("model", "a Model, a QuantizedModel or a Session", model)
    if y is None and sample_weight is not None:
        raise bad_value("sample_weight", "None without y", "an array", "pass y to time a training step")
    if y is not None and not isinstance(model, Model):
        raise bad_type("y", f"None, because {model.name!r} is frozen and can't learn", y)
    if model.device != "cpu":
        mend = "move the model there (model.device = 'cpu'), or use Nsight Systems on the GPU"
        raise bad_value("model", "one on the CPU, whose ops this can time", f"one on {model.device!r}", mend)
    if isinstance(model, QuantizedModel):
        subject = _quantized(model, x, batch_size)
    elif isinstance(model, Session):
        subject = _session(model, x, batch_size)
    elif y is None:
        subject = _inference(model, x, batch_size)
    else:
        subject = _training(copy.deepcopy(model), x, y, sample_weight, batch_size or 32)
    return _measure(subject, model.name, threads, seconds)


def _measure(subject: Subject, name: str, threads: int | None, seconds: float) -> Profile:
    candidates = [threads] if threads is not None else sorted({1, int(_native.num_threads())})
    paces = {team: _pace(subject, team, seconds / 10) for team in candidates}
    threads = min(paces, key=lambda team: paces[team])
    # Many short turns: one that another process disturbs is an outlier then.
    most = int(seconds / 2 / paces[threads])
    turns = min(max(most // 20, 3), MOST_TURNS)
    steps = min(max(most // turns, 5), MOST_STEPS)
    plain, timed = [], []
    parts: Parts = []
    for _ in range(turns):
        start = time.perf_counter()
        subject.run(steps, threads)
        plain.append((time.perf_counter() - start) / steps)
        parts, taken = subject.timed(steps, threads)
        timed.append(taken)
    whole = [float(taken.sum()) / steps for taken in timed]
    taken = np.concatenate(timed)
    medians = np.median(taken, axis=0) * 1e6
    peaks = measure_peaks(threads)
    shown = [i for i, part in enumerate(parts) if part["bytes"] or part["phase"] != "gather"]
    total = float(medians[shown].sum())
    rows = []
    for i in shown:
        layer, op = _describe(parts[i], subject)
        rows.append(make_row(parts[i], layer, op, len(taken), float(medians[i]), total, peaks))
    return Profile(
        name=name,
        kind="training" if subject.optimizer else "inference",
        batch_size=subject.rows,
        threads=threads,
        steps=len(taken),
        step_microseconds=float(np.median(whole)) * 1e6,
        unprofiled_microseconds=float(np.median(plain)) * 1e6,
        rows=tuple(rows),
        peaks=peaks,
    )


def _pace(subject: Subject, threads: int, seconds: float) -> float:
    """Seconds a step, once warm: the best of a few runs that last so long together."""
    subject.timed(2, threads)
    best, end = float("inf"), time.perf_counter() + seconds
    while best == float("inf") or time.perf_counter() < end:
        _, taken = subject.timed(3, threads)
        best = min(best, float(taken.sum()) / len(taken))
    return best


def _describe(part: dict[str, Any], subject: Subject) -> tuple[str, str]:
    """The layer and the op of a part, in words."""
    phase = part["phase"]
    if phase == "loss":
        names = [f"{FUSED[loss]} + {loss}" if fused else loss for loss, fused in part["losses"]]
        return "", ", ".join(names)
    if phase == "gather":
        return "", "gather"
    if phase == "update":
        return "", subject.optimizer if part["bytes"] else "end of step"
    layer, op = subject.sources[part["node"]]
    return layer, f"{op} + {subject.optimizer}" if part["updates"] else op


def _training(model: Model, x: Any, y: Any, sample_weight: Any, batch_size: int) -> Subject:
    """The model is a copy already: its optimizer's state changes."""
    trainer = model._trainer
    with trainer.building(x):
        feed = trainer.feed(x, y, sample_weight, model.allow_nonfinite)
        program = trainer.current(feed, to_train=True)
    optimizer = model.optimizer
    batch_size = min(batch_size, feed.rows)
    order = np.random.default_rng(0).permutation(feed.rows).astype(np.int32)
    arrays = feed.arrays()

    @functools.cache
    def arguments(steps: int) -> tuple[Any, ...]:
        # The weights stay as they are, so that a thousand steps time what one does.
        rates = np.zeros(steps, np.float32)
        rows = np.resize(order, steps * batch_size)
        return arrays.inputs, arrays.targets, arrays.weights, rows, batch_size, rates

    iteration, seed = optimizer.iterations, model.seed

    def run(steps: int, threads: int) -> None:
        data, targets, weights, rows, size, rates = arguments(steps)
        program.native.train(
            data, targets, weights, rows, size, 0, steps, rates, iteration, seed, threads=threads
        )

    def timed(steps: int, threads: int) -> Timed:
        # The last step of a call leaves whole gradients behind: it does not update its weights on the way.
        data, targets, weights, rows, size, rates = arguments(steps + 1)
        parts, taken = program.native.profile_train(
            data, targets, weights, rows, size, steps + 1, rates, iteration, seed, threads
        )
        return parts, taken[:-1]

    return Subject(run, timed, batch_size, program.sources, optimizer.kind)


def _inference(model: Model, x: Any, batch_size: int | None) -> Subject:
    if not model.built:
        model = copy.deepcopy(model)
        model._network.build_for(x)
    inputs = model.input_arrays(x, model.allow_nonfinite)
    return _of_built(build(for_inference(model.graph), arena=model.store.values), inputs, batch_size)


def _quantized(model: QuantizedModel, x: Any, batch_size: int | None) -> Subject:
    return _of_built(model.built, model.input_arrays(x), batch_size)


def _of_built(built: Built, inputs: list[Array], batch_size: int | None) -> Subject:
    mixing = built.graph.mixing
    return _forward(built.program, inputs, batch_size, mixing, built.features, built.graph.sources())


def _session(session: Session, x: Any, batch_size: int | None) -> Subject:
    inputs = session.input_arrays(x)
    features = [math.prod(shape) for shape in session.output_shapes]
    return _forward(session.native, inputs, batch_size, session.mixing, features, session.sources)


def _forward(
    native: Any,
    inputs: list[Array],
    batch_size: int | None,
    mixing: str,
    features: Sequence[int],
    sources: Sequence[tuple[str, str]],
) -> Subject:
    rows = inputs[0].shape[0]
    most = rows if mixing else CHUNK_ROWS
    rows = min(rows, batch_size or most, most)
    inputs = [array[:rows] for array in inputs]
    outputs = [np.empty((rows, size), np.float32) for size in features]

    def run(calls: int, threads: int) -> None:
        if isinstance(native, _native.Session):  # knows itself how many threads to take
            for _ in range(calls):
                native.run(inputs, outputs)
        else:
            for _ in range(calls):
                native.predict(inputs, outputs, threads)

    def timed(calls: int, threads: int) -> Timed:
        return native.profile_predict(inputs, calls, threads)  # type: ignore[no-any-return]

    return Subject(run, timed, rows, sources)
