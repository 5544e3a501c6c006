"""Saving and loading: everything that a model needs to predict, and to go on training where it stopped."""

from hotloop.core.naming import public_names
from hotloop.saving.files import load_model, save_model
from hotloop.saving.weights import load_weights, save_weights

__all__ = ["load_model", "load_weights", "save_model", "save_weights"]


def __dir__() -> list[str]:
    return public_names(globals())
