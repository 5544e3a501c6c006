"""Models: :class:`Model`, put together from symbolic tensors, and :class:`Sequential`, a chain of layers."""

from hotloop.core.naming import public_names
from hotloop.models.clone import clone_model, model_from_config, model_from_json
from hotloop.models.functional import MODELS, Model
from hotloop.models.sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model", "model_from_config", "model_from_json"]

CLASSES = MODELS.classes


def __dir__() -> list[str]:
    return public_names(globals())
