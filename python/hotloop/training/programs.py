"""From a model and data to native programs: checked, built when needed, kept while nothing changes."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from hotloop.core.errors import integer
from hotloop.core.locks import make_lock
from hotloop.core.seeds import derive_seed, seed_generation
from hotloop.device import Host, backend, named, to_host
from hotloop.feed.arrays import (
    Array,
    Floats,
    as_array,
    input_arrays,
    require_here,
    require_same_rows,
    split_by_name,
)
from hotloop.feed.frames import Columns, checked_names, column_names
from hotloop.graph.parameters import Parameter, ParameterStore
from hotloop.graph.symbolic import FunctionalGraph
from hotloop.training.cautions import LOOKED_AT, warn_of_nonfinite, warn_of_pairs
from hotloop.training.compile_spec import CompileSpec
from hotloop.training.engine import PredictionProgram, SlotLayout, TrainingProgram
from hotloop.training.feed import Feed
from hotloop.training.heads import Head, try_metrics
from hotloop.training.position import Position

if TYPE_CHECKING:
    from hotloop.callbacks import History
    from hotloop.graph.layer import GraphLayer
    from hotloop.training.batch_step import BatchStep
    from hotloop.training.epoch import Standing


class ProgramOwner:
    """What lies between a model's graph and its native programs. The graph is the subclass's affair."""

    name: str
    history: History | None
    _output_keys: list[str] | None = None  # of a model whose outputs are a dict
    stop_training: bool

    def __init__(self) -> None:
        self.history = None
        self.stop_training = False
        self.allow_nonfinite = False
        self._told_of_nonfinite = self._told_of_unseen = False
        # The keys of the logs that ``fit`` makes, with which way is better, for callbacks that watch them.
        self._log_directions: dict[str, str | None] = {}
        self.compile_spec: CompileSpec | None = None
        self._where: Host | None = None  # where a store goes that has yet to be placed
        self._named: Host | None = None  # the device that compile or ``device`` was told, if any
        self._heads: list[Head] | None = None
        self._label_kinds: list[Any] | None = None  # of the labels that the metrics were tried on
        self._prediction: PredictionProgram | None = None
        self._training: TrainingProgram | None = None
        self._batch_step: BatchStep | None = None
        self._slots: SlotLayout | None = None
        self._kept_position: Position | None = None  # where the last fit, or a file's, stopped
        self._standing: Standing | None = None  # of the fit in progress
        self._feature_names: list[Columns | None] | None = None  # by input, as the first fit saw them
        # Of the fit in progress, where it is to go on; callbacks may set it at its beginning.
        self._initial_epoch: int | None = None
        self._seed: int | None = None
        self._seed_generation = -1
        self._lock = make_lock()

    def __getstate__(self) -> dict[str, Any]:
        """For pickles. Where another thread trains, of a copy from between two of its steps: a pickler takes
        weights and the optimizer's state one after the other."""
        if self.built and self.store.turns.others_train():
            twin: ProgramOwner = copy.deepcopy(self)
            return twin._state()
        return self._state()

    def _state(self) -> dict[str, Any]:
        """Programs and the lock stay behind, and are made anew when needed."""
        # In this order no copier has to go deep: each tensor's sources are there already.
        tensors = [node.output for node in self.graph.nodes] if self.built else []
        behind = ("_prediction", "_training", "_batch_step", "_standing", "_lock", "history")
        position = self._position and self._position.on_host()
        own = {"_seed": self.seed, "_kept_position": position}
        return {"_tensors_in_order": tensors, **vars(self), **dict.fromkeys(behind), **own}

    def __deepcopy__(self, memo: dict[int, Any]) -> ProgramOwner:
        def twin() -> ProgramOwner:
            made = memo[id(self)] = type(self).__new__(type(self))
            made.__setstate__(copy.deepcopy(self._state(), memo))
            return made

        return self.store.turns.between_steps(twin) if self.built else twin()

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        del vars(self)["_tensors_in_order"]
        self._seed_generation = seed_generation()  # the seed that it had, until this process is given another
        self._lock = make_lock()
        if self.compile_spec is not None:
            own = self.compile_spec.optimizer.for_model(self)
            self.compile_spec = dataclasses.replace(self.compile_spec, optimizer=own)

    # -- what a subclass gives

    @property
    def graph(self) -> FunctionalGraph:
        raise NotImplementedError

    @property
    def store(self) -> ParameterStore:
        raise NotImplementedError

    @property
    def weights(self) -> list[Parameter]:
        raise NotImplementedError

    @property
    def built(self) -> bool:
        raise NotImplementedError

    @property
    def input_names(self) -> list[str]:
        raise NotImplementedError

    @property
    def output_names(self) -> list[str]:
        raise NotImplementedError

    def _structured(self, outputs: list[Any]) -> Any:
        """Return what belongs to each output as the outputs were given: alone, in a list or in a dict."""
        if self._output_keys is not None:
            return dict(zip(self._output_keys, outputs, strict=True))
        return outputs[0] if len(outputs) == 1 else outputs

    def _build_for(self, x: Any) -> None:
        """Build a model that waits for the shape of its input."""
        raise NotImplementedError

    def _unbuild(self) -> None:
        """Undo :meth:`_build_for`."""
        raise NotImplementedError

    # -- state

    @property
    def seed(self) -> int:
        """Where shuffling and dropout draw from; follows :func:`hotloop.set_seed`, and may be set."""
        if self._seed is None or self._seed_generation != seed_generation():
            self.seed = derive_seed("model", self.name)
        assert self._seed is not None
        return self._seed

    @seed.setter
    def seed(self, seed: int) -> None:
        self._seed = integer("seed", seed, at_least=0) % 2**63
        self._seed_generation = seed_generation()

    @property
    def _position(self) -> Position | None:
        """Where training stands, or stopped; None where it would begin anew."""
        return self._kept_position if self._standing is None else self._standing.position()

    @_position.setter
    def _position(self, position: Position | None) -> None:
        self._kept_position, self._standing = position, None

    def _weights_were_set(self) -> None:
        """What an interrupted training had come to is of other weights; one in progress goes on."""
        if self._standing is None:
            self._position = None

    @property
    def device(self) -> str:
        """Where the model computes: "cpu" or "cuda". Setting it moves weights and the optimizer's state.

        Models that share a layer are on the same device. Where a move fails, all stays as it was.
        """
        if self.built and self.store.placed:
            return self.store.backend.name
        return (self._where or backend()).name

    @device.setter
    def device(self, name: str) -> None:
        where = named(name)
        with self._lock:
            optimizer = None if self.compile_spec is None else self.compile_spec.optimizer
            slots = {} if optimizer is None else optimizer.slots
            try:
                if optimizer is not None and slots:
                    optimizer.build(next(iter(slots.values())).size, where)
                if self.built:
                    self.store.move(where, named=True)
            except BaseException:
                if optimizer is not None:
                    optimizer.slots = slots
                raise
            self._where = self._named = where
            # They hold on to memory of the other device.
            self._prediction = self._training = self._batch_step = None

    def _placed_store(self) -> ParameterStore:
        """The arena, on the device that ``compile`` was told, or on the default one."""
        store = self.store
        if not store.placed:
            with self._lock:
                store = self.store
                if not store.placed:
                    store.move(self._where or backend(), named=self._named is not None)
        return store

    def _named_device(self) -> Host | None:
        """The device that somebody named for this model, or for one that it shares layers with."""
        if self.built and self.store.placed:
            return self.store.backend if self.store.named else None
        return self._named

    # -- from data to programs

    def input_arrays(self, x: Any, allow_nonfinite: bool, label: str = "") -> list[Array]:
        """Return the inputs as programs read them: (rows, features), float32 or uint8."""
        shapes = [tensor.sample_shape for tensor in self.graph.inputs]
        where = self._placed_store().backend
        return input_arrays(x, self.input_names, shapes, allow_nonfinite, label, where, self._feature_names)

    @property
    def feature_names(self) -> Any:
        """The names of the columns that inputs have, by which those of frames are put in order.

        Those of the first frame that ``fit`` or ``train_on_batch`` saw; None before. A list for several
        inputs. May be set, where columns were renamed.
        """
        names = self._feature_names or [None] * (len(self.input_names) if self.built else 1)
        return names[0] if len(names) == 1 else names

    @feature_names.setter
    def feature_names(self, names: Any) -> None:
        shapes = [tensor.sample_shape for tensor in self.graph.inputs]
        given = [names] if len(shapes) == 1 else names
        self._feature_names = None if names is None else checked_names(given, shapes)

    def remember_features(self, x: Any) -> None:
        """Take the names of the columns from frames that were fed, where none are known yet."""
        if type(x) is np.ndarray:
            return
        known = self._feature_names or [None] * len(self.input_names)
        given = split_by_name("x", x, self.input_names, [tensor.sample_shape for tensor in self.graph.inputs])
        names = [old or column_names(frame) for old, frame in zip(known, given, strict=True)]
        self._feature_names = names if any(names) else None

    @contextmanager
    def building(self, x: Any) -> Iterator[None]:
        """Build for the data if need be; when what follows fails, all is as it was."""
        self._compiled  # noqa: B018
        was_built, heads, names = self.built, self._heads, self._feature_names
        try:
            self._build_for(x)
            yield
        except BaseException:
            self._heads, self._feature_names = heads, names
            if not was_built:
                self._unbuild()
            raise

    def feed(self, x: Any, y: Any, sample_weight: Any, allow_nonfinite: bool, label: str = "") -> Feed:
        """Check rows, labels and weights of a built model; ``label`` stands in front of their names."""
        spec = self._compiled
        names, graph = self.output_names, self.graph
        shapes = [tensor.sample_shape for tensor in graph.outputs]
        chosen = spec.outputs_with_loss(names)
        inputs = self.input_arrays(x, allow_nonfinite, label)
        chosen_names = [names[i] for i in chosen]
        given = split_by_name(f"{label}y", y, chosen_names, [shapes[i] for i in chosen])
        what = [f"{label}y"] if len(chosen) == 1 else [f"{label}y[{name!r}]" for name in chosen_names]
        labels = [as_array(text, value) for text, value in zip(what, given, strict=True)]
        for text, array in zip(what, labels, strict=True):
            if not isinstance(array, np.ndarray):
                require_here(text, array, self.store.backend)
        require_same_rows({f"{label}x": inputs[0], **dict(zip(what, labels, strict=True))})
        heads = self._heads or spec.heads(names, shapes, labels)
        feed = Feed.of(inputs, labels, what, heads, sample_weight, allow_nonfinite, label)
        kinds = [(y.shape[1:], y.dtype.kind) for y in labels]
        if self._heads is None or kinds != self._label_kinds:
            try_metrics(heads, labels)
        if self._heads is None:
            warn_of_pairs(heads, graph.outputs, lambda: self._first_outputs(inputs))
        self._heads, self._label_kinds = heads, kinds
        return feed

    def _warn_of_nonfinite(self, loss: float, when: str) -> None:
        """Once a ``compile`` or ``fit``: every later loss is as bad."""
        if not (self._told_of_nonfinite or math.isfinite(loss)):
            self._told_of_nonfinite = True
            warn_of_nonfinite(loss, when)

    def _first_outputs(self, inputs: list[Array]) -> list[Floats]:
        return [to_host(a) for a in self.prediction_program().run([a[:LOOKED_AT] for a in inputs])]

    def prediction_program(self) -> PredictionProgram:
        """The program that predicts; made anew when the weights moved."""
        with self._lock:
            store = self._placed_store()
            program = self._prediction
            if program is None or program.store is not store or program.version != store.version:
                program = self._prediction = PredictionProgram(self.graph, store)
            return program

    def training_program(self, feed: Feed) -> TrainingProgram:
        """The program that trains and evaluates, with the optimizer's state in place."""
        with self._lock:
            store, optimizer, graph = self._placed_store(), self._compiled.optimizer, self.graph
            program = self._training
            # A layer may have been frozen or thawed; its state lies in the slots all the while.
            trainable = self._trainable_layers()
            if program is None or not program.is_current(store, trainable):
                program = TrainingProgram(graph, store, feed.heads, trainable, self._compiled.precision)
            if self._slots is not None and not self._slots.is_current(store):
                self._slots.move(optimizer, store)
            optimizer.build(store.size, store.backend)
            program.set_optimizer(optimizer)
            if self._slots is None or not self._slots.is_current(store):
                self._slots = SlotLayout(self.weights, store)
            self._training = program
            return program

    def _trainable_layers(self) -> frozenset[GraphLayer]:
        return frozenset([layer for layer in self.graph.layers if layer.trainable])

    def _forget_programs(self) -> None:
        """The graph has changed."""
        self._prediction = self._training = self._batch_step = None
        self._heads = None
        self._position = None

    @property
    def _compiled(self) -> CompileSpec:
        if self.compile_spec is None:
            raise ValueError(f"model {self.name!r} is not compiled; call compile(optimizer, loss=...) first")
        return self.compile_spec
