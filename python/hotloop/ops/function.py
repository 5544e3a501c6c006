"""Functions that make ops of symbolic tensors and compute at once on arrays and numbers."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

from hotloop.core.custom_objects import register_serializable
from hotloop.graph.operand import FUNCTIONS
from hotloop.graph.parameters import Parameter
from hotloop.graph.symbolic import SymbolicTensor
from hotloop.graph.tracing import is_tracing

Tensor = Any  # a symbolic tensor, an array, a weight or a number
Tensors = Any  # a sequence of these

F = TypeVar("F", bound=Callable[..., Any])


def function(body: F) -> F:
    """Make a function of this room of what it does with symbolic tensors.

    Of numbers and arrays it makes a program, by calling ``body`` with symbolic tensors of their shapes, and
    runs that. Parameters annotated as ``Tensor`` or ``Tensors``
    are what may be symbolic.
    """
    signature = inspect.signature(body)
    kinds = {name: str(parameter.annotation) for name, parameter in signature.parameters.items()}
    single = frozenset(name for name, kind in kinds.items() if kind == "Tensor")
    lists = frozenset(name for name, kind in kinds.items() if kind == "Tensors")

    def bind(args: Any, kwargs: Any) -> inspect.BoundArguments:
        try:
            return signature.bind(*args, **kwargs)
        except TypeError as error:
            takes = [str(one.replace(annotation=one.empty)) for one in signature.parameters.values()]
            name = body.__name__
            raise TypeError(f"{name}: {error}; it takes {name}({', '.join(takes)})") from None

    @functools.wraps(body)
    def call(*args: Any, **kwargs: Any) -> Any:
        if has_symbolic(args) or has_symbolic(kwargs.values()):
            try:
                return body(*args, **kwargs)
            except TypeError:
                bind(args, kwargs)
                raise
        from hotloop.ops import eager

        bound = bind(args, kwargs)
        bound.apply_defaults()
        return eager.compute(body, bound.arguments, single, lists)

    FUNCTIONS[body.__name__] = call
    return cast(F, register_serializable("hotloop.ops")(call))


def has_symbolic(values: Any) -> bool:
    """Whether any of some arguments, or of those in a list, is symbolic."""
    for value in values:
        if isinstance(value, SymbolicTensor):
            return True
        if isinstance(value, list | tuple):
            if has_symbolic(value):
                return True
        elif isinstance(value, Parameter) and is_tracing():
            return True
    return False
