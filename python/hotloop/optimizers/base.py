"""What all optimizers have in common: learning rate, clipping, weight decay, state."""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop import device, schedules
from hotloop.core import errors
from hotloop.core.locks import make_lock
from hotloop.core.registry import Family
from hotloop.core.serialization import Configurable
from hotloop.graph.parameters import Parameter
from hotloop.optimizers.exclusions import Exclusions

Floats = npt.NDArray[np.float32]
_claiming = make_lock()


class Optimizer(Configurable):
    """Base class of the optimizers.

    An optimizer keeps the state of one model, the first that is compiled with it. Another model that is
    compiled with it while that one lives gets a twin, as ``model.optimizer``: with the same numbers, the
    learning rate that was given and not the one that callbacks have made of it in ``fit``, and without any
    state. Compiled with it again that model keeps its state, and takes over the numbers that have changed.

    Parameters
    ----------
    learning_rate : float or LearningRateSchedule
    weight_decay : float, optional
        Decoupled: every step takes ``learning_rate * weight_decay * w`` from each weight as well.
    clipnorm : float, optional
        The gradient of each weight array is scaled down to at most this norm.
    clipvalue : float, optional
        Every gradient is clamped to plus or minus this.
    global_clipnorm : float, optional
        All gradients together are scaled down to at most this norm. At most one of the three may be set.
    name : str, optional

    Attributes
    ----------
    learning_rate : float
        That of the next step. A float may be set at any time; a schedule can't be overwritten by one.
    schedule : LearningRateSchedule or None
        Where the learning rate comes from when it is not a plain number.
    iterations : int
        Steps done.
    slots : dict of str to ndarray
        The state arrays, each as long as the parameter arena and in its order, on the same device.
    exclusions : Exclusions
        What is left out of the weight decay; see :meth:`exclude_from_weight_decay`.
    full_batch : bool
        Whether a step takes the whole data, whatever the batch size (gradient descent).

    Raises
    ------
    ValueError
        For a number out of bounds, or two ways of clipping at once.

    Examples
    --------
    >>> import hotloop as hl
    >>> optimizer = hl.optimizers.Adam(1e-3, global_clipnorm=1.0)
    >>> optimizer.learning_rate = 5e-4
    >>> optimizer.learning_rate, optimizer.iterations
    (0.0005, 0)
    """

    kind = "sgd"  # the native optimizer
    full_batch = False

    def __init__(
        self,
        learning_rate: float | schedules.LearningRateSchedule | dict[str, Any],
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
    ) -> None:
        self.name = name or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(self).__name__).lower()
        self._learning_rate: float | schedules.LearningRateSchedule
        if isinstance(learning_rate, schedules.LearningRateSchedule | dict):
            self._learning_rate = schedules.get(learning_rate)
        else:
            self._learning_rate = self._number("learning_rate", learning_rate, at_least=0)
        self.weight_decay = self._optional("weight_decay", weight_decay, at_least=0)
        self.clipnorm = self._optional("clipnorm", clipnorm, above=0)
        self.clipvalue = self._optional("clipvalue", clipvalue, above=0)
        self.global_clipnorm = self._optional("global_clipnorm", global_clipnorm, above=0)
        if sum(clip is not None for clip in (self.clipnorm, self.clipvalue, self.global_clipnorm)) > 1:
            got = f"{self.clipnorm}, {self.clipvalue} and {self.global_clipnorm}"
            expected = "at most one of clipnorm, clipvalue and global_clipnorm"
            raise errors.bad_value(type(self).__name__, expected, got)
        self._given_rate = self._learning_rate  # what it is when no callback has changed it
        self.iterations = 0
        self.slots: dict[str, Floats] = {}
        self.exclusions = Exclusions()
        self._owner: weakref.ref[Any] | None = None  # the model whose state this is
        self._origin: weakref.ref[Optimizer] | None = None  # whose twin this is

    @property
    def learning_rate(self) -> float:
        """That of the next step."""
        rate = self._learning_rate
        return rate if isinstance(rate, float) else float(rate(self.iterations))

    @learning_rate.setter
    def learning_rate(self, value: float | schedules.LearningRateSchedule) -> None:
        if isinstance(value, schedules.LearningRateSchedule):
            self._learning_rate = value
        elif isinstance(self._learning_rate, schedules.LearningRateSchedule):
            schedule = type(self._learning_rate).__name__
            raise TypeError(
                f"{type(self).__name__}: its learning rate is a {schedule} schedule and can't be set to a "
                "number; compile with a plain number to do so"
            )
        else:
            self._learning_rate = self._number("learning_rate", value, at_least=0)
        self._given_rate = self._learning_rate

    @contextmanager
    def rate_as_given(self) -> Iterator[None]:
        """What becomes of the learning rate in the block is not what the optimizer was given."""
        given = self._given_rate
        try:
            yield
        finally:
            self._given_rate = given

    @property
    def schedule(self) -> schedules.LearningRateSchedule | None:
        """Where the learning rate comes from when it is not a plain number."""
        return None if isinstance(self._learning_rate, float) else self._learning_rate

    def learning_rates(self, first_iteration: int, n: int) -> Floats:
        """Return the learning rates of ``n`` steps from ``first_iteration`` on, float32."""
        if isinstance(self._learning_rate, float):
            same = np.empty(n, np.float32)
            same.fill(self._learning_rate)  # a single step's costs less than with np.full
            return same
        rates = self._learning_rate(np.arange(first_iteration, first_iteration + n))
        return np.asarray(rates, dtype=np.float32)

    @property
    def native_slots(self) -> tuple[str | None, ...]:
        """The names of the kernel's three state arrays, None where these options need none."""
        raise NotImplementedError

    @property
    def slot_names(self) -> list[str]:
        """The names of the state arrays in use."""
        return [name for name in self.native_slots if name is not None]

    def build(self, size: int, where: device.Host | None = None) -> None:
        """Make the state arrays for an arena of ``size`` floats, zero; those that fit already are kept.

        ``where`` is the device to be on, by default that of the arrays there are; kept ones move to it.
        """
        if where is None:
            where = next((device.backend_of(slot) for slot in self.slots.values()), device.HOST)
        slots = {}
        for name in self.slot_names:
            old = self.slots.get(name)
            if old is None or old.size != size:
                slots[name] = where.zeros(size)
            else:
                slots[name] = old if device.backend_of(old) is where else where.copy(old)
        self.slots = slots

    def for_model(self, model: Any, before: Optimizer | None = None) -> Optimizer:
        """Return what a model learns with that is compiled with this optimizer.

        Parameters
        ----------
        model : Model
        before : Optimizer, optional
            What it has learned with so far.

        Returns
        -------
        Optimizer
            This one, unless it is another model's that still lives; then a twin. Either has this one's
            numbers, and no state but what the model has in this one's twin already.
        """
        with _claiming:
            if self._owner is None or self._owner() is model:
                self._owner = weakref.ref(model)
                return self
            is_twin = before is not None and before._origin is not None and before._origin() is self
            kept = before if is_twin else None
            same_rate = kept is not None and kept._given_rate == self._given_rate
            rate = kept._learning_rate if kept is not None and same_rate else self._given_rate
            iterations, slots = (0, {}) if kept is None else (kept.iterations, kept.slots)
            free = self._owner() is None  # nobody learns with it any more
            own = self if free else kept or type(self).__new__(type(self))
            vars(own).update(vars(self))
            own._learning_rate, own.iterations, own.slots = rate, iterations, slots
            own._owner, own._origin = weakref.ref(model), None if free else weakref.ref(self)
            return own

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles, which say nothing of a device, and belong to no model."""
        slots = {name: device.to_host(slot) for name, slot in self.slots.items()}
        return {**vars(self), "slots": slots, "_owner": None, "_origin": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.slots = {name: device.HOST.copy(slot) for name, slot in self.slots.items()}

    def slot_arrays(self) -> list[Floats | None]:
        """Return the state arrays in the kernel's order, None where there is none."""
        return [None if name is None else self.slots[name] for name in self.native_slots]

    def native_config(self) -> dict[str, Any]:
        """The numbers of the native kernel, clipping apart."""
        return {"kind": self.kind, "weight_decay": self.weight_decay or 0.0, **self._native_numbers()}

    def clip_config(self) -> dict[str, float]:
        """The native clipping numbers, 0 for none."""
        return {
            "global_clipnorm": self.global_clipnorm or 0.0,
            "clipnorm": self.clipnorm or 0.0,
            "clip_value": self.clipvalue or 0.0,
        }

    def exclude_from_weight_decay(
        self, var_list: Iterable[Parameter] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Leave weights out of the weight decay, beside those that are left out already.

        Parameters
        ----------
        var_list : iterable of Parameter, optional
            These weights, by their paths.
        var_names : iterable of str, optional
            Parts of names, taken literally; a weight is left out when one of them is found in its own name,
            such as ``["bias"]``, whatever its layer is called. One with a slash is a weight's whole path,
            such as ``"dense/bias"``.

        Raises
        ------
        TypeError, ValueError
            For what is no weight or no text, or a regular expression; nothing is changed then.

        Examples
        --------
        >>> import hotloop as hl
        >>> optimizer = hl.optimizers.AdamW()
        >>> optimizer.exclude_from_weight_decay(var_names=["bias"])
        >>> optimizer.uses_weight_decay("bias_layer/kernel"), optimizer.uses_weight_decay("dense/bias")
        (True, False)
        """
        self.exclusions = self.exclusions.with_more(var_list, var_names)

    def uses_weight_decay(self, path: str) -> bool:
        """Whether weight decay applies to the weight of this path, such as ``"dense/kernel"``."""
        return bool(self.weight_decay) and not self.exclusions.cover(path)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the state to save: ``iterations`` (int64, no axes) and the slots (the arrays themselves)."""
        return {"iterations": np.array(self.iterations, dtype=np.int64), **self.slots}

    def load_state(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over what :meth:`state` gave; the arrays are copied.

        Raises
        ------
        ValueError
            When a slot is missing or unknown, or the sizes differ; nothing is changed then.
        """
        slots = {name: device.to_host(value) for name, value in state.items() if name != "iterations"}
        if "iterations" not in state or (slots and sorted(slots) != sorted(self.slot_names)):
            expected = ", ".join(["iterations", *self.slot_names])
            raise errors.bad_value(f"{type(self).__name__}: state", expected, ", ".join(state) or "nothing")
        sizes = {value.size for value in slots.values()} | {value.size for value in self.slots.values()}
        if len(sizes) > 1:
            raise errors.bad_value(f"{type(self).__name__}: state", "arrays of one size", sorted(sizes))
        iterations = errors.integer("iterations", state["iterations"].item(), at_least=0)
        fresh = {name: slot.reshape(-1).astype(np.float32) for name, slot in slots.items()}
        where = next((device.backend_of(slot) for slot in self.slots.values()), device.HOST)
        self.iterations = iterations
        self.slots = {name: where.copy(slot) for name, slot in fresh.items()}

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, and what is excluded from weight decay (``undecayed_...``)."""
        rate = self._learning_rate
        return {
            "name": self.name,
            "learning_rate": rate if isinstance(rate, float) else schedules.serialize(rate),
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "clipvalue": self.clipvalue,
            "global_clipnorm": self.global_clipnorm,
            **self._native_numbers(),
            **self.exclusions.get_config(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Optimizer:
        """Build it from what :meth:`get_config` gave; the state is fresh."""
        arguments = dict(config)
        exclusions = Exclusions.taken_from(arguments)
        optimizer = cls(**arguments)
        optimizer.exclusions = exclusions
        return optimizer

    def _native_numbers(self) -> dict[str, Any]:
        """The arguments that this kind has for itself, under the names of both Keras and the kernel."""
        raise NotImplementedError

    def _number(self, key: str, value: Any, **bounds: float) -> float:
        return errors.number32(f"{type(self).__name__}: {key}", value, **bounds)

    def _optional(self, key: str, value: Any, **bounds: float) -> float | None:
        return None if value is None else self._number(key, value, **bounds)


OPTIMIZERS: Family[Optimizer] = Family("optimizer", Optimizer)
