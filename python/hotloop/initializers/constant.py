"""Initial values without chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.core import errors
from hotloop.initializers.base import INITIALIZERS, Initializer, Shape


@INITIALIZERS.register
class Zeros(Initializer):
    """All zeros.

    Examples
    --------
    >>> Zeros()((2,))
    array([0., 0.], dtype=float32)
    """

    is_random = False

    def draw(self, shape: Shape, rng: np.random.Generator) -> npt.NDArray[Any]:
        return np.zeros(shape, dtype=np.float32)


@INITIALIZERS.register
class Ones(Initializer):
    """All ones.

    Examples
    --------
    >>> Ones()((2,))
    array([1., 1.], dtype=float32)
    """

    is_random = False

    def draw(self, shape: Shape, rng: np.random.Generator) -> npt.NDArray[Any]:
        return np.ones(shape, dtype=np.float32)


@INITIALIZERS.register
class Constant(Initializer):
    """One value everywhere.

    Parameters
    ----------
    value : float

    Examples
    --------
    >>> Constant(0.5)((2,))
    array([0.5, 0.5], dtype=float32)
    """

    is_random = False

    def __init__(self, value: float = 0.0) -> None:
        self.value = errors.number("Constant: value", value)

    def draw(self, shape: Shape, rng: np.random.Generator) -> npt.NDArray[Any]:
        return np.full(shape, self.value, dtype=np.float32)


@INITIALIZERS.register
class Identity(Initializer):
    """``gain`` on the diagonal, zeros elsewhere; only for matrices.

    Parameters
    ----------
    gain : float

    Raises
    ------
    ValueError
        When called with a shape of other than two axes.

    Examples
    --------
    >>> Identity(2.0)((2, 3))
    array([[2., 0., 0.],
           [0., 2., 0.]], dtype=float32)
    """

    is_random = False

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = errors.number("Identity: gain", gain)

    def draw(self, shape: Shape, rng: np.random.Generator) -> npt.NDArray[Any]:
        if len(shape) != 2:
            raise errors.bad_value("Identity: shape", "two axes", shape)
        return self.gain * np.eye(*shape)
