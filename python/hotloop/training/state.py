"""What a model carries beside its weights while it learns: the optimizer's state, the place in the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hotloop.core.errors import bad_type, bad_value, integer
from hotloop.device import write
from hotloop.training.engine import SlotLayout
from hotloop.training.position import Position

if TYPE_CHECKING:
    from hotloop.models import Model

Floats = npt.NDArray[np.float32]
Slots = dict[str, dict[str, Floats]]


def require_model(what: str, model: object) -> Model:
    """Return a float model.

    Raises
    ------
    TypeError
        For anything else; a frozen model is told apart.
    """
    from hotloop.models import Model

    if isinstance(model, Model):
        return model
    mend = "start from the float model" if hasattr(model, "precision") else ""
    raise bad_type(f"{what}: model", "a Sequential or Model", model, mend)


def optimizer_slots(model: Model) -> Slots:
    """The optimizer's state by slot and weight; empty before the first step.

    The arrays are parts of the state itself, on the model's device.
    """
    optimizer, store = model.optimizer, model.store
    if model._slots is not None and not model._slots.is_current(store):
        model._slots.move(optimizer, store)
        model._slots = SlotLayout(model.weights, store)
    return {
        slot: {p.path: p.of(array) for p in model.weights if p.trainable}
        for slot, array in optimizer.slots.items()
        if array.size == store.size
    }


def restore_optimizer(model: Model, iterations: int, slots: Mapping[str, Mapping[str, Floats]]) -> None:
    """Set the optimizer's step count and state, weight by weight; what is not given is zero.

    Raises
    ------
    ValueError
        For slots or weights that the optimizer and the model don't have, or other shapes.
    """
    optimizer = model.optimizer
    optimizer.build(model.store.size, model.store.backend)
    by_path = {p.path: p for p in model.weights}
    for slot, arrays in slots.items():
        if slot not in optimizer.slots:
            raise bad_value("optimizer state", f"the slots {optimizer.slot_names}", repr(slot))
        for name, array in arrays.items():
            if name not in by_path or by_path[name].shape != array.shape:
                raise bad_value("optimizer state", "the model's weights", f"{name!r} of shape {array.shape}")
            write(by_path[name].of(optimizer.slots[slot]), array)
    optimizer.iterations = iterations
    model._slots = SlotLayout(model.weights, model.store)


Arrays = dict[str, npt.NDArray[Any]]


def training_contents(model: Model) -> tuple[dict[str, Any], Arrays]:
    """What a file needs beside the weights for training to go on: JSON values, and arrays by name."""
    config: dict[str, Any] = {"seed": model.seed, "iterations": model.optimizer.iterations}
    arrays: Arrays = {
        f"optimizer/{slot}/{name}": array
        for slot, by_weight in optimizer_slots(model).items()
        for name, array in by_weight.items()
    }
    if model._position is not None:
        config["position"] = model._position.get_config()
        arrays |= model._position.tensors()
    return config, arrays


def restore_training(model: Model, config: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    """Take over what :func:`training_contents` returned.

    Raises
    ------
    ValueError, TypeError, KeyError
        Where that is not this model's.
    """
    slots: Slots = {}
    for name, array in arrays.items():
        if name.startswith("optimizer/"):
            _, slot, weight = name.split("/", 2)
            slots.setdefault(slot, {})[weight] = array
    place = config.get("position")  # files of old have none: their passes begin anew
    position = None if place is None else Position.from_config(place, arrays)
    restore_optimizer(model, _count(config, "iterations"), slots)
    model.seed = _count(config, "seed")
    model._position = position


def _count(config: Mapping[str, Any], name: str) -> int:
    count = integer(name, config[name], at_least=0)
    if count >= 2**63:
        raise bad_value(name, "a number below 2**63", count)
    return count


def backup_contents(model: Model) -> tuple[dict[str, Any], Arrays]:
    """The same with the weights, for a model of the same architecture that is compiled already."""
    config, arrays = training_contents(model)
    optimizer = model.optimizer
    config["weights"] = [p.path for p in model.weights]
    config["learning_rate"] = None if optimizer.schedule else float(optimizer.learning_rate).hex()
    arrays |= {f"weights/{i}": p.value for i, p in enumerate(model.weights)}
    return config, arrays


def restore_backup(model: Model, config: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    """Take over what :func:`backup_contents` returned.

    Raises
    ------
    ValueError, TypeError, KeyError
        Where that is not this model's; its weights are as they were then.
    """
    weights = [arrays[f"weights/{i}"] for i in range(sum(name.startswith("weights/") for name in arrays))]
    if [w.shape for w in weights] != [p.shape for p in model.weights]:
        raise bad_value("weights", "those of this model", "others")
    # Automatic names depend on what the process has made before.
    names = dict(zip(config["weights"], [p.path for p in model.weights], strict=True))
    renamed = {}
    for key, array in arrays.items():
        room, _, rest = key.partition("/")
        slot, _, name = rest.partition("/")
        renamed[f"optimizer/{slot}/{names[name]}" if room == "optimizer" else key] = array
    restore_training(model, config, renamed)
    position = model._position  # it is of these weights, not of those that were there
    model.set_weights(weights)
    model._position = position
    if config["learning_rate"] is not None and model.optimizer.schedule is None:
        model.optimizer.learning_rate = float.fromhex(config["learning_rate"])
