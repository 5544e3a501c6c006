"""Activations as objects: they are given to layers, called on arrays, and configured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hotloop.core.custom_objects import function_of, missing, name_or_itself, named
from hotloop.core.errors import bad_type
from hotloop.graph.operand import FUNCTIONS, Operand, SymbolicOperand
from hotloop.ir.activation import ChosenActivation

Floats = npt.NDArray[np.float32]


class Activation(ChosenActivation):
    """An activation function with its parameters.

    Parameters
    ----------
    name : str
        One of ``hl.activations.NAMES``, or one of Keras's aliases.
    **parameters : float
        ``negative_slope`` of leaky_relu (0.2); ``alpha`` of elu and celu (1.0); ``threshold`` (0.5) of
        soft_shrink and hard_shrink; ``threshold`` and ``default_value`` of threshold (0.0); ``b`` of
        squareplus (4.0).

    Attributes
    ----------
    name : str
        The native kind.
    alpha, beta : float
        The native kernel's two numbers; 0 where the kind has none.
    rowwise : bool
        Whether it works along the last axis (softmax and its kin) and not elementwise.

    Raises
    ------
    ValueError
        For an unknown name or a parameter out of bounds.
    TypeError
        For a parameter that this kind does not have.

    Examples
    --------
    >>> Activation("leaky_relu", negative_slope=0.1).alpha
    0.1
    """

    choices: ClassVar[str] = "a name, one of hl.activations, a function, or None"

    def __call__(self, x: npt.ArrayLike, **parameters: float) -> Floats:
        """Apply it to an array, or to a symbolic tensor.

        Parameters
        ----------
        x : array_like or SymbolicTensor
            Any shape; the rowwise kinds work along the last axis. Computed in float32.
        **parameters : float
            As for :meth:`configured`.

        Returns
        -------
        ndarray of float32, or SymbolicTensor
            The shape of ``x`` (glu halves the last axis).
        """
        if parameters:
            return self.configured(**parameters)(x)
        if isinstance(x, SymbolicOperand):
            made: Floats = FUNCTIONS["activation"](self, x)
            return made
        from hotloop import kernels  # which a model's layers have no need of

        return kernels.activation(
            np.asarray(x, dtype=np.float32), self.name, alpha=self.alpha, beta=self.beta
        )


class FunctionActivation(Activation):
    """A Python function as an activation, written with :mod:`hotloop.ops`.

    Parameters
    ----------
    function : callable
        Takes a tensor and returns one of its shape. A layer calls it once, with a symbolic tensor: what it
        reads, such as an object's attributes, counts for that layer as it is then. A call on an array
        computes all of it in one go, and calls it once for each shape, and anew when its object's attributes
        changed.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.layers.Dense(3, activation=lambda x: x * hl.ops.sigmoid(x))(hl.Input((2,))).shape
    (None, 3)
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self.name = str(getattr(function, "__name__", type(function).__name__))
        self.alpha = self.beta = 0.0
        self.rowwise = True  # for all that is known of it; products apply kernels, not functions
        self._parameters = {}
        self.traces: dict[Any, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles: the function is called anew."""
        return {**vars(self), "traces": {}}

    def configured(self, **parameters: float) -> FunctionActivation:
        """Return this activation; it has no parameters.

        Raises
        ------
        TypeError
            For parameters.
        """
        if parameters:
            raise TypeError(f"activation {self.name!r}: a function has no parameters; write another one")
        return self

    def __call__(self, x: Any, **parameters: float) -> Any:
        """Apply it to an array, or to a symbolic tensor."""
        function = self.configured(**parameters).function
        return function(x) if isinstance(x, Operand) else FUNCTIONS["at_once"](function, x)

    def output_units(self, units: int) -> int:
        """How wide the last axis is behind it: as before."""
        return units

    def get_config(self) -> dict[str, Any]:
        """The function's registered name, or the function itself."""
        return {"function": name_or_itself(self.function)}


def get(identifier: Any) -> Activation:
    """Resolve what a layer's ``activation=`` may be.

    Parameters
    ----------
    identifier : None, str, dict, Activation or function
        None is linear; a dict is :func:`serialize`'s; a Python function is written with :mod:`hotloop.ops`,
        and may be given by the name that it is registered by.

    Raises
    ------
    ValueError
        For an unknown name; the nearest known one is named.
    TypeError
        For anything else.

    Examples
    --------
    >>> get("swish").name
    'silu'
    """
    identifier = named(identifier)
    if isinstance(identifier, FunctionActivation):
        return FunctionActivation(identifier.function)  # a layer has traces of its own
    if isinstance(identifier, dict) and "function" in identifier:
        return FunctionActivation(function_of("activation: function", identifier["function"]))
    if isinstance(identifier, str) and ">" in identifier:
        raise missing("activation", identifier, ())
    if hasattr(identifier, "with_parts"):
        mend = "call that layer on what this one makes, or give the function that it applies"
        raise bad_type("activation", "a name or a function", identifier, f"layers are none: {mend}")
    if callable(identifier) and not isinstance(identifier, Activation | type):
        return FunctionActivation(identifier)
    return Activation.of(identifier)


def serialize(activation: Activation) -> str | dict[str, Any]:
    """Return the bare name where the parameters are the defaults, else the whole config.

    Examples
    --------
    >>> from hotloop.activations import leaky_relu, relu
    >>> serialize(relu), serialize(leaky_relu.configured(negative_slope=0.5))
    ('relu', {'name': 'leaky_relu', 'negative_slope': 0.5})
    """
    if isinstance(activation, FunctionActivation):
        return activation.get_config()
    is_default = activation == Activation(activation.name)
    return activation.name if is_default else activation.get_config()
