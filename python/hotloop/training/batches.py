"""The batches that a training takes, pass after pass over its rows."""

from __future__ import annotations

from hotloop import _native
from hotloop.training.engine import Order
from hotloop.training.position import Position
from hotloop.training.state import TrainingState


class Batches:
    """Endless batches of some rows, pass after pass, each pass in an order of its own.

    An order depends alone on the state's seed and on the optimizer's steps when its pass began.
    """

    def __init__(self, state: TrainingState, rows: int, batch_size: int, shuffle: bool) -> None:
        self.state = state
        self.rows = rows
        self.size = min(batch_size, rows)
        self.shuffle = shuffle
        self.steps_a_pass = -(-rows // self.size)
        self.next = 0  # in the pass
        self.seed, self.pass_begin = 0, 0
        self.order: Order = None

    def begin_pass(self) -> None:
        """Begin a pass where the one before it is at its end."""
        if self.next == 0:
            self.seed, self.pass_begin = self.state.seed, self.state.optimizer.iterations
            self.order = self.order_of(self.seed, self.pass_begin)

    def order_of(self, seed: int, pass_begin: int) -> Order:
        """Return the order of a pass; None for that of the data."""
        return _native.shuffled_order(seed, pass_begin, self.rows) if self.shuffle else None

    def seek(self, position: Position) -> None:
        """Go on there."""
        self.seed, self.pass_begin, self.next = position.seed, position.pass_begin, position.pass_step
        self.order = self.order_of(self.seed, self.pass_begin)
