"""Models put together from symbolic tensors."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from hotloop.core.custom_objects import CustomObjectScope
from hotloop.core.errors import bad_type
from hotloop.core.files import PathLike
from hotloop.core.naming import unique_name
from hotloop.core.own import is_own_module
from hotloop.core.registry import Family
from hotloop.core.serialization import serialize
from hotloop.feed.arrays import split_by_name
from hotloop.graph.network import Network
from hotloop.graph.parameters import Parameter
from hotloop.graph.symbolic import FunctionalGraph, SymbolicTensor, as_tensors
from hotloop.models import topology
from hotloop.models.learning import Learning
from hotloop.models.predicting import Predicting
from hotloop.ops.flags import require_flags
from hotloop.training.predictor import Predictor
from hotloop.training.trainer import Trainer


class Model(Learning, Predicting):
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
        keys = None
        if isinstance(outputs, Mapping):
            keys = output_keys(outputs)
            outputs = [outputs[key] for key in keys]
        name = model_name(name, "functional")
        graph = FunctionalGraph(as_tensors("Model: inputs", inputs), as_tensors("Model: outputs", outputs))
        self._compute(Network(name, graph, keys))

    def _compute(self, network: Network) -> None:
        """Have what computes a network."""
        self._network = network
        self._predictor = Predictor(network)
        self._trainer = Trainer(network, self._predictor)
        self.allow_nonfinite = False

    # -- copies

    def __getstate__(self) -> dict[str, Any]:
        """For pickles. Where another thread trains, of a copy from between two of its steps: a pickler takes
        weights and the optimizer's state one after the other."""
        others_train = self.built and self.store.turns.others_train()
        return (copy.deepcopy(self) if others_train else self)._parts()

    def __deepcopy__(self, memo: dict[int, Any]) -> Model:
        def twin() -> Model:
            made = memo[id(self)] = type(self).__new__(type(self))
            vars(made).update(copy.deepcopy(self._parts(), memo))
            return made

        return self.store.turns.between_steps(twin) if self.built else twin()

    def _parts(self) -> dict[str, Any]:
        """All attributes, the network first: it is gone through layer by layer, and a subclass's own tensors
        would be followed to the input at once."""
        return {"_network": self._network, **vars(self)}

    def __copy__(self) -> Model:
        """A model of the same layers, which learns for itself."""
        made = type(self).__new__(type(self))
        predictor, trainer = copy.copy(self._predictor), copy.copy(self._trainer)
        trainer.predictor, trainer.state = predictor, copy.copy(trainer.state)
        vars(made).update(
            vars(self), _predictor=predictor, _trainer=trainer, _network=copy.copy(self._network)
        )
        for part in (predictor, trainer, trainer.state):
            part.network = made._network
        return made

    # -- calls

    def __call__(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Replay the layers on symbolic tensors, or predict on arrays.

        ``training`` may be False on arrays, and in a layer's ``call`` what that was given; masks are None.
        """
        items = list(inputs.values()) if isinstance(inputs, Mapping) else inputs
        first = items[0] if isinstance(items, list | tuple) and items else items
        is_symbolic = isinstance(first, SymbolicTensor)
        if mask is not None or (training is not None and (is_symbolic or training is not False)):
            require_flags(f"model {self.name!r}", training, mask)
        if not is_symbolic:
            return self.predict_on_batch(inputs)
        if isinstance(inputs, Mapping):
            inputs = split_by_name("inputs", inputs, self.input_names, [()] * len(self.input_names))
        replayed = self._network.replay(as_tensors(f"model {self.name!r}: inputs", inputs))
        return self._network.structured(replayed)

    # -- configuration

    def get_config(self) -> dict[str, Any]:
        """Return the architecture as JSON values; weights are not in it."""
        given = self._network.output_keys
        keys = {} if given is None else {"output_keys": list(given)}
        return {"name": self.name, **topology.graph_config(self.graph), **keys}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Model:
        """Make a model from what :meth:`get_config` returned; its weights are new.

        Parameters
        ----------
        config : dict
        custom_objects : dict, optional
            Classes and functions by their names, which are not registered; see
            :func:`hotloop.saving.register_serializable`.

        Raises
        ------
        ValueError, TypeError
            For unknown layer classes or a config that describes no graph.
        """
        with CustomObjectScope(custom_objects):
            inputs, outputs = topology.graph_from_config(config)
        if "output_keys" not in config:
            return cls(inputs, outputs, name=config.get("name"))
        return cls(inputs, dict(zip(config["output_keys"], outputs, strict=True)), name=config.get("name"))

    def to_json(self, **options: Any) -> str:
        """Return the architecture as JSON; ``options`` go to ``json.dumps``.

        Raises
        ------
        TypeError
            When a class or function in it is a user's and is not registered.
        """
        from hotloop.saving.registered import as_in_files, require_savable

        self.require_unchanged("to_json")
        config = serialize(self)
        require_savable("to_json", config)
        return json.dumps(as_in_files(config), **options)

    def save(self, filepath: PathLike, overwrite: bool = True, include_optimizer: bool = True) -> None:
        """Write architecture, weights, what ``compile`` was told and the optimizer's state to one file.

        In the middle of an epoch also the place there, for training to go on; where metrics are watched that
        holds the predictions for the epoch's rows so far, (rows, outputs) numbers, until the epoch ends or a
        ``fit`` begins anew. ``include_optimizer=False`` leaves all that out.
        """
        from hotloop import saving

        saving.save_model(self, filepath, overwrite=overwrite, include_optimizer=include_optimizer)

    def save_weights(self, filepath: PathLike, overwrite: bool = True) -> None:
        """Write the weights alone to one file."""
        from hotloop import saving

        saving.save_weights(self, filepath, overwrite=overwrite)

    def load_weights(self, filepath: PathLike) -> None:
        """Take over the weights of a file; nothing changes when they do not fit."""
        from hotloop import saving

        saving.load_weights(self, filepath)

    def _file_config(self) -> dict[str, Any]:
        return {**serialize(self), "compile": self.get_compile_config()}

    def file_contents(self, include_optimizer: bool) -> tuple[dict[str, Any], dict[str, Any]]:
        """The config and the tensors of this model's file, which :mod:`hotloop.models.file` reads."""
        from hotloop.saving.weights import weight_tensors

        self.require_unchanged("save")
        tensors = weight_tensors(self)
        config: dict[str, Any] = {
            **self._file_config(),
            "weights": [p.path for p in self.weights],
            "feature_names": self._predictor.columns,
            "training": None,
        }
        if self.compiled and include_optimizer:
            config["training"], arrays = self._trainer.state.contents()
            tensors |= arrays
        return config, tensors

    def require_unchanged(self, what: str) -> None:
        """Refuse what would be another model as a copy, as functions and layers of users do other things now.

        They are called once more for that, with symbolic tensors.

        Raises
        ------
        ValueError
            When one of them does not do what it did when the model was made, or two layers have one weight.
        """
        if not self.built:
            return
        self._require_own_weights(what)
        for node in self.graph.nodes:
            node.require_unchanged(what)
        for layer in self.graph.layers:
            for each in layer.with_parts():
                each.require_unchanged(what)

    def _require_own_weights(self, what: str) -> None:
        """Refuse layers that share weights by sharing a part: configs, in which each has its own, would part
        them. A ``from_config`` of the user's may know better."""
        if not is_own_module(type(self).from_config.__module__):
            return
        owners: dict[Parameter, str] = {}
        for layer in self.graph.layers:
            for parameter in layer.parameters:
                owner = owners.setdefault(parameter, layer.name)
                if owner != layer.name:
                    raise ValueError(
                        f"{what}: expected layers with weights of their own, got {owner!r} and "
                        f"{layer.name!r}, which share {parameter.path!r}: a config can't say that. "
                        "save_weights keeps them, pickle and copy.deepcopy the model"
                    )

    def refuse_unsavable(self) -> None:
        """Refuse at once what ``save`` would refuse; a ``save`` of the user's knows its own way.

        Raises
        ------
        TypeError
            When a class or function in it is a user's and is not registered.
        ValueError
            When layers share weights by sharing a part.
        """
        from hotloop.saving.registered import require_savable

        if type(self).save is Model.save:
            if self.built:
                self._require_own_weights("save")
            require_savable("save", self._file_config())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name!r}{'' if self.built else ' not built'}>"


MODELS: Family[Model] = Family("model", Model)
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
