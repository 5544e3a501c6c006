"""The native program that trains and evaluates, and what a call of it takes and comes to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop import device
from hotloop.feed.arrays import Floats
from hotloop.graph.network import Network
from hotloop.graph.parameters import ParameterStore
from hotloop.ir.build import build
from hotloop.optimizers import Optimizer
from hotloop.training.feed import Arrays
from hotloop.training.heads import Head
from hotloop.training.lowered import training_graph

Hook = Callable[[int, float], bool]
Order = npt.NDArray[np.int32] | None


@dataclass
class Sums:
    """What training calls have come to, also those that an exception ended.

    Attributes
    ----------
    steps, rows : int
    loss : float
        Summed over the rows, one after the other: the same bits however the steps are spread over calls.
    """

    steps: int = 0
    rows: int = 0
    loss: float = 0.0


@dataclass(slots=True)
class Steps:
    """Training steps in one pass over the rows: all that decides them, data and weights apart.

    Attributes
    ----------
    optimizer : Optimizer
        Counts them.
    order : array or None
        In which the rows are taken; None takes them as they lie.
    batch_size, first, count : int
        The batch that the first step takes, and how many steps there are.
    seed : int
        Of dropout.
    outputs : list of arrays
        Where predictions go, by the rows' positions in the order; none where they are not wanted.
    sums : Sums
        What they come to, added to what is there.
    hook : callable, optional
        Asked now and then, with the steps made and the mean loss, whether to stop.
    stop_on_nan : bool
        Whether a loss that is not finite ends them at once.
    """

    optimizer: Optimizer
    order: Order
    batch_size: int
    first: int
    count: int
    seed: int
    outputs: list[Floats]
    sums: Sums
    hook: Hook | None = None
    stop_on_nan: bool = False


class TrainingProgram:
    """Forward, loss, backward and update over the model's arena, gradients and optimizer slots.

    Parameters
    ----------
    network : Network
    store : ParameterStore
    heads : list of Head
    precision : str
        As ``compile`` was told.

    Attributes
    ----------
    features : list of int
        Numbers a sample, of each array of outputs that ``train`` and ``evaluate`` fill: those of the model,
        then logits.
    logits : dict of int to (str, int)
        By the number of an output: the activation it ends in, and which of those arrays has what went into
        it. Only where a metric or an output's own loss is a cross-entropy.
    mixing : str
        The layer that mixes rows, which are evaluated all at once then; empty where none does.
    by_batch : bool
        Whether a loss is one of a batch, so that evaluating goes by batches, as Keras does.
    blocked : str or None
        Why it can evaluate but not train.
    """

    def __init__(
        self, network: Network, store: ParameterStore, heads: Sequence[Head], precision: str = "float32"
    ) -> None:
        self.graph = graph = network.graph
        self.store = store
        self.version = store.version
        # Every step asks whether one was frozen or thawed; which parts a layer has takes longer to find out.
        self._asked = [each for layer in graph.layers for each in layer.with_parts()]
        self._answers = [layer.trainable for layer in self._asked]
        self.backend = store.backend
        self.gradients: Floats = self.backend.zeros(store.size)
        learning = {p for layer in network.trainable_layers() for p in layer.own_parameters}
        self.parameters = [p for p in network.weights if p.trainable and p in learning]
        on_gpu = self.backend is not device.HOST
        lowered, self.logits, self.blocked, self.mixing = training_graph(
            graph, heads, learning, precision, on_gpu
        )
        built = build(lowered, self.backend, arena=store.values, gradients=self.gradients)
        self.native, self.features, self.sources = built.program, built.features, built.graph.sources()
        self.by_batch = any(head.of_batch for head in heads)
        self._settings: tuple[Any, ...] | None = None

    def is_current(self, network: Network, store: ParameterStore) -> bool:
        """Whether the weights still lie where they did, and the same layers learn."""
        same = self.store is store and self.version == store.version and self.graph is network.graph
        return same and [layer.trainable for layer in self._asked] == self._answers

    def set_optimizer(self, optimizer: Optimizer) -> None:
        """Take over the optimizer's numbers and slots where they changed since the last call."""
        slots, exclusions = optimizer.slot_arrays(), optimizer.exclusions
        numbers, clipping = optimizer.native_config(), optimizer.clip_config()
        settings = (
            numbers,
            clipping,
            list(map(id, slots)),
            exclusions,  # and the names that they are about, in place of every weight's path
            [p.layer_name for p in self.parameters] if exclusions else None,
        )
        if settings == self._settings:
            return
        excluded = [p for p in self.parameters if not optimizer.uses_weight_decay(p.path)]
        regularized = [p for p in self.parameters if p.regularizer is not None]
        self.native.set_optimizer(
            numbers,
            slots=slots,
            variables=[(p.offset, p.size) for p in self.parameters],
            regularizers=[(p.offset, p.size, p.regularizer.l1, p.regularizer.l2) for p in regularized],
            decay_excluded=[(p.offset, p.size) for p in excluded],
            **clipping,
        )
        self._settings = settings

    def train(self, arrays: Arrays, steps: Steps) -> None:
        """Make whole steps.

        They count in the optimizer and in ``steps.sums`` when the hook is asked, and also when an exception
        ends them.
        """
        self.backend.require()
        optimizer, sums, hook = steps.optimizer, steps.sums, steps.hook
        before, steps_before, rows_before = optimizer.iterations, sums.steps, sums.rows

        def count(done: tuple[int, float, int]) -> None:
            made, sums.loss, rows = done
            optimizer.iterations = before + made
            sums.steps, sums.rows = steps_before + made, rows_before + rows

        def counting(made: int, loss: float) -> bool:
            count(self.native.done)
            return hook is not None and hook(made, loss)

        result = None
        try:
            # By position: by keywords a step of a tiny net on one batch takes 3 of 38 microseconds longer.
            result = self.native.train(
                arrays.inputs,
                arrays.targets,
                arrays.weights,
                steps.order,
                steps.batch_size,
                steps.first,
                steps.count,
                optimizer.learning_rates(before, steps.count),
                before,
                steps.seed,
                steps.outputs,
                counting,
                steps.stop_on_nan,
                sums.loss,
                sums.rows,
            )
        finally:
            count(self.native.done if result is None else result)

    def evaluate(self, arrays: Arrays, outputs: list[Floats]) -> float:
        """Return the loss summed over rows, and write their predictions."""
        return float(self.native.evaluate(arrays.inputs, arrays.targets, arrays.weights, outputs))
