"""Batch normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hotloop import initializers, regularizers
from hotloop.core.errors import bad_value, integer, number
from hotloop.core.serialization import serialize
from hotloop.graph.parameters import Parameter, Shape
from hotloop.graph.symbolic import Node
from hotloop.ops.layer import LAYERS, Layer

if TYPE_CHECKING:
    from hotloop.ir.graph import Attributes, Graph, Value


@LAYERS.register
class BatchNormalization(Layer):
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta``, per feature of the last axis.

    Training uses the batch's mean and variance and moves the moving ones towards them by ``1 - momentum``;
    prediction, and training with ``trainable=False``, uses the moving ones. Ioffe and Szegedy, "Batch
    normalization" (ICML 2015). Training is right for numbers up to 1e35, although their squares do not fit a
    float32; the moving variance takes a variance beyond float32 for the largest one there is.

    Parameters
    ----------
    axis : int
        -1, the last axis; others are not there yet.
    momentum : float
        In [0, 1].
    epsilon : float
        Above 0.
    center, scale : bool
        Whether there is a beta, a gamma.
    beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer
        Strings or initialisers.
    beta_regularizer, gamma_regularizer : str, Regularizer or None
    name, trainable, input_shape, input_dim
        See :class:`~hotloop.layers.Layer`.

    Attributes
    ----------
    gamma, beta : Parameter or None
    moving_mean, moving_variance : Parameter

    Examples
    --------
    >>> import hotloop as hl
    >>> layer = hl.layers.BatchNormalization()
    >>> layer(hl.Input((8,))).shape
    (None, 8)
    >>> [weight.name for weight in layer.weights]
    ['gamma', 'beta', 'moving_mean', 'moving_variance']
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis = integer(f"{self._label}: axis", axis)
        self.momentum = number(f"{self._label}: momentum", momentum, at_least=0, at_most=1)
        self.epsilon = number(f"{self._label}: epsilon", epsilon, above=0)
        self.center = bool(center)
        self.scale = bool(scale)
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)

    @property
    def gamma(self) -> Parameter | None:
        """The factors, of shape (features,), or None without ``scale``."""
        self._require_built()
        return self.parameters[0] if self.scale else None

    @property
    def beta(self) -> Parameter | None:
        """The offsets, of shape (features,), or None without ``center``."""
        self._require_built()
        return self.parameters[int(self.scale)] if self.center else None

    @property
    def moving_mean(self) -> Parameter:
        """What prediction takes for the mean, of shape (features,)."""
        self._require_built()
        return self.parameters[-2]

    @property
    def moving_variance(self) -> Parameter:
        """What prediction takes for the variance, of shape (features,)."""
        self._require_built()
        return self.parameters[-1]

    def build(self, input_shape: Shape) -> None:
        shape = (input_shape[-1],)
        weights = []
        if self.scale:
            weights.append(self.make_weight("gamma", shape, self.gamma_initializer, self.gamma_regularizer))
        if self.center:
            weights.append(self.make_weight("beta", shape, self.beta_initializer, self.beta_regularizer))
        weights.append(self.make_weight("moving_mean", shape, self.moving_mean_initializer, trainable=False))
        weights.append(
            self.make_weight("moving_variance", shape, self.moving_variance_initializer, trainable=False)
        )
        self.add_weights(*weights)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        if not input_shape:
            raise bad_value(f"{self._label}: input", "at least one axis beside the batch", "(None,)")
        if self.axis not in (-1, len(input_shape)):
            raise bad_value(f"{self._label}: axis", f"-1 or {len(input_shape)}, the last axis", self.axis)
        return tuple(input_shape)

    def lower(self, graph: Graph, inputs: Sequence[Value], node: Node) -> Value:
        attributes: Attributes = {
            "last_axis": inputs[0].shape[-1],
            "momentum": self.momentum,
            "epsilon": self.epsilon,
        }
        weights = {
            "gamma": self.gamma,
            "beta": self.beta,
            "moving_mean": self.moving_mean,
            "moving_variance": self.moving_variance,
        }
        return graph.add("batch_norm", inputs, attributes, weights)

    def learn_as_in_inference(self) -> None:
        self.trainable = False  # else it takes the batch's statistics

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": serialize(self.beta_initializer),
            "gamma_initializer": serialize(self.gamma_initializer),
            "moving_mean_initializer": serialize(self.moving_mean_initializer),
            "moving_variance_initializer": serialize(self.moving_variance_initializer),
            "beta_regularizer": self.beta_regularizer and serialize(self.beta_regularizer),
            "gamma_regularizer": self.gamma_regularizer and serialize(self.gamma_regularizer),
        }
