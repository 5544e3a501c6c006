"""Gradients in fewer steps."""

from __future__ import annotations

import math

from hotloop.ir.elementwise.builder import Builder
from hotloop.ir.elementwise.code import Operand

# A selection between a value and 0: its condition, the value, and whether that is the first of the two.
_Branch = tuple[Operand, Operand, bool]


def _is_zero(operand: Operand) -> bool:
    return isinstance(operand, float) and operand == 0


class GradientBuilder(Builder):
    """Writes what comes after a selection into its branches, where the other branch has no gradient.

    A selection between a value and 0 is what a branch makes of a gradient; two of them, one for each branch,
    become one when they are added up. Factors whose product is 1, as in half a square, go, and signs move
    behind products, where a sum takes them up; a 0 may get another sign.
    """

    def _simpler(self, name: str, operands: tuple[Operand, ...]) -> Operand | None:
        simple = super()._simpler(name, operands)
        if simple is not None:
            return simple
        signed = self._sign_behind(name, operands)
        if signed is not None:
            return signed
        if name == "add":
            return self._sum_of_branches(*map(self._branch, operands))
        if name == "chain":
            left, right = map(self._scaled, operands)
            if left is not None and right is not None and left[1] * right[1] == 1:
                return self("chain", left[0], right[0])
        if name == "where" and _is_zero(operands[2]):
            return self._between(operands[0], operands[1])
        branch = self._branch(operands[0])
        constant = isinstance(operands[-1], float) and math.isfinite(operands[-1])
        if branch is None or not (name in ("negative", "chain") or (name == "multiply" and constant)):
            return None
        condition, value, first = branch
        inside = self(name, value, *operands[1:])
        return self("where", condition, *((inside, 0.0) if first else (0.0, inside)))

    def _between(self, outer: Operand, taken: Operand) -> Operand | None:
        """The gradient of a clipped value: clipping leaves it as it is, or it has none."""
        inner, first = self.step(taken), self.step(outer)
        second = None if inner is None else self.step(inner.operands[0])
        if inner is None or inner.name != "where" or first is None or second is None:
            return None
        bounds = {"greater_equal": "maximum", "less_equal": "minimum"}
        if {first.name, second.name} != set(bounds) or not _is_zero(inner.operands[2]):
            return None
        (value, one), (once, other) = first.operands, second.operands
        low, high = (one, other) if first.name == "greater_equal" else (other, one)
        if not (isinstance(low, float) and isinstance(high, float) and low <= high):
            return None
        if self(bounds[first.name], value, one) != once:
            return None
        clipped = self(bounds[second.name], once, other)
        return self("where", self("equal", clipped, value), inner.operands[1], 0.0)

    def _sign_behind(self, name: str, operands: tuple[Operand, ...]) -> Operand | None:
        bare = [self._negated(operand) for operand in operands]
        if name not in ("add", "chain", "multiply") or bare == [None, None]:
            return None
        left, right = (o if b is None else b for o, b in zip(operands, bare, strict=True))
        if name == "multiply" and isinstance(right, float):
            return self("multiply", left, -right)
        if None not in bare:
            made = self(name, left, right)
            return self("negative", made) if name == "add" else made
        if name == "add":
            return self("subtract", left, right) if bare[0] is None else self("subtract", right, left)
        return self("negative", self(name, left, right))

    def _negated(self, operand: Operand) -> Operand | None:
        step = self.step(operand)
        return step.operands[0] if step is not None and step.name == "negative" else None

    def _sum_of_branches(self, left: _Branch | None, right: _Branch | None) -> Operand | None:
        if left is None or right is None or left[0] != right[0] or left[2] == right[2]:
            return None
        taken, otherwise = (left, right) if left[2] else (right, left)
        return self("where", left[0], taken[1], otherwise[1])

    def _branch(self, operand: Operand) -> _Branch | None:
        step = self.step(operand)
        if step is None or step.name != "where":
            return None
        condition, taken, otherwise = step.operands
        if _is_zero(taken) == _is_zero(otherwise):
            return None
        return (condition, otherwise, False) if _is_zero(taken) else (condition, taken, True)

    def _scaled(self, operand: Operand) -> tuple[Operand, float] | None:
        step = self.step(operand)
        if step is None or step.name != "multiply" or not isinstance(step.operands[1], float):
            return None
        return step.operands[0], step.operands[1]
