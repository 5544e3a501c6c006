"""Initial values drawn at random, without regard to the size of the layer; orthogonal matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.core import errors
from hotloop.initializers.base import INITIALIZERS, Initializer, Shape


def truncated_normal(rng: np.random.Generator, shape: Shape) -> npt.NDArray[np.float64]:
    """Draw unit normals, those beyond two standard deviations again until none is."""
    values = rng.standard_normal(math.prod(shape))
    outside = np.flatnonzero(np.abs(values) > 2.0)
    while outside.size:
        values[outside] = rng.standard_normal(outside.size)
        outside = outside[np.abs(values[outside]) > 2.0]
    return values.reshape(shape)


@INITIALIZERS.register
class RandomUniform(Initializer):
    """Uniform between ``minval`` and ``maxval``.

    Parameters
    ----------
    minval, maxval : float
    seed : int, optional
        Every call then gives the same values.

    Examples
    --------
    >>> bool(abs(RandomUniform(-0.1, 0.1)((100,))).max() <= 0.1)
    True
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        self.minval = errors.number("RandomUniform: minval", minval)
        self.maxval = errors.number("RandomUniform: maxval", maxval, at_least=self.minval)
        self.seed = seed

    def draw(self, shape: Shape, rng: np.random.Generator) -> npt.NDArray[Any]:
        return rng.uniform(self.minval, self.maxval, shape)


@INITIALIZERS.register
class RandomNormal(Initializer):
    """Normal with the given mean and standard deviation.

    Parameters
    ----------
    mean : float
    stddev : float
        At least 0.
    seed : int, optional
        Every call then gives the same values.

    Examples
    --------
    >>> RandomNormal(mean=3.0, stddev=0.0)((2,))
    array([3., 3.], dtype=float32)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean = errors.number(f"{type(self).__name__}: mean", mean)
        self.stddev = errors.number(f"{type(self).__name__}: stddev", stddev, at_least=0)
        self.seed = seed

    def draw(self, shape: Shape, rng: np.random.Generator) -> npt.NDArray[Any]:
        return rng.normal(self.mean, self.stddev, shape)


@INITIALIZERS.register
class TruncatedNormal(RandomNormal):
    """Normal, cut off at two standard deviations; ``stddev`` is that before the cut, as in Keras.

    Examples
    --------
    >>> bool(abs(TruncatedNormal(stddev=0.05)((100,))).max() <= 0.1)
    True
    """

    def draw(self, shape: Shape, rng: np.random.Generator) -> npt.NDArray[Any]:
        return self.mean + self.stddev * truncated_normal(rng, shape)


@INITIALIZERS.register
class Orthogonal(Initializer):
    """A random matrix with orthonormal columns (or rows, where it is wide), times ``gain``.

    More than two axes count as a matrix whose columns are the last axis. Saxe et al., "Exact solutions to the
    nonlinear dynamics of learning in deep linear neural networks" (ICLR 2014).

    Parameters
    ----------
    gain : float
    seed : int, optional
        Every call then gives the same values.

    Raises
    ------
    ValueError
        When called with a shape of fewer than two axes.

    Examples
    --------
    >>> q = Orthogonal()((3, 2))
    >>> bool(abs(q.T @ q - [[1, 0], [0, 1]]).max() < 1e-6)
    True
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        self.gain = errors.number("Orthogonal: gain", gain)
        self.seed = seed

    def draw(self, shape: Shape, rng: np.random.Generator) -> npt.NDArray[Any]:
        if len(shape) < 2:
            raise errors.bad_value("Orthogonal: shape", "two axes or more", shape)
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        q *= np.where(np.diag(r) < 0, -1.0, 1.0)  # makes the draw uniform over the orthogonal matrices
        return self.gain * (q.T if rows < columns else q).reshape(shape)
