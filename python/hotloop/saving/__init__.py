"""Saving and loading: everything that a model needs to predict, and to go on training where it stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hotloop.core.errors import bad_value
from hotloop.core.files import PathLike, may_wait, refuse_overwriting
from hotloop.feed.frames import checked_names
from hotloop.graph.given_weights import given_weights
from hotloop.graph.still import still
from hotloop.models import model_from_config
from hotloop.saving.container import Container, read_container, write_container
from hotloop.saving.known_classes import refuse_unknown_classes
from hotloop.training.state import restore_training, training_contents

if TYPE_CHECKING:
    from hotloop.compress import QuantizedModel
    from hotloop.models import Model

Contents = tuple[dict[str, Any], dict[str, Any]]  # a config and tensors
Floats = npt.NDArray[np.float32]


def save_model(
    model: Model, path: PathLike, *, overwrite: bool = True, include_optimizer: bool = True
) -> None:
    """Write a model into one file: architecture, weights and, when it is compiled, the training's state.

    The file is a safetensors file with a JSON config, a format version and a SHA-256 in its metadata. It is
    written beside `path` and renamed, so an existing file is replaced only by a complete one. It says nothing
    of the device: what was trained on one loads on another. While another thread trains the model, the file
    is of the moment between two of its steps. The same as ``model.save(path)``.

    Parameters
    ----------
    model : Model
    path : str, bytes or path-like
        A symbolic link stays, and what it points to is replaced.
    overwrite : bool
        Whether an existing file may be replaced.
    include_optimizer : bool
        Whether to save the optimizer's state; without it training starts anew from these weights.

    Raises
    ------
    FileExistsError
        When there is a file already and `overwrite` is False.
    TypeError
        For a model, or a layer, metric, optimizer or other part of it, of a class that is not hotloop's, and
        for a metric made of a Python function: loading could not find them. ``save_weights`` takes all.
    OSError
        When the file can't be written.
    """
    refuse_overwriting(path, overwrite)
    refuse_unknown_classes(model)
    _write(model, path, "model", lambda resting: _contents(resting, include_optimizer))


def _write(model: Model, path: PathLike, kind: str, contents: Callable[[Model], Contents]) -> None:
    """Write what ``contents`` says of a model between two steps; only a file's writing holds up the next."""
    with still(model) as resting:
        config, tensors = contents(resting)
        if not may_wait(path):
            write_container(path, kind, config, tensors)
            return
        tensors = {name: tensor.copy() for name, tensor in tensors.items()}
    write_container(path, kind, config, tensors)


def _contents(model: Model, include_optimizer: bool) -> Contents:
    """The config and the tensors of a model's file."""
    tensors = {f"weights/{p.path}": p.value for p in model.weights}
    config: dict[str, Any] = {
        "class_name": type(model).__name__,
        "config": model.get_config(),
        "weights": [p.path for p in model.weights],
        "compile": model.get_compile_config(),
        "feature_names": model._feature_names,
        "training": None,
    }
    if model.compiled and include_optimizer:
        config["training"], arrays = training_contents(model)
        tensors |= arrays
    return config, tensors


