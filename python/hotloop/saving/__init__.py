"""Saving and loading: everything that a model needs to predict, and to go on training where it stopped.

Classes and functions of users are saved by their names, which :func:`register_serializable` gives them.
"""

from hotloop.core.custom_objects import (
    CustomObjectScope,
    get_registered_name,
    get_registered_object,
    register_serializable,
)
from hotloop.core.naming import public_names
from hotloop.saving.files import load_model, save_model
from hotloop.saving.weights import load_weights, save_weights

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_serializable",
    "save_model",
    "save_weights",
]

custom_object_scope = CustomObjectScope  # Keras has both spellings


def __dir__() -> list[str]:
    return public_names(globals())
