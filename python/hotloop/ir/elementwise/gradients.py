"""The gradient of a code: another code of the same instructions, which computes again what it needs.

What a branch that was not taken would have given never comes through: products with a derivative are made by
``chain``, which is 0 where the gradient that comes in is. Where two operands of ``minimum`` and ``maximum``
are equal the first has the gradient; ``abs`` has none at 0; ``sign``, ``floor``, comparisons and the like
have none anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from hotloop.core.errors import bad_value
from hotloop.ir.elementwise.builder import Builder
from hotloop.ir.elementwise.code import Code, Operand, Step
from hotloop.ir.elementwise.gradient_builder import GradientBuilder

# Of a step's operands: what each gets of g, the gradient of what the step made, y. None is no gradient.
Rule = Callable[..., Sequence[Operand | None]]


def _through(derivative: Callable[..., Operand]) -> Rule:
    """The rule of an instruction of one operand whose derivative this is."""

    def rule(build: Builder, g: Operand, y: Operand, a: Operand) -> Sequence[Operand | None]:
        return (build("chain", g, derivative(build, y, a)),)

    return rule


def _power(build: Builder, g: Operand, y: Operand, a: Operand, b: Operand) -> Sequence[Operand | None]:
    # At an exponent of 0 the power before it may be infinite, and at a base of 0 the logarithm is.
    one_less = build("multiply", b, build("power", a, build("subtract", b, 1.0)))
    still = build("logical_and", build("equal", a, 0.0), build("greater_equal", b, 0.0))
    of_base = build("where", build("equal", b, 0.0), 0.0, one_less)
    of_exponent = build("where", still, 0.0, build("multiply", y, build("log", a)))
    return build("chain", g, of_base), build("chain", g, of_exponent)


def _first_of(compare: str) -> Rule:
    """The gradient goes to the first operand where this holds, else to the second."""

    def rule(build: Builder, g: Operand, y: Operand, a: Operand, b: Operand) -> Sequence[Operand | None]:
        first = build(compare, a, b)
        return build("where", first, g, 0.0), build("where", first, 0.0, g)

    return rule


def _product(build: Builder, g: Operand, y: Operand, a: Operand, b: Operand) -> Sequence[Operand | None]:
    return build("chain", g, b), build("chain", g, a)


def _quotient(build: Builder, g: Operand, y: Operand, a: Operand, b: Operand) -> Sequence[Operand | None]:
    of_divisor = build("negative", build("divide", y, b))
    return build("chain", g, build("reciprocal", b)), build("chain", g, of_divisor)


def _where(
    build: Builder, g: Operand, y: Operand, a: Operand, b: Operand, c: Operand
) -> Sequence[Operand | None]:
    return None, build("where", a, g, 0.0), build("where", a, 0.0, g)


def _cube(build: Builder, x: Operand) -> Operand:
    return build("multiply", build("square", x), x)


RULES: dict[str, Rule] = {
    "copy": lambda build, g, y, a: (g,),
    "negative": lambda build, g, y, a: (build("negative", g),),
    "abs": _through(lambda build, y, a: build("sign", a)),
    "square": _through(lambda build, y, a: build("multiply", a, 2.0)),
    "sqrt": _through(lambda build, y, a: build("divide", 0.5, y)),
    "rsqrt": _through(lambda build, y, a: build("multiply", _cube(build, y), -0.5)),
    "reciprocal": _through(lambda build, y, a: build("negative", build("square", y))),
    "exp": _through(lambda build, y, a: y),
    "expm1": _through(lambda build, y, a: build("exp", a)),
    "log": _through(lambda build, y, a: build("reciprocal", a)),
    "log1p": _through(lambda build, y, a: build("reciprocal", build("add", a, 1.0))),
    "erf": _through(
        lambda build, y, a: build(
            "multiply", build("exp", build("negative", build("square", a))), 2 / math.sqrt(math.pi)
        )
    ),
    "sin": _through(lambda build, y, a: build("cos", a)),
    "cos": _through(lambda build, y, a: build("negative", build("sin", a))),
    # As the native activations have them, so that one may stand for the other.
    "tanh": _through(lambda build, y, a: build("fma", build("negative", y), y, 1.0)),
    "sigmoid": _through(lambda build, y, a: build("multiply", y, build("subtract", 1.0, y))),
    "softplus": _through(lambda build, y, a: build("negative", build("expm1", build("negative", y)))),
    "add": lambda build, g, y, a, b: (g, g),
    "subtract": lambda build, g, y, a, b: (g, build("negative", g)),
    "multiply": _product,
    "divide": _quotient,
    "power": _power,
    "mod": lambda build, g, y, a, b: (
        g,
        build("negative", build("chain", g, build("floor_divide", a, b))),
    ),
    "minimum": _first_of("less_equal"),
    "maximum": _first_of("greater_equal"),
    "chain": _product,
    "fma": lambda build, g, y, a, b, c: (*_product(build, g, y, a, b), g),
    "where": _where,
}
# Those without a rule are flat where they have a derivative at all, and so is this operand.
_CONDITION = "where", 0


def blocked_by(code: Code, which: int) -> str:
    """The first instruction that keeps the gradient of a code's outputs from one of its inputs, on all ways.

    Empty where one way is open. An input that nothing reads, and that stands for its shape alone, gives the
    name of the functions that do so, full_like.

    Examples
    --------
    >>> from hotloop.ir.elementwise import Code, Step
    >>> blocked_by(Code(1, (Step("exp", (0,)), Step("floor", (1,))), (2,)), 0)
    'floor'
    """
    found = ""
    having: set[Operand] = {which}
    for made, step in enumerate(code.steps, code.inputs):
        read = [at for at, o in enumerate(step.operands) if isinstance(o, int) and o in having]
        if step.name in RULES and any((step.name, at) != _CONDITION for at in read):
            having.add(made)
        elif read:
            found = found or step.name
    open_way = any(isinstance(output, int) and output in having for output in code.outputs)
    return "" if open_way else found or "full_like"


def gradient(code: Code, wanted: Sequence[int]) -> Code:
    """Make the code of the gradients of a code.

    Parameters
    ----------
    code : Code
    wanted : sequence of int
        The inputs whose gradients are made.

    Returns
    -------
    Code
        Its inputs are those of ``code`` and then the gradient of each of its outputs; its outputs are the
        gradients of the wanted inputs, 0 where an output does not depend on one.

    Raises
    ------
    ValueError
        When one that is wanted is no input.

    Examples
    --------
    >>> from hotloop.ir.elementwise import Code, Step
    >>> print(gradient(Code(1, (Step("exp", (0,)),), (1,)), [0]))
    chain(x1, exp(x0))
    """
    for which in wanted:
        if isinstance(which, bool) or not isinstance(which, int) or not 0 <= which < code.inputs:
            raise bad_value("gradient: wanted", f"inputs from 0 to {code.inputs - 1}", which)
    # Branches that are not merged in the end make the one of them the longer code.
    builders = (GradientBuilder, Builder)
    return min((_gradient(code, wanted, each) for each in builders), key=lambda made: len(made.steps))


def with_slope(code: Code, which: int) -> tuple[Code, Code]:
    """Make what of the gradient has to do with the inputs along with the output of a code.

    Parameters
    ----------
    code : Code
        Of one output.
    which : int
        The input whose gradient is wanted.

    Returns
    -------
    code : Code
        The same with a second output, the derivative.
    gradient : Code
        Its inputs are those of ``code``, the gradient of the output, and the derivative.

    Examples
    --------
    >>> from hotloop.ir.elementwise import Code, Step
    >>> for each in with_slope(Code(1, (Step("sin", (0,)),), (1,)), 0):
    ...     print(each)
    sin(x0), cos(x0)
    chain(x1, x2)
    """
    build = Builder(code.inputs)
    values = build.include(code, range(code.inputs))
    (output,) = (values[o] if isinstance(o, int) else o for o in code.outputs)
    backward = gradient(code, [which])
    slopes = build.include(backward, [*range(code.inputs), 1.0])
    (slope,) = (slopes[o] if isinstance(o, int) else o for o in backward.outputs)
    handed = Code(code.inputs + 2, (Step("chain", (code.inputs, code.inputs + 1)),), (code.inputs + 2,))
    return build.code([output, slope]), handed


def _gradient(code: Code, wanted: Sequence[int], builder: type[Builder]) -> Code:
    build = builder(code.inputs + len(code.outputs))
    values = build.include(code, range(code.inputs))
    # By value of the code, not by what the builder made of it: two of them may be one there.
    found: dict[int, Operand] = {}

    def add(value: Operand, part: Operand | None) -> None:
        if isinstance(value, int) and part is not None:
            found[value] = build("add", found[value], part) if value in found else part

    for number, output in enumerate(code.outputs):
        add(output, code.inputs + number)
    needed = _depending(code, set(wanted))
    for place in range(len(code.steps) - 1, -1, -1):
        step, made = code.steps[place], code.inputs + place
        if made not in found or made not in needed or step.name not in RULES:
            continue
        operands = [values[o] if isinstance(o, int) else o for o in step.operands]
        parts = RULES[step.name](build, found[made], values[made], *operands)
        for operand, part in zip(step.operands, parts, strict=True):
            if isinstance(operand, int) and operand in needed:
                add(operand, part)
    return build.code([found.get(which, 0.0) for which in wanted])


def _depending(code: Code, wanted: set[int]) -> set[Operand]:
    """The values that are made of these inputs, and they."""
    depending: set[Operand] = set(wanted)
    for place, step in enumerate(code.steps):
        if any(isinstance(o, int) and o in depending for o in step.operands):
            depending.add(code.inputs + place)
    return depending
