"""An activation for each name that the native half knows; editors and type checkers read named.pyi."""

from hotloop.activations.activation import Activation
from hotloop.ir.activation import ALIASES, NAMES

__all__ = sorted([*NAMES, *ALIASES])

_objects = {name: Activation(name) for name in NAMES}
globals().update(_objects)
globals().update({other: _objects[name] for other, name in ALIASES.items()})
