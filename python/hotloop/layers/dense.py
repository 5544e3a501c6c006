"""The fully connected layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hotloop import activations, initializers, regularizers
from hotloop.core.errors import bad_value, integer
from hotloop.core.serialization import serialize
from hotloop.graph.parameters import Parameter, Shape
from hotloop.graph.symbolic import Node
from hotloop.layers.activation import add_activation, mixes_rows, require_same_activation
from hotloop.ops.layer import LAYERS, Layer, as_shape

if TYPE_CHECKING:
    from hotloop.ir.graph import Attributes, Graph, Value


@LAYERS.register
class Dense(Layer):
    """``activation(x @ kernel + bias)`` over the last axis.

    Parameters
    ----------
    units : int
        Size of the output's last axis ("glu" halves it).
    activation : str, Activation, function or None
        See :mod:`hotloop.activations`.
    use_bias : bool
    kernel_initializer, bias_initializer : str or Initializer
    kernel_regularizer, bias_regularizer : str, Regularizer or None
    name, trainable, input_shape, input_dim
        See :class:`~hotloop.layers.Layer`.

    Attributes
    ----------
    kernel : Parameter
        Shape (inputs, units).
    bias : Parameter or None
        Shape (units,).

    Examples
    --------
    >>> import hotloop as hl
    >>> layer = hl.layers.Dense(3, activation="relu")
    >>> layer(hl.Input((5, 2))).shape
    (None, 5, 3)
    >>> layer.kernel.shape
    (2, 3)
    """

    gives_any_number = True

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = integer(f"{self._label}: units", units, at_least=1)
        as_shape(f"{self._label}: units", self.units)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)

    @property
    def kernel(self) -> Parameter:
        """Weights of shape (inputs, units)."""
        self._require_built()
        return self.parameters[0]

    @property
    def bias(self) -> Parameter | None:
        """Weights of shape (units,), or None without a bias."""
        self._require_built()
        return self.parameters[1] if self.use_bias else None

    def build(self, input_shape: Shape) -> None:
        weights = [
            self.make_weight(
                "kernel", (input_shape[-1], self.units), self.kernel_initializer, self.kernel_regularizer
            )
        ]
        if self.use_bias:
            weights.append(
                self.make_weight("bias", (self.units,), self.bias_initializer, self.bias_regularizer)
            )
        self.add_weights(*weights)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        if not input_shape:
            raise bad_value(
                f"{self._label}: input",
                "at least one axis beside the batch",
                "(None,)",
                "give Input the shape (1,)",
            )
        return (*input_shape[:-1], self.activation.output_units(self.units))

    def mixes_rows(self, output_shape: Shape) -> bool:
        return mixes_rows(self.activation, output_shape)

    def require_unchanged(self, what: str) -> None:
        require_same_activation(what, self, self.activation)

    def lower(self, graph: Graph, inputs: Sequence[Value], node: Node) -> Value:
        *others, last_axis = inputs[0].shape
        attributes: Attributes = {"units": self.units, "last_axis": last_axis}
        weights = {"kernel": self.kernel, "bias": self.bias}
        product = graph.add("dense", inputs, attributes, weights, shape=(*others, self.units))
        return add_activation(graph, self.activation, product)

    @classmethod
    def resized(cls, config: dict[str, Any], size: int) -> dict[str, Any]:
        return config | {"units": size}

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": serialize(self.kernel_initializer),
            "bias_initializer": serialize(self.bias_initializer),
            "kernel_regularizer": self.kernel_regularizer and serialize(self.kernel_regularizer),
            "bias_regularizer": self.bias_regularizer and serialize(self.bias_regularizer),
        }
