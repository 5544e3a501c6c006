"""What a model learns with: from data to a feed, and a program that is kept while nothing changes.

What only training needs, losses, metrics and optimizers, is imported when it begins: describing a model, and
predicting, do without.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from hotloop.device import Host, to_host
from hotloop.feed.arrays import as_array, require_here, require_same_rows, split_by_name
from hotloop.graph.network import Network
from hotloop.training.predictor import Predictor
from hotloop.training.state import TrainingState

if TYPE_CHECKING:
    from hotloop.callbacks import History
    from hotloop.training.batch_step import BatchStep
    from hotloop.training.compile_spec import CompileSpec
    from hotloop.training.feed import Feed
    from hotloop.training.heads import Head
    from hotloop.training.program import TrainingProgram


@cache
def _late() -> SimpleNamespace:
    """What every call needs: an import statement costs a microsecond each time."""
    from hotloop.training.feed import Feed
    from hotloop.training.heads import log_directions

    return SimpleNamespace(Feed=Feed, log_directions=log_directions)


class Trainer:
    """What a network learns with.

    Parameters
    ----------
    network : Network
    predictor : Predictor
        Of the same network.

    Attributes
    ----------
    state : TrainingState
    heads : list of Head or None
        The outputs that have a loss, once labels were seen.
    program : TrainingProgram or None
        The one of the last call; see :meth:`current`.
    batch_step : BatchStep or None
        What the last ``train_on_batch`` found out.
    history : History or None
        Of the last ``fit``.
    log_directions : dict of str to str or None
        The keys of the logs that ``fit`` makes, with which way is better, for callbacks that watch them.
    told_of_unseen : bool
        Whether classes to validate on that are not trained on were told.
    """

    def __init__(self, network: Network, predictor: Predictor) -> None:
        self.network = network
        self.predictor = predictor
        self.state = TrainingState(network)
        self.heads: list[Head] | None = None
        self.program: TrainingProgram | None = None
        self.batch_step: BatchStep | None = None
        self.history: History | None = None
        self.log_directions: dict[str, str | None] = {}
        self.told_of_unseen = self._told_of_nonfinite = False
        self._label_kinds: list[Any] | None = None  # of the labels that the metrics were tried on

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles: programs are made anew when they are needed."""
        return {**vars(self), "program": None, "batch_step": None, "history": None}

    def compile(self, spec: CompileSpec, device: Host | None) -> None:
        """Learn as told from now on; see ``Model.compile``."""
        network = self.network
        if network.built and spec.loss is not None:
            spec.outputs_with_loss(network.output_names)
        with network.lock:
            network.place(device)
            self.state.begin_anew(spec)
            self.told_of_unseen = self._told_of_nonfinite = False
            self.heads = None
            self.let_programs_go()

    def move(self, where: Host) -> None:
        """Move weights and the optimizer's state; where that fails all stays as it was."""
        with self.network.lock:
            optimizer = None if self.state.spec is None else self.state.optimizer
            slots = {} if optimizer is None else optimizer.slots
            try:
                if optimizer is not None and slots:
                    optimizer.build(next(iter(slots.values())).size, where)
                self.network.place(where)
            except BaseException:
                if optimizer is not None:
                    optimizer.slots = slots
                raise
            self.let_programs_go()

    def let_programs_go(self) -> None:
        """They hold on to memory of the device where the weights were."""
        self.program = self.batch_step = self.predictor.program = None

    def forget(self) -> None:
        """The network has changed."""
        self.let_programs_go()
        self.heads = self.state.position = None

    # -- from data to programs

    @contextmanager
    def building(self, x: Any) -> Iterator[None]:
        """Build for the data if need be; when what follows fails, all is as it was."""
        self.state.compiled  # noqa: B018
        network, predictor = self.network, self.predictor
        was_built, heads, columns = network.built, self.heads, predictor.columns
        undo = network.build_for(x)
        try:
            yield
        except BaseException:
            if not was_built:
                undo()
                self.forget()
            self.heads, predictor.columns = heads, columns
            raise

    def feed(self, x: Any, y: Any, sample_weight: Any, allow_nonfinite: bool, label: str = "") -> Feed:
        """Check rows, labels and weights of a built network; ``label`` stands in front of their names."""
        spec, network = self.state.compiled, self.network
        names, shapes = network.output_names, network.output_shapes
        chosen = spec.outputs_with_loss(names)
        inputs = self.predictor.input_arrays(x, allow_nonfinite, label)
        chosen_names = [names[i] for i in chosen]
        given = split_by_name(f"{label}y", y, chosen_names, [shapes[i] for i in chosen])
        what = [f"{label}y"] if len(chosen) == 1 else [f"{label}y[{name!r}]" for name in chosen_names]
        labels = [as_array(text, value) for text, value in zip(what, given, strict=True)]
        for text, array in zip(what, labels, strict=True):
            if not isinstance(array, np.ndarray):
                require_here(text, array, network.store.backend)
        require_same_rows({f"{label}x": inputs[0], **dict(zip(what, labels, strict=True))})
        heads = self.heads or spec.heads(names, shapes, labels)
        feed: Feed = _late().Feed.of(inputs, labels, what, heads, sample_weight, allow_nonfinite, label)
        kinds = [(y.shape[1:], y.dtype.kind) for y in labels]
        if self.heads is None or kinds != self._label_kinds:
            from hotloop.training.heads import try_metrics

            try_metrics(heads, labels)
        if self.heads is None:
            from hotloop.training.cautions import LOOKED_AT, warn_of_pairs

            first = [array[:LOOKED_AT] for array in inputs]
            warn_of_pairs(
                heads, network.graph.outputs, lambda: list(map(to_host, self.predictor.current().run(first)))
            )
        self.heads, self._label_kinds = heads, kinds
        return feed

    def current(self, feed: Feed, *, to_train: bool = False) -> TrainingProgram:
        """Return the program that trains and evaluates, with the optimizer's state in place.

        Raises
        ------
        ValueError
            When it is to train, and an op without a gradient keeps a layer from learning.
        """
        network, state = self.network, self.state
        with network.lock:
            store, program = network.placed_store(), self.program
            # A layer may have been frozen or thawed; its state lies in the slots all the while.
            if program is None or not program.is_current(network, store):
                from hotloop.training.program import TrainingProgram

                program = TrainingProgram(network, store, feed.heads, state.compiled.precision)
            if to_train and program.blocked is not None:
                raise ValueError(program.blocked)
            state.place_slots(store)
            program.set_optimizer(state.optimizer)
            self.program = program
            return program

    def again(self, step: BatchStep) -> TrainingProgram | None:
        """Return the program of a step with the optimizer's state in place; None where it is no longer this
        network's."""
        network, state, program = self.network, self.state, step.program
        with network.lock:
            if self.program is not program or self.heads is not step.heads:
                return None
            store = network.store
            # In an arena of the same version the slots' layout, if it is the same, holds as it did.
            if state.slots is not step.slots or not program.is_current(network, store):
                return None
            optimizer = state.optimizer
            optimizer.build(store.size, store.backend)
            program.set_optimizer(optimizer)
            return program

    def begin(self, history: History, feed: Feed, validated: bool) -> None:
        """A ``fit`` begins."""
        self.history = history
        directions = _late().log_directions(feed.heads, len(self.network.graph.outputs) > 1)
        judged = {f"val_{key}": way for key, way in directions.items()} if validated else {}
        self.log_directions = directions | judged
        self.state.stop_training = self._told_of_nonfinite = False

    def warn_of_nonfinite(self, loss: float, when: str) -> None:
        """Once a ``compile`` or ``fit``: every later loss is as bad."""
        if not (self._told_of_nonfinite or math.isfinite(loss)):
            from hotloop.training.cautions import warn_of_nonfinite

            self._told_of_nonfinite = True
            warn_of_nonfinite(loss, when)
