"""Activations as codes of the same numbers, forward and backward."""

from __future__ import annotations

from hotloop.ir.elementwise.code import Code, Step


def _steps(*steps: Step) -> Code:
    """A code of one input, whose result is that of the last step."""
    return Code(1, steps, (len(steps),))


_CODES = {
    "exponential": _steps(Step("exp", (0,))),
    "log_sigmoid": _steps(Step("negative", (0,)), Step("softplus", (1,)), Step("negative", (2,))),
    "relu": _steps(Step("maximum", (0.0, 0))),
    "sigmoid": _steps(Step("sigmoid", (0,))),
    "softplus": _steps(Step("softplus", (0,))),
    "tanh": _steps(Step("tanh", (0,))),
}


def activation_code(kind: str) -> Code | None:
    """The code of an activation; None where the native kernel does something else than instructions would.

    Examples
    --------
    >>> print(activation_code("log_sigmoid"))
    -softplus(-x0)
    """
    return _CODES.get(kind)
