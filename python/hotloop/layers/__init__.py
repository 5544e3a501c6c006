"""Layers, with Keras's names, arguments and defaults.

A layer describes: its hyper-parameters, the shapes of its weights, and how a call becomes ops. One class (or
one kin) a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hotloop.core import serialization
from hotloop.core.custom_objects import CustomObjectScope
from hotloop.core.errors import bad_type
from hotloop.core.naming import public_names
from hotloop.graph.layer import GraphLayer
from hotloop.layers.activation import ELU, Activation, LeakyReLU, ReLU, Softmax
from hotloop.layers.batch_normalization import BatchNormalization
from hotloop.layers.dense import Dense
from hotloop.layers.dropout import Dropout
from hotloop.layers.flatten import Flatten
from hotloop.layers.input import Input, InputLayer
from hotloop.layers.lambda_layer import Lambda
from hotloop.layers.merge import Add, Concatenate, Multiply
from hotloop.layers.rescaling import Rescaling
from hotloop.layers.reshape import Reshape
from hotloop.ops.layer import LAYERS, Layer

__all__ = [
    "ELU",
    "Activation",
    "Add",
    "BatchNormalization",
    "Concatenate",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "Lambda",
    "Layer",
    "LeakyReLU",
    "Multiply",
    "ReLU",
    "Rescaling",
    "Reshape",
    "Softmax",
    "deserialize",
    "get",
    "serialize",
]


def __dir__() -> list[str]:
    return public_names(globals())


CLASSES = LAYERS.classes


def get(class_name: str) -> type[Layer]:
    """Return the layer class of this name.

    Raises
    ------
    ValueError
        When there is none; the nearest name is given.

    Examples
    --------
    >>> get("Dense").__name__
    'Dense'
    """
    import hotloop.ops.primitives  # noqa: F401  # whose layer files may name; other layers do without it

    return LAYERS.get(class_name)


def serialize(layer: GraphLayer) -> dict[str, Any]:
    """Return ``{"class_name", "config"}`` of a layer; its weights are not in it.

    Examples
    --------
    >>> serialize(Dropout(0.5, name="drop"))["class_name"]
    'Dropout'
    """
    return serialization.serialize(layer)


def deserialize(config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Layer:
    """Make a layer from what :func:`serialize` returned.

    Parameters
    ----------
    config : dict
    custom_objects : dict, optional
        Classes and functions by their names, which are not registered; see
        :func:`hotloop.saving.register_serializable`.

    Raises
    ------
    ValueError
        For an unknown class or bad arguments.
    TypeError
        When ``config`` is not of this form.

    Examples
    --------
    >>> deserialize(serialize(Rescaling(0.5, name="half"))).scale
    0.5
    """
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        raise bad_type("layer", "a dict with 'class_name' and 'config'", config)
    with CustomObjectScope(custom_objects):
        return get(config["class_name"]).from_config(config["config"])
