"""What an epoch has come to: its loss, and the predictions that its metrics are of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop import device
from hotloop.core.errors import warn
from hotloop.training.feed import Feed
from hotloop.training.heads import Head, Logits, batch_rows, compute_metrics
from hotloop.training.position import Part, Position
from hotloop.training.program import Order, Sums, TrainingProgram
from hotloop.training.running import RunningMetrics
from hotloop.training.staging import Resident, Streamed, place

DEFAULT_BATCH_SIZE = 32


@dataclass(slots=True)
class Stretch:
    """What an epoch has gone through of one pass: positions in its order, and where their predictions are."""

    seed: int
    pass_begin: int
    order: Order
    begin: int
    end: int
    room: list[npt.NDArray[Any]]

    def part(self) -> Part:
        """Return it as a position tells it."""
        outputs = tuple(out[self.begin : self.end] for out in self.room)
        return Part(self.seed, self.pass_begin, self.begin, self.end, outputs, self.order)


class EpochRecord:
    """The loss summed over an epoch's rows, and their predictions where a metric wants them.

    Attributes
    ----------
    feed : Feed
    source : Resident or Streamed
        The feed's rows where the program reads them.
    sums : Sums
        Of the epoch.
    stretches : list of Stretch
        Of the passes that it has gone through, the one in progress last; that one alone where no metric wants
        predictions.
    """

    def __init__(self, program: TrainingProgram, feed: Feed, batch_size: int) -> None:
        self.feed = feed
        self.several_outputs = len(program.graph.outputs) > 1
        wants = len(feed.heads) > 1 or any(head.metrics or head.weighted_metrics for head in feed.heads)
        self.features = program.features if wants else []
        self.places = program.logits
        self.batch_size = batch_size
        self.source: Resident | Streamed = place(program, feed, batch_size, self.features)
        self.outputs = self.source.empty_outputs(self.features)
        self._labels: list[npt.NDArray[Any]] | None = None
        self._running: RunningMetrics | None = None
        self.begin()

    @classmethod
    def to_judge(cls, program: TrainingProgram, feed: Feed, batch_size: int) -> EpochRecord:
        """Return one that only evaluates: where a layer mixes rows, all of them have to be there at once."""
        at_once = batch_size if program.by_batch else DEFAULT_BATCH_SIZE
        return cls(program, feed, feed.rows if program.mixing else at_once)

    def use(self, program: TrainingProgram) -> None:
        """Go on with another program of the same model; rows that lie where it is stay there."""
        if program.backend is not self.source.backend:
            self.source = place(program, self.feed, self.batch_size, self.features)
            self.outputs = self.source.empty_outputs(self.features)
        self.source.program = program

    def begin(self) -> None:
        """Forget the last epoch."""
        self.sums = Sums()
        self.stretches: list[Stretch] = []
        self._measured = 0, -1  # the stretch, and its position, up to which running metrics have come
        if self._running is not None:
            self._running.begin()

    def go_on(self, position: Position, order_of: Callable[[int, int], Order]) -> None:
        """Begin with what an epoch had come to, in passes whose order a function gives.

        Warns where that was compiled with other metrics, so that predictions are missing.
        """
        self.sums = Sums(position.step, position.seen, position.loss_sum)
        if not self.features:
            return
        if any([out.shape[1] for out in part.outputs] != self.features for part in position.parts):
            warn(
                f"epoch {position.epoch + 1} goes on behind step {position.step}, up to which it was trained "
                "with other metrics: those of now are over its rows to come, the loss is over all"
            )
            return
        for part in position.parts:
            self.make_room(part.pass_begin)
            for room, made in zip(self.outputs, part.outputs, strict=True):
                device.write(room[part.begin : part.end], made)
            order = order_of(part.seed, part.pass_begin)
            self.saw(part.seed, part.pass_begin, order, part.begin, part.end)

    def make_room(self, pass_begin: int) -> None:
        """Keep what was written from being written over where an epoch goes on in another pass."""
        if self.features and self.stretches and self.stretches[-1].pass_begin != pass_begin:
            self.outputs = self.source.empty_outputs(self.features)

    def saw(self, seed: int, pass_begin: int, order: Order, begin: int, end: int) -> None:
        """Note that these positions of a pass are done, and their predictions there."""
        if self.stretches and self.stretches[-1].pass_begin == pass_begin:
            self.stretches[-1].end = end
        elif end > begin:
            if not self.features:
                self.stretches.clear()
            self.stretches.append(Stretch(seed, pass_begin, order, begin, end, self.outputs))

    def evaluate(self, begin: int, end: int) -> None:
        """Judge these rows, without dropout."""
        sums, loss = self.sums, self.source.evaluate(self.outputs, begin, end)
        self.sums = Sums(sums.steps + 1, sums.rows + end - begin, sums.loss + loss)
        self.saw(0, 0, None, begin, end)

    @property
    def mean_loss(self) -> float:
        return self.sums.loss / self.sums.rows if self.sums.rows else 0.0

    def logs(self) -> dict[str, Any]:
        """Return the mean loss and the metrics."""
        logs: dict[str, Any] = {"loss": self.mean_loss}
        if self.features and self.stretches:
            logs.update(self._measure(self.feed.heads, [stretch.part() for stretch in self.stretches]))
        return logs

    def logs_so_far(self) -> dict[str, Any]:
        """Return the same in mid-epoch, rounding apart: means over rows go on from the last call."""
        logs: dict[str, Any] = {"loss": self.mean_loss}
        if not self.features or not self.stretches:
            return logs
        if self._running is None:
            self._running = RunningMetrics(self.feed.heads, self.several_outputs, self.feed.weights)
        at, behind = self._measured
        new = [stretch.part() for stretch in self.stretches[at:]]
        if new[0].begin < behind:
            first, cut = new[0], behind - new[0].begin
            new[0] = first._replace(begin=behind, outputs=tuple(out[cut:] for out in first.outputs))
        new = [part for part in new if part.end > part.begin]
        self._measured = len(self.stretches) - 1, self.stretches[-1].end
        rows = sum(part.end - part.begin for part in new)
        weights = [_in_order(w, new) for w in self.feed.weights] if new else []
        every = [stretch.part() for stretch in self.stretches] if self._running.has_rest else []
        return logs | self._running.add(self._measure, new, rows, weights, every)

    def _measure(self, heads: Sequence[Head], parts: list[Part]) -> dict[str, Any]:
        """Return the metrics of these parts of the epoch."""
        outputs = [
            joined([device.to_host(part.outputs[i]) for part in parts]) for i in range(len(self.features))
        ]
        if self._labels is None:
            self._labels = [device.to_host(array) for array in self.feed.labels]
        labels = [_in_order(array, parts) for array in self._labels]
        weights = [_in_order(array, parts) for array in self.feed.weights]
        logits = {i: Logits(kind, outputs[place]) for i, (kind, place) in self.places.items()}
        batches = [n for part in parts for n in batch_rows(part.end - part.begin, self.batch_size)]
        return compute_metrics(heads, labels, outputs, weights, self.several_outputs, logits, batches)


def _in_order(array: npt.NDArray[Any], parts: Sequence[Part]) -> npt.NDArray[Any]:
    """Return rows of the data in the order in which these parts went through them."""
    places = [(part.order, slice(part.begin, part.end)) for part in parts]
    return joined([array[rows if order is None else order[rows]] for order, rows in places])


def joined(parts: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return parts of rows as one array, on the device where they are."""
    if len(parts) == 1 or not device.on_gpu(parts[0]):
        return parts[0] if len(parts) == 1 else np.concatenate(parts)
    whole: npt.NDArray[Any] = device.gpu().empty((sum(map(len, parts)), *parts[0].shape[1:]))
    at = 0
    for part in parts:
        whole[at : at + len(part)] = part
        at += len(part)
    return whole
