"""A training in progress: epoch after epoch of native calls, and what it tells between two steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from hotloop.callbacks import CallbackList
from hotloop.callbacks.batch_logs import hand_over
from hotloop.training.batches import Batches
from hotloop.training.position import Position
from hotloop.training.progress import Progress
from hotloop.training.record import EpochRecord


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
        self.record.go_on(position, self.batches)

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
                    made = record.train(batches, count, hook, callbacks.stop_on_nan)
                finally:
                    whole()
            if callbacks.per_batch:
                hand_over(callbacks.on_train_batch_end, sums.steps - 1, record.mean_loss, record.logs_so_far)
            if made < count or state.stop_training or (callbacks.stop_on_nan and not np.isfinite(sums.loss)):
                break
        return record.logs()

    def end_epoch(self) -> None:
        """Go to the next epoch, which begins a pass where this one was cut short."""
        if self.record.sums.steps < self.steps:
            self.batches.next = 0
        self.record.begin()
        self.epoch += 1
