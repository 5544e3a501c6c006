"""Removing hidden units: the arrays get smaller, the optimizer's state with them, and training goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.compress.select import select_units
from hotloop.compress.units import UnitMap
from hotloop.device import to_host
from hotloop.graph.given_weights import given_weights
from hotloop.graph.still import still
from hotloop.models.clone import made_again, require_model
from hotloop.models.functional import Model
from hotloop.ops.layer import LAYERS

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
    Concatenate, Add, Multiply, functions of :mod:`hotloop.ops` that go place by place, as activations do,
    and layers that are used several times. Arrays of a number a unit in such functions keep the units. The
    smaller model's output equals, bit for bit, the output of the same model with those units masked (see
    :func:`mask_units`).

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
    with still(require_model("prune", model)) as resting:
        return remove_units(
            resting,
            select_units(
                resting,
                pruning_rate,
                criterion=criterion,
                scope=scope,
                data=data,
                layers=layers,
                batch_size=batch_size,
            ),
        )


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
    with still(require_model("prune", model)) as resting:
        units = UnitMap(resting)
        groups = units.groups_of_units(removed)
        for name, atoms in units.layers.items():
            if units.member(atoms, groups).all():
                raise ValueError(
                    f"layer {name!r}: all of its {atoms.size} units would go; leave at least one"
                )
        return shrink(resting, units, groups)


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
            values = site.parameter.numpy()
            values[units.member(site.atoms, groups)] = 0.0
            site.parameter.assign(values)


def shrink(model: Model, units: UnitMap, removed: set[int]) -> Model:
    """The model without the removed groups, compiled and with its training state where the model has them."""
    sizes = units.sizes_without(removed)
    kept = units.kept_indices(removed)
    places = {parameter.path: kept.get(parameter.offset, {}) for parameter in model.weights}
    with given_weights({p.path: _sliced(to_host(p.numbers), places[p.path]) for p in model.weights}):
        smaller = made_again("prune", model, lambda config: _with_sizes(config, sizes))
    smaller._predictor.columns = model._predictor.columns
    state = model._trainer.state
    if state.spec is None:
        smaller.device = model.device
    else:
        smaller.compile(**state.spec.anew().arguments(), device=model.device)
        slots = {
            slot: {path: _sliced(to_host(array), places[path]) for path, array in arrays.items()}
            for slot, arrays in state.slots_by_weight().items()
        }
        smaller._trainer.state.restore_optimizer(state.optimizer.iterations, slots)
        smaller.seed = model.seed
        # The pass goes on; what the epoch had come to was of the weights that there were.
        place = state.position
        smaller._trainer.state.position = place and place.at_epoch(place.epoch)
    return smaller


def _sliced(array: Floats, kept: dict[int, npt.NDArray[np.intp]]) -> Floats:
    for axis, positions in kept.items():
        array = np.take(array, positions, axis=axis)
    return array


def _with_sizes(config: Any, sizes: dict[str, int]) -> Any:
    """The config with other sizes of what the named layers make."""
    if isinstance(config, list):
        return [_with_sizes(item, sizes) for item in config]
    if not isinstance(config, dict):
        return config
    kind = LAYERS.find(config.get("class_name"))
    if kind is not None and config["config"]["name"] in sizes:
        own = config["config"]
        resized = kind.resized(own, sizes[own["name"]])
        return config if resized is None else config | {"config": resized}
    return {key: _with_sizes(value, sizes) for key, value in config.items()}
