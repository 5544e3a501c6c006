"""Which units to remove: ranked by a score, within each layer or over the whole model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hotloop.compress.scores import CRITERIA, magnitude_scores, normalize, taylor_scores
from hotloop.compress.units import OUTPUT, UnitMap
from hotloop.core.errors import bad_type, bad_value, number, unknown_name
from hotloop.ir.units import FROZEN

if TYPE_CHECKING:
    from hotloop.models import Model

SCOPES = ("layer", "global")
Groups = npt.NDArray[np.int64]


def select_units(
    model: Model,
    pruning_rate: float = 0.5,
    *,
    criterion: str = "magnitude",
    scope: str = "layer",
    data: tuple[Any, Any] | None = None,
    layers: Sequence[str] | None = None,
    batch_size: int = 256,
) -> dict[str, list[int]]:
    """Choose the units that :func:`~hotloop.prune_model` would remove, and change nothing.

    The arguments and errors are those of :func:`~hotloop.prune_model`.

    Returns
    -------
    dict of str to list of int
        Unit indices by the name of their Dense layer, for :func:`~hotloop.compress.remove_units` and
        :func:`~hotloop.compress.mask_units`.

    Examples
    --------
    >>> import hotloop as hl
    >>> model = hl.Sequential([hl.layers.Dense(2, name="a", input_shape=(1,)), hl.layers.Dense(1)])
    >>> model.get_layer("a").set_weights([[[1.0, 3.0]], [0.0, 0.0]])
    >>> hl.compress.select_units(model, 0.5)
    {'a': [0]}
    """
    rate = _checked_rate(pruning_rate)
    if criterion not in CRITERIA:
        raise unknown_name("criterion", criterion, CRITERIA)
    if scope not in SCOPES:
        raise unknown_name("scope", scope, SCOPES)
    units = UnitMap(model)
    removable = _removable_groups(units, layers)
    if criterion == "magnitude":
        scores = magnitude_scores(units)
    else:
        scores = taylor_scores(model, units, data, batch_size)
    if scope == "layer":
        removed = _choose_per_layer(units, removable, scores, rate)
    else:
        removed = _choose_globally(units, removable, normalize(units, scores), rate)
    return units.units_of_groups(removed)


def _checked_rate(rate: Any) -> float:
    value = number("pruning_rate", rate)
    if not 0.0 < value < 1.0:
        raise bad_value("pruning_rate", "a number in (0, 1)", rate, "0.5 removes half of the hidden units")
    return value


def _part(rate: float, count: int) -> int:
    """``floor(rate * count)`` of the decimal numbers meant: 0.29 of 100 is 29."""
    return int(rate * count + 1e-9)


def _removable_groups(units: UnitMap, chosen: Sequence[str] | None) -> dict[str, Groups]:
    """By layer, the groups that may go, each once, in the order of the units."""
    by_layer = {name: _distinct(units.groups(atoms)) for name, atoms in units.layers.items()}
    if chosen is None:
        found = {name: groups for name, groups in by_layer.items() if groups.size}
        if not by_layer:
            raise ValueError(
                "prune: expected a model with a hidden Dense layer, got one without any Dense layer of its "
                "own; only units of these can go"
            )
        if not found:
            reasons = {name: units.why_all_stay(name) for name in list(by_layer)[:5]}
            told = "".join(f"; {name!r}: {why}" for name, why in reasons.items() if why != OUTPUT)
            raise ValueError(
                f"prune: no layer of {sorted(by_layer)} has units that can go: they all reach an output or "
                f"an op that mixes units (softmax); only hidden layers can be pruned{told}"
            )
        return found
    if isinstance(chosen, str):
        raise bad_type("layers", "a list of layer names", chosen)
    for name in chosen:
        units.require_layer(name)
        if not by_layer[name].size:
            raise ValueError(f"layer {name!r} can't be pruned: {units.why_all_stay(name)}")
        for other, groups in by_layer.items():
            if other not in chosen and np.isin(groups, by_layer[name]).any():
                raise ValueError(
                    f"layers: the units of {name!r} are tied to those of {other!r}; name both or none"
                )
    if not chosen:
        raise ValueError(
            "layers: expected at least one name, got none; leave it out to prune all hidden layers"
        )
    return {name: by_layer[name] for name in chosen}


def _distinct(groups: Groups) -> Groups:
    first = np.sort(np.unique(groups, return_index=True)[1])
    distinct = groups[first]
    return np.asarray(distinct[distinct != FROZEN], np.int64)


def _choose_per_layer(
    units: UnitMap, removable: dict[str, Groups], scores: dict[int, float], rate: float
) -> set[int]:
    """Cheapest groups first, as long as none of their layers loses more than its share."""
    quota = {name: _part(rate, units.layers[name].size) for name in removable}
    removed: set[int] = set()
    for group, counts in _ranked(units, removable, scores):
        if all(quota[name] >= count for name, count in counts.items()):
            removed.add(group)
            for name, count in counts.items():
                quota[name] -= count
    if not removed:
        sizes = ", ".join(f"{name!r} ({units.layers[name].size})" for name in removable)
        raise ValueError(
            f"pruning_rate: {rate:g} of the units of {sizes} is less than one unit; expected a larger rate"
        )
    return removed


def _choose_globally(
    units: UnitMap, removable: dict[str, Groups], scores: dict[int, float], rate: float
) -> set[int]:
    left = {name: units.layers[name].size for name in removable}
    ranked = _ranked(units, removable, scores)
    wanted = _part(rate, len(ranked))
    if wanted == 0:
        raise ValueError(
            f"pruning_rate: {rate:g} of {len(ranked)} units is less than one; expected a larger rate"
        )
    removed: set[int] = set()
    held = ""
    for group, counts in ranked:
        if len(removed) == wanted:
            break
        emptied = [name for name, count in counts.items() if left[name] <= count]
        if emptied:
            held = emptied[0]
            continue
        removed.add(group)
        for name, count in counts.items():
            left[name] -= count
    if len(removed) < wanted:
        raise ValueError(
            f"pruning_rate: {rate:g} of {len(ranked)} units would empty layer {held!r}; take a smaller rate"
        )
    return removed


def _ranked(
    units: UnitMap, removable: dict[str, Groups], scores: dict[int, float]
) -> list[tuple[int, dict[str, int]]]:
    """The groups from the cheapest on, with how many units of each layer they hold."""
    counts: dict[int, dict[str, int]] = {}
    for name, groups in removable.items():
        present, sizes = np.unique(units.groups(units.layers[name]), return_counts=True)
        size_of = dict(zip(present.tolist(), sizes.tolist(), strict=True))
        for group in groups.tolist():
            counts.setdefault(group, {})[name] = size_of[group]
    return [(group, counts[group]) for group in sorted(counts, key=lambda group: (scores[group], group))]
