"""What layers say of their calls: shapes as Keras shows them, with None for the batch."""

from __future__ import annotations

from typing import Any, ClassVar

from hotloop.graph.symbolic import Node, SymbolicTensor


class Called:
    """Base of layers: their first call.

    Attributes
    ----------
    nodes : list of Node
        Its calls on symbolic tensors.
    merges : bool
        Whether it takes several inputs.
    """

    nodes: list[Node]
    merges: ClassVar[bool]

    @property
    def _label(self) -> str:
        """How messages call it."""
        raise NotImplementedError

    @property
    def input(self) -> SymbolicTensor | list[SymbolicTensor]:
        """The input of its first call."""
        inputs = list(self._first_node.inputs)
        return inputs[0] if len(inputs) == 1 else inputs

    @property
    def output(self) -> SymbolicTensor:
        """The output of its first call."""
        return self._first_node.output

    @property
    def input_shape(self) -> Any:
        """Shape of its first call's input with None for the batch; a list for layers that merge."""
        shapes = [tensor.shape for tensor in self._first_node.inputs]
        return shapes if self.merges else (shapes[0] if shapes else self.output_shape)

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """Shape of its first call's output with None for the batch."""
        return self._first_node.output.shape

    @property
    def _first_node(self) -> Node:
        if not self.nodes:
            raise ValueError(f"{self._label} was never called; it has no input and output yet")
        return self.nodes[0]
