"""Removing hidden units: the arrays get smaller, the optimizer's state with them, and training goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hotloop.compress.scores import CRITERIA, magnitude_scores, normalise, taylor_scores
from hotloop.compress.units import FROZEN, UnitMap
from hotloop.errors import bad_type, bad_value, number, unknown_name
from hotloop.training_state import compile_like, fresh_compilation, optimizer_slots, restore_optimizer

if TYPE_CHECKING:
    from hotloop.models import Model

SCOPES = ("layer", "global")
Floats = npt.NDArray[np.float32]


def prune_model(
    model: Model,
    pruning_rate: float = 0.5,
    *,
    criterion: str = "magnitude",
    scope: str = "layer",
    data: tuple[Any, Any] | None = None,
    layers: Sequence[str] | None = None,
    batch_size: int = 256,
) -> Model:
    """Make a smaller model by removing the hidden units that matter least.

    Kernels, biases, batch normalisation's vectors and the optimizer's state are sliced, through Flatten,
    Concatenate, Add, Multiply and layers that are used several times. The smaller model's output equals, bit
    for bit, the output of the same model with those units masked (see :func:`mask_units`).

    Parameters
    ----------
    model : Model
        Stays as it is.
    pruning_rate : float
        In (0, 1): the part of the hidden units to remove.
    criterion : {"magnitude", "taylor"}
        "magnitude": the L2 norm of a unit's incoming weights and bias. "taylor": how much the loss changes,
        to first order, when the unit goes, ``mean over batches of |sum of w * dloss/dw|`` over the weights
        that read it, which is |activation * gradient| of Molchanov et al., "Pruning Convolutional Neural
        Networks for Resource Efficient Inference" (ICLR 2017); needs `data` and a compiled model.
    scope : {"layer", "global"}
        "layer" removes ``floor(pruning_rate * units)`` units of each layer. "global" ranks the units of all
        layers together, after dividing by the root mean square score of their layer; at least one unit stays
        in each. Units tied by Add or Multiply go together and count in each of their layers.
    data : (x, y), optional
        For "taylor": inputs and labels as for `fit`.
    layers : sequence of str, optional
        Names of the Dense layers that may lose units; by default all that can.
    batch_size : int
        For "taylor".

    Returns
    -------
    Model
        Of the same class; compiled as `model` is, with the optimizer's step count and sliced state.

    Raises
    ------
    ValueError
        For a rate outside (0, 1), one that would empty a layer or remove nothing, an unknown criterion, scope
        or layer, a layer none of whose units can go, or missing data.

    Examples
    --------
    >>> import hotloop as hl
    >>> model = hl.Sequential([hl.layers.Dense(8, "relu", input_shape=(4,)), hl.layers.Dense(3)])
    >>> model.count_params(), hl.prune_model(model, pruning_rate=0.5).count_params()
    (67, 35)
    """
    return remove_units(
        model,
        select_units(
            model,
            pruning_rate,
            criterion=criterion,
            scope=scope,
            data=data,
            layers=layers,
            batch_size=batch_size,
        ),
    )


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
    """Choose the units that :func:`prune_model` would remove, and change nothing.

    The arguments and errors are those of :func:`prune_model`.

    Returns
    -------
    dict of str to list of int
        Unit indices by the name of their Dense layer, for :func:`remove_units` and :func:`mask_units`.

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
        removed = _choose_globally(units, removable, normalise(units, scores), rate)
    return units.units_of_groups(removed)


def remove_units(model: Model, removed: Mapping[str, Sequence[int]]) -> Model:
    """Make a smaller model without given units.

    Parameters
    ----------
    model : Model
        Stays as it is.
    removed : dict of str to sequence of int
        Unit indices by the name of their Dense layer. Units tied to them go too.

    Raises
    ------
    ValueError
        For unknown layers or units, units that have to stay, or a layer that would be empty.

    Examples
    --------
    >>> import hotloop as hl
    >>> model = hl.Sequential([hl.layers.Dense(8, name="a", input_shape=(4,)), hl.layers.Dense(3)])
    >>> hl.compress.remove_units(model, {"a": [0, 7]}).get_layer("a").units
    6
    """
    units = UnitMap(model)
    groups = units.groups_of_units(removed)
    for name, atoms in units.layers.items():
        if units.member(atoms, groups).all():
            raise ValueError(f"layer {name!r}: all of its {atoms.size} units would go; leave at least one")
    return shrink(model, units, groups)


