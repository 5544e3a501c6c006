"""What layers do with their weights."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop import initializers, regularizers
from hotloop.core.errors import bad_type, bad_value, integer
from hotloop.core.naming import count_use
from hotloop.core.seeds import derive_seed
from hotloop.graph.given_weights import weights_for
from hotloop.graph.parameters import Parameter, ParameterStore, Shape, set_parameters


class Weighted:
    """Base of layers: their weights, and those of their parts.

    Attributes
    ----------
    name : str
    trainable : bool
    parameters : list of Parameter
        Its weights in Keras's order, and then those of its parts.
    """

    trainable: bool
    parameters: list[Parameter]
    _adopted: Sequence[Parameter] = ()  # those of them that are its parts'
    _use: int | None  # how many layers of its name had weights before it

    @property
    def name(self) -> str:
        """Unique within a model."""
        raise NotImplementedError

    @property
    def path(self) -> str:
        """What its weights' names begin with."""
        raise NotImplementedError

    @property
    def parts(self) -> dict[str, Any]:
        """The layers that it consists of."""
        return {}

    def add_weights(self, *parameters: Parameter) -> None:
        """Place the weights in an arena and fill them by their initialisers, or with what a file has.

        The random numbers depend on the seed, on the layer's path, on how many layers of that path came
        before, and on the weight's name.
        """
        if self._use is None:
            self._use = count_use(self.path)
        given = weights_for(parameters)
        ParameterStore().add(parameters)
        if given is not None:
            for parameter, array in zip(parameters, given, strict=True):
                if array is not None:
                    parameter.numbers[...] = array
            self.parameters.extend(parameters)
            return
        for parameter in parameters:
            rng = None
            if parameter.initializer.is_random:
                rng = np.random.default_rng(derive_seed("initializer", self.path, self._use, parameter.name))
            parameter.numbers[...] = parameter.initializer(parameter.shape, rng)
            self.parameters.append(parameter)

    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        regularizer: Any = None,
        constraint: None = None,
        *,
        name: str | None = None,
    ) -> Parameter:
        """Make one weight; to be called in ``build``, or in ``__init__`` where the shape is known there.

        Parameters
        ----------
        shape : int or tuple of int
            () by default, of a single number.
        initializer : str or Initializer, optional
            "glorot_uniform" by default.
        dtype : None or "float32"
        trainable : bool
            Whether training changes it by its gradient.
        regularizer : str, Regularizer or None
        constraint : None
            There are none yet.
        name : str, optional
            Its own within the layer; "variable" by default.

        Returns
        -------
        Parameter
            To be used in ``call`` like a tensor.
        """
        if dtype not in (None, "float32", np.float32):
            raise bad_value(f"layer {self.name!r}: add_weight: dtype", "float32", dtype)
        if constraint is not None:
            mend = "there are none yet: let call use a function of the weight, such as exp, or regularize"
            raise bad_value(f"layer {self.name!r}: add_weight: constraint", "None", constraint, mend)
        if callable(initializer) and not hasattr(initializer, "get_config"):
            mend = "write it as __call__(self, shape, rng) of a subclass of hotloop.initializers.Initializer"
            expected = "a name or an Initializer"
            raise bad_type(f"layer {self.name!r}: add_weight: initializer", expected, initializer, mend)
        taken = {parameter.name for parameter in self.parameters}
        if name is None:
            free = (f"variable_{i}" if i else "variable" for i in itertools.count())
            name = next(each for each in free if each not in taken)
        if name in taken:
            raise bad_value(f"layer {self.name!r}: add_weight: name", "a name of its own", name)
        sizes = () if shape is None else shape if isinstance(shape, tuple | list) else (shape,)
        sizes = tuple(integer(f"weight {name!r}: shape", size, at_least=1) for size in sizes)
        made = self.make_weight(name, sizes, initializer or "glorot_uniform", regularizer, trainable)
        self.add_weights(made)
        return made

    def make_weight(
        self,
        name: str,
        shape: Shape,
        initializer: Any,
        regularizer: Any = None,
        trainable: bool = True,
    ) -> Parameter:
        """Describe one weight for :meth:`add_weights`."""
        return Parameter(
            name,
            shape,
            layer_name=self.path,
            trainable=trainable,
            initializer=initializers.get(initializer),
            regularizer=regularizers.get(regularizer),
        )

    @property
    def weights(self) -> list[Parameter]:
        """All weights in Keras's order."""
        return list(self.parameters)

    @property
    def own_parameters(self) -> list[Parameter]:
        """The weights without those of its parts."""
        others = set(self._adopted)
        return [parameter for parameter in self.parameters if parameter not in others]

    def with_parts(self) -> list[Any]:
        """Itself, its parts, and theirs."""
        return self._reached(frozen=True)

    def learning_layers(self) -> list[Any]:
        """Itself and its parts, as far as they are trainable."""
        return self._reached(frozen=False)

    def _reached(self, frozen: bool) -> list[Any]:
        """Each once; of those that are not trainable nothing, or all when ``frozen``."""
        found: dict[Any, None] = {}
        waiting: list[Any] = [self]
        while waiting:
            each = waiting.pop()
            if each not in found and (frozen or each.trainable):
                found[each] = None
                waiting += reversed(each.parts.values())
        return list(found)

    @property
    def trainable_weights(self) -> list[Parameter]:
        """The weights that ``fit`` changes by their gradients."""
        learning = {p for layer in self.learning_layers() for p in layer.own_parameters if p.trainable}
        return [parameter for parameter in self.parameters if parameter in learning]

    @property
    def non_trainable_weights(self) -> list[Parameter]:
        """The others: moving averages, and all of them when the layer is not trainable."""
        learning = set(self.trainable_weights)
        return [parameter for parameter in self.parameters if parameter not in learning]

    def get_weights(self) -> list[npt.NDArray[np.float32]]:
        """Return copies of the weights, in Keras's order and shapes."""
        return [parameter.numpy() for parameter in self.parameters]

    def set_weights(self, weights: Sequence[npt.ArrayLike]) -> None:
        """Overwrite all weights; nothing changes when one of them does not fit.

        Raises
        ------
        ValueError
            When the number of arrays or a shape is another one than ``get_weights`` returns.
        """
        set_parameters(f"layer {self.name!r} ({type(self).__name__})", self.parameters, weights)

    def count_params(self) -> int:
        """Return how many numbers its weights have."""
        return sum(parameter.size for parameter in self.parameters)
