"""Activation functions: Keras's names and defaults, resolved to the native kinds.

An activation is an object: ``hl.activations.relu`` can be given to a layer, called on a NumPy array, or
turned into one with other parameters, ``hl.activations.leaky_relu.configured(negative_slope=0.1)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.core import errors
from hotloop.core.naming import public_names

__all__ = [
    "ALIASES",
    "NAMES",
    "Activation",
    "celu",
    "elu",
    "exponential",
    "gelu",
    "gelu_tanh",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]


def __dir__() -> list[str]:
    return public_names(globals())


Floats = npt.NDArray[np.float32]

# Kind -> its parameters in the order (alpha, beta) with Keras's defaults.
_PARAMETERS: dict[str, dict[str, float]] = {
    "leaky_relu": {"negative_slope": 0.2},
    "elu": {"alpha": 1.0},
    "celu": {"alpha": 1.0},
    "threshold": {"threshold": 0.0, "default_value": 0.0},
    "soft_shrink": {"threshold": 0.5},
    "hard_shrink": {"threshold": 0.5},
    "squareplus": {"b": 4.0},
}
_ROWWISE = {"softmax", "log_softmax", "sparsemax", "glu"}
_ELEMENTWISE = {
    *(
        "linear",
        "relu",
        "relu6",
        "leaky_relu",
        "elu",
        "selu",
        "celu",
        "sigmoid",
        "tanh",
        "softplus",
        "softsign",
    ),
    *("exponential", "hard_sigmoid", "hard_tanh", "log_sigmoid", "threshold", "sparse_sigmoid", "gelu"),
    *("gelu_tanh", "silu", "mish", "hard_silu", "tanh_shrink", "soft_shrink", "hard_shrink", "squareplus"),
    "sparse_plus",
}
NAMES = tuple(sorted(_ELEMENTWISE | _ROWWISE))
ALIASES = {
    "swish": "silu",
    "hard_swish": "hard_silu",
    "softshrink": "soft_shrink",
    "hardshrink": "hard_shrink",
}


class Activation:
    """An activation function with its parameters.

    Parameters
    ----------
    name : str
        One of ``hl.activations.NAMES``, or one of Keras's aliases.
    **parameters : float
        ``negative_slope`` of leaky_relu (0.2); ``alpha`` of elu and celu (1.0); ``threshold`` (0.5) of
        soft_shrink and hard_shrink; ``threshold`` and ``default_value`` of threshold (0.0); ``b`` of
        squareplus (4.0).

    Attributes
    ----------
    name : str
        The native kind.
    alpha, beta : float
        The native kernel's two numbers; 0 where the kind has none.
    rowwise : bool
        Whether it works along the last axis (softmax and its kin) and not elementwise.

    Raises
    ------
    ValueError
        For an unknown name or a parameter out of bounds.
    TypeError
        For a parameter that this kind does not have.

    Examples
    --------
    >>> Activation("leaky_relu", negative_slope=0.1).alpha
    0.1
    """

    def __init__(self, name: str, **parameters: float) -> None:
        name = ALIASES.get(name, name)
        if name not in NAMES:
            raise errors.unknown_name("activation", name, [*NAMES, *ALIASES])
        self.name = name
        known = _PARAMETERS.get(name, {})
        for key in parameters:
            if key not in known:
                has = f"only {', '.join(known)}" if known else "no parameters"
                raise TypeError(f"activation {name!r}: unexpected parameter {key!r}; it has {has}")
        merged = {**known, **parameters}
        self._parameters = {
            key: errors.number(f"activation {name!r}: {key}", value) for key, value in merged.items()
        }
        if name == "celu" and self._parameters["alpha"] == 0:
            raise errors.bad_value("activation 'celu': alpha", "a number other than 0", 0)
        for key in self._parameters:
            if name in ("soft_shrink", "hard_shrink", "squareplus"):
                errors.number(f"activation {name!r}: {key}", self._parameters[key], at_least=0)
        values = [*self._parameters.values(), 0.0, 0.0]
        self.alpha, self.beta = values[0], values[1]
        self.rowwise = name in _ROWWISE

    @property
    def fusable(self) -> bool:
        """Whether a dense layer's kernel can apply it while it stores its result.

        It can where the derivative follows from the activation's output, for these parameters.
        """
        from hotloop import _native

        return not self.rowwise and _native.derivative_from_output(self.name, self.alpha, self.beta)

    def configured(self, **parameters: float) -> Activation:
        """Return this activation with other parameters."""
        return Activation(self.name, **{**self._parameters, **parameters})

    def __call__(self, x: npt.ArrayLike, **parameters: float) -> Floats:
        """Apply it to an array.

        Parameters
        ----------
        x : array_like
            Any shape; the rowwise kinds work along the last axis. Computed in float32.
        **parameters : float
            As for :meth:`configured`.

        Returns
        -------
        ndarray of float32
            The shape of ``x`` (glu halves the last axis).
        """
        if parameters:
            return self.configured(**parameters)(x)
        from hotloop import kernels

        return kernels.activation(
            np.asarray(x, dtype=np.float32), self.name, alpha=self.alpha, beta=self.beta
        )

    def output_units(self, units: int) -> int:
        """How wide the last axis is behind it: glu halves it, the others keep it."""
        if self.name != "glu":
            return units
        if units % 2:
            raise errors.bad_value("activation 'glu'", "an even last axis", units)
        return units // 2

    def get_config(self) -> dict[str, Any]:
        """The name and those parameters that are there."""
        return {"name": self.name, **self._parameters}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Activation:
        """Build it from what :meth:`get_config` gave."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Activation) and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash(tuple(self.get_config().items()))

    def __repr__(self) -> str:
        given = "".join(f", {key}={value:g}" for key, value in self._parameters.items())
        return f"Activation({self.name!r}{given})"