def load_model(filepath: PathLike, *, compile: bool = True) -> Model | QuantizedModel:
    """Read a model that ``save`` wrote, float or quantised.

    A compiled model comes back compiled, with the optimizer's state and its place in the epoch and in the
    pass over the rows: ``fit(..., initial_epoch=model.resume_epoch)`` goes on with the same bits as if it had
    never stopped, also from a file that a batch callback saved. Callbacks begin anew. The model computes on
    the default device (see :func:`hotloop.set_device`).

    Parameters
    ----------
    filepath : str, bytes or path-like
    compile : bool
        False leaves a compiled model uncompiled, without the optimizer's state.

    Returns
    -------
    Model or QuantizedModel
        Of the class that was saved.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is no hotloop model, truncated, altered, of an unknown class, or of a newer format.

    Examples
    --------
    >>> import os, tempfile
    >>> import hotloop as hl
    >>> model = hl.Sequential([hl.layers.Dense(2, input_shape=(3,))], name="small")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(os.path.join(folder, "small.hotloop"))
    ...     again = hl.load_model(os.path.join(folder, "small.hotloop"))
    >>> again.name, bool((again.get_weights()[0] == model.get_weights()[0]).all())
    ('small', True)
    """
    container = read_container(filepath)
    if not compile:
        container.config.update(compile=None, training=None)
    if container.kind == "quantized_model":
        from hotloop.saving.quantized_file import from_container

        frozen: QuantizedModel = _rebuilt(container, lambda: from_container(container))
        return frozen
    if container.kind != "model":
        raise bad_value(
            f"load: {container.path!r}", "a saved model", f"a file of {container.kind!r}", "see load_weights"
        )
    model: Model = _rebuilt(container, lambda: _model_of(container))
    return model


def save_weights(model: Model, path: PathLike, *, overwrite: bool = True) -> None:
    """Write the weights alone; see :func:`load_weights`. The same as ``model.save_weights(path)``."""
    refuse_overwriting(path, overwrite)
    _write(model, path, "weights", _weights_alone)


def _weights_alone(model: Model) -> Contents:
    """The config and the tensors of a file of weights."""
    return {"weights": [p.path for p in model.weights]}, {f"weights/{p.path}": p.value for p in model.weights}


def load_weights(model: Model, path: PathLike) -> None:
    """Read weights into a model, in order; nothing changes when one of them doesn't fit.

    Parameters
    ----------
    model : Model
    path : str, bytes or path-like
        Written by ``save_weights`` or ``save``. Layers may have other names, but not other shapes.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is no such file, truncated, altered, or made for another architecture.
    """
    container = read_container(path)
    if container.kind not in ("weights", "model"):
        raise bad_value(f"load_weights: {container.path!r}", "weights or a model", f"a {container.kind!r}")
    arrays = _rebuilt(container, lambda: _weights_of(container))
    parameters = model.weights
    if len(arrays) != len(parameters):
        raise bad_value(f"load_weights: {container.path!r}", f"{len(parameters)} weights", f"{len(arrays)}")
    for parameter, (name, array) in zip(parameters, arrays.items(), strict=True):
        if array.shape != parameter.shape:
            raise bad_value(
                f"load_weights: {container.path!r}: weight {name!r}",
                f"shape {parameter.shape}, as {parameter.path!r} has",
                f"{array.shape}",
            )
    model.set_weights(list(arrays.values()))


def _model_of(container: Container) -> Model:
    config = container.config
    arrays = _weights_of(container)
    with given_weights(arrays):
        model = model_from_config(config)
    if list(arrays) != [p.path for p in model.weights]:
        raise ValueError("its weights are not those of its architecture")
    if config.get("feature_names") is not None:
        shapes = [tensor.sample_shape for tensor in model.graph.inputs]
        model._feature_names = checked_names(config["feature_names"], shapes)
    if config["compile"] is not None:
        model.compile_from_config(config["compile"])
    if config["training"] is not None:
        restore_training(model, config["training"], container.tensors)
    return model


def _weights_of(container: Container) -> dict[str, Floats]:
    arrays = {str(name): container.tensors[f"weights/{name}"] for name in container.config["weights"]}
    for name, array in arrays.items():
        if array.dtype != np.float32:
            raise ValueError(f"weight {name!r} is {array.dtype}, not float32")
    return arrays


def _rebuilt(container: Container, build: Any) -> Any:
    """Whatever is wrong with a config that passed its digest comes out as one error with the path."""
    try:
        return build()
    except (
        AttributeError,
        IndexError,
        KeyError,
        OverflowError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise ValueError(f"load: {container.path!r} can't be rebuilt: {error}") from error
