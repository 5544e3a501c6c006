"""A training in progress: native calls over batches, epoch after epoch, and where it stands between them."""

from __future__ import annotations

from typing import Any

import numpy as np

from hotloop import _native
from hotloop.callbacks import CallbackList
from hotloop.callbacks.batch_logs import hand_over
from hotloop.training.position import Position
from hotloop.training.program import Hook, Order, Steps
from hotloop.training.progress import Progress
from hotloop.training.record import EpochRecord
from hotloop.training.state import TrainingState


class Batches:
    """Endless batches of some rows, pass after pass, each pass in an order of its own.

    An order depends alone on the state's seed and on the optimizer's steps when its pass began.
    """

    def __init__(self, state: TrainingState, rows: int, batch_size: int, shuffle: bool) -> None:
        self.state = state
        self.rows = rows
        self.size = min(batch_size, rows)
        self.shuffle = shuffle
        self.steps_a_pass = -(-rows // self.size)
        self.next = 0  # in the pass
        self.seed, self.pass_begin = 0, 0
        self.order: Order = None

    def begin_pass(self) -> None:
        """Begin a pass where the one before it is at its end."""
        if self.next == 0:
            self.seed, self.pass_begin = self.state.seed, self.state.optimizer.iterations
            self.order = self.order_of(self.seed, self.pass_begin)

    def order_of(self, seed: int, pass_begin: int) -> Order:
        """Return the order of a pass; None for that of the data."""
        return _native.shuffled_order(seed, pass_begin, self.rows) if self.shuffle else None

    def seek(self, position: Position) -> None:
        """Go on there."""
        self.seed, self.pass_begin, self.next = position.seed, position.pass_begin, position.pass_step
        self.order = self.order_of(self.seed, self.pass_begin)


class Run:
    """Trains, and knows where it stands.

    Parameters
    ----------
    record : EpochRecord
    batches : Batches
    steps : int
        Of an epoch.
    callbacks : CallbackList
    progress : Progress, optional

    Attributes
    ----------
    epoch : int
        In progress, or next.
    leaves_position : bool
        Whether the state is told where the training stands.
    """

    def __init__(
        self,
        record: EpochRecord,
        batches: Batches,
        steps: int,
        callbacks: CallbackList,
        progress: Progress | None = None,
    ) -> None:
        self.record, self.batches, self.steps = record, batches, steps
        self.callbacks, self.progress = callbacks, progress
        self.state = batches.state
        self.epoch = 0
        self.leaves_position = progress is not None

    def position(self) -> Position:
        """Return it as of now; true between two steps."""
        batches, sums = self.batches, self.record.sums
        return Position(
            self.epoch,
            sums.steps,
            self.steps,
            batches.rows,
            batches.size,
            batches.shuffle,
            batches.seed,
            batches.pass_begin,
            batches.next,
            sums.rows,
            sums.loss,
            tuple(stretch.part() for stretch in self.record.stretches),
        )

    def go_on(self, position: Position) -> None:
        """Begin there."""
        self.batches.seek(position)
        self.record.go_on(position, self.batches.order_of)

    def make_epoch(self) -> dict[str, Any]:
        """Make the steps that the epoch lacks, and return the logs.

        One native call a pass, or one a step when a callback asks for it.
        """
        record, batches, callbacks, state = self.record, self.batches, self.callbacks, self.state
        sums, turns = record.sums, state.network.store.turns

        def hook(made: int, loss: float) -> bool:
            if record.source.shows_predictions:
                whole()
            if self.progress is not None:
                self.progress.update(before + made, loss)
            return state.stop_training

        def whole() -> None:
            if self.leaves_position:
                state.standing = self
            turns.serve()

        while sums.steps < self.steps:
            batches.begin_pass()
            left = min(self.steps - sums.steps, batches.steps_a_pass - batches.next)
            count = 1 if callbacks.per_batch else left
            if callbacks.per_batch:
                callbacks.on_train_batch_begin(sums.steps, {})
            before = sums.steps
            with turns.lock:
                turns.note_trainer()
                try:
                    made = self._make_steps(count, hook)
                finally:
                    whole()
            if callbacks.per_batch:
                hand_over(callbacks.on_train_batch_end, sums.steps - 1, record.mean_loss, record.logs_so_far)
            if made < count or state.stop_training or (callbacks.stop_on_nan and not np.isfinite(sums.loss)):
                break
        return record.logs()

    def _make_steps(self, count: int, hook: Hook) -> int:
        """Make steps of the pass in progress and return how many; those before an exception count as well."""
        record, batches, state, sums = self.record, self.batches, self.state, self.record.sums
        record.make_room(batches.pass_begin)
        first, steps_before, rows_before = batches.next, sums.steps, sums.rows

        def note() -> int:
            made = sums.steps - steps_before
            batches.next = (first + made) % batches.steps_a_pass
            begin = first * batches.size
            end = begin + sums.rows - rows_before
            record.saw(batches.seed, batches.pass_begin, batches.order, begin, end)
            return made

        def noting(steps_done: int, loss: float) -> bool:
            note()
            return hook(steps_done, loss)

        stop_on_nan, order, size = self.callbacks.stop_on_nan, batches.order, batches.size
        given = state.optimizer, order, size, first, count, state.seed, record.outputs, sums
        try:
            record.source.train(Steps(*given, noting, stop_on_nan))
        finally:
            made = note()
        return made

    def end_epoch(self) -> None:
        """Go to the next epoch, which begins a pass where this one was cut short."""
        if self.record.sums.steps < self.steps:
            self.batches.next = 0
        self.record.begin()
        self.epoch += 1
