"""Metrics of an epoch in progress, where those that are means over rows go on from batch to batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from hotloop.feed.arrays import Floats
from hotloop.training.heads import Head, log_directions

Measure = Callable[[Sequence[Head], Any], dict[str, Any]]


class RunningMetrics:
    """Adds up what batches bring; what is no mean over rows is computed over all of them each time.

    Parameters
    ----------
    heads : list of Head
    several_outputs : bool
        Of the model.
    weights : list of array
        Of the data, one for each head, or none. Means of weights below 0 are not added up: their sums may
        vanish on the way.
    """

    def __init__(self, heads: Sequence[Head], several_outputs: bool, weights: Sequence[Floats]) -> None:
        adds = not any((w < 0).any() for w in weights)

        def chosen(head: Head, means: bool) -> Head:
            def take(named: Any, added: bool) -> Any:
                return [(name, m) for name, m in named if (added and m.is_mean) is means]

            plain, weighted = take(head.metrics, True), take(head.weighted_metrics, adds)
            return replace(head, metrics=plain, weighted_metrics=weighted)

        self.means = [chosen(head, True) for head in heads]
        self.rest = [chosen(head, False) for head in heads]
        self.has_rest = any(head.metrics or head.weighted_metrics for head in self.rest)
        self.keys = [key for key in log_directions(heads, several_outputs) if key != "loss"]
        self.head_of = {name: i for i, head in enumerate(self.means) for name, _ in head.weighted_metrics}
        self.begin()

    def begin(self) -> None:
        """Forget the last epoch."""
        self.sums: dict[str, float] = {}
        self.counts: dict[str, float] = {}

    def add(
        self, measure: Measure, new: Any, rows: int, weights: Sequence[Floats], every: Any
    ) -> dict[str, Any]:
        """Return the metrics in the logs' order.

        Parameters
        ----------
        measure : callable
            Returns the metrics of heads over parts of the rows.
        new, every : parts of the rows
            Those behind the last call's, and all.
        rows : int
            How many are new.
        weights : list of array
            Theirs.
        """
        if rows:
            for key, value in measure(self.means, new).items():
                head = self.head_of.get(key)
                count = float(rows) if head is None or not weights else float(weights[head].sum(dtype="f8"))
                self.sums[key] = self.sums.get(key, 0.0) + value * count
                self.counts[key] = self.counts.get(key, 0.0) + count
        found = measure(self.rest, every) if self.has_rest else {}
        found |= {
            key: sum_ / self.counts[key] if self.counts[key] else sum_ for key, sum_ in self.sums.items()
        }
        return {key: found[key] for key in self.keys}
