"""Models put together from symbolic tensors."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from hotloop.core.errors import bad_type, bad_value, unknown_name
from hotloop.core.files import PathLike
from hotloop.core.naming import snake_case, unique_name
from hotloop.core.registry import Family
from hotloop.feed.arrays import split_by_name
from hotloop.graph.layer import GraphLayer
from hotloop.graph.parameters import Parameter, ParameterStore, gather_stores
from hotloop.graph.symbolic import FunctionalGraph, SymbolicTensor, as_tensors
from hotloop.layers.base import Layer, set_weights
from hotloop.models import topology
from hotloop.models.summary import summary_lines, unbuilt_lines
from hotloop.saving import files, weights
from hotloop.saving.registered import refuse_unregistered
from hotloop.training.state import training_contents
from hotloop.training.trainer import Trainer


class Model(Trainer):
    """A model from given inputs to given outputs, which may branch, join and share layers.

    All weights lie in one arena, ``store``. A model called on symbolic tensors replays its layers there,
    with the same weights.

    Parameters
    ----------
    inputs : SymbolicTensor, or a list or dict of them
        What :func:`hotloop.Input` returned.
    outputs : SymbolicTensor, or a list or dict of them
        With a dict, ``predict`` returns a dict, and its keys, sorted, name the outputs instead of the layers.
    name : str, optional

    Attributes
    ----------
    inputs, outputs : list of SymbolicTensor
    layers : list of Layer
        In Keras's order, which is that of the weights.
    store : ParameterStore
        Where its weights lie (and those of other models that share a layer).
    graph : FunctionalGraph

    Examples
    --------
    >>> import hotloop as hl
    >>> x = hl.Input((8,))
    >>> h = hl.layers.Dense(8, activation="relu")(x)
    >>> model = hl.Model(x, hl.layers.Dense(1)(hl.layers.Add()([x, h])))
    >>> model.count_params()
    81
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        super().__init__()
        self.name = model_name(name, "functional")
        if isinstance(outputs, Mapping):
            self._output_keys = output_keys(outputs)
            outputs = [outputs[key] for key in self._output_keys]
        graph = FunctionalGraph(as_tensors("Model: inputs", inputs), as_tensors("Model: outputs", outputs))
        self._graph: FunctionalGraph | None = None
        self._set_graph(graph)

    def _set_graph(self, graph: FunctionalGraph) -> None:
        make_names_unique(graph.layers)
        self._graph = graph
        self._store = gather_stores(p for layer in graph.layers for p in layer.parameters)
        self._forget_programs()

    # -- structure

    @property
    def built(self) -> bool:
        """Whether the shapes are known, and so the weights are there."""
        return self._graph is not None

    @property
    def graph(self) -> FunctionalGraph:
        """The calls of its layers, from inputs to outputs."""
        if self._graph is None:
            raise ValueError(
                f"model {self.name!r} has no weights yet; give its first layer input_shape=, or call fit"
            )
        return self._graph

    @property
    def store(self) -> ParameterStore:
        """The arena of its weights; another object after it was merged with another model's."""
        for layer in self.graph.layers:
            if layer.parameters:
                return layer.parameters[0].store
        return self._store

    @property
    def layers(self) -> list[Layer]:
        """All layers, each once, in the order of the weights."""
        return cast("list[Layer]", list(self.graph.layers))

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic tensors that it begins with."""
        return list(self.graph.inputs)

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The symbolic tensors that it makes."""
        return list(self.graph.outputs)

    @property
    def input_names(self) -> list[str]:
        """Keys for a dict of inputs: the names of the input layers."""
        return [tensor.layer.name for tensor in self.graph.inputs]

    @property
    def output_names(self) -> list[str]:
        """Keys for a dict of labels and prefixes in the logs: the outputs' own, or their layers' names."""
        if self._output_keys is not None:
            return list(self._output_keys)
        names: list[str] = []
        for tensor in self.graph.outputs:
            name = tensor.layer.name
            names.append(name if name not in names else f"{name}_{tensor.node.index}_{len(names)}")
        return names

    @property
    def input_shape(self) -> Any:
        """Shape with None for the batch; a list for several inputs."""
        shapes = [tensor.shape for tensor in self.graph.inputs]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def output_shape(self) -> Any:
        """Shape with None for the batch; a list for several outputs."""
        shapes = [tensor.shape for tensor in self.graph.outputs]
        return shapes[0] if len(shapes) == 1 else shapes

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by its name or number.

        Raises
        ------
        ValueError
            When there is none; the nearest name is given.
        """
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise bad_value("get_layer: index", f"below {len(self.layers)}", index)
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise unknown_name("layer", name, [layer.name for layer in self.graph.layers])

    @property
    def trainable(self) -> bool:
        """Whether any layer's weights learn; setting it sets all layers."""
        return any(layer.trainable for layer in self.layers)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self.layers:
            layer.trainable = bool(value)

    # -- weights

    @property
    def weights(self) -> list[Parameter]:
        """All weights, layer by layer, in Keras's order."""
        return [p for layer in self.graph.layers for p in layer.parameters]

    @property
    def trainable_weights(self) -> list[Parameter]:
        """The weights that ``fit`` changes by their gradients."""
        return [p for layer in self.graph.layers for p in layer.trainable_weights]

    @property
    def non_trainable_weights(self) -> list[Parameter]:
        """The others: moving averages, and those of layers that are not trainable."""
        return [p for layer in self.graph.layers for p in layer.non_trainable_weights]

    def get_weights(self) -> list[npt.NDArray[np.float32]]:
        """Return copies of all weights, in Keras's order and shapes."""
        return self.store.turns.between_steps(lambda: [parameter.numpy() for parameter in self.weights])

    def set_weights(self, weights: Sequence[npt.ArrayLike]) -> None:
        """Overwrite all weights; nothing changes when one of them does not fit.

        What an interrupted ``fit`` had come to is forgotten: it can't go on with other weights.

        Raises
        ------
        ValueError
            When the number of arrays or a shape differs from what ``get_weights`` returns.
        """
        self.store.turns.between_steps(lambda: set_weights(f"model {self.name!r}", self.weights, weights))
        self._weights_were_set()

    def count_params(self) -> int:
        """Return how many numbers its weights have."""
        return sum(parameter.size for parameter in self.weights)

    def summary(
        self, line_length: int | None = None, *, print_fn: Callable[[str], object] | None = None
    ) -> None:
        """Print a table of the layers, their output shapes and their numbers of weights.

        Parameters
        ----------
        line_length : int, optional
            80 columns by default.
        print_fn : callable, optional
            Called with every line instead of ``print``.
        """
        if self.built:
            lines = summary_lines(self.name, self.graph, line_length or 80)
        else:
            lines = unbuilt_lines(self.name, self.layers)
        for line in lines:
            (print_fn or print)(line)

    # -- calls

    def __call__(self, inputs: Any) -> Any:
        """Replay the layers on symbolic tensors, or predict on arrays."""
        items = list(inputs.values()) if isinstance(inputs, Mapping) else inputs
        first = items[0] if isinstance(items, list | tuple) and items else items
        if not isinstance(first, SymbolicTensor):
            return self.predict_on_batch(inputs)
        if isinstance(inputs, Mapping):
            inputs = split_by_name("inputs", inputs, self.input_names, [()] * len(self.input_names))
        return self._structured(self._replay(as_tensors(f"model {self.name!r}: inputs", inputs)))

    def _replay(self, tensors: list[SymbolicTensor]) -> list[SymbolicTensor]:
        expected = self.graph.inputs
        if [tensor.shape for tensor in tensors] != [tensor.shape for tensor in expected]:
            wanted = ", ".join(str(tensor.shape) for tensor in expected)
            got = ", ".join(str(tensor.shape) for tensor in tensors)
            raise bad_value(f"model {self.name!r}: inputs", f"shapes {wanted}", got)
        return self.graph.replay(tensors)

    def _build_for(self, x: Any) -> None:
        """A functional model is built from the start."""

    def _unbuild(self) -> None:
        """Nothing to undo."""

    # -- configuration and files

    def get_config(self) -> dict[str, Any]:
        """Return the architecture as JSON values; weights are not in it."""
        keys = {} if self._output_keys is None else {"output_keys": list(self._output_keys)}
        return {"name": self.name, **topology.graph_config(self.graph), **keys}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Model:
        """Make a model from what :meth:`get_config` returned; its weights are new.

        Raises
        ------
        ValueError, TypeError
            For unknown layer classes or a config that describes no graph.
        """
        inputs, outputs = topology.graph_from_config(config)
        if "output_keys" not in config:
            return cls(inputs, outputs, name=config.get("name"))
        return cls(inputs, dict(zip(config["output_keys"], outputs, strict=True)), name=config.get("name"))

    def to_json(self, **options: Any) -> str:
        """Return the architecture as JSON; ``options`` go to ``json.dumps``."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **options)

    def save(self, filepath: PathLike, overwrite: bool = True, include_optimizer: bool = True) -> None:
        """Write architecture, weights, what ``compile`` was told and the optimizer's state to one file.

        In the middle of an epoch also the place there, for training to go on; where metrics are watched that
        holds the predictions for the epoch's rows so far, (rows, outputs) numbers, until the epoch ends or a
        ``fit`` begins anew. ``include_optimizer=False`` leaves all that out.
        """
        files.save_model(self, filepath, overwrite=overwrite, include_optimizer=include_optimizer)

    def save_weights(self, filepath: PathLike, overwrite: bool = True) -> None:
        """Write the weights alone to one file."""
        weights.save_weights(self, filepath, overwrite=overwrite)

    def load_weights(self, filepath: PathLike) -> None:
        """Take over the weights of a file; nothing changes when they do not fit."""
        weights.load_weights(self, filepath)

    def file_parts(self) -> list[Any]:
        """What a file of this model names the classes of; for :func:`hotloop.saving.save_model`."""
        given = {} if self.compile_spec is None else self.compile_spec.arguments()
        return [self, *self.layers, *given.values()]

    def file_contents(self, include_optimizer: bool) -> tuple[dict[str, Any], dict[str, Any]]:
        """The config and the tensors of this model's file, which :mod:`hotloop.models.file` reads."""
        tensors = weights.weight_tensors(self)
        config: dict[str, Any] = {
            "class_name": type(self).__name__,
            "config": self.get_config(),
            "weights": [p.path for p in self.weights],
            "compile": self.get_compile_config(),
            "feature_names": self._feature_names,
            "training": None,
        }
        if self.compiled and include_optimizer:
            config["training"], arrays = training_contents(self)
            tensors |= arrays
        return config, tensors

    def refuse_unsavable(self) -> None:
        """Refuse at once what ``save`` would refuse; a ``save`` of the user's knows its own way.

        Raises
        ------
        TypeError
            When the model or a part of it is of a class of the user's, or a metric is a Python function.
        """
        if type(self).save is Model.save:
            refuse_unregistered(self.file_parts())
            self.get_compile_config()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name!r}{'' if self.built else ' not built'}>"


