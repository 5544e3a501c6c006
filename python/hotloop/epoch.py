"""One epoch: its batches, the native calls that train on them, and what they leave for the logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hotloop import _native, device
from hotloop.arrays import Floats
from hotloop.callbacks import CallbackList
from hotloop.feed import Feed
from hotloop.heads import compute_metrics
from hotloop.progress import Progress
from hotloop.staging import Resident, Streamed, place

if TYPE_CHECKING:
    from hotloop.engine import TrainingProgram
    from hotloop.training import Trainer

Order = npt.NDArray[np.int32] | None


class Batches:
    """Endless batches of some rows, pass after pass, each pass in an order of its own."""

    def __init__(self, model: Trainer, rows: int, batch_size: int, shuffle: bool) -> None:
        self.model = model
        self.rows = rows
        self.size = min(batch_size, rows)
        self.shuffle = shuffle
        self.steps_a_pass = -(-rows // self.size)
        self._next = 0
        self._order: Order = None

    def take(self, steps: int) -> Iterator[tuple[Order, int, int]]:
        """Yield (order, first step, number of steps) until there are ``steps``.

        An order depends on the model's seed and on the optimizer's steps so far alone, so training that goes
        on from a file sees the rows as if it had not been interrupted.
        """
        while steps > 0:
            if self._next == 0 and self.shuffle:
                self._order = _native.shuffled_order(
                    self.model.seed, self.model.optimizer.iterations, self.rows
                )
            first = self._next
            count = min(steps, self.steps_a_pass - first)
            self._next = (first + count) % self.steps_a_pass
            steps -= count
            yield self._order, first, count


class EpochRecord:
    """The loss summed over an epoch's rows, and their predictions where a metric wants them.

    Attributes
    ----------
    feed : Feed
    source : Resident or Streamed
        The feed's rows where the program reads them.
    """

    def __init__(self, program: TrainingProgram, feed: Feed, batch_size: int) -> None:
        self.feed = feed
        features = [tensor.features for tensor in program.graph.outputs]
        self.several_outputs = len(features) > 1
        wants = self.several_outputs or any(head.metrics or head.weighted_metrics for head in feed.heads)
        self.features = features if wants else []
        self.batch_size = batch_size
        self.source: Resident | Streamed = place(program, feed, batch_size, self.features)
        self.outputs = self.source.empty_outputs(self.features)
        self._labels: list[npt.NDArray[Any]] | None = None
        self.begin()

    def use(self, program: TrainingProgram) -> None:
        """Go on with another program of the same model; rows that lie where it is stay there."""
        if program.backend is not self.source.backend:
            self.source = place(program, self.feed, self.batch_size, self.features)
            self.outputs = self.source.empty_outputs(self.features)
        self.source.program = program

    def begin(self) -> None:
        """Forget the last epoch."""
        self.loss_sum, self.rows = 0.0, 0
        self.kept: list[tuple[Order, slice, list[Floats]]] = []

    def next_part(self) -> None:
        """Keep what was written from being written over: this epoch goes on in a second pass."""
        if self.kept:
            self.outputs = self.source.empty_outputs(self.features)

    def add(self, loss_sum: float, rows: int) -> None:
        self.loss_sum += loss_sum
        self.rows += rows

    def keep(self, order: Order, begin: int, end: int) -> None:
        """Note that the predictions of these positions of an order are there."""
        if self.features and end > begin:
            self.kept.append((order, slice(begin, end), self.outputs))

    @property
    def mean_loss(self) -> float:
        return self.loss_sum / self.rows if self.rows else 0.0

    def logs(self) -> dict[str, Any]:
        """Return the mean loss and the metrics."""
        logs: dict[str, Any] = {"loss": self.mean_loss}
        if not self.kept:
            return logs
        outputs = [
            _joined([device.to_host(part[i][rows]) for _, rows, part in self.kept])
            for i in range(len(self.features))
        ]
        if self._labels is None:
            self._labels = [device.to_host(array) for array in self.feed.labels]

        def in_order(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return _joined([array[rows if order is None else order[rows]] for order, rows, _ in self.kept])

        labels = [in_order(array) for array in self._labels]
        weights = None if self.feed.weights is None else in_order(device.to_host(self.feed.weights))
        logs.update(compute_metrics(self.feed.heads, labels, outputs, weights, self.several_outputs))
        return logs


def _joined(parts: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def run_epoch(
    model: Trainer,
    record: EpochRecord,
    batches: Batches,
    steps: int,
    callbacks: CallbackList,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Make ``steps`` steps and return the logs.

    One native call, or one a step when a callback asks for it.
    """
    source, size = record.source, batches.size
    record.begin()
    done = 0

    def train(order: Order, first: int, count: int) -> int:
        before = done

        def hook(steps_done: int, loss: float) -> bool:
            if progress is not None:
                progress.update(before + steps_done, loss)
            return model.stop_training

        made, loss_sum, rows = source.train(
            model.optimizer,
            order,
            size,
            first,
            count,
            model.seed,
            record.outputs,
            hook,
            callbacks.stop_on_nan,
        )
        record.add(loss_sum, rows)
        return made

    for order, first, count in batches.take(steps):
        record.next_part()
        rows_before, made = record.rows, 0
        for step, part in [(first + i, 1) for i in range(count)] if callbacks.per_batch else [(first, count)]:
            if callbacks.per_batch:
                callbacks.on_train_batch_begin(done, None)
            now = train(order, step, part)
            made, done = made + now, done + now
            if callbacks.per_batch:
                callbacks.on_train_batch_end(done - 1, {"loss": record.mean_loss})
            if (
                now < part
                or model.stop_training
                or (callbacks.stop_on_nan and not np.isfinite(record.loss_sum))
            ):
                break
        record.keep(order, first * size, first * size + record.rows - rows_before)
        if made < count:
            break
    return record.logs()
