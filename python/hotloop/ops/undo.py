"""Layers as they were before a call of them, or the building of a model, went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from hotloop.core.own import is_hotloops
from hotloop.graph.network import Network
from hotloop.ops.kept import Kept
from hotloop.ops.parts import networks_within


class Undo:
    """What layers, their parts, and networks were like when it was made; calling it makes them so again.

    Parameters
    ----------
    layers : iterable of Layer
    networks : iterable of Network
        Beside those of models that are parts.
    """

    def __init__(self, layers: Iterable[Any], networks: Iterable[Network] = ()) -> None:
        self._kept = Kept()
        self._layers: list[Any] = []
        self._own: list[tuple[Any, Any, int]] = []  # layers of the package
        found = list(networks)
        for layer in layers:
            if is_hotloops(type(layer)):  # which change nothing else, and have no parts
                self._own.append((layer, layer._building, len(layer.nodes)))
                continue
            for each in layer.with_parts():
                self._layers.append(each)
                self._kept.look_at(each)
            found += networks_within(layer)
        for network in dict.fromkeys(found):
            self._kept.note(network, [name for name, value in vars(network).items() if type(value) is list])

    def __call__(self) -> None:
        """Undo."""
        for layer, building, calls in self._own:
            layer._building = building
            del layer.nodes[calls:]
        self._kept.restore()
        for layer in self._layers:
            for parameter in layer.own_parameters:
                parameter.layer_name = layer.path


@contextmanager
def undone_on_error(layers: Iterable[Any], networks: Iterable[Network] = ()) -> Iterator[None]:
    """Where the block raises, layers and networks are as they were before it."""
    undo = Undo(layers, networks)
    try:
        yield
    except BaseException:
        undo()
        raise
