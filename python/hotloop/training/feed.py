"""Checked data on its way into a program."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from hotloop import device
from hotloop.core.errors import bad_value, number
from hotloop.feed.arrays import Array, Floats
from hotloop.feed.targets import class_weights, sample_weights
from hotloop.training.heads import Head


@dataclass(slots=True)
class Arrays:
    """Rows as a program reads them: (rows, features) each.

    Attributes
    ----------
    inputs : list of arrays
        The model's, then the labels of losses that are ops.
    targets : list of arrays or None
        For each head; None where its loss is ops.
    weights : list of arrays
        For each head, or none.
    """

    inputs: list[Array]
    targets: list[Array | None]
    weights: list[Floats]

    def part(self, begin: int, end: int) -> Arrays:
        """Return the rows from ``begin`` to ``end``, as views."""
        return self.each(lambda array: array[begin:end])

    def each(self, change: Callable[[Array], Array]) -> Arrays:
        """Return what a function makes of each array."""
        return self.like(map(change, self.all()))

    def all(self) -> list[Array]:
        """Return them in one list."""
        return [*self.inputs, *(y for y in self.targets if y is not None), *self.weights]

    def like(self, arrays: Iterable[Array]) -> Arrays:
        """Return others in the places that these have in :meth:`all`."""
        rest = iter(arrays)
        inputs = [next(rest) for _ in self.inputs]
        targets = [None if y is None else next(rest) for y in self.targets]
        return Arrays(inputs, targets, [next(rest) for _ in self.weights])


@dataclass
class Feed:
    """Rows with labels and weights.

    Attributes
    ----------
    inputs : list of arrays
        (rows, features), float32 or uint8; like the others NumPy's, or CuPy's where they were given so.
    targets : list of arrays
        One for each head, as its loss reads them.
    labels : list of arrays
        As given, for the metrics.
    weights : list of arrays
        Sample times class weight: none, or for each head one a row, or one a position.
    heads : list of Head
    """

    inputs: list[Array]
    targets: list[Array]
    labels: list[Array]
    weights: list[Floats]
    heads: list[Head]

    @classmethod
    def of(
        cls,
        inputs: list[Array],
        labels: list[Array],
        what: Sequence[str],
        heads: list[Head],
        sample_weight: Any,
        allow_nonfinite: bool,
        label: str = "",
    ) -> Feed:
        """Check labels and weights against the heads."""
        targets = [
            head.target(name, y, allow_nonfinite) for name, y, head in zip(what, labels, heads, strict=True)
        ]
        rows = inputs[0].shape[0]
        weights = sample_weights(
            f"{label}sample_weight", sample_weight, rows, [h.name for h in heads], [h.weighed for h in heads]
        )
        if weights:
            _require_weighable(heads, f"{label}sample_weight")
        return cls(inputs, targets, labels, weights, heads)

    def with_class_weight(self, class_weight: Any) -> Feed:
        """Return the same rows, their weights times those of their classes.

        Raises
        ------
        ValueError, TypeError
            When a class does not exist, a weight is none or times the sample's is no finite float32, labels
            are not one class a sample, or the model has several outputs.
        """
        if len(self.heads) != 1:
            raise ValueError("class_weight: a model with several outputs takes sample_weight instead")
        head = self.heads[0]
        _require_weighable(self.heads, "class_weight")
        weights = class_weights(class_weight, device.to_host(self.labels[0]), head.shape, head.loss)
        for given in self.weights:
            weights = weights.reshape(-1, *[1] * (given.ndim - 1)) * given
            largest = float(np.abs(weights).max(initial=0))
            if largest > float(np.finfo(np.float32).max):
                what = "class_weight times sample_weight"
                raise bad_value(what, "finite float32 numbers", f"{largest:g}", "scale one of them down")
        return replace(self, weights=[weights.astype(np.float32)])

    @property
    def rows(self) -> int:
        return int(self.inputs[0].shape[0])

    def arrays(self) -> Arrays:
        """Return the rows as programs read them; weights are (rows, positions) for each head."""
        inputs, targets = self.inputs, cast("list[Array | None]", self.targets)
        for place, head in enumerate(self.heads):
            if head.loss.is_traced:
                inputs = [*inputs, self.targets[place]]
                targets = [*targets[:place], None, *targets[place + 1 :]]
        if not self.weights:
            return Arrays(inputs, targets, [])
        weights = [
            np.repeat(array[:, None], head.positions, axis=1)
            if array.ndim == 1
            else array.reshape(self.rows, -1)
            for array, head in zip(self.weights, self.heads, strict=False)
        ]
        return Arrays(inputs, targets, weights)

    def part(self, begin: int, end: int) -> Feed:
        """Return the rows from ``begin`` to ``end``, as views."""
        rows = slice(begin, end)
        return Feed(
            [array[rows] for array in self.inputs],
            [array[rows] for array in self.targets],
            [array[rows] for array in self.labels],
            [array[rows] for array in self.weights],
            self.heads,
        )

    def first(self, limit: int | None) -> Feed:
        """Return no more than so many rows."""
        return self if limit is None else self.part(0, min(limit, self.rows))

    def split(self, validation_split: Any) -> tuple[Feed, Feed | None]:
        """Return the rows to train on and the last part of them, to validate on.

        Raises
        ------
        ValueError
            When one of them would be empty.
        """
        part = number("validation_split", validation_split, at_least=0, below=1)
        if part == 0:
            return self, None
        # Keras's floor(rows * (1 - part)), but what is a whole number is not pulled below it by rounding:
        # 1000 * (1 - 0.07) is 929.9999999999999.
        at = math.floor(self.rows * (1 - part) + self.rows * 2.0**-50)
        if at in (0, self.rows):
            got = f"{part:g} of {self.rows} rows"
            raise bad_value("validation_split", "a part that leaves rows on both sides", got)
        return self.part(0, at), self.part(at, self.rows)


def _require_weighable(heads: Sequence[Head], what: str) -> None:
    """Refuse weights for one number of all rows that is summed: Keras's sum is of one a weight, and a step
    whose rows have no weights is none of them."""
    for head in heads:
        if head.loss.reduction == "sum" and head.traced is not None and head.traced.is_one:
            raise bad_value(
                f"{what}: loss {head.loss.name!r}",
                "one number a row, or another reduction",
                "one number for all rows with reduction='sum'",
                "leave the reduction away, and the mean of the weights multiplies it",
            )
