"""Where weights live: one aligned float32 arena a model, on the model's device, and views into it."""

from __future__ import annotations

import copy
import math
import weakref
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop import device
from hotloop.core.errors import bad_type, bad_value
from hotloop.core.locks import Turns, make_lock
from hotloop.graph.operand import FUNCTIONS, Operand
from hotloop.graph.tracing import is_tracing

Shape = tuple[int, ...]
ALIGNMENT = 16  # floats: every parameter starts on a whole vector
# Arenas of which somebody has a view, by the identity of the arrays that own their memory.
_looked_into: dict[int, weakref.ref[ParameterStore]] = {}
_moving = make_lock()  # models that share a store have locks of their own


def aligned_size(size: int) -> int:
    """Round ``size`` floats up to whole vectors."""
    return (size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


def memory_of(array: Any) -> Any:
    """The array that owns what an array is a view of."""
    while isinstance(getattr(array, "base", None), np.ndarray):
        array = array.base
    return array


def weight_behind(array: npt.NDArray[Any]) -> Parameter | None:
    """The weight that an array shares memory with, where it is a view of its ``value``."""
    owner = memory_of(array)
    found = _looked_into.get(id(owner))
    store = None if found is None else found()
    if store is None or memory_of(store.values) is not owner:
        return None
    place = (array.__array_interface__["data"][0] - store.values.__array_interface__["data"][0]) // 4
    return next((p for p in store.parameters if p.offset <= place < p.offset + p.size), None)


class Parameter(Operand):
    """One weight tensor: a name, a shape, and a place in a :class:`ParameterStore`.

    It stays valid when its store grows or is merged into another one; an array got from ``value`` does not.

    Attributes
    ----------
    name : str
        Within its layer, such as ``"kernel"``.
    path : str
        With its layer's name, such as ``"dense/kernel"``.
    shape : tuple of int
    size : int
        Number of elements.
    trainable : bool
        Whether training may ever change it by gradient (False for moving averages). Whether its layer is
        trainable is the layer's affair.
    initializer, regularizer : object or None
    store : ParameterStore
        Where it lives now.
    offset : int
        Its first element's index in ``store.values``, a multiple of 16.
    """

    def __init__(
        self,
        name: str,
        shape: Sequence[int],
        *,
        layer_name: str,
        trainable: bool = True,
        initializer: Any = None,
        regularizer: Any = None,
    ) -> None:
        self.name = name
        self.layer_name = layer_name
        self.shape: Shape = tuple(int(size) for size in shape)
        self.size = math.prod(self.shape)
        self.trainable = trainable
        self.initializer = initializer
        self.regularizer = regularizer
        self.store: ParameterStore
        self.offset = -1

    @property
    def path(self) -> str:
        return f"{self.layer_name}/{self.name}"

    @property
    def dtype(self) -> np.dtype[np.float32]:
        return np.dtype(np.float32)

    @property
    def value(self) -> Any:
        """The numbers themselves: a writable view into the arena; CuPy's where the model is on a GPU.

        In a function that is traced, the symbolic tensor that the weight is there.
        """
        if is_tracing():
            return FUNCTIONS["convert_to_tensor"](self)
        numbers = self.numbers
        owner = memory_of(numbers)
        if id(owner) not in _looked_into and isinstance(owner, np.ndarray):
            _looked_into[id(owner)] = weakref.ref(self.store)
            weakref.finalize(owner, _looked_into.pop, id(owner), None).atexit = False
        return numbers

    @property
    def numbers(self) -> npt.NDArray[np.float32]:
        """The same wherever it is asked for: the numbers of the moment."""
        return self.of(self.store.values)

    def of(self, arena: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """This parameter's part of an array laid out like the arena: gradients, optimizer slots."""
        return arena[self.offset : self.offset + self.size].reshape(self.shape)

    def numpy(self) -> npt.NDArray[np.float32]:
        """Return a copy of the numbers in the CPU's memory.

        Raises
        ------
        TypeError
            In a function that is traced: what it made of a copy would never learn.
        """
        self._require_numbers()
        return np.array(device.to_host(self.numbers), np.float32)

    def assign(self, value: npt.ArrayLike) -> None:
        """Overwrite the numbers; those of an array on the model's GPU stay there.

        Raises
        ------
        ValueError
            When the shape is another one.
        """
        if is_tracing():
            raise TypeError(
                f"weight {self.path!r}: assign: a function is called once, to find out what it makes of its "
                "arguments and weights; it can't change them"
            )
        array = device.adopt(value)
        if not device.on_gpu(array):
            array = np.asarray(array, np.float32)
        if array.shape != self.shape:
            raise bad_value(f"weight {self.path!r}", f"shape {self.shape}", f"shape {array.shape}")
        device.write(self.numbers, array)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if is_tracing():
            return super().__array_ufunc__(ufunc, method, *inputs, **options)
        arrays = (np.asarray(one) if isinstance(one, Parameter) else one for one in inputs)
        return getattr(ufunc, method)(*arrays, **options)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        self._require_numbers()
        array: npt.NDArray[Any] = device.to_host(self.numbers)
        if dtype is not None and np.dtype(dtype) != array.dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def _require_numbers(self) -> None:
        if is_tracing():
            raise TypeError(f"weight {self.path!r}: use functions of hotloop.ops on it, not NumPy's")

    def __repr__(self) -> str:
        return f"<Parameter {self.path} shape={self.shape}>"


class ParameterStore:
    """The arena: parameters one after the other, each on a 64-byte boundary, gaps zero.

    Gradients and optimizer slots are arrays of the same size and order, on the same device.

    Attributes
    ----------
    values : float32 array, 1-D
        All numbers. Another array after :meth:`add`, :meth:`absorb` or :meth:`move`.
    backend : device.Host
        Where they lie.
    placed : bool
        Whether that was decided: by ``compile``, or by the first use.
    named : bool
        Whether somebody named the device, so that the default one no longer counts.
    parameters : list of Parameter
        In the order of their offsets.
    turns : Turns
        Who may touch the numbers while one of the models trains.
    version : int
        Goes up whenever ``values`` is another array, so whoever holds offsets knows that they are stale.
    """

    def __init__(self) -> None:
        self.backend = device.HOST
        self.placed = False
        self.named = False
        self.values: npt.NDArray[np.float32] = self.backend.zeros(0)
        self.parameters: list[Parameter] = []
        self.turns = Turns()
        self.version = 0

    @property
    def size(self) -> int:
        return int(self.values.size)

    def __getstate__(self) -> dict[str, Any]:
        """Pickles say nothing of a device: whoever reads one may have another."""
        values = device.to_host(self.values)
        kept = {name: value for name, value in vars(self).items() if name != "turns"}
        return {**kept, "values": values, "placed": False, "named": False}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.turns = Turns()
        self.backend = device.HOST
        self.values = self.backend.copy(self.values)

    def __deepcopy__(self, memo: dict[int, Any]) -> ParameterStore:
        """A copy in the same process stays where the original is."""
        twin = memo[id(self)] = ParameterStore.__new__(ParameterStore)
        twin.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        if self.placed:
            twin.move(self.backend, self.named)
        return twin

    def move(self, backend: device.Host, named: bool = False) -> None:
        """Bring all numbers to a device, one that somebody ``named``; where that fails all is as it was."""
        with _moving:
            now: dict[str, Any] = {"placed": True, "named": self.named or named}
            if backend is not self.backend:
                now |= {"values": backend.copy(self.values), "backend": backend, "version": self.version + 1}
            vars(self).update(now)  # at once: another thread sees all of it or nothing

    def add(self, parameters: Iterable[Parameter]) -> None:
        """Append new parameters, as zeros."""
        self._append([(parameter, None) for parameter in parameters])

    def absorb(self, stores: Iterable[ParameterStore]) -> None:
        """Take over all parameters of other stores, which are empty afterwards.

        Where one of them is on a GPU, all are afterwards.
        """
        others = [store for store in stores if store is not self]
        for other in others:
            if self.backend is device.HOST and other.backend is not device.HOST:
                self.move(other.backend)
            self.placed = self.placed or other.placed
            self.named = self.named or other.named
        self._append([(parameter, parameter.numbers) for other in others for parameter in other.parameters])
        for other in others:
            other.parameters = []
            other.values = other.backend.zeros(0)
            other.version += 1

    def _append(self, items: list[tuple[Parameter, npt.NDArray[np.float32] | None]]) -> None:
        if not items:
            return
        end = self.size
        offsets = []
        for parameter, _ in items:
            offsets.append(end)
            end += aligned_size(parameter.size)
        values = self.backend.zeros(end)
        values[: self.size] = self.values
        self.values = values
        for (parameter, old), offset in zip(items, offsets, strict=True):
            parameter.store, parameter.offset = self, offset
            if old is not None:
                device.write(parameter.numbers, old)
            self.parameters.append(parameter)
        self.version += 1


def gather_stores(parameters: Iterable[Parameter], into: ParameterStore | None = None) -> ParameterStore:
    """Bring all parameters into one store and return it.

    ``into``, else the first store that also holds other parameters, else a new one takes them in; parameters
    that other models share therefore move together with everything beside them.
    """
    parameters = list(parameters)
    stores: dict[int, ParameterStore] = {id(p.store): p.store for p in parameters}
    if into is None and len(stores) == 1:
        return next(iter(stores.values()))
    target = into if into is not None else ParameterStore()
    target.absorb(stores.values())
    return target


def set_parameters(what: str, parameters: Sequence[Parameter], weights: Sequence[npt.ArrayLike]) -> None:
    """Overwrite parameters after checking all of them."""
    weights = weights if isinstance(weights, list) else device.adopt(weights)
    if hasattr(weights, "dtype") and weights.dtype != object and len(parameters) != len(weights):
        raise bad_type(f"{what}: weights", "a list of arrays", weights)
    given = [device.adopt(weight) for weight in weights]
    arrays = [array if device.on_gpu(array) else np.asarray(array, np.float32) for array in given]
    if len(arrays) != len(parameters):
        raise bad_value(f"{what}: weights", f"{len(parameters)} arrays", f"{len(arrays)}")
    for parameter, array in zip(parameters, arrays, strict=True):
        if array.shape != parameter.shape:
            raise bad_value(
                f"{what}: weight {parameter.path!r}", f"shape {parameter.shape}", f"{array.shape}"
            )
    for parameter, array in zip(parameters, arrays, strict=True):
        device.write(parameter.numbers, array)
