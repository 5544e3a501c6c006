"""Weights alone in files, and in those of models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hotloop.core.errors import bad_value
from hotloop.core.files import PathLike, refuse_overwriting
from hotloop.graph.parameters import Parameter
from hotloop.graph.still import HasStore
from hotloop.saving.container import Container, read_container
from hotloop.saving.files import Contents, rebuilt, write_resting

Floats = npt.NDArray[np.float32]


class HasWeights(HasStore, Protocol):
    """A model, as far as weights go."""

    @property
    def weights(self) -> list[Parameter]:
        """In the order of the file."""

    def set_weights(self, weights: Sequence[npt.ArrayLike]) -> None:
        """Overwrite all of them."""


def save_weights(model: HasWeights, path: PathLike, *, overwrite: bool = True) -> None:
    """Write the weights alone; see :func:`load_weights`. The same as ``model.save_weights(path)``.

    Examples
    --------
    >>> import os, tempfile
    >>> import hotloop as hl
    >>> model = hl.Sequential([hl.layers.Dense(2, input_shape=(3,))])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hl.saving.save_weights(model, os.path.join(folder, "weights"))
    ...     os.listdir(folder)
    ['weights']
    """
    refuse_overwriting(path, overwrite)
    write_resting(model, path, "weights", _weights_alone)


def _weights_alone(model: HasWeights) -> Contents:
    return {"weights": [p.path for p in model.weights]}, weight_tensors(model)


def weight_tensors(model: HasWeights) -> dict[str, Any]:
    """The tensors by which a file holds a model's weights.

    Raises
    ------
    ValueError
        When two have one name: one of them would be lost.
    """
    tensors: dict[str, Any] = {}
    for p in model.weights:
        if f"weights/{p.path}" in tensors:
            mend = "give the layers other names"
            raise bad_value("save: weights", "a name of its own for each", f"two named {p.path!r}", mend)
        tensors[f"weights/{p.path}"] = p.numbers
    return tensors


def load_weights(model: HasWeights, path: PathLike) -> None:
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

    Examples
    --------
    >>> import os, tempfile
    >>> import hotloop as hl
    >>> one = hl.Sequential([hl.layers.Dense(2, input_shape=(3,))])
    >>> other = hl.Sequential([hl.layers.Dense(2, input_shape=(3,))])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hl.saving.save_weights(one, os.path.join(folder, "weights"))
    ...     hl.saving.load_weights(other, os.path.join(folder, "weights"))
    >>> bool((one.get_weights()[0] == other.get_weights()[0]).all())
    True
    """
    container = read_container(path)
    if container.kind not in ("weights", "model"):
        raise bad_value(f"load_weights: {container.path!r}", "weights or a model", f"a {container.kind!r}")
    arrays = rebuilt(container, weights_of)
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


def weights_of(container: Container) -> dict[str, Floats]:
    """The weights of a model's file, or of one of weights alone, by path and in order."""
    arrays = {str(name): container.tensors[f"weights/{name}"] for name in container.config["weights"]}
    for name, array in arrays.items():
        if array.dtype != np.float32:
            raise ValueError(f"weight {name!r} is {array.dtype}, not float32")
    return arrays