def mask_units(model: Model, removed: Mapping[str, Sequence[int]]) -> None:
    """Zero, in place, the weights that read given units: removal without making arrays smaller.

    Parameters
    ----------
    model : Model
    removed : dict of str to sequence of int
        Unit indices by the name of their Dense layer. Units tied to them are masked too.

    Raises
    ------
    ValueError
        For unknown layers or units, or units that have to stay.

    Examples
    --------
    >>> import hotloop as hl
    >>> model = hl.Sequential([hl.layers.Dense(2, name="a", input_shape=(4,)), hl.layers.Dense(1, name="b")])
    >>> hl.compress.mask_units(model, {"a": [1]})
    >>> float(model.get_layer("b").kernel.value[1, 0])
    0.0
    """
    units = UnitMap(model)
    groups = units.groups_of_units(removed)
    for site in units.sites:
        if site.role == "reads":
            site.parameter.value[units.member(site.atoms, groups)] = 0.0


def _checked_rate(rate: Any) -> float:
    value = number("pruning_rate", rate)
    if not 0.0 < value < 1.0:
        raise bad_value("pruning_rate", "a number in (0, 1)", rate, "0.5 removes half of the hidden units")
    return value


def _part(rate: float, count: int) -> int:
    """``floor(rate * count)`` of the decimal numbers meant: 0.29 of 100 is 29."""
    return int(rate * count + 1e-9)


def _removable_groups(units: UnitMap, chosen: Sequence[str] | None) -> dict[str, npt.NDArray[np.int64]]:
    """By layer, the groups that may go, each once, in the order of the units."""
    by_layer = {name: _distinct(units.groups(atoms)) for name, atoms in units.layers.items()}
    if chosen is None:
        found = {name: groups for name, groups in by_layer.items() if groups.size}
        if not found:
            raise ValueError(
                f"prune: no layer of {sorted(by_layer)} has units that can go: they all reach an output or "
                "an op that mixes units (softmax); only hidden layers can be pruned"
            )
        return found
    if isinstance(chosen, str):
        raise bad_type("layers", "a list of layer names", chosen)
    for name in chosen:
        if name not in by_layer:
            raise unknown_name("Dense layer", name, by_layer)
        if not by_layer[name].size:
            raise ValueError(
                f"layer {name!r} can't be pruned: its units reach an output or an op that mixes units"
            )
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


def _distinct(groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    first = np.sort(np.unique(groups, return_index=True)[1])
    distinct = groups[first]
    return np.asarray(distinct[distinct != FROZEN], np.int64)


def _choose_per_layer(
    units: UnitMap, removable: dict[str, npt.NDArray[np.int64]], scores: dict[int, float], rate: float
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
    units: UnitMap, removable: dict[str, npt.NDArray[np.int64]], scores: dict[int, float], rate: float
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
    units: UnitMap, removable: dict[str, npt.NDArray[np.int64]], scores: dict[int, float]
) -> list[tuple[int, dict[str, int]]]:
    """The groups from the cheapest on, with how many units of each layer they hold."""
    counts: dict[int, dict[str, int]] = {}
    for name, groups in removable.items():
        present, sizes = np.unique(units.groups(units.layers[name]), return_counts=True)
        size_of = dict(zip(present.tolist(), sizes.tolist(), strict=True))
        for group in groups.tolist():
            counts.setdefault(group, {})[name] = size_of[group]
    return [(group, counts[group]) for group in sorted(counts, key=lambda group: (scores[group], group))]


def shrink(model: Model, units: UnitMap, removed: set[int]) -> Model:
    """The model without the removed groups, compiled and with its training state where the model has them."""
    gone = units.units_of_groups(removed)
    config = _with_units(
        model.get_config(), {name: units.layers[name].size - len(gone[name]) for name in gone}
    )
    smaller = type(model).from_config(config)
    kept = units.kept_indices(removed)
    places = {parameter.path: kept.get(parameter.offset, {}) for parameter in model.weights}
    sources = {parameter.path: parameter.value for parameter in model.weights}
    for target in smaller.weights:
        target.assign(_sliced(sources[target.path], places[target.path]))
    compilation = fresh_compilation(model)
    if compilation is not None:
        compile_like(smaller, compilation)
        slots = {
            slot: {path: _sliced(array, places[path]) for path, array in arrays.items()}
            for slot, arrays in optimizer_slots(model).items()
        }
        restore_optimizer(smaller, model.optimizer.iterations, slots)
        smaller.seed = model.seed
    return smaller


def _sliced(array: Floats, kept: dict[int, npt.NDArray[np.intp]]) -> Floats:
    for axis, positions in kept.items():
        array = np.take(array, positions, axis=axis)
    return array


def _with_units(config: Any, units: dict[str, int]) -> Any:
    """The config with other widths of the named Dense layers."""
    if isinstance(config, list):
        return [_with_units(item, units) for item in config]
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "Dense" and config["config"]["name"] in units:
        return config | {"config": config["config"] | {"units": units[config["config"]["name"]]}}
    return {key: _with_units(value, units) for key, value in config.items()}
