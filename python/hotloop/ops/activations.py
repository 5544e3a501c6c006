"""Activation functions; those that have a native kernel use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hotloop import activations
from hotloop.core.errors import bad_value
from hotloop.graph.operand import FUNCTIONS
from hotloop.ops.arithmetic import subtract
from hotloop.ops.exponentials import exp
from hotloop.ops.function import Tensor, function
from hotloop.ops.operands import operand, spec
from hotloop.ops.operation import record
from hotloop.ops.shapes import some_axes
from hotloop.ops.statistics import logsumexp
from hotloop.ops.types import Spec


def native(kind: str, x: Any, **parameters: float) -> Any:
    """Record one of hotloop's own activations."""
    return apply(activations.Activation(kind, **parameters), x)


def apply(activation: activations.Activation, x: Any) -> Any:
    """Record an activation object's call."""
    kind, alpha, beta = activation.name, activation.alpha, activation.beta
    return record("activation", [operand(kind, x)], kind=kind, alpha=alpha, beta=beta)


def at_once(function: Callable[[Any], Any], x: Any) -> Any:
    """Call a function of one tensor on an array."""
    from hotloop.ops import eager

    return eager.at_once(function, x)


FUNCTIONS["activation"] = apply
FUNCTIONS["at_once"] = at_once


@function
def relu(x: Tensor) -> Any:
    """``max(x, 0)``, with a gradient of 0 at 0.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.relu([-1.0, 2.0])
    array([0., 2.], dtype=float32)
    """
    return native("relu", x)


@function
def relu6(x: Tensor) -> Any:
    """``min(max(x, 0), 6)``.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.relu6([-1.0, 2.0, 9.0])
    array([0., 2., 6.], dtype=float32)
    """
    return native("relu6", x)


@function
def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Any:
    """``x`` above zero, ``negative_slope * x`` below.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.leaky_relu([-1.0, 2.0])
    array([-0.2,  2. ], dtype=float32)
    """
    return native("leaky_relu", x, negative_slope=negative_slope)


@function
def elu(x: Tensor, alpha: float = 1.0) -> Any:
    """``x`` above zero, ``alpha * (exp(x) - 1)`` below.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.elu([-1.0, 2.0])
    array([-0.63212055,  2.        ], dtype=float32)
    """
    return native("elu", x, alpha=alpha)


@function
def selu(x: Tensor) -> Any:
    """:func:`elu` scaled so that means and variances stay from layer to layer (Klambauer et al. 2017).

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.selu([0.0, 1.0])
    array([0.      , 1.050701], dtype=float32)
    """
    return native("selu", x)


@function
def sigmoid(x: Tensor) -> Any:
    """``1 / (1 + exp(-x))``.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.sigmoid([0.0, 100.0])
    array([0.5, 1. ], dtype=float32)
    """
    return native("sigmoid", x)


@function
def log_sigmoid(x: Tensor) -> Any:
    """``log(sigmoid(x))``, exact for large negative numbers.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.log_sigmoid([0.0, -1000.0])
    array([-6.931472e-01, -1.000000e+03], dtype=float32)
    """
    return native("log_sigmoid", x)


@function
def hard_sigmoid(x: Tensor) -> Any:
    """``x / 6 + 1 / 2``, at least 0 and at most 1.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.hard_sigmoid([-4.0, 0.0, 4.0])
    array([0. , 0.5, 1. ], dtype=float32)
    """
    return native("hard_sigmoid", x)


@function
def tanh(x: Tensor) -> Any:
    """The hyperbolic tangent.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.tanh([0.0, 100.0])
    array([0., 1.], dtype=float32)
    """
    return native("tanh", x)


@function
def softplus(x: Tensor) -> Any:
    """``log(1 + exp(x))``, without overflow.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.softplus([0.0, 1000.0])
    array([6.931472e-01, 1.000000e+03], dtype=float32)
    """
    return native("softplus", x)


@function
def softsign(x: Tensor) -> Any:
    """``x / (1 + |x|)``.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.softsign([-1.0, 3.0])
    array([-0.5 ,  0.75], dtype=float32)
    """
    return native("softsign", x)


@function
def silu(x: Tensor) -> Any:
    """``x * sigmoid(x)``.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.silu([0.0, 100.0])
    array([  0., 100.], dtype=float32)
    """
    return native("silu", x)


@function
def swish(x: Tensor) -> Any:
    """The same as :func:`silu`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.swish([0.0, 100.0])
    array([  0., 100.], dtype=float32)
    """
    return native("silu", x)


@function
def mish(x: Tensor) -> Any:
    """``x * tanh(softplus(x))``.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.mish([0.0, 100.0])
    array([  0., 100.], dtype=float32)
    """
    return native("mish", x)


@function
def gelu(x: Tensor, approximate: bool = True) -> Any:
    """``x`` times the normal distribution's share below it (Hendrycks and Gimpel 2016).

    Parameters
    ----------
    x : tensor or array
    approximate : bool
        Whether by their formula with tanh, Keras's default here, or by erf.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.gelu([0.0, 100.0], approximate=False)
    array([  0., 100.], dtype=float32)
    """
    return native("gelu_tanh" if approximate else "gelu", x)


@function
def softmax(x: Tensor, axis: int | tuple[int, ...] = -1) -> Any:
    """``exp(x) / sum(exp(x))`` over one axis or several.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.softmax([[1.0, 1.0], [-1000.0, 0.0]])
    array([[0.5, 0.5],
           [0. , 1. ]], dtype=float32)
    """
    if _is_last("softmax", x, axis):
        return native("softmax", x)
    return exp(log_softmax(x, axis))


@function
def log_softmax(x: Tensor, axis: int | tuple[int, ...] = -1) -> Any:
    """The logarithm of :func:`softmax`, exact for small shares.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.ops.log_softmax([1000.0, 0.0])
    array([    0., -1000.], dtype=float32)
    """
    if _is_last("log_softmax", x, axis):
        return native("log_softmax", x)
    return subtract(x, logsumexp(x, axis, keepdims=True))


def _is_last(what: str, x: Any, axis: Any) -> bool:
    """Whether the axes are the last axis of a row, which the native kernels take."""
    one = spec(operand(what, x))
    if not isinstance(one, Spec) or not one.shape:
        raise bad_value(what, "an axis at least", "a single number")
    rank = len(one.shape)
    return some_axes(what, axis, rank) == (rank - 1,) and one.shape[-1] is not None
