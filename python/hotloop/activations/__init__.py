"""Activation functions: Keras's names and defaults, resolved to the native kinds.

An activation is an object: ``hl.activations.relu`` can be given to a layer, called on a NumPy array, or
turned into one with other parameters, ``hl.activations.leaky_relu.configured(negative_slope=0.1)``.
"""

from hotloop.activations import named
from hotloop.activations.activation import Activation, get, serialize
from hotloop.activations.named import *  # noqa: F403
from hotloop.core.naming import public_names
from hotloop.ir.activation import ALIASES, NAMES

__all__ = ["ALIASES", "NAMES", "Activation", "get", "serialize"]
__all__ += named.__all__


def __dir__() -> list[str]:
    return public_names(globals())
