"""Where learning stands: the optimizer's state, the seed, and the place in the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hotloop.core.errors import bad_value, integer
from hotloop.core.seeds import derive_seed, seed_generation
from hotloop.device import write
from hotloop.graph.network import Network
from hotloop.graph.parameters import Parameter, ParameterStore

if TYPE_CHECKING:
    from hotloop.optimizers import Optimizer
    from hotloop.training.compile_spec import CompileSpec
    from hotloop.training.position import Position, Standing

Floats = npt.NDArray[np.float32]
Arrays = dict[str, npt.NDArray[Any]]
Slots = dict[str, dict[str, Floats]]


class SlotLayout:
    """Keeps optimizer slots in step with an arena that grew or was merged into another.

    Parameters
    ----------
    parameters : list of Parameter
        The model's, at the offsets that the slots have now.
    """

    def __init__(self, parameters: Sequence[Parameter], store: ParameterStore) -> None:
        self.places = [(parameter, parameter.offset) for parameter in parameters]
        self.size = store.size

    def is_current(self, store: ParameterStore) -> bool:
        return self.size == store.size and all(p.offset == offset for p, offset in self.places)

    def move(self, optimizer: Optimizer, store: ParameterStore) -> None:
        """Give every parameter's state its new place; new parameters begin at zero."""
        old = optimizer.slots
        optimizer.slots = {}
        optimizer.build(store.size, store.backend)
        for name, new in optimizer.slots.items():
            if name not in old or old[name].size != self.size:
                continue
            for parameter, offset in self.places:
                part = old[name][offset : offset + parameter.size].reshape(parameter.shape)
                write(parameter.of(new), part)


