"""Activations as objects: they are given to layers, called on arrays, and configured."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.core import errors
from hotloop.ir.activation import ChosenActivation

Floats = npt.NDArray[np.float32]


class Activation(ChosenActivation):
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
        from hotloop import kernels  # which a model's layers have no need of

        return kernels.activation(
            np.asarray(x, dtype=np.float32), self.name, alpha=self.alpha, beta=self.beta
        )


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
        return Activation("linear")
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
    >>> from hotloop.activations import leaky_relu, relu
    >>> serialize(relu), serialize(leaky_relu.configured(negative_slope=0.5))
    ('relu', {'name': 'leaky_relu', 'negative_slope': 0.5})
    """
    is_default = activation == Activation(activation.name)
    return activation.name if is_default else activation.get_config()
