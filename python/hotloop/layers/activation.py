"""Activation functions as layers of their own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from hotloop import activations
from hotloop.activations import Activation as Function
from hotloop.activations.activation import FunctionActivation
from hotloop.core.errors import bad_value, number
from hotloop.graph.parameters import Shape
from hotloop.graph.symbolic import Node
from hotloop.ops.layer import LAYERS, Layer

if TYPE_CHECKING:
    from hotloop.ir.graph import Attributes, Graph, Value
    from hotloop.ops.trace import Subgraph


def add_activation(graph: Graph, function: Function, value: Value) -> Value:
    """Append an activation; linear is none."""
    if isinstance(function, FunctionActivation):
        return _traced(function, value.shape, value.batched).lower(graph, [value])[0]
    if function.name == "linear":
        return value
    *others, last_axis = value.shape or (1,)
    attributes: Attributes = {
        "kind": function.name,
        "alpha": function.alpha,
        "beta": function.beta,
        "last_axis": last_axis,
    }
    shape = (*others, function.output_units(last_axis)) if value.shape else ()
    return graph.add("activation", [value], attributes, shape=shape)


def mixes_rows(function: Function, shape: Shape) -> bool:
    """Whether a row of what an activation makes of a batch depends on other rows."""
    return isinstance(function, FunctionActivation) and _traced(function, shape).outputs[0].mixes_rows


def _traced(function: FunctionActivation, shape: Shape, batched: bool = True) -> Subgraph:
    """What a function does with a tensor; it is called once for a shape.

    Raises
    ------
    TypeError, ValueError
        When it can't be traced, changes the shape, has weights, or keeps something.
    """
    known: dict[Any, Subgraph] = function.traces
    if (shape, batched) not in known:
        known[shape, batched] = _trace(function, shape, batched)
    return known[shape, batched]


def require_same_activation(what: str, layer: Layer, function: Function) -> None:
    """Refuse an activation of a user's that does something else by now than in the model that has it."""
    if not isinstance(function, FunctionActivation):
        return
    from hotloop.ops.unchanged import require_unchanged

    label = f"activation {function.name!r} of layer {layer.name!r}"
    for (shape, batched), subgraph in function.traces.items():
        require_unchanged(what, label, subgraph, partial(_trace, function, shape, batched))


def _trace(function: FunctionActivation, shape: Shape, batched: bool) -> Subgraph:
    from hotloop.ops.kept import keeping_nothing
    from hotloop.ops.trace import trace
    from hotloop.ops.types import Spec

    what = f"activation {function.name!r}"
    with keeping_nothing(what, function.function):
        found = trace(function.function, [Spec((None, *shape) if batched else shape)], what)
    (given,), (made,) = found.inputs, found.outputs
    if made.shape != given.shape or made.dtype != "float32":
        expected = f"a float32 tensor of shape {given.shape}"
        raise bad_value(f"{what}: result", expected, f"{made.dtype} of shape {made.shape}")
    if found.parameters:
        mend = "a subclass of hotloop.layers.Layer has weights"
        raise bad_value(what, "a function of its argument alone", found.parameters[0], mend)
    return found


@LAYERS.register
class Activation(Layer):
    """Apply an activation function.

    Parameters
    ----------
    activation : str, Activation or function
        See :mod:`hotloop.activations`.
    name, trainable, input_shape, input_dim
        See :class:`~hotloop.layers.Layer`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.layers.Activation("tanh")(hl.Input((3,))).shape
    (None, 3)
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        if not input_shape:
            return ()
        return (*input_shape[:-1], self.activation.output_units(input_shape[-1]))

    def mixes_rows(self, output_shape: Shape) -> bool:
        return mixes_rows(self.activation, output_shape)

    def require_unchanged(self, what: str) -> None:
        require_same_activation(what, self, self.activation)

    def lower(self, graph: Graph, inputs: Sequence[Value], node: Node) -> Value:
        return add_activation(graph, self.activation, inputs[0])

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"activation": activations.serialize(self.activation)}


class _FixedActivation(Activation):
    """An activation whose arguments are the layer's own."""

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["activation"]
        return config


@LAYERS.register
class ReLU(_FixedActivation):
    """``max(x, 0)``, or with the given slope below zero; ``max_value=6`` gives relu6.

    Parameters
    ----------
    max_value : float, optional
        None or 6.
    negative_slope : float
        At least 0; 0 where ``max_value`` is set.
    name, trainable, input_shape, input_dim
        See :class:`~hotloop.layers.Layer`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.Sequential([hl.layers.ReLU(max_value=6, input_shape=(2,))]).predict([[-1, 9]])
    array([[0., 6.]], dtype=float32)
    """

    def __init__(self, max_value: float | None = None, negative_slope: float = 0.0, **kwargs: Any) -> None:
        slope = number("ReLU: negative_slope", negative_slope, at_least=0)
        if max_value is not None and (max_value != 6 or slope):
            got = f"max_value={max_value!r}, negative_slope={slope:g}"
            raise bad_value("ReLU", "max_value None, or 6 with a negative_slope of 0", got)
        if max_value is not None:
            function = activations.relu6
        elif slope:
            function = activations.leaky_relu.configured(negative_slope=slope)
        else:
            function = activations.relu
        super().__init__(function, **kwargs)
        self.max_value = max_value
        self.negative_slope = slope

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"max_value": self.max_value, "negative_slope": self.negative_slope}


@LAYERS.register
class LeakyReLU(_FixedActivation):
    """``x`` above zero, ``negative_slope * x`` below.

    Parameters
    ----------
    negative_slope : float
        0.3, as Keras's layer has it (its activation string has 0.2).
    name, trainable, input_shape, input_dim
        See :class:`~hotloop.layers.Layer`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.Sequential([hl.layers.LeakyReLU(0.5, input_shape=(2,))]).predict([[-1, 2]])
    array([[-0.5,  2. ]], dtype=float32)
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        self.negative_slope = number("LeakyReLU: negative_slope", negative_slope, at_least=0)
        super().__init__(activations.leaky_relu.configured(negative_slope=self.negative_slope), **kwargs)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"negative_slope": self.negative_slope}


@LAYERS.register
class ELU(_FixedActivation):
    """``x`` above zero, ``alpha * (exp(x) - 1)`` below.

    Parameters
    ----------
    alpha : float
    name, trainable, input_shape, input_dim
        See :class:`~hotloop.layers.Layer`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.Sequential([hl.layers.ELU(input_shape=(2,))]).predict([[0, 2]])
    array([[0., 2.]], dtype=float32)
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        self.alpha = number("ELU: alpha", alpha)
        super().__init__(activations.elu.configured(alpha=self.alpha), **kwargs)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"alpha": self.alpha}


@LAYERS.register
class Softmax(_FixedActivation):
    """``exp(x) / sum(exp(x))`` along the last axis.

    Parameters
    ----------
    axis : int
        -1, the last axis; others are not there yet.
    name, trainable, input_shape, input_dim
        See :class:`~hotloop.layers.Layer`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.Sequential([hl.layers.Softmax(input_shape=(2,))]).predict([[1, 1]])
    array([[0.5, 0.5]], dtype=float32)
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        if axis != -1:
            raise bad_value(
                "Softmax: axis", "-1, the last axis", axis, "move that axis to the end by Reshape"
            )
        super().__init__(activations.softmax, **kwargs)
        self.axis = axis

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"axis": self.axis}
