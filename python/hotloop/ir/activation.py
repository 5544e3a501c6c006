"""Which activations there are, as the native half lists them, and one of them with its numbers."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from hotloop import _native
from hotloop.core import errors

Self = TypeVar("Self", bound="ChosenActivation")


@dataclass(frozen=True)
class ActivationKind:
    """One kind of activation.

    Attributes
    ----------
    name : str
    other_name : str
        One of Keras's names for it, or "".
    rowwise : bool
        Whether it works along the last axis (softmax and its kin) and not elementwise.
    numbers : dict of str to (float, str)
        Its parameters in the order (alpha, beta): what each usually is, and what it may be: "any", "not 0" or
        "at least 0".
    """

    name: str
    other_name: str
    rowwise: bool
    numbers: dict[str, tuple[float, str]]


KINDS = {
    name: ActivationKind(name, other_name, rowwise, {key: (usual, limit) for key, usual, limit in numbers})
    for name, other_name, rowwise, numbers in _native.activation_kinds()
}
NAMES = tuple(sorted(KINDS))
ALIASES = {kind.other_name: kind.name for kind in KINDS.values() if kind.other_name}
ROWWISE = frozenset(kind.name for kind in KINDS.values() if kind.rowwise)
# What these do to x * f, f being positive, is what they do to x, times f.
SCALABLE = frozenset({"linear", "relu", "leaky_relu"})
# These have an end on both sides.
BOUNDED = frozenset(
    {"sigmoid", "hard_sigmoid", "sparse_sigmoid", "tanh", "hard_tanh", "softsign", "softmax", "sparsemax"}
)


@functools.cache
def is_fusable(kind: str, alpha: float | None = None, beta: float = 0.0) -> bool:
    """Whether a product can apply a kind while it stores its result: the derivative follows from that."""
    return kind not in ROWWISE and _native.derivative_from_output(kind, alpha, beta)


class ChosenActivation:
    """A kind of activation with its parameters.

    :class:`hotloop.activations.Activation` is one that can be called, and says what its attributes are.
    """

    choices: ClassVar[str] = "a name, one of hl.activations, or None"  # what messages say may be given

    def __init__(self, name: str, **parameters: float) -> None:
        name = ALIASES.get(name, name)
        if name not in KINDS:
            raise errors.unknown_name("activation", name, [*NAMES, *ALIASES])
        self.name = name
        known = KINDS[name].numbers
        for key in parameters:
            if key not in known:
                has = f"only {', '.join(known)}" if known else "no parameters"
                raise TypeError(f"activation {name!r}: unexpected parameter {key!r}; it has {has}")
        self._parameters = {
            key: _number(f"activation {name!r}: {key}", parameters.get(key, usual), limit)
            for key, (usual, limit) in known.items()
        }
        values = [*self._parameters.values(), 0.0, 0.0]
        self.alpha, self.beta = values[0], values[1]
        self.rowwise = KINDS[name].rowwise

    @property
    def fusable(self) -> bool:
        """Whether a product can apply it while it stores its result.

        It can where the derivative follows from the activation's output, for these parameters.
        """
        return not self.rowwise and is_fusable(self.name, self.alpha, self.beta)

    def configured(self: Self, **parameters: float) -> Self:
        """Return this activation with other parameters."""
        return type(self)(self.name, **{**self._parameters, **parameters})

    def output_units(self, units: int) -> int:
        """How wide the last axis is behind it: glu halves it, the others keep it."""
        if self.name != "glu":
            return units
        if units % 2:
            raise errors.bad_value("activation 'glu'", "an even last axis", units)
        return units // 2

    def get_config(self) -> dict[str, Any]:
        """The name and those parameters that are there."""
        return {"name": self.name, **self._parameters}

    @classmethod
    def from_config(cls: type[Self], config: dict[str, Any]) -> Self:
        """Build it from what :meth:`get_config` gave."""
        return cls(**config)

    @classmethod
    def of(cls: type[Self], identifier: Any) -> Self:
        """Resolve None (linear), a name, a config or an activation.

        Raises
        ------
        ValueError
            For an unknown name; the nearest known one is named.
        TypeError
            For anything else.

        Examples
        --------
        >>> ChosenActivation.of("swish").name
        'silu'
        """
        if isinstance(identifier, cls):
            return identifier
        if identifier is None:
            return cls("linear")
        if isinstance(identifier, str):
            return cls(identifier)
        if isinstance(identifier, dict):
            return cls.from_config(identifier)
        raise errors.bad_type("activation", cls.choices, identifier)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ChosenActivation) and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash(tuple(self.get_config().items()))

    def __repr__(self) -> str:
        given = "".join(f", {key}={value:g}" for key, value in self._parameters.items())
        return f"Activation({self.name!r}{given})"


def _number(what: str, value: Any, limit: str) -> float:
    result = errors.number(what, value, at_least=0 if limit == "at least 0" else None)
    if limit == "not 0" and result == 0:
        raise errors.bad_value(what, "a number other than 0", 0)
    return result
