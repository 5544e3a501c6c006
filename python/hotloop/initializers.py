"""Initial values of weights: Keras's formulas and defaults.

An initializer is called with a shape and a NumPy generator and returns float32. With ``seed=`` it draws from
a generator of its own instead, so that every call gives the same values.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop import errors

Floats = npt.NDArray[np.float32]
Shape = tuple[int, ...]
# Standard deviation of a unit normal cut off at two standard deviations.
_TRUNCATED_STDDEV = 0.87962566103423978


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


def _truncated_normal(rng: np.random.Generator, shape: Shape) -> npt.NDArray[np.float64]:
    """Draw unit normals, those beyond two standard deviations again until none is."""
    values = rng.standard_normal(math.prod(shape))
    outside = np.flatnonzero(np.abs(values) > 2.0)
    while outside.size:
        values[outside] = rng.standard_normal(outside.size)
        outside = outside[np.abs(values[outside]) > 2.0]
    return values.reshape(shape)


class Initializer:
    """Base class: ``draw`` makes the values, in any float type."""

    seed: int | None = None

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
        if self.seed is not None or rng is None:
            rng = np.random.default_rng(self.seed)
        return np.ascontiguousarray(self.draw(tuple(shape), rng), dtype=np.float32).reshape(shape)

    def draw(self, shape: Shape, rng: np.random.Generator) -> npt.NDArray[Any]:
        """Make the values; for a subclass to write."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {key: value for key, value in vars(self).items() if not key.startswith("_")}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        """Build it from what :meth:`get_config` gave."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


class Zeros(Initializer):
    """All zeros."""

    def draw(self, shape: Shape, rng: np.random.Generator) -> npt.NDArray[Any]:
        return np.zeros(shape, dtype=np.float32)


class Ones(Initializer):
    """All ones."""

    def draw(self, shape: Shape, rng: np.random.Generator) -> npt.NDArray[Any]:
        return np.ones(shape, dtype=np.float32)


class Constant(Initializer):
    """One value everywhere."""

    def __init__(self, value: float = 0.0) -> None:
        self.value = errors.number("Constant: value", value)

    def draw(self, shape: Shape, rng: np.random.Generator) -> npt.NDArray[Any]:
        return np.full(shape, self.value, dtype=np.float32)


class RandomUniform(Initializer):
    """Uniform between ``minval`` and ``maxval``."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        self.minval = errors.number("RandomUniform: minval", minval)
        self.maxval = errors.number("RandomUniform: maxval", maxval, at_least=self.minval)
        self.seed = seed

    def draw(self, shape: Shape, rng: np.random.Generator) -> npt.NDArray[Any]:
        return rng.uniform(self.minval, self.maxval, shape)


class RandomNormal(Initializer):
    """Normal with the given mean and standard deviation."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean = errors.number(f"{type(self).__name__}: mean", mean)
        self.stddev = errors.number(f"{type(self).__name__}: stddev", stddev, at_least=0)
        self.seed = seed

    def draw(self, shape: Shape, rng: np.random.Generator) -> npt.NDArray[Any]:
        return rng.normal(self.mean, self.stddev, shape)


class TruncatedNormal(RandomNormal):
    """Normal, cut off at two standard deviations; ``stddev`` is that before the cut, as in Keras."""

    def draw(self, shape: Shape, rng: np.random.Generator) -> npt.NDArray[Any]:
        return self.mean + self.stddev * _truncated_normal(rng, shape)


class VarianceScaling(Initializer):
    """Random values whose variance is ``scale / fan``.

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
        return math.sqrt(variance) / _TRUNCATED_STDDEV * _truncated_normal(rng, shape)


class _Named(VarianceScaling):
    """A variance scaling that has a name of its own and only a seed to choose."""

    _arguments: tuple[float, str, str]

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(*self._arguments, seed=seed)

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed}


class GlorotUniform(_Named):
    """Uniform in ±sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010)."""

    _arguments = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Named):
    """Truncated normal of variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010)."""

    _arguments = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Named):
    """Uniform in ±sqrt(6 / fan_in) (He et al. 2015)."""

    _arguments = (2.0, "fan_in", "uniform")


class HeNormal(_Named):
    """Truncated normal of variance 2 / fan_in (He et al. 2015)."""

    _arguments = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Named):
    """Uniform in ±sqrt(3 / fan_in) (LeCun et al. 1998)."""

    _arguments = (1.0, "fan_in", "uniform")


class LecunNormal(_Named):
    """Truncated normal of variance 1 / fan_in (LeCun et al. 1998)."""

    _arguments = (1.0, "fan_in", "truncated_normal")


class Orthogonal(Initializer):
    """A random matrix with orthonormal columns (or rows, where it is wide), times ``gain``.

    More than two axes count as a matrix whose columns are the last axis.
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


class Identity(Initializer):
    """``gain`` on the diagonal, zeros elsewhere; only for matrices."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = errors.number("Identity: gain", gain)

    def draw(self, shape: Shape, rng: np.random.Generator) -> npt.NDArray[Any]:
        if len(shape) != 2:
            raise errors.bad_value("Identity: shape", "two axes", shape)
        return self.gain * np.eye(*shape)


CLASSES: dict[str, type[Initializer]] = {
    "Zeros": Zeros,
    "Ones": Ones,
    "Constant": Constant,
    "RandomUniform": RandomUniform,
    "RandomNormal": RandomNormal,
    "TruncatedNormal": TruncatedNormal,
    "VarianceScaling": VarianceScaling,
    "GlorotUniform": GlorotUniform,
    "GlorotNormal": GlorotNormal,
    "HeUniform": HeUniform,
    "HeNormal": HeNormal,
    "LecunUniform": LecunUniform,
    "LecunNormal": LecunNormal,
    "Orthogonal": Orthogonal,
    "Identity": Identity,
}
_ALIASES: dict[str, type[Initializer]] = {
    "zeros": Zeros,
    "ones": Ones,
    "constant": Constant,
    "uniform": RandomUniform,
    "random_uniform": RandomUniform,
    "normal": RandomNormal,
    "random_normal": RandomNormal,
    "truncated_normal": TruncatedNormal,
    "variance_scaling": VarianceScaling,
    "glorot_uniform": GlorotUniform,
    "glorot_normal": GlorotNormal,
    "xavier_uniform": GlorotUniform,
    "xavier_normal": GlorotNormal,
    "he_uniform": HeUniform,
    "he_normal": HeNormal,
    "lecun_uniform": LecunUniform,
    "lecun_normal": LecunNormal,
    "orthogonal": Orthogonal,
    "identity": Identity,
}


def get(identifier: Any) -> Initializer:
    """Resolve a name, a class, a :func:`serialize` dict or an initializer.

    Raises
    ------
    ValueError
        For an unknown name; the nearest known one is named.

    Examples
    --------
    >>> get("he_normal")
    HeNormal(seed=None)
    """
    found: Initializer = errors.resolve("initializer", Initializer, {**CLASSES, **_ALIASES}, identifier)
    return found


def serialize(initializer: Initializer) -> dict[str, Any]:
    """Return what :func:`get` turns back into the same initializer."""
    return errors.serialize(initializer)
