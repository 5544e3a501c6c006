"""Models from files."""

from __future__ import annotations

from hotloop.feed.frames import checked_names
from hotloop.graph.given_weights import given_weights
from hotloop.models.clone import model_from_config
from hotloop.models.functional import Model
from hotloop.saving.container import Container
from hotloop.saving.weights import weights_of


def read(container: Container) -> Model:
    """Make the model that a file holds, with its weights and its training's state."""
    config = container.config
    arrays = weights_of(container)
    with given_weights(arrays):
        model = model_from_config(config)
    if list(arrays) != [p.path for p in model.weights]:
        raise ValueError("its weights are not those of its architecture")
    if config.get("feature_names") is not None:
        model._predictor.columns = checked_names(config["feature_names"], model._network.input_shapes)
    if config["compile"] is not None:
        model.compile_from_config(config["compile"])
    if config["training"] is not None:
        model._trainer.state.restore(config["training"], container.tensors)
    return model
