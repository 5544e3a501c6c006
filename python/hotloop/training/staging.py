"""Rows on their way to the device and back: all of them once where they fit, else part by part.

On the CPU, and for arrays that lie on the GPU already, nothing is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hotloop import device
from hotloop.feed.arrays import Array, Floats
from hotloop.feed.chunks import Chunks, row_bytes

if TYPE_CHECKING:
    from hotloop.feed.feed import Feed
    from hotloop.graph.symbolic import Node
    from hotloop.optimizers import Optimizer
    from hotloop.training.engine import Hook, Sums, TrainingProgram

Order = npt.NDArray[np.int32] | None
SPARE = 16  # one part in so many of the free memory is left alone
MOST_CHUNK_BYTES = 1 << 28  # longer ones hide the copying no better
COPIES = 3  # a step's values, their gradients, and room for what computes them
PREDICTED_ROWS = 256  # that a program works on at a time at least


class Resident:
    """Rows that lie on the device.

    Attributes
    ----------
    program : TrainingProgram
        May be replaced by another one on the same device.
    shows_predictions : bool
        Whether those of the steps made so far are there while training goes on.
    """

    shows_predictions = True

    def __init__(self, program: TrainingProgram, feed: Feed) -> None:
        self.program = program
        self.backend = program.backend
        self.rows = feed.rows
        if self.backend is device.HOST:  # a step of a small network takes hardly longer than three calls
            self.inputs, self.targets, self.weights = feed.inputs, feed.targets, feed.program_weights()
            return
        self.inputs = [self.backend.upload(array) for array in feed.inputs]
        self.targets = [self.backend.upload(array) for array in feed.targets]
        self.weights = [self.backend.upload(array) for array in feed.program_weights()]

    def empty_outputs(self, features: Sequence[int]) -> list[Floats]:
        """Return room for the predictions of all rows."""
        return [self.backend.empty((self.rows, size)) for size in features]

    def train(
        self,
        optimizer: Optimizer,
        order: Order,
        batch_size: int,
        first_step: int,
        steps: int,
        seed: int,
        outputs: list[Floats],
        sums: Sums,
        hook: Hook | None = None,
        stop_on_nan: bool = False,
    ) -> None:
        """Make steps; see ``TrainingProgram.train``."""
        self.program.train(
            optimizer,
            self.inputs,
            self.targets,
            self.weights,
            order,
            batch_size,
            first_step,
            steps,
            seed,
            outputs,
            sums,
            hook,
            stop_on_nan,
        )

    def evaluate(self, outputs: list[Floats], begin: int, end: int) -> float:
        """Return the loss summed over the rows from ``begin`` to ``end``."""
        self.backend.require()
        groups = [self.inputs, self.targets, self.weights, outputs]
        if (begin, end) != (0, self.rows):
            groups = [[array[begin:end] for array in arrays] for arrays in groups]
        return float(self.program.native.evaluate(*groups))


class Streamed:
    """Rows that stay in the CPU's memory: while the GPU works on one chunk, the next one is on its way.

    Results are those of :class:`Resident`.
    """

    shows_predictions = False

    def __init__(self, program: TrainingProgram, feed: Feed, batch_size: int, chunk_rows: int) -> None:
        gpu = program.backend
        assert isinstance(gpu, device.Gpu)
        self.program = program
        self.backend = gpu
        self.rows = feed.rows
        self.batch_size = batch_size
        self.counts = len(feed.inputs), len(feed.targets)
        arrays = [*feed.inputs, *feed.targets, *feed.program_weights()]
        self.chunks = Chunks(gpu, arrays, chunk_rows)
        self._room: list[Any] = []  # for the predictions of one chunk

    def empty_outputs(self, features: Sequence[int]) -> list[Floats]:
        """Return room for the predictions of all rows, in the CPU's memory."""
        return [np.empty((self.rows, size), np.float32) for size in features]

    def train(
        self,
        optimizer: Optimizer,
        order: Order,
        batch_size: int,
        first_step: int,
        steps: int,
        seed: int,
        outputs: list[Floats],
        sums: Sums,
        hook: Hook | None = None,
        stop_on_nan: bool = False,
    ) -> None:
        """Make steps; see ``TrainingProgram.train``. A chunk holds whole batches."""
        before = sums.steps
        end = min((first_step + steps) * batch_size, self.rows)
        for begin, chunk in self.chunks.of(first_step * batch_size, end, order):
            inputs, targets, weights = self._split(chunk)
            rows = inputs[0].shape[0]
            asked = -(-rows // batch_size)
            made = self._room_for(rows, outputs)
            steps_before, rows_before = sums.steps, sums.rows
            later = _counting_on(hook, steps_before - before)
            try:
                self.program.train(
                    optimizer,
                    inputs,
                    targets,
                    weights,
                    None,
                    batch_size,
                    0,
                    asked,
                    seed,
                    made,
                    sums,
                    later,
                    stop_on_nan,
                )
            finally:
                trained = sums.rows - rows_before
                if trained:
                    self.backend.settle()
                    for out, part in zip(outputs, made, strict=True):
                        part[:trained].get(out=out[begin : begin + trained])
            if sums.steps - steps_before < asked or (not np.isfinite(sums.loss) and stop_on_nan):
                break

    def evaluate(self, outputs: list[Floats], begin: int, end: int) -> float:
        """Return the loss summed over the rows from ``begin`` to ``end``."""
        total = 0.0
        for first, chunk in self.chunks.of(begin, end, None):
            inputs, targets, weights = self._split(chunk)
            rows = inputs[0].shape[0]
            made = self._room_for(rows, outputs)
            total += self.program.native.evaluate(inputs, targets, weights, made)
            self.backend.settle()
            for out, part in zip(outputs, made, strict=True):
                part.get(out=out[first : first + rows])
        return total

    def _room_for(self, rows: int, outputs: list[Floats]) -> list[Any]:
        """The same memory for every chunk: a captured step writes where it wrote before."""
        if len(self._room) != len(outputs):
            self._room = [self.backend.empty((self.chunks.rows, out.shape[1])) for out in outputs]
        return [room[:rows] for room in self._room]

    def _split(self, chunk: list[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        inputs, targets = self.counts
        return chunk[:inputs], chunk[inputs : inputs + targets], chunk[inputs + targets :]


def _counting_on(hook: Hook | None, before: int) -> Hook | None:
    return None if hook is None else lambda steps, loss: hook(before + steps, loss)


def place(
    program: TrainingProgram, feed: Feed, batch_size: int, features: Sequence[int]
) -> Resident | Streamed:
    """Bring rows to where the program is; ``features`` are those of the outputs that are recorded.

    Raises
    ------
    MemoryError
        When not even two batches fit on the GPU.
    """
    gpu = program.backend
    if not isinstance(gpu, device.Gpu):
        return Resident(program, feed)
    gpu.require()
    given = [*feed.inputs, *feed.targets, *feed.program_weights()]
    arrays = [a for a in given if not device.on_gpu(a)]
    recorded = 4 * sum(features)
    working = working_bytes(program.graph.nodes, max(batch_size, PREDICTED_ROWS))
    room = usable_bytes(gpu) - working
    if sum(a.nbytes for a in arrays) + feed.rows * recorded <= room or not arrays:
        return Resident(program, feed)
    # Two chunks: one is trained on while the other one comes.
    a_row = 2 * row_bytes(arrays) + recorded
    rows = min(room, MOST_CHUNK_BYTES) // a_row // batch_size * batch_size
    if rows < batch_size:
        raise gpu.memory_error(working + a_row * batch_size, f"batches of {batch_size} rows")
    return Streamed(program, feed, batch_size, rows)


def usable_bytes(gpu: device.Gpu) -> int:
    """How much of the GPU's free memory data may take."""
    free = gpu.free_bytes()
    return free - free // SPARE


def working_bytes(nodes: Sequence[Node], rows: int) -> int:
    """About what a program takes to compute so many rows."""
    return 4 * COPIES * rows * sum(node.output.features for node in nodes)


def run_forward(
    where: device.Host,
    predict: Callable[[list[Any], list[Any]], object],
    inputs: list[Array],
    features: Sequence[int],
    out: list[Floats] | None = None,
) -> list[Floats]:
    """Predict, and return an array (rows, features) for each output: CuPy's where an input is.

    Parameters
    ----------
    where : device.Host
        Where the program is.
    predict : callable
        Called with inputs and outputs that lie there.
    inputs : list of arrays
        From either place; too many rows for the GPU go through it in chunks.
    features : sequence of int
        Of each output.
    out : list of arrays, optional
        Where the results go: of the inputs' kind, C-contiguous.

    Raises
    ------
    RuntimeError
        When a kernel failed, naming the ops. For results that stay on the GPU nothing is waited for.
    """
    rows = inputs[0].shape[0]
    if where is device.HOST:
        results: list[Floats] = (
            [np.empty((rows, size), np.float32) for size in features] if out is None else out
        )
        predict(inputs, results)
        return results
    there = any(device.on_gpu(array) for array in inputs)
    if not isinstance(where, device.Gpu) or there:
        outputs = [where.empty((rows, size)) for size in features] if out is None else out
        predict([where.upload(array) for array in inputs], outputs)
        return outputs
    outputs = [np.empty((rows, size), np.float32) for size in features] if out is None else out
    a_row = 2 * row_bytes(inputs) + 4 * sum(features)
    most = max(min(usable_bytes(where) // 2, MOST_CHUNK_BYTES) // a_row, 1)
    for begin, chunk in Chunks(where, inputs, most).of(0, rows, None):
        count = chunk[0].shape[0]
        made = [where.empty((count, size)) for size in features]
        predict(chunk, made)
        where.settle()
        for array, part, size in zip(outputs, made, features, strict=True):
            part.get(out=array.reshape(rows, size)[begin : begin + count])
    return outputs
