"""What all initializers have in common."""

from __future__ import annotations

import math
from typing import Any, ClassVar, cast

import numpy as np
import numpy.typing as npt

from hotloop.core.registry import Family
from hotloop.core.serialization import Configurable

Floats = npt.NDArray[np.float32]
Shape = tuple[int, ...]


def fans(shape: Shape) -> tuple[int, int]:
    """Return ``(fan_in, fan_out)`` of a kernel; its last two axes are inputs and outputs.

    Examples
    --------
    >>> fans((784, 64))
    (784, 64)
    >>> fans((3, 3, 16, 32))
    (144, 288)
    """
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    field = math.prod(shape[:-2])
    return field * shape[-2], field * shape[-1]


class Initializer(Configurable):
    """Base class: a subclass defines ``draw``, which makes the values in any float type.

    Attributes
    ----------
    seed : int or None
        When it is set, every call gives the same values.
    is_random : bool
        False where ``draw`` needs no random numbers; it is given None then.

    Examples
    --------
    >>> import numpy as np, hotloop as hl
    >>> class Ramp(hl.initializers.Initializer):
    ...     def draw(self, shape, rng):
    ...         return np.linspace(0.0, 1.0, int(np.prod(shape))).reshape(shape)
    >>> hl.layers.Dense(3, bias_initializer=Ramp(), input_shape=(2,)).bias_initializer((3,))
    array([0. , 0.5, 1. ], dtype=float32)
    """

    seed: int | None = None
    is_random: ClassVar[bool] = True

    def __call__(self, shape: Shape, rng: np.random.Generator | None = None) -> Floats:
        """Make the initial values.

        Parameters
        ----------
        shape : tuple of int
        rng : numpy.random.Generator, optional
            Where random numbers come from; a fresh one when left out. Not used when ``seed`` is set.

        Returns
        -------
        ndarray of float32
            C-contiguous, of that shape.
        """
        if self.is_random and (self.seed is not None or rng is None):
            rng = np.random.default_rng(self.seed)
        return np.ascontiguousarray(
            self.draw(tuple(shape), cast("np.random.Generator", rng)), dtype=np.float32
        ).reshape(shape)

    def draw(self, shape: Shape, rng: np.random.Generator) -> npt.NDArray[Any]:
        """Make the values; for a subclass to write."""
        raise NotImplementedError


INITIALIZERS: Family[Initializer] = Family("initializer", Initializer)
