"""Copies of models without their weights, and models from configs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from hotloop.core.custom_objects import CustomObjectScope
from hotloop.core.errors import bad_type
from hotloop.models.functional import MODELS, Model


def require_model(what: str, model: object) -> Model:
    """Return a float model.

    Raises
    ------
    TypeError
        For anything else; a frozen model is told apart.
    """
    if isinstance(model, Model):
        return model
    mend = "start from the float model" if hasattr(model, "precision") else ""
    raise bad_type(f"{what}: model", "a Sequential or Model", model, mend)


def clone_model(model: Model) -> Model:
    """Return a model of the same architecture and layer names with new weights.

    Where the model is compiled the new one is too, with an optimizer of its own without state, as in Keras.

    Examples
    --------
    >>> import hotloop as hl
    >>> model = hl.Sequential([hl.layers.Dense(2, input_shape=(3,))])
    >>> hl.clone_model(model).count_params()
    8
    """
    if not isinstance(model, Model):
        raise bad_type("clone_model", "a model", model)
    clone = made_again("clone_model", model)
    if model.compile_spec is not None:
        where = model._network.named
        clone.compile(**model.compile_spec.anew().arguments(), device=None if where is None else where.name)
    return clone


def made_again(what: str, model: Model, change: Callable[[Any], Any] | None = None) -> Model:
    """Return a model of the same class from another one's config, which may be changed first.

    Raises
    ------
    TypeError
        When the config leaves out arguments of the constructor of a user's class.
    ValueError
        When functions of users do something else by now than in the model.
    """
    from hotloop.saving.registered import require_arguments  # which training does without

    model.require_unchanged(what)
    config = model.get_config()
    require_arguments(what, {"class_name": type(model), "config": config})
    return type(model).from_config(config if change is None else change(config))


def model_from_config(config: dict[str, Any]) -> Model:
    """Make a model from ``{"class_name", "config"}``; only classes that files may name are known.

    Raises
    ------
    ValueError, TypeError
        For an unknown class or a bad config.
    """
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        raise bad_type("model", "a dict with 'class_name' and 'config'", config)
    return MODELS.get(config.get("class_name")).from_config(config["config"])


def model_from_json(text: str, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """Make a model from what ``to_json`` returned; its weights are new.

    Parameters
    ----------
    text : str
    custom_objects : dict, optional
        Classes and functions by their names, which are not registered; see
        :func:`hotloop.saving.register_serializable`.

    Examples
    --------
    >>> import hotloop as hl
    >>> model = hl.Sequential([hl.layers.Dense(2, input_shape=(3,))])
    >>> hl.model_from_json(model.to_json()).output_shape
    (None, 2)
    """
    with CustomObjectScope(custom_objects):
        return model_from_config(json.loads(text))
