"""What a model carries beside its weights while it learns: how it was compiled, the optimizer's state."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hotloop import optimizers
from hotloop.device import write
from hotloop.engine import SlotLayout
from hotloop.errors import bad_type, bad_value
from hotloop.heads import Compilation

if TYPE_CHECKING:
    from hotloop.models import Model
    from hotloop.optimizers import Optimizer

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


def fresh_compilation(model: Model) -> Compilation | None:
    """What ``compile`` was told, with a new optimizer of the same numbers; None when it was not called."""
    compilation = model._compilation
    if compilation is None:
        return None
    optimizer = optimizers.get(optimizers.serialize(compilation.optimizer))
    return dataclasses.replace(compilation, optimizer=optimizer)


def compile_like(
    model: Model, compilation: Compilation, device: str | None, optimizer: Optimizer | None = None
) -> None:
    """Compile a model with what another one was told, for a device, and perhaps with another optimizer."""
    model.compile(
        compilation.optimizer if optimizer is None else optimizer,
        loss=compilation.loss,
        loss_weights=compilation.loss_weights,
        metrics=compilation.metrics,
        weighted_metrics=compilation.weighted_metrics,
        allow_nonfinite=compilation.allow_nonfinite,
        precision=compilation.precision,
        device=device,
    )


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
