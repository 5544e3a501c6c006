"""One step on one batch: what a call of ``train_on_batch`` found out is not asked again by the next one."""

from __future__ import annotations

from typing import Any

import numpy as np

from hotloop import _native, device
from hotloop.training.feed import Feed
from hotloop.training.program import TrainingProgram
from hotloop.training.state import SlotLayout


class BatchStep:
    """The feed of a plain batch, like one before it, and the program for it.

    Plain are NumPy arrays that a program reads as they are, for one input and one output. Only what the
    arrays' headers and the model's state say is remembered: numbers are looked at anew in every batch.
    """

    def __init__(self, program: TrainingProgram, slots: SlotLayout, feed: Feed, x: Any, y: Any) -> None:
        self.program, self.slots, self.heads = program, slots, feed.heads
        self._x, self._y = (x.shape[1:], x.dtype), (y.shape[1:], y.dtype)

    @classmethod
    def after(
        cls, program: TrainingProgram, slots: SlotLayout | None, feed: Feed, x: Any, y: Any
    ) -> BatchStep | None:
        """Remember a batch that was trained on; None where the next one has to be looked at as closely."""
        alone = len(feed.inputs) == len(feed.heads) == len(program.graph.outputs) == 1
        if not alone or program.backend is not device.HOST or feed.labels[0] is not y:
            return None
        plain = (
            type(x) is np.ndarray
            and x.dtype == np.float32
            and x.shape[1:] == program.graph.inputs[0].sample_shape
        )
        return cls(program, slots, feed, x, y) if plain and slots is not None else None

    def feed(self, x: Any, y: Any, allow_nonfinite: bool) -> Feed | None:
        """Return the batch, checked; None where it is not like the one before, or not all is well with x.

        Raises
        ------
        ValueError, TypeError
            For labels that do not fit.
        """
        if type(x) is not np.ndarray or type(y) is not np.ndarray:
            return None
        rows = len(x) if x.ndim else 0
        if rows == 0 or (x.shape[1:], x.dtype) != self._x or (y.shape[1:], y.dtype) != self._y:
            return None
        if len(y) != rows or not x.flags.c_contiguous or not x.flags.aligned:
            return None
        if not (allow_nonfinite or _native.all_finite(x)):
            return None
        target = self.heads[0].target("y", y, allow_nonfinite)
        return Feed([x.reshape(rows, -1)], [target], [y], [], self.heads)
