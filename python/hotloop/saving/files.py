"""Models in files, from the model's side and from the file's: what is written, and who reads it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from hotloop.core import readers
from hotloop.core.custom_objects import CustomObjectScope
from hotloop.core.errors import bad_value
from hotloop.core.files import PathLike, may_wait, refuse_overwriting
from hotloop.graph.still import HasStore, still
from hotloop.saving.container import Container, read_container, write_container
from hotloop.saving.registered import as_in_files, require_savable

Contents = tuple[dict[str, Any], dict[str, Any]]  # a config and tensors
Model = TypeVar("Model", bound=HasStore)
Result = TypeVar("Result")


class Savable(HasStore, Protocol):
    """What :func:`save_model` asks of a model."""

    def file_contents(self, include_optimizer: bool) -> Contents:
        """The config and the tensors of the file; no step is made meanwhile."""


def save_model(
    model: Savable, path: PathLike, *, overwrite: bool = True, include_optimizer: bool = True
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
        For a class that is not hotloop's, of the model or of a layer, metric, optimizer or other part of it,
        and for a Python function in it, unless :func:`register_serializable` has them, or they are among the
        ``custom_objects`` that are given here, or were to what loaded the model: loading could not find them.
        ``save_weights`` takes all.
    OSError
        When the file can't be written.

    Examples
    --------
    >>> import os, tempfile
    >>> import hotloop as hl
    >>> model = hl.Sequential([hl.layers.Dense(2, input_shape=(3,))])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hl.saving.save_model(model, os.path.join(folder, "model"))
    ...     hl.load_model(os.path.join(folder, "model")).count_params()
    8
    """
    refuse_overwriting(path, overwrite)
    write_resting(model, path, "model", lambda resting: resting.file_contents(include_optimizer))


def write_resting(model: Model, path: PathLike, kind: str, contents: Callable[[Model], Contents]) -> None:
    """Write what ``contents`` says of a model between two steps; only a file's writing holds up the next."""
    with still(model) as resting:
        config, tensors = contents(resting)
        require_savable("save", config)
        config = as_in_files(config)
        if not may_wait(path):
            write_container(path, kind, config, tensors)
            return
        tensors = {name: tensor.copy() for name, tensor in tensors.items()}
    write_container(path, kind, config, tensors)


def load_model(
    filepath: PathLike, custom_objects: Mapping[str, Any] | None = None, compile: bool = True
) -> Any:
    """Read a model that ``save`` wrote, float or quantised.

    A compiled model comes back compiled, with the optimizer's state and its place in the epoch and in the
    pass over the rows: ``fit(..., initial_epoch=model.resume_epoch)`` goes on with the same bits as if it had
    never stopped, also from a file that a batch callback saved. Callbacks begin anew. The model computes on
    the default device (see :func:`hotloop.set_device`).

    Parameters
    ----------
    filepath : str, bytes or path-like
    custom_objects : dict of str to class or function, optional
        What the file names and is not registered in this process, see :func:`register_serializable`; by its
        name, with its package or without. The graph of a quantised model names nothing; what the model was
        compiled with may.
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
        When it is no hotloop model, truncated, altered, of a newer format, or names a class or function that
        is not known here.

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
    if container.kind not in readers:
        raise bad_value(
            f"load: {container.path!r}", "a saved model", f"a file of {container.kind!r}", "see load_weights"
        )
    with CustomObjectScope(custom_objects):
        return rebuilt(container, importlib.import_module(readers[container.kind]).read)


def rebuilt(container: Container, build: Callable[[Container], Result]) -> Result:
    """Whatever is wrong with a config that passed its digest comes out as one error with the path."""
    try:
        return build(container)
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