def get(identifier: Any) -> Activation:
    """Resolve what a layer's ``activation=`` may be.

    Parameters
    ----------
    identifier : None, str, dict or Activation
        None is linear; a dict is :func:`serialize`'s.

    Raises
    ------
    ValueError
        For an unknown name; the nearest known one is named.
    TypeError
        For anything else, such as a Python function: there is no kernel for it.

    Examples
    --------
    >>> get("swish").name
    'silu'
    """
    if identifier is None:
        return linear
    if isinstance(identifier, Activation):
        return identifier
    if isinstance(identifier, str):
        return Activation(identifier)
    if isinstance(identifier, dict):
        return Activation.from_config(identifier)
    raise errors.bad_type("activation", "a name, one of hl.activations, or None", identifier)


def serialize(activation: Activation) -> str | dict[str, Any]:
    """Return the bare name where the parameters are the defaults, else the whole config.

    Examples
    --------
    >>> serialize(relu), serialize(leaky_relu.configured(negative_slope=0.5))
    ('relu', {'name': 'leaky_relu', 'negative_slope': 0.5})
    """
    is_default = activation == Activation(activation.name)
    return activation.name if is_default else activation.get_config()


linear = Activation("linear")
relu = Activation("relu")
relu6 = Activation("relu6")
leaky_relu = Activation("leaky_relu")
elu = Activation("elu")
selu = Activation("selu")
celu = Activation("celu")
sigmoid = Activation("sigmoid")
tanh = Activation("tanh")
softplus = Activation("softplus")
softsign = Activation("softsign")
exponential = Activation("exponential")
hard_sigmoid = Activation("hard_sigmoid")
hard_tanh = Activation("hard_tanh")
log_sigmoid = Activation("log_sigmoid")
threshold = Activation("threshold")
gelu = Activation("gelu")
gelu_tanh = Activation("gelu_tanh")
silu = swish = Activation("silu")
mish = Activation("mish")
hard_silu = hard_swish = Activation("hard_silu")
tanh_shrink = Activation("tanh_shrink")
soft_shrink = Activation("soft_shrink")
hard_shrink = Activation("hard_shrink")
squareplus = Activation("squareplus")
sparse_plus = Activation("sparse_plus")
sparse_sigmoid = Activation("sparse_sigmoid")
softmax = Activation("softmax")
log_softmax = Activation("log_softmax")
sparsemax = Activation("sparsemax")
glu = Activation("glu")
