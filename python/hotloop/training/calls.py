"""``evaluate``, ``predict`` and ``train_on_batch``: one pass or step over given rows."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

from hotloop.callbacks import CallbackList
from hotloop.callbacks.base import say
from hotloop.callbacks.batch_logs import hand_over
from hotloop.core.errors import integer
from hotloop.device import HOST
from hotloop.training.batch_step import BatchStep
from hotloop.training.epoch import Batches, Run
from hotloop.training.feed import Feed
from hotloop.training.predictor import Predictor
from hotloop.training.program import Steps, Sums, TrainingProgram
from hotloop.training.progress import logs_text, verbosity
from hotloop.training.record import DEFAULT_BATCH_SIZE, EpochRecord, joined
from hotloop.training.state import TrainingState
from hotloop.training.trainer import Trainer


@dataclass
class Passing:
    """How ``evaluate`` and ``predict`` go over rows; batches are for callbacks, and losses of a batch.

    Attributes
    ----------
    model : Model
        Whom callbacks are told of.
    limit : int or None
        The most rows to look at.
    level : int
        As :func:`verbosity` returns it.
    listeners : CallbackList
    """

    model: Any
    batch_size: int | None
    verbose: str | int
    steps: int | None
    callbacks: Any
    allow_nonfinite: bool

    def __post_init__(self) -> None:
        self.level = verbosity(self.verbose)
        size = DEFAULT_BATCH_SIZE if self.batch_size is None else self.batch_size
        self.size = integer("batch_size", size, at_least=1)
        self.limit = None if self.steps is None else self.size * integer("steps", self.steps, at_least=1)
        self.listeners = CallbackList(self.callbacks)

    def tell(self, rows: int, mixing: str) -> CallbackList:
        """Tell the callbacks what is to come: one batch where a layer mixes rows."""
        if mixing:
            self.size = rows
        self.listeners.tell(self.model, verbose=self.level, epochs=1, steps=-(-rows // self.size))
        return self.listeners


def evaluate(trainer: Trainer, x: Any, y: Any, sample_weight: Any, passing: Passing) -> dict[str, Any]:
    """Return loss and metrics; see ``Model.evaluate``."""
    with trainer.building(x):
        feed = trainer.feed(x, y, sample_weight, passing.allow_nonfinite).first(passing.limit)
        program = trainer.current(feed)
    listeners = passing.tell(feed.rows, program.mixing)
    logs = evaluate_record(EpochRecord.to_judge(program, feed, passing.size), listeners, passing.size)
    if passing.level:
        say(logs_text(logs))
    return logs


def evaluate_record(record: EpochRecord, callbacks: CallbackList, batch_size: int) -> dict[str, Any]:
    """Return the loss and the metrics over all rows, without dropout.

    Batches are for callbacks, and for losses of a batch. Where a layer mixes rows they are one batch.
    """
    rows, program = record.source.rows, record.source.program
    size = batch_size if (callbacks.per_test_batch or program.by_batch) and not program.mixing else rows
    callbacks.on_test_begin({})
    record.begin()
    for batch, begin in enumerate(range(0, rows, size)):
        callbacks.on_test_batch_begin(batch, {})
        record.evaluate(begin, min(begin + size, rows))
        if callbacks.per_test_batch:
            hand_over(callbacks.on_test_batch_end, batch, record.mean_loss, record.logs_so_far)
    logs = record.logs()
    callbacks.on_test_end(dict(logs))
    return logs


def predict(predictor: Predictor, x: Any, passing: Passing) -> Any:
    """Return the outputs; see ``Model.predict``."""
    predictor.network.build_for(x)
    program = predictor.current()
    inputs = [array[: passing.limit] for array in predictor.input_arrays(x, passing.allow_nonfinite)]
    rows = inputs[0].shape[0]
    listeners = passing.tell(rows, program.built.graph.mixing)
    size = passing.size
    listeners.on_predict_begin({})
    if not listeners.per_predict_batch:
        outputs = program.run(inputs)
    else:
        parts: list[list[Any]] = []
        for batch, begin in enumerate(range(0, rows, size)):
            listeners.on_predict_batch_begin(batch, {})
            parts.append(program.run([array[begin : begin + size] for array in inputs]))
            listeners.on_predict_batch_end(batch, {"outputs": predictor.shaped(parts[-1])})
        outputs = [joined(list(each)) for each in zip(*parts, strict=True)]
    listeners.on_predict_end({})
    return predictor.shaped(outputs)


def train_on_batch(
    trainer: Trainer, x: Any, y: Any, sample_weight: Any, class_weight: Any, allow_nonfinite: bool
) -> dict[str, Any]:
    """Make one step; see ``Model.train_on_batch``."""
    again = trainer.batch_step
    if again is not None and sample_weight is None and class_weight is None:
        same = trainer.again(again)
        plain = None if same is None else again.feed(x, y, allow_nonfinite)
        if same is not None and plain is not None:
            return _train_once(trainer, same, plain)
    with trainer.building(x):
        feed = trainer.feed(x, y, sample_weight, allow_nonfinite)
        trainer.predictor.remember_columns(x)
        if class_weight is not None:
            feed = feed.with_class_weight(class_weight)
        program = trainer.current(feed, to_train=True)
    trainer.batch_step = BatchStep.after(program, trainer.state.slots, feed, x, y)
    return _train_once(trainer, program, feed)


def _train_once(trainer: Trainer, program: TrainingProgram, feed: Feed) -> dict[str, Any]:
    """All rows as one batch."""
    state = trainer.state
    state.stop_training = False
    logs = _step_logs(state, program, feed)
    if not isfinite(logs["loss"]):
        trainer.warn_of_nonfinite(logs["loss"], f"in step {state.optimizer.iterations}")
    return logs


def _step_logs(state: TrainingState, program: TrainingProgram, feed: Feed) -> dict[str, Any]:
    head = feed.heads[0]
    if len(program.graph.outputs) > 1 or head.metrics or head.weighted_metrics or program.backend is not HOST:
        record = EpochRecord(program, feed, feed.rows)
        return Run(record, Batches(state, feed.rows, feed.rows, False), 1, CallbackList()).make_epoch()
    # Nothing but the loss is wanted, and nothing has to be brought anywhere.
    sums, turns = Sums(), state.network.store.turns
    with turns.lock:
        turns.note_trainer()
        try:
            program.train(feed.arrays(), Steps(state.optimizer, None, feed.rows, 0, 1, state.seed, [], sums))
        finally:
            turns.serve()
    return {"loss": sums.loss / sums.rows}
