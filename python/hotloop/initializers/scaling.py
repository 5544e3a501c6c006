"""Initial values whose variance follows from the size of the layer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.core import errors
from hotloop.initializers.base import INITIALIZERS, Initializer, Shape, fans
from hotloop.initializers.random import truncated_normal

# Standard deviation of a unit normal cut off at two standard deviations.
_TRUNCATED_STDDEV = 0.87962566103423978


@INITIALIZERS.register
class VarianceScaling(Initializer):
    """Random values whose variance is ``scale / fan``.

    The fan is the number of a unit's inputs, of its outputs, or the mean of both.

    Parameters
    ----------
    scale : float
        Above 0.
    mode : {"fan_in", "fan_out", "fan_avg"}
    distribution : {"truncated_normal", "untruncated_normal", "uniform"}
    seed : int, optional
        Every call then gives the same values.

    Examples
    --------
    >>> VarianceScaling(2.0, "fan_in", "uniform", seed=1)((3, 2)).shape
    (3, 2)
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
    ) -> None:
        self.scale = errors.number("VarianceScaling: scale", scale, above=0)
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise errors.unknown_name("VarianceScaling mode", mode, ["fan_in", "fan_out", "fan_avg"])
        distribution = {"normal": "truncated_normal"}.get(distribution, distribution)
        known = ["truncated_normal", "untruncated_normal", "uniform"]
        if distribution not in known:
            raise errors.unknown_name("VarianceScaling distribution", distribution, known)
        self.mode = mode
        self.distribution = distribution
        self.seed = seed

    def draw(self, shape: Shape, rng: np.random.Generator) -> npt.NDArray[Any]:
        fan_in, fan_out = fans(shape)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return rng.uniform(-limit, limit, shape)
        if self.distribution == "untruncated_normal":
            return rng.normal(0.0, math.sqrt(variance), shape)
        return math.sqrt(variance) / _TRUNCATED_STDDEV * truncated_normal(rng, shape)


class _Named(VarianceScaling):
    """A variance scaling that has a name of its own and only a seed to choose."""

    _arguments: tuple[float, str, str]

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(*self._arguments, seed=seed)

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed}


@INITIALIZERS.register
class GlorotUniform(_Named):
    """Uniform in ±sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010).

    Examples
    --------
    >>> round(float(GlorotUniform()((100, 100)).std()), 1)
    0.1
    """

    _arguments = (1.0, "fan_avg", "uniform")


@INITIALIZERS.register
class GlorotNormal(_Named):
    """Truncated normal of variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010).

    Examples
    --------
    >>> round(float(GlorotNormal()((100, 100)).std()), 1)
    0.1
    """

    _arguments = (1.0, "fan_avg", "truncated_normal")


@INITIALIZERS.register
class HeUniform(_Named):
    """Uniform in ±sqrt(6 / fan_in) (He et al. 2015).

    Examples
    --------
    >>> round(float(HeUniform()((200, 50)).std()), 1)
    0.1
    """

    _arguments = (2.0, "fan_in", "uniform")


@INITIALIZERS.register
class HeNormal(_Named):
    """Truncated normal of variance 2 / fan_in (He et al. 2015).

    Examples
    --------
    >>> round(float(HeNormal()((200, 50)).std()), 1)
    0.1
    """

    _arguments = (2.0, "fan_in", "truncated_normal")


@INITIALIZERS.register
class LecunUniform(_Named):
    """Uniform in ±sqrt(3 / fan_in) (LeCun et al. 1998).

    Examples
    --------
    >>> round(float(LecunUniform()((100, 50)).std()), 1)
    0.1
    """

    _arguments = (1.0, "fan_in", "uniform")


@INITIALIZERS.register
class LecunNormal(_Named):
    """Truncated normal of variance 1 / fan_in (LeCun et al. 1998).

    Examples
    --------
    >>> round(float(LecunNormal()((100, 50)).std()), 1)
    0.1
    """

    _arguments = (1.0, "fan_in", "truncated_normal")
