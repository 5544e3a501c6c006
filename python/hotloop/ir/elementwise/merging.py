"""Several codes as one: what a pass makes of elementwise ops that follow each other."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass

from hotloop.core.errors import bad_value
from hotloop.ir.elementwise.builder import Builder
from hotloop.ir.elementwise.code import Code, Operand
from hotloop.ir.elementwise.encoding import LIMITS


@dataclass(frozen=True)
class Bound:
    """A code with the values of a graph that are its inputs and outputs, whatever stands for them there."""

    code: Code
    inputs: tuple[Hashable, ...]
    outputs: tuple[Hashable, ...]

    def __post_init__(self) -> None:
        if len(self.inputs) != self.code.inputs or len(self.outputs) != len(self.code.outputs):
            raise bad_value(
                "code",
                f"{self.code.inputs} inputs and {len(self.code.outputs)} outputs",
                f"{len(self.inputs)} and {len(self.outputs)}",
            )


class Growing:
    """A code that takes in others, each in a time that depends on the other one alone, but for a count.

    Parameters
    ----------
    first : Bound

    Attributes
    ----------
    inputs : tuple
        The values that are read. Each is one input, however often it was one before; those that the simpler
        code has no more use for are left out.
    outputs : tuple
    steps : int
        How many there are.

    Examples
    --------
    >>> from hotloop.ir.elementwise import Code, Step
    >>> error = Bound(Code(2, (Step("subtract", (0, 1)),), (2,)), ("y", "truth"), ("error",))
    >>> loss = Bound(Code(1, (Step("square", (0,)),), (1,)), ("error",), ("loss",))
    >>> grown = Growing(error).taking(loss).bound()
    >>> print(grown.code, grown.inputs)
    square(x0 - x1) ('y', 'truth')
    """

    def __init__(self, first: Bound) -> None:
        self._set(Builder(LIMITS["inputs"]), {}, (), {}, first)

    def _set(
        self,
        build: Builder,
        known: dict[Hashable, Operand],
        names: tuple[Hashable, ...],
        kept: dict[Hashable, Operand],
        added: Bound,
    ) -> None:
        for name in added.inputs:
            if name not in known:
                known[name] = len(names)
                names = (*names, name)
        if len(names) > build.inputs:
            raise bad_value("elementwise", f"at most {build.inputs} inputs", len(names))
        values = build.include(added.code, [known[name] for name in added.inputs])
        made = [values[o] if isinstance(o, int) else o for o in added.code.outputs]
        outputs = kept | dict(zip(added.outputs, made, strict=True))
        needed = build.needed(outputs.values())
        self._build, self._known, self._names, self._made = build, known | outputs, names, outputs
        self._used = [number for number in range(len(names)) if number in needed]
        self.inputs = tuple(names[number] for number in self._used)
        self.outputs = tuple(outputs)
        self.steps = len(needed) - len(self._used)

    def taking(self, other: Bound, kept: Collection[Hashable] = ()) -> Growing:
        """Make one code of two; this one stays as it is, and may still take in another instead.

        Parameters
        ----------
        other : Bound
            Outputs of this one may be inputs of the other, never the other way round.
        kept : collection, optional
            Outputs of this one that something else needs too; the other's all stay.
        """
        if not set(other.outputs).isdisjoint(self._names):
            raise bad_value("taking", "a code of which nothing is read here", "one that is")
        both = Growing.__new__(Growing)
        left = {name: made for name, made in self._made.items() if name in kept}
        # The steps are shared: those that one of the two has no use for are left out of its code.
        both._set(self._build, dict(self._known), self._names, left, other)
        return both

    def bound(self) -> Bound:
        """Return what has become of it."""
        code = self._build.code(list(self._made.values()), self._used)
        return Bound(code, self.inputs, self.outputs)
