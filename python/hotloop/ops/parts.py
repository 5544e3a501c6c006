"""The layers that a layer consists of: those among its attributes, and their places in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hotloop.graph.network import Network
from hotloop.ops.weighted import Weighted

# What every layer has; no part of a user's stands in it.
_OWN = frozenset({"_name", "_owner", "_adopted", "parameters", "nodes"})

_PLAIN = frozenset({int, float, bool, str, bytes, type(None)})


def network_of(value: Any) -> Network | None:
    """The network of a model; None of anything else."""
    network = getattr(value, "__dict__", {}).get("_network")
    return network if isinstance(network, Network) else None


def find_parts(layer: Weighted) -> dict[str, Any]:
    """The layers among a layer's attributes, in lists, tuples and dicts of them, however deep, and in models.

    Each stands there once, by the first attribute that leads to it, with the numbers and keys on the way. A
    layer that this one is a part of is none: children may know their parents.
    """
    return {key: part for key, part, _ in _walk(layer)}


def networks_within(layer: Any) -> list[Network]:
    """The networks of models among the attributes of a layer and of its parts."""
    walks = (_walk(each) for each in layer.with_parts())
    return list({network: None for walk in walks for *_, network in walk if network is not None})


def claim_parts(layer: Any) -> None:
    """Make parts that belong to nobody else this layer's, and give those that are its places in it."""
    for key, part, network in _walk(layer):
        if part._owner is None and _is_free(part, network):
            part._owner = layer
        if part._owner is layer:
            part._place(f"{layer.path}/{key}")


def _is_free(part: Any, network: Network | None) -> bool:
    """Whether no graph has calls of a layer, apart from that of the model that it came with."""
    own = set(network.graph.nodes) if part.nodes and network is not None and network.built else set()
    return all(node in own for node in part.nodes)


def _walk(layer: Any) -> Iterator[tuple[str, Any, Network | None]]:
    """Parts with their keys, and with the network of the model where they stand in one."""
    seen = {id(layer)}
    owner = layer._owner
    while owner is not None:
        seen.add(id(owner))
        owner = owner._owner
    keys: set[str] = set()
    waiting: list[tuple[str, Any, Network | None]]
    waiting = [(key, value, None) for key, value in reversed(vars(layer).items()) if key not in _OWN]
    while waiting:
        key, value, network = waiting.pop()
        if id(value) in seen:
            continue
        inside: Any = ()
        if isinstance(value, Weighted):
            seen.add(id(value))
            while key in keys:  # of attributes a_0 and a = [...]
                key += "_"
            keys.add(key)
            yield key, value, network
        elif isinstance(value, list | tuple | dict):
            inside = value.items() if isinstance(value, dict) else enumerate(value)
        elif (found := network_of(value)) is not None:
            inside, network = enumerate(found.layers), found
        if inside:
            seen.add(id(value))
            items = [(at, item) for at, item in inside if type(item) not in _PLAIN]
            waiting += [(f"{key}_{at}", item, network) for at, item in reversed(items)]
