"""Where training stands between two steps: in which epoch, and in which pass over which rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from hotloop.core.errors import bad_value, integer
from hotloop.device import to_host
from hotloop.feed.arrays import Array, Floats


class Part(NamedTuple):
    """What an epoch has seen of one pass.

    Attributes
    ----------
    seed, pass_begin : int
        Which pass; see :class:`Position`.
    begin, end : int
        Positions in the pass's order.
    outputs : tuple of arrays
        The predictions made there, (end - begin, features) each; none where no metric wants them.
    order : array or None
        Of the pass, while it is in progress.
    """

    seed: int
    pass_begin: int
    begin: int
    end: int
    outputs: tuple[Floats, ...] = ()
    order: npt.NDArray[np.int32] | None = None


class Position(NamedTuple):
    """All that decides, beside weights, optimizer and data, what the next steps are and what they add to.

    Attributes
    ----------
    epoch : int
        In progress, or next.
    step, steps : int
        How many of the epoch's steps are made, and how many it has.
    rows, batch_size, shuffle
        Of the data, as ``fit`` was given them.
    seed, pass_begin : int
        The model's seed and the optimizer's steps when the pass over the rows began: these and the number of
        rows are its order.
    pass_step : int
        How many batches of the pass are taken.
    seen : int
        Rows of the epoch so far.
    loss_sum : float
        Over these.
    parts : tuple of Part
        Of the epoch.
    """

    epoch: int
    step: int
    steps: int
    rows: int
    batch_size: int
    shuffle: bool
    seed: int
    pass_begin: int
    pass_step: int
    seen: int = 0
    loss_sum: float = 0.0
    parts: tuple[Part, ...] = ()

    def goes_on(
        self, epoch: int, rows: int, batch_size: int, shuffle: bool, steps: int, whole_passes: bool
    ) -> Position | None:
        """Return where a ``fit`` begins that trains from ``epoch`` on; None where it begins anew.

        ``whole_passes``: each of its epochs is one pass. Where the length of an epoch has changed, the pass
        goes on but the epoch begins anew.
        """
        if (epoch, rows, batch_size, shuffle) != (self.epoch, self.rows, self.batch_size, self.shuffle):
            return None
        if whole_passes:
            return self if steps == self.steps and self.pass_step == self.step % steps else None
        return self if steps == self.steps else self.at_epoch(epoch)

    def at_epoch(self, epoch: int) -> Position:
        """Return the same place in the pass, at the beginning of an epoch."""
        return self._replace(epoch=epoch, step=0, seen=0, loss_sum=0.0, parts=())

    def on_host(self) -> Position:
        """Return it with predictions of its own in the CPU's memory."""
        parts = tuple(
            part._replace(order=None, outputs=tuple(np.array(to_host(out)) for out in part.outputs))
            for part in self.parts
        )
        return self._replace(parts=parts)

    # -- files

    def get_config(self) -> dict[str, Any]:
        """Return all but the predictions as JSON values."""
        return {
            **{name: getattr(self, name) for name in _NUMBERS},
            "shuffle": self.shuffle,
            "loss_sum": float(self.loss_sum).hex(),  # it may be NaN, which JSON can't say
            "parts": [[p.seed, p.pass_begin, p.begin, p.end, len(p.outputs)] for p in self.parts],
        }

    def tensors(self) -> dict[str, Array]:
        """Return the predictions by name."""
        return {
            f"position/{i}/{j}": to_host(out)
            for i, part in enumerate(self.parts)
            for j, out in enumerate(part.outputs)
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any], tensors: Mapping[str, Array]) -> Position:
        """Make it from what a file says.

        Raises
        ------
        ValueError, TypeError, KeyError
            Where that is no position.
        """
        numbers = {name: _count(name, config[name]) for name in _NUMBERS}
        steps_a_pass = -(
            -numbers["rows"] // integer("position: batch_size", config["batch_size"], at_least=1)
        )
        if numbers["step"] > numbers["steps"] or numbers["pass_step"] >= steps_a_pass:
            raise bad_value("position", "a step of its epoch and its pass", f"{numbers}")
        parts = []
        for i, (*place, outputs) in enumerate(config["parts"]):
            seed, pass_begin, begin, end = (_count("part", number) for number in place)
            made = tuple(tensors[f"position/{i}/{j}"] for j in range(_count("outputs", outputs)))
            fits = all(a.dtype == np.float32 and a.ndim == 2 and len(a) == end - begin for a in made)
            if not begin <= end <= numbers["rows"] or not fits:
                expected = f"predictions for a part of {numbers['rows']} rows"
                raise bad_value("position", expected, f"{[a.shape for a in made]} for {begin} to {end}")
            parts.append(Part(seed, pass_begin, begin, end, made))
        # So the orders of the passes take no more memory than the rows that an epoch of so many steps sees.
        lengths, rows = [part.end - part.begin for part in parts], numbers["rows"]
        if sum(lengths) > numbers["seen"] or numbers["seen"] > numbers["step"] * numbers["batch_size"]:
            raise bad_value("position: parts", f"no more than {numbers['seen']} rows", sum(lengths))
        if any(length != rows for length in lengths[1:-1]):
            raise bad_value("position: parts", "whole passes between the first and the last", f"{lengths}")
        return cls(
            **numbers,
            shuffle=bool(config["shuffle"]),
            loss_sum=float.fromhex(config["loss_sum"]),
            parts=tuple(parts),
        )


class Standing(Protocol):
    """A training in progress, which knows where it stands.

    Attributes
    ----------
    epoch : int
        In progress, or next.
    """

    epoch: int

    def position(self) -> Position:
        """Return where it stands as of now."""


_NUMBERS = ("epoch", "step", "steps", "rows", "batch_size", "seed", "pass_begin", "pass_step", "seen")


def _count(name: str, value: Any) -> int:
    count = integer(f"position: {name}", value, at_least=0)
    if count >= 2**63:
        raise bad_value(f"position: {name}", "a number below 2**63", count)
    return count
