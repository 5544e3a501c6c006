"""``fit``: data and arguments checked, then epoch after epoch, with callbacks between them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hotloop.callbacks import CallbackList, History
from hotloop.core.errors import bad_type, integer, warn
from hotloop.training.calls import evaluate_record
from hotloop.training.cautions import warn_of_unseen
from hotloop.training.epoch import Batches, Run
from hotloop.training.feed import Feed
from hotloop.training.position import Position
from hotloop.training.progress import Progress, verbosity
from hotloop.training.record import DEFAULT_BATCH_SIZE, EpochRecord
from hotloop.training.trainer import Trainer


@dataclass
class FitRequest:
    """The arguments of ``fit``, checked as far as they can be without data; callbacks are told the model."""

    model: Any
    x: Any
    y: Any
    batch_size: int | None
    epochs: int
    verbose: str | int
    callbacks: Any
    validation_split: float
    validation_data: Any
    shuffle: bool
    class_weight: Any
    sample_weight: Any
    initial_epoch: int | None
    steps_per_epoch: int | None
    validation_steps: int | None
    validation_batch_size: int | None
    validation_freq: int | Sequence[int]
    allow_nonfinite: bool

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

    @property
    def size(self) -> int:
        """Rows a batch."""
        return self.batch_size or DEFAULT_BATCH_SIZE

    @property
    def validation_size(self) -> int:
        """Rows a batch of the validation data."""
        return self.validation_batch_size or self.size

    def validates_after(self, epoch: int) -> bool:
        """Whether the epoch of this number, counted from 0, is followed by an evaluation."""
        if isinstance(self.validation_freq, int):
            return (epoch + 1) % self.validation_freq == 0
        return epoch + 1 in self.validation_freq


def fit(trainer: Trainer, request: FitRequest) -> History:
    """Check everything, then train; see ``Model.fit``."""
    with trainer.building(request.x):
        feed, validation = _feeds(trainer, request)
        program = trainer.current(feed, to_train=True)
    state, optimizer = trainer.state, trainer.state.optimizer
    size = feed.rows if optimizer.full_batch else request.size
    batches = Batches(state, feed.rows, size, bool(request.shuffle))
    steps = request.steps_per_epoch or batches.steps_a_pass
    callbacks = CallbackList(
        request.callbacks,
        add_history=True,
        model=request.model,
        epochs=request.epochs,
        steps=steps,
        verbose=verbosity(request.verbose),
    )
    assert callbacks.history is not None
    trainer.begin(callbacks.history, feed, validation is not None)
    state.initial_epoch = request.initial_epoch
    # Both are brought to the device once.
    record = EpochRecord(program, feed, batches.size)
    judged = (
        None if validation is None else EpochRecord.to_judge(program, validation, request.validation_size)
    )
    progress = Progress(request.epochs, steps, request.verbose)
    run = Run(record, batches, steps, callbacks, progress)
    logs: dict[str, Any] = {}
    with optimizer.rate_as_given():  # what callbacks make of it is this training's affair
        try:
            callbacks.on_train_begin({})
            run.epoch = state.initial_epoch or 0
            begin = _place_to_go_on(run, whole_passes=request.steps_per_epoch is None)
            if begin is not None:
                run.go_on(begin)
            for epoch in range(run.epoch, request.epochs):
                if state.stop_training:
                    break
                state.standing = run
                _begin_epoch(run, epoch)
                start = time.perf_counter()
                # A callback may have loaded weights, changed the optimizer or called the model on something.
                program = trainer.current(feed, to_train=True)
                record.use(program)
                logs = run.make_epoch()
                if not callbacks.stop_on_nan:
                    trainer.warn_of_nonfinite(logs["loss"], f"in epoch {epoch + 1}")
                if judged is not None and request.validates_after(epoch):
                    judged.use(program)
                    found = evaluate_record(judged, callbacks, request.validation_size)
                    logs.update({f"val_{key}": value for key, value in found.items()})
                progress.epoch_end(epoch, logs, time.perf_counter() - start)
                run.end_epoch()
                callbacks.on_epoch_end(epoch, logs)
            callbacks.on_train_end(logs)
        finally:
            progress.close()
            if state.standing is run:
                state.position = run.position()
    return callbacks.history


def _feeds(trainer: Trainer, request: FitRequest) -> tuple[Feed, Feed | None]:
    """The rows to train on, and those to validate on."""
    allow = request.allow_nonfinite
    feed = trainer.feed(request.x, request.y, request.sample_weight, allow)
    trainer.predictor.remember_columns(request.x)
    validation: Feed | None = None
    given = request.validation_data
    if given is not None:
        if not isinstance(given, list | tuple) or len(given) not in (2, 3):
            raise bad_type("validation_data", "a tuple (x, y) or (x, y, sample_weight)", given)
        x, y, *weight = given
        validation = trainer.feed(x, y, weight[0] if weight else None, allow, "validation ")
    else:
        feed, validation = feed.split(request.validation_split)
    if validation is not None:
        steps = request.validation_steps
        validation = validation.first(None if steps is None else request.validation_size * steps)
        if not trainer.told_of_unseen:
            trainer.told_of_unseen = warn_of_unseen(feed, validation, split=given is None)
    if request.class_weight is not None:
        feed = feed.with_class_weight(request.class_weight)
    return feed, validation


def _place_to_go_on(run: Run, whole_passes: bool) -> Position | None:
    """Where training goes on that was asked to: by an ``initial_epoch`` or a backup; None begins anew.

    Warns where the epoch had been begun, with other data or batches, and can't be gone on with.
    """
    place, batches = run.state.position, run.batches
    if place is None or run.state.initial_epoch is None:
        return None
    now = run.epoch, batches.rows, batches.size, batches.shuffle, run.steps
    begin = place.goes_on(*now, whole_passes=whole_passes)
    if place.step and place.epoch == run.epoch and not (begin and begin.step):
        then = place.epoch, place.rows, place.batch_size, place.shuffle, place.steps
        names = ("rows", "batch_size", "shuffle", "steps")
        told = [", ".join(map("{}={}".format, names, numbers[1:])) for numbers in (then, now)]
        warn(
            f"epoch {place.epoch + 1} begins anew, with the weights that its step {place.step} left: it was "
            f"begun with {told[0]}, and is to go on with {told[1]}"
        )
    return begin


def _begin_epoch(run: Run, epoch: int) -> None:
    """Tell the callbacks; an epoch that goes on keeps the learning rate that it had."""
    done, optimizer = run.record.sums.steps, run.state.optimizer
    rate = optimizer.learning_rate if done and optimizer.schedule is None else None
    run.callbacks.on_epoch_begin(epoch, {})
    if rate is not None and optimizer.schedule is None:
        optimizer.learning_rate = rate
    if run.progress is not None:
        run.progress.epoch_begin(epoch, done)