class TrainingState:
    """What a training leaves behind, beside the weights, for the next one to go on.

    Parameters
    ----------
    network : Network

    Attributes
    ----------
    spec : CompileSpec or None
        What ``compile`` was told, with the optimizer in use.
    slots : SlotLayout or None
        Where the optimizer's state has what belongs to each weight.
    standing : Standing or None
        The training in progress, which knows where it stands.
    initial_epoch : int or None
        Of the training in progress, where it is to go on; callbacks may set it at its beginning.
    stop_training : bool
        Set to end the training in progress.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.spec: CompileSpec | None = None
        self.slots: SlotLayout | None = None
        self.standing: Standing | None = None
        self.initial_epoch: int | None = None
        self.stop_training = False
        self._kept_position: Position | None = None  # where the last training, or a file's, stopped
        self._seed: int | None = None
        self._seed_generation = -1

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles, which stand where a training in progress stands."""
        position = self.position and self.position.on_host()
        return {**vars(self), "_seed": self.seed, "_kept_position": position, "standing": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._seed_generation = seed_generation()  # the seed that it had, until this process is given another
        if self.spec is not None:
            self.spec = replace(self.spec, optimizer=self.spec.optimizer.for_model(self))

    def begin_anew(self, spec: CompileSpec) -> None:
        """Forget all, and learn as ``compile`` says now."""
        before = None if self.spec is None else self.spec.optimizer
        self.spec = replace(spec, optimizer=spec.optimizer.for_model(self, before))
        self.slots = self.position = None

    @property
    def compiled(self) -> CompileSpec:
        """What ``compile`` was told; an error before it was."""
        if self.spec is None:
            raise ValueError(
                f"model {self.network.name!r} is not compiled; call compile(optimizer, loss=...) first"
            )
        return self.spec

    @property
    def optimizer(self) -> Optimizer:
        """What it learns with."""
        return (self.spec or self.compiled).optimizer

    @property
    def seed(self) -> int:
        """Where shuffling and dropout draw from; follows :func:`hotloop.set_seed`, and may be set."""
        if self._seed is None or self._seed_generation != seed_generation():
            self.seed = derive_seed("model", self.network.name)
        assert self._seed is not None
        return self._seed

    @seed.setter
    def seed(self, seed: int) -> None:
        self._seed = integer("seed", seed, at_least=0) % 2**63
        self._seed_generation = seed_generation()

    @property
    def position(self) -> Position | None:
        """Where training stands, or stopped; None where it would begin anew."""
        return self._kept_position if self.standing is None else self.standing.position()

    @position.setter
    def position(self, position: Position | None) -> None:
        self._kept_position, self.standing = position, None

    @property
    def resume_epoch(self) -> int:
        """The epoch in which training would go on."""
        place = self.standing or self._kept_position
        return 0 if place is None else place.epoch

    def weights_were_set(self) -> None:
        """What an interrupted training had come to is of other weights; one in progress goes on."""
        if self.standing is None:
            self.position = None

    # -- the optimizer's state

    def place_slots(self, store: ParameterStore) -> None:
        """Bring the optimizer's state to where the weights are, and in their order."""
        optimizer = self.optimizer
        if self.slots is None or not self.slots.is_current(store):
            if self.slots is not None:
                self.slots.move(optimizer, store)
            self.slots = SlotLayout(self.network.weights, store)
        optimizer.build(store.size, store.backend)

    def slots_by_weight(self) -> Slots:
        """The optimizer's state by slot and weight; empty before the first step.

        The arrays are parts of the state itself, on the model's device.
        """
        if self.slots is None and not self.optimizer.slots:
            return {}
        self.place_slots(self.network.store)
        return {
            slot: {p.path: p.of(array) for p in self.network.weights if p.trainable}
            for slot, array in self.optimizer.slots.items()
        }

    def restore_optimizer(self, iterations: int, slots: Mapping[str, Mapping[str, Floats]]) -> None:
        """Set the optimizer's step count and state, weight by weight; what is not given is zero.

        Raises
        ------
        ValueError
            For slots or weights that the optimizer and the model don't have, or other shapes.
        """
        optimizer, network = self.optimizer, self.network
        optimizer.build(network.store.size, network.store.backend)
        by_path = {p.path: p for p in network.weights}
        for slot, arrays in slots.items():
            if slot not in optimizer.slots:
                raise bad_value("optimizer state", f"the slots {optimizer.slot_names}", repr(slot))
            for name, array in arrays.items():
                if name not in by_path or by_path[name].shape != array.shape:
                    got = f"{name!r} of shape {array.shape}"
                    raise bad_value("optimizer state", "the model's weights", got)
                write(by_path[name].of(optimizer.slots[slot]), array)
        optimizer.iterations = iterations
        self.slots = SlotLayout(network.weights, network.store)

    # -- files

    def contents(self) -> tuple[dict[str, Any], Arrays]:
        """What a file needs beside the weights for training to go on: JSON values, and arrays by name."""
        config: dict[str, Any] = {"seed": self.seed, "iterations": self.optimizer.iterations}
        arrays: Arrays = {
            f"optimizer/{slot}/{name}": array
            for slot, by_weight in self.slots_by_weight().items()
            for name, array in by_weight.items()
        }
        position = self.position
        if position is not None:
            config["position"] = position.get_config()
            arrays |= position.tensors()
        return config, arrays

    def restore(self, config: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        """Take over what :meth:`contents` returned.

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
        position = None
        if place is not None:
            from hotloop.training.position import Position

            position = Position.from_config(place, arrays)
        self.restore_optimizer(_count(config, "iterations"), slots)
        self.seed = _count(config, "seed")
        self.position = position

    def backup(self) -> tuple[dict[str, Any], Arrays]:
        """The same with the weights, for a model of the same architecture that is compiled already."""
        config, arrays = self.contents()
        optimizer, weights = self.optimizer, self.network.weights
        config["weights"] = [p.path for p in weights]
        config["learning_rate"] = None if optimizer.schedule else float(optimizer.learning_rate).hex()
        arrays |= {f"weights/{i}": p.value for i, p in enumerate(weights)}
        return config, arrays

    def restore_backup(self, config: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        """Take over what :meth:`backup` returned, for the training that begins to go on there.

        Raises
        ------
        ValueError, TypeError, KeyError
            Where that is not this model's; its weights are as they were then.
        """
        weights = [arrays[f"weights/{i}"] for i in range(sum(name.startswith("weights/") for name in arrays))]
        if [w.shape for w in weights] != [p.shape for p in self.network.weights]:
            raise bad_value("weights", "those of this model", "others")
        # Automatic names depend on what the process has made before.
        names = dict(zip(config["weights"], [p.path for p in self.network.weights], strict=True))
        renamed = {}
        for key, array in arrays.items():
            room, _, rest = key.partition("/")
            slot, _, name = rest.partition("/")
            renamed[f"optimizer/{slot}/{names[name]}" if room == "optimizer" else key] = array
        self.restore(config, renamed)
        self.network.set_weights(weights)
        if config["learning_rate"] is not None and self.optimizer.schedule is None:
            self.optimizer.learning_rate = float.fromhex(config["learning_rate"])
        self.initial_epoch = self.resume_epoch


def _count(config: Mapping[str, Any], name: str) -> int:
    count = integer(name, config[name], at_least=0)
    if count >= 2**63:
        raise bad_value(name, "a number below 2**63", count)
    return count
