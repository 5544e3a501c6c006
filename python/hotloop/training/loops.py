"""The loops behind ``fit``, ``evaluate`` and ``predict``: a native call an epoch, callbacks between them."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hotloop.callbacks import CallbackList, History
from hotloop.callbacks.base import say
from hotloop.callbacks.batch_logs import hand_over
from hotloop.core.errors import bad_type, integer
from hotloop.device import HOST
from hotloop.training.batch_step import BatchStep
from hotloop.training.cautions import warn_of_unseen
from hotloop.training.engine import Steps, Sums, TrainingProgram
from hotloop.training.epoch import Batches, EpochRecord, Standing, joined, run_epoch
from hotloop.training.feed import Feed
from hotloop.training.heads import log_directions
from hotloop.training.position import Position
from hotloop.training.progress import Progress, logs_text, verbosity

if TYPE_CHECKING:
    from hotloop.training.trainer import Trainer

DEFAULT_BATCH_SIZE = 32


@dataclass
class FitArguments:
    """Those arguments of ``fit`` that are not data, checked."""

    batch_size: int | None
    epochs: int
    verbose: str | int
    callbacks: Any
    shuffle: bool
    initial_epoch: int | None
    steps_per_epoch: int | None
    validation_steps: int | None
    validation_batch_size: int | None
    validation_freq: int | Sequence[int]

    def __post_init__(self) -> None:
        for name in ("batch_size", "steps_per_epoch", "validation_steps", "validation_batch_size"):
            value = getattr(self, name)
            if value is not None:
                setattr(self, name, integer(name, value, at_least=1))
        self.epochs = integer("epochs", self.epochs, at_least=1)
        if self.initial_epoch is not None:
            self.initial_epoch = integer("initial_epoch", self.initial_epoch, at_least=0)
        verbosity(self.verbose)
        CallbackList(self.callbacks)
        if not isinstance(self.shuffle, bool | np.bool_):
            raise bad_type("shuffle", "True or False", self.shuffle)
        if isinstance(self.validation_freq, list | tuple | set):
            self.validation_freq = [integer("validation_freq", f, at_least=1) for f in self.validation_freq]
        else:
            self.validation_freq = integer("validation_freq", self.validation_freq, at_least=1)

    def validates_after(self, epoch: int) -> bool:
        """Whether the epoch of this number, counted from 0, is followed by an evaluation."""
        if isinstance(self.validation_freq, int):
            return (epoch + 1) % self.validation_freq == 0
        return epoch + 1 in self.validation_freq


def evaluate_record(record: EpochRecord, callbacks: CallbackList, batch_size: int) -> dict[str, Any]:
    """Return the loss and the metrics over all rows, without dropout; batches are for callbacks alone."""
    rows = record.source.rows
    size = batch_size if callbacks.per_test_batch else rows
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


def fit(
    model: Trainer,
    x: Any,
    y: Any,
    sample_weight: Any,
    class_weight: Any,
    validation_split: float,
    validation_data: Any,
    allow_nonfinite: bool,
    arguments: FitArguments,
) -> History:
    """Check everything, then train; see ``Model.fit``."""
    size = _batch_size(arguments.batch_size)
    val_size = arguments.validation_batch_size or size
    with model.building(x):
        feed = model.feed(x, y, sample_weight, allow_nonfinite)
        model.remember_features(x)
        validation: Feed | None = None
        if validation_data is not None:
            if not isinstance(validation_data, list | tuple) or len(validation_data) not in (2, 3):
                raise bad_type("validation_data", "a tuple (x, y) or (x, y, sample_weight)", validation_data)
            val_x, val_y, *val_weight = validation_data
            validation = model.feed(
                val_x, val_y, val_weight[0] if val_weight else None, allow_nonfinite, "validation "
            )
        else:
            feed, validation = feed.split(validation_split)
        if validation is not None:
            limit = _row_limit(val_size, arguments.validation_steps)
            validation = _first_rows(validation, limit)
            if not model._told_of_unseen:
                model._told_of_unseen = warn_of_unseen(feed, validation, split=validation_data is None)
        if class_weight is not None:
            feed = feed.with_class_weight(class_weight)
        program = model.training_program(feed)

    optimizer = model.optimizer
    batches = Batches(model, feed.rows, feed.rows if optimizer.full_batch else size, bool(arguments.shuffle))
    steps = arguments.steps_per_epoch or batches.steps_a_pass
    callbacks = CallbackList(
        arguments.callbacks,
        add_history=True,
        model=model,
        epochs=arguments.epochs,
        steps=steps,
        verbose=verbosity(arguments.verbose),
    )
    assert callbacks.history is not None
    model.history = callbacks.history
    directions = log_directions(feed.heads, len(model.output_names) > 1)
    validated = {} if validation is None else {f"val_{key}": way for key, way in directions.items()}
    model._log_directions = directions | validated
    model.stop_training = model._told_of_nonfinite = False
    model._initial_epoch = arguments.initial_epoch
    record = EpochRecord(program, feed, batches.size)
    # Brought to the device once, as the rows to train on are.
    judged = None if validation is None else EpochRecord(program, validation, DEFAULT_BATCH_SIZE)
    standing = Standing(record, batches, steps)
    progress = Progress(arguments.epochs, steps, arguments.verbose)
    logs: dict[str, Any] = {}
    given_rate = optimizer._given_rate
    try:
        callbacks.on_train_begin({})
        standing.epoch = model._initial_epoch or 0
        begin = _place_to_go_on(model, standing, whole_passes=arguments.steps_per_epoch is None)
        if begin is not None:
            batches.seek(begin)
            record.go_on(begin, batches)
        for epoch in range(standing.epoch, arguments.epochs):
            if model.stop_training:
                break
            model._standing = standing
            if record.sums.steps > 0:
                _begin_epoch_again(model, epoch, callbacks)
            else:
                callbacks.on_epoch_begin(epoch, {})
            progress.epoch_begin(epoch, record.sums.steps)
            start = time.perf_counter()
            # A callback may have loaded weights, changed the optimizer or called the model on something new.
            program = model.training_program(feed)
            record.use(program)
            logs = run_epoch(record, batches, steps, callbacks, progress, standing)
            if not callbacks.stop_on_nan:
                model._warn_of_nonfinite(logs["loss"], f"in epoch {epoch + 1}")
            if judged is not None and arguments.validates_after(epoch):
                judged.use(program)
                logs.update({f"val_{k}": v for k, v in evaluate_record(judged, callbacks, val_size).items()})
            progress.epoch_end(epoch, logs, time.perf_counter() - start)
            standing.end_epoch()
            callbacks.on_epoch_end(epoch, logs)
        callbacks.on_train_end(logs)
    finally:
        progress.close()
        if model._standing is standing:
            model._position = standing.position()
        optimizer._given_rate = given_rate  # what callbacks made of it is this training's affair
    return callbacks.history


def _place_to_go_on(model: Trainer, standing: Standing, whole_passes: bool) -> Position | None:
    """Where training goes on that was asked to: by an ``initial_epoch`` or a backup; None begins anew.

    Warns where the epoch had been begun, with other data or batches, and can't be gone on with.
    """
    place, batches = model._position, standing.batches
    if place is None or model._initial_epoch is None:
        return None
    now = standing.epoch, batches.rows, batches.size, batches.shuffle, standing.steps
    begin = place.goes_on(*now, whole_passes=whole_passes)
    if place.step and place.epoch == standing.epoch and not (begin and begin.step):
        then = place.epoch, place.rows, place.batch_size, place.shuffle, place.steps
        names = ("rows", "batch_size", "shuffle", "steps")
        told = [", ".join(map("{}={}".format, names, numbers[1:])) for numbers in (then, now)]
        warnings.warn(
            f"epoch {place.epoch + 1} begins anew, with the weights that its step {place.step} left: it was "
            f"begun with {told[0]}, and is to go on with {told[1]}",
            stacklevel=4,
        )
    return begin


def _begin_epoch_again(model: Trainer, epoch: int, callbacks: CallbackList) -> None:
    """Tell the callbacks; an epoch in progress keeps the learning rate that it had."""
    optimizer = model.optimizer
    kept, rate = optimizer.schedule is None, optimizer.learning_rate
    callbacks.on_epoch_begin(epoch, {})
    if kept and optimizer.schedule is None:
        optimizer.learning_rate = rate


def evaluate(
    model: Trainer,
    x: Any,
    y: Any,
    batch_size: int | None,
    verbose: str | int,
    sample_weight: Any,
    steps: int | None,
    callbacks: Any,
) -> dict[str, Any]:
    """Return loss and metrics; see ``Model.evaluate``."""
    level = verbosity(verbose)
    size = _batch_size(batch_size)
    limit = _row_limit(size, steps)  # refused before anything is built
    listeners = CallbackList(callbacks)
    with model.building(x):
        feed = _first_rows(model.feed(x, y, sample_weight, model.allow_nonfinite), limit)
        program = model.training_program(feed)
    listeners.tell(model, verbose=level, epochs=1, steps=-(-feed.rows // size))
    logs = evaluate_record(EpochRecord(program, feed, DEFAULT_BATCH_SIZE), listeners, size)
    if level:
        say(logs_text(logs))
    return logs


def predict(
    model: Trainer, x: Any, batch_size: int | None, verbose: str | int, steps: int | None, callbacks: Any
) -> Any:
    """Return the outputs; see ``Model.predict``. Batches are for callbacks alone."""
    size = _batch_size(batch_size)
    limit = _row_limit(size, steps)
    level = verbosity(verbose)
    listeners = CallbackList(callbacks)
    model._build_for(x)
    program = model.prediction_program()
    inputs = [array[:limit] for array in model.input_arrays(x, model.allow_nonfinite)]
    rows = inputs[0].shape[0]
    listeners.tell(model, verbose=level, epochs=1, steps=-(-rows // size))
    listeners.on_predict_begin({})
    if not listeners.per_predict_batch:
        outputs = program.run(inputs)
    else:
        parts: list[list[Any]] = []
        for batch, begin in enumerate(range(0, rows, size)):
            listeners.on_predict_batch_begin(batch, {})
            parts.append(program.run([array[begin : begin + size] for array in inputs]))
            listeners.on_predict_batch_end(batch, {"outputs": model.shaped(parts[-1])})
        outputs = [joined(list(each)) for each in zip(*parts, strict=True)]
    listeners.on_predict_end({})
    return model.shaped(outputs)


def _batch_size(batch_size: int | None) -> int:
    return DEFAULT_BATCH_SIZE if batch_size is None else integer("batch_size", batch_size, at_least=1)


def _row_limit(batch_size: int, steps: int | None) -> int | None:
    return None if steps is None else batch_size * integer("steps", steps, at_least=1)


def _first_rows(feed: Feed, limit: int | None) -> Feed:
    return feed if limit is None else feed.part(0, min(limit, feed.rows))


def train_on_batch(model: Trainer, x: Any, y: Any, sample_weight: Any, class_weight: Any) -> dict[str, Any]:
    """Make one step; see ``Model.train_on_batch``."""
    again = model._batch_step
    if again is not None and sample_weight is None and class_weight is None:
        same = again.program(model)
        plain = None if same is None else again.feed(x, y, model.allow_nonfinite)
        if same is not None and plain is not None:
            return _train_once(model, same, plain)
    with model.building(x):
        feed = model.feed(x, y, sample_weight, model.allow_nonfinite)
        model.remember_features(x)
        if class_weight is not None:
            feed = feed.with_class_weight(class_weight)
        program = model.training_program(feed)
    model._batch_step = BatchStep.after(model, program, feed, x, y)
    return _train_once(model, program, feed)


def _train_once(model: Trainer, program: TrainingProgram, feed: Feed) -> dict[str, Any]:
    """All rows as one batch."""
    model.stop_training = False
    logs = _step_logs(model, program, feed)
    model._warn_of_nonfinite(logs["loss"], f"in step {model.optimizer.iterations}")
    return logs


def _step_logs(model: Trainer, program: TrainingProgram, feed: Feed) -> dict[str, Any]:
    head = feed.heads[0]
    if len(program.graph.outputs) > 1 or head.metrics or head.weighted_metrics or program.backend is not HOST:
        record = EpochRecord(program, feed, feed.rows)
        return run_epoch(record, Batches(model, feed.rows, feed.rows, False), 1, CallbackList())
    # Nothing but the loss is wanted, and nothing has to be brought anywhere.
    sums, turns, rows = Sums(), model.store.turns, feed.rows
    with turns.lock:
        turns.note_trainer()
        try:
            program.train(feed.arrays(), Steps(model.optimizer, None, rows, 0, 1, model.seed, [], sums))
        finally:
            turns.serve()
    return {"loss": sums.loss / sums.rows}
