"""What graphs, and what is made of them, know of a layer."""

from __future__ import annotations

from typing import Any, Protocol

from hotloop.graph.parameters import Parameter


class GraphLayer(Protocol):
    """A layer whose calls are nodes of a graph; its attributes are those of :class:`hotloop.layers.Layer`."""

    nodes: list[Any]
    parameters: list[Parameter]
    trainable: bool
    has_automatic_name: bool

    @property
    def only_reshapes(self) -> bool: ...

    @property
    def gives_any_number(self) -> bool: ...

    @property
    def name(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def automatic_prefix(self) -> str: ...

    @property
    def own_parameters(self) -> list[Parameter]: ...

    def with_parts(self) -> list[Any]: ...

    def learning_layers(self) -> list[Any]: ...

    @property
    def trainable_weights(self) -> list[Parameter]: ...

    @property
    def non_trainable_weights(self) -> list[Parameter]: ...

    def rename(self, name: str) -> None: ...

    def require_unchanged(self, what: str) -> None: ...

    def count_params(self) -> int: ...

    def get_config(self) -> dict[str, Any]: ...

    def lower(self, graph: Any, inputs: Any, node: Any) -> Any: ...

    def __call__(self, inputs: Any) -> Any: ...