MODELS: Family[Model] = Family("model", Model, has_parts=False)
MODELS.register(Model)


def model_name(name: str | None, prefix: str) -> str:
    """Return the given name, or an automatic one."""
    if name is None:
        return unique_name(prefix)
    if not isinstance(name, str) or not name:
        raise bad_type("model: name", "a string that is not empty", name)
    return name


def output_keys(outputs: Mapping[str, Any]) -> list[str]:
    """Return the names of a dict's outputs, in Keras's order: sorted.

    Raises
    ------
    TypeError
        When one is no text, or is empty.
    """
    for key in outputs:
        if not isinstance(key, str) or not key:
            raise bad_type("Model: outputs", "names as keys", key)
    return sorted(outputs)


def make_names_unique(layers: Sequence[GraphLayer]) -> None:
    """Rename layers with automatic names that are taken.

    Raises
    ------
    ValueError
        When two layers were given the same name.
    """
    given: set[str] = set()
    for layer in layers:
        if not layer.has_automatic_name:
            if layer.name in given:
                raise ValueError(f"layers: expected a name of its own for each, got two named {layer.name!r}")
            given.add(layer.name)
    for layer in layers:
        if layer.has_automatic_name:
            while layer.name in given:
                layer.rename(unique_name(snake_case(type(layer).__name__)))
            given.add(layer.name)
