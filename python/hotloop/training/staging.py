"""Where the rows to train on lie: all on the device where they fit, else they come chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hotloop import device
from hotloop.device.chunks import MOST_CHUNK_BYTES, Chunks, row_bytes, usable_bytes
from hotloop.feed.arrays import Floats
from hotloop.training.feed import Feed
from hotloop.training.program import Hook, Steps, TrainingProgram

if TYPE_CHECKING:
    from hotloop.graph.symbolic import Node

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
        self.arrays = feed.arrays()
        if self.backend is not device.HOST:
            self.arrays = self.arrays.each(self.backend.upload)

    def empty_outputs(self, features: Sequence[int]) -> list[Floats]:
        """Return room for the predictions of all rows."""
        return [self.backend.empty((self.rows, size)) for size in features]

    def train(self, steps: Steps) -> None:
        """Make steps."""
        self.program.train(self.arrays, steps)

    def evaluate(self, outputs: list[Floats], begin: int, end: int) -> float:
        """Return the loss summed over the rows from ``begin`` to ``end``."""
        self.backend.require()
        if (begin, end) == (0, self.rows):
            return self.program.evaluate(self.arrays, outputs)
        return self.program.evaluate(self.arrays.part(begin, end), [out[begin:end] for out in outputs])


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
        arrays = feed.arrays()
        self._arrays = arrays
        self.chunks = Chunks(gpu, arrays.all(), chunk_rows)
        self._room: list[Any] = []  # for the predictions of one chunk

    def empty_outputs(self, features: Sequence[int]) -> list[Floats]:
        """Return room for the predictions of all rows, in the CPU's memory."""
        return [np.empty((self.rows, size), np.float32) for size in features]

    def train(self, steps: Steps) -> None:
        """Make steps. A chunk holds whole batches."""
        sums, size = steps.sums, steps.batch_size
        before = sums.steps
        end = min((steps.first + steps.count) * size, self.rows)
        for begin, chunk in self.chunks.of(steps.first * size, end, steps.order):
            arrays = self._arrays.like(chunk)
            rows = arrays.inputs[0].shape[0]
            made = self._room_for(rows, steps.outputs)
            steps_before, rows_before = sums.steps, sums.rows
            hook = _counting_on(steps.hook, steps_before - before)
            part = replace(steps, order=None, first=0, count=-(-rows // size), outputs=made, hook=hook)
            try:
                self.program.train(arrays, part)
            finally:
                trained = sums.rows - rows_before
                if trained:
                    self.backend.settle()
                    for out, new in zip(steps.outputs, made, strict=True):
                        new[:trained].get(out=out[begin : begin + trained])
            if sums.steps - steps_before < part.count or (not np.isfinite(sums.loss) and steps.stop_on_nan):
                break

    def evaluate(self, outputs: list[Floats], begin: int, end: int) -> float:
        """Return the loss summed over the rows from ``begin`` to ``end``."""
        total = 0.0
        for first, chunk in self.chunks.of(begin, end, None):
            arrays = self._arrays.like(chunk)
            rows = arrays.inputs[0].shape[0]
            made = self._room_for(rows, outputs)
            total += self.program.evaluate(arrays, made)
            self.backend.settle()
            for out, part in zip(outputs, made, strict=True):
                part.get(out=out[first : first + rows])
        return total

    def _room_for(self, rows: int, outputs: list[Floats]) -> list[Any]:
        """The same memory for every chunk: a captured step writes where it wrote before."""
        if len(self._room) != len(outputs):
            self._room = [self.backend.empty((self.chunks.rows, out.shape[1])) for out in outputs]
        return [room[:rows] for room in self._room]


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
    arrays = [a for a in feed.arrays().all() if not device.on_gpu(a)]
    recorded = 4 * sum(features)
    working = working_bytes(program.graph.nodes, max(batch_size, PREDICTED_ROWS))
    room = usable_bytes(gpu) - working
    if sum(a.nbytes for a in arrays) + feed.rows * recorded <= room or not arrays:
        return Resident(program, feed)
    # Two chunks: one is trained on while the other one comes.
    a_row = 2 * row_bytes(arrays) + recorded
    rows = min(room, MOST_CHUNK_BYTES) // a_row // batch_size * batch_size
    if rows < batch_size:
        mixed = f", which layer {program.mixing!r} mixes" if program.mixing else ""
        raise gpu.memory_error(working + a_row * batch_size, f"batches of {batch_size} rows{mixed}")
    return Streamed(program, feed, batch_size, rows)


def working_bytes(nodes: Sequence[Node], rows: int) -> int:
    """About what a program takes to compute so many rows."""
    return 4 * COPIES * rows * sum(node.output.features for node in nodes)
